"""The lanes whose events are in the ledger: those that wait, and until when, and the parked ones.

In memory are only those that are at work, due soon, or not written yet: so any number of failing
keys takes no memory.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.breaker import jitter_of, rest_after
from comity.actors.delivering.forms import PARKED, WAITING, digest_of
from comity.engine.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comity.actors.delivering.lane import Entry, Lane
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.writer import Writer
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.messages.message import Event

_MICROSECONDS: Final = 1_000_000

_log = logging.getLogger("comity")


class KeptLanes:
    """The kept lanes of one outlet.

    Args:
        outlet: the outlet.
        ledger: where they are kept.
        writer: is told when the ledger has changed.
        runtime: the clock and randomness.
    """

    def __init__(
        self, outlet: Outlet[Event], ledger: Ledger, writer: Writer, runtime: Runtime
    ) -> None:
        self._outlet = outlet
        self._ledger = ledger
        self._writer = writer
        self._runtime = runtime
        self._memory: dict[bytes, Lane] = {}
        """Those in memory: what the ledger's tables say of them may be old."""
        self._soon: list[tuple[float, int, bytes]] = []
        """When those in memory are due, by the clock that is never set; and their `due`."""
        self._due: deque[bytes] = deque()
        """Those that were found to be due."""
        self._next_due = 0.0
        """When the next one that is not in memory may be due, by the same clock."""

    def find(self, digest: bytes) -> Lane | None:
        """The lane of a key; None if nothing of it is kept."""
        lane = self._memory.get(digest)
        if lane is None and self._ledger.has_lanes:
            lane = self._ledger.lane(digest)
        return lane if lane is not None and lane.size else None

    def lane_of(self, key: str) -> Lane | None:
        """As `find`, by the key itself."""
        return self.find(digest_of(key))

    # --- changing ---------------------------------------------------------------------------------

    def keep(self, lane: Lane, entries: Sequence[Entry]) -> None:
        """Add events at the end of a lane, which is kept from now on."""
        self._ledger.keep(lane, entries)
        self._changed(lane)

    def remove(self, lane: Lane, position: int) -> None:
        """Remove an event that is delivered; the next one is due at once."""
        self._ledger.remove(lane, position)
        if lane.size:
            self.wait(lane)

    def wait(self, lane: Lane, failures: int = 0) -> None:
        """Let a lane be tried again: at once, or after so many failures in a row."""
        rest = 0.0
        if failures:
            rest = rest_after(failures, self._outlet.back_off, jitter_of(self._runtime))
        micros = int(rest * _MICROSECONDS)
        lane.due = self._runtime.now() + micros
        self._ledger.change(lane, WAITING)
        at = self._runtime.monotonic() + micros / _MICROSECONDS
        heapq.heappush(self._soon, (at, lane.due, lane.digest))
        self._changed(lane)

    def park(self, lane: Lane, error: str) -> None:
        """Park a lane: nothing of it is tried until somebody says so."""
        lane.error = error
        lane.since = lane.since or self._runtime.now()
        self._ledger.change(lane, PARKED)
        self._changed(lane)
        _log.error(
            "outlet %s: %s is parked, with %d events: %s",
            self._outlet.stored_as, printable(lane.key), lane.size, printable(error),
        )  # fmt: skip

    def give_up(self, lane: Lane, position: int | None) -> int:
        """Drop one event of a lane, or all as far as one write takes; returns how many."""
        dropped = self._ledger.give_up(lane, position)
        if dropped:
            self._changed(lane)
        return dropped

    def _changed(self, lane: Lane) -> None:
        self._memory[lane.digest] = lane
        self._writer.soon()

    def written(self, lanes: Sequence[Lane]) -> None:
        """Forget those that need not be in memory, now that they are written."""
        for lane in lanes:
            if lane.idle and self._memory.get(lane.digest) is lane:
                del self._memory[lane.digest]
        self._soon = [each for each in self._soon if each[2] in self._memory]
        heapq.heapify(self._soon)
        self._next_due = 0

    # --- what is due ------------------------------------------------------------------------------

    @property
    def left(self) -> float:
        """Seconds until one may be due."""
        if not self._ledger.progress.waiting_keys:
            return math.inf
        due = min(self._next_due, self._soon[0][0] if self._soon else math.inf)
        return max(0.0, due - self._runtime.monotonic())

    def next(self) -> Lane | None:
        """One that is due: its first event is to be delivered now."""
        if not self._ledger.progress.waiting_keys:
            return None
        now = self._runtime.monotonic()
        while self._soon and self._soon[0][0] <= now:
            _, due, digest = heapq.heappop(self._soon)
            lane = self._memory.get(digest)
            if lane and lane.due == due and self._is_due(lane):
                return lane
        if not self._due and now >= self._next_due:
            self._find_due()
        while self._due:
            digest = self._due.popleft()
            lane = self.find(digest)
            if lane and self._is_due(lane):
                self._memory[digest] = lane
                return lane
        return None

    @staticmethod
    def _is_due(lane: Lane) -> bool:
        return lane.size > 0 and lane.state == WAITING and not lane.under_way

    def _find_due(self) -> None:
        """Find those in the ledger that are due, and when the next one is."""
        most = 2 * self._outlet.at_once + len(self._memory)
        now, rows = self._runtime.now(), self._ledger.due(most)
        self._next_due = math.inf if len(rows) < most else self._runtime.monotonic()
        # Without a clock that was set, none is due later than that:
        late = now + int(2 * self._outlet.back_off[1] * _MICROSECONDS)
        for due, digest in rows:
            if digest in self._memory:  # what is in memory is newer
                continue
            lane = self._ledger.lane(digest)
            if lane is None or lane.due != due:
                self._ledger.drop_due(due, digest)
            elif due <= now or due > late:  # the clock was set back
                lane.due = min(due, now)
                self._memory[digest] = lane
                self._due.append(digest)
            else:
                self._next_due = self._runtime.monotonic() + (due - now) / _MICROSECONDS
                break
