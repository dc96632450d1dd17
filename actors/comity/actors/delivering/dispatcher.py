"""Decides what is delivered next, and what becomes of it. It has no thread: the actor calls it.

Each key has a lane, in order. Lanes without failures are in memory; after a failure a lane's events
are in the ledger, so that any number of failing keys takes no memory. The ledger's position moves
on, because everything before it is delivered, waits in the ledger, or is parked there.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from comity.actors.delivering.breaker import Breaker, rest_after
from comity.actors.delivering.delivery import delivery_of
from comity.actors.delivering.forms import PARKED, WAITING, Live, digest_of
from comity.actors.delivering.lane import Lane
from comity.actors.delivering.window import Window
from comity.actors.following.back_off import BackOff
from comity.actors.runtime.runtime import Interrupted
from comity.engine.errors import (
    ComityError,
    OutcomeUnknown,
    OutletError,
    StorageFailed,
    describe_error,
)
from comity.engine.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comity.actors.delivering.lane import Entry
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.reader import EventReader
    from comity.actors.runtime.runtime import Couriers, Runtime
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event

NEVER: Final = math.inf
LONGEST_KEY: Final = 500
"""The most bytes of a key."""
_MICROSECONDS: Final = 1_000_000

_log = logging.getLogger("comity")


class _Undeliverable(Exception):
    """An event that waited cannot be delivered at all: its class is gone, for example."""


class Dispatcher:
    """Delivers the events of one outlet, from its ledger on.

    Args:
        outlet: delivers an event.
        ledger: keeps what is delivered and what waits.
        reader: reads events.
        couriers: call `deliver`.
        runtime: the clock and randomness.
        wake: called from any thread when there is something to do.
    """

    BATCH: Final = 256
    """How many events are read at once."""
    BATCHES: Final = 4
    """How many batches are read in one turn: then deliveries that have ended are heard of."""
    WRITE: Final = 0.1
    """Seconds in which deliveries are collected before they are written down."""
    IDLE_WRITE: Final = 5.0
    """Seconds in which a position is written down that has moved past unwanted events only."""

    def __init__(
        self,
        outlet: Outlet[Event],
        ledger: Ledger,
        reader: EventReader,
        couriers: Couriers,
        runtime: Runtime,
        wake: Callable[[], None],
    ) -> None:
        self.ledger = ledger
        self.window = Window(ledger.progress, max(1_024, 16 * outlet.at_once))
        self.breaker = Breaker(outlet.back_off, runtime, self._jitter)
        self.error = ""
        """Why the last delivery failed; empty after one that succeeded."""
        self.storage_error = ""
        """Why the ledger cannot be written; empty while it can."""
        self.failed = 0
        """How many deliveries have failed."""
        self.under_way = 0
        self.paused = False
        self.closing = False
        self.listens = True
        """Whether it has read all events, so that news in the journal matter."""
        self._outlet = outlet
        self._name = outlet.stored_as
        self._reader = reader
        self._couriers = couriers
        self._runtime = runtime
        self._wake = wake
        self._lanes: dict[bytes, Lane] = {}
        """The lanes in memory: those that are not kept, at work, or not written yet."""
        self._ready: deque[Lane] = deque()
        """Lanes that are not kept, whose first event can be delivered now."""
        self._soon: list[tuple[float, int, bytes]] = []
        """When kept lanes in memory are due, by the clock that is never set; and their `due`."""
        self._due: deque[bytes] = deque()
        """Kept lanes that are due."""
        self._next_due = 0.0
        """When the next kept lane that is not in memory may be due, by the same clock."""
        self._turn = False  # whether a kept lane comes before the others
        self._succeeded_at = 0
        """When a delivery succeeded last, in microseconds since 1970."""
        self._suspects: list[str] = []
        """The keys that were parked since the last success: perhaps the service was down."""
        self._heard: deque[tuple[Lane, Entry | int, BaseException | None]] = deque()
        self._write_at = NEVER
        self._write_back_off = BackOff(0.05, 0.4)

    # --- one turn ---------------------------------------------------------------------------------

    def go_on(self) -> float:
        """Do everything that can be done now; returns the seconds until the next turn is due."""
        self._hear()
        held = self.breaker.state == "open"
        rest = self._read()
        self._start()
        if self.live != self.ledger.live:
            self._write_within(self.WRITE)
        self._write_when_due()
        if held and self.breaker.state != "open":  # its rest has ended within this turn
            return 0.0
        return min(rest, self._patience())

    def _patience(self) -> float:
        """Seconds until something is due: a key, a probe, a write."""
        now, until = self._runtime.monotonic(), self._write_at
        rest = max(0.0, until - now)
        if self._rests:
            return rest
        if self.breaker.state == "open":
            return min(rest, self.breaker.left)
        if self._has_room():
            due = min(self._next_due, self._soon[0][0] if self._soon else self._next_due)
            if self.ledger.progress.waiting_keys:
                rest = min(rest, max(0.0, due - now))
        return rest

    @property
    def live(self) -> Live:
        """What other programs are told: it changes seldom."""
        breaker, error = self.breaker, self._reader.error
        state = "paused" if self.paused else "following"
        if error:
            state = "stopped"
        if breaker.state == "closed":
            return Live(state, error=error)
        return Live("resting", "open", breaker.until, error or self.error)

    @property
    def _rests(self) -> bool:
        """Whether nothing is to be started."""
        return self.paused or self.closing or bool(self.storage_error)

    @property
    def _reads(self) -> bool:
        """Whether more events are to be read now: only those that can be delivered soon."""
        state = self.breaker.state
        if self._rests or state == "open" or not self.window.room:
            return False
        return len(self._ready) < (self._outlet.at_once if state == "closed" else 1)

    # --- reading ----------------------------------------------------------------------------------

    def _read(self) -> float:
        """Read more events while there is room; returns the seconds until it is worth trying."""
        for _ in range(self.BATCHES):
            if not self._reads:
                self._spill()
                return NEVER
            if self.ledger.is_full:  # it is written at the end of this turn
                break
            self.listens = True  # before reading, so that no news are missed in between
            rest = self._reader.step(self, min(self.BATCH, self.window.room))
            self.listens = rest == NEVER
            if rest:
                return rest
        return 0.0

    def take(self, batch: Batch) -> None:
        """Take events that were read: each goes to the lane of its key."""
        for entry in self.window.add(batch.events):
            self._place(entry)
        if batch.position > self.window.read:
            self._write_within(self.IDLE_WRITE)
        self.window.moved(batch)
        self.window.advance()

    def _place(self, entry: Entry) -> None:
        key, error = self._key(entry.at)
        digest = digest_of(key)
        lane = self._lanes.get(digest)
        if lane is None and self.ledger.has_lanes:
            lane = self.ledger.lane(digest)
        if lane is not None and lane.kept and not lane.size:  # it has ended
            lane = None
        if error:
            self._keep_unread(lane or Lane(digest, key), entry, error)
        elif lane is None:
            lane = self._lanes[digest] = Lane(digest, key)
            lane.queue.append(entry)
            self._ready.append(lane)
        elif lane.kept:
            self._keep(lane, [entry])
        else:
            lane.queue.append(entry)

    def _key(self, at: Recorded[Event]) -> tuple[str, str]:
        """The key of an event, or its aggregate and why it has no key."""
        try:
            key = cast("object", self._outlet.key(at.event, at))
            size = len(key.encode()) if isinstance(key, str) else 0
        except BaseException as error:
            return str(at.aggregate), f"key failed: {describe_error(error)}"
        if isinstance(key, str) and 1 <= size <= LONGEST_KEY:
            return key, ""
        why = f"key: expected a text of 1 to {LONGEST_KEY} bytes, got {key!r:.100}"
        return str(at.aggregate), why

    def _keep_unread(self, lane: Lane, entry: Entry, error: str) -> None:
        """Keep an event whose key cannot be told, under its aggregate; park it in its turn."""
        was_kept, waiting = lane.kept, list(lane.queue)
        lane.queue.clear()
        self._keep(lane, [*waiting, entry])
        if waiting and not lane.under_way:
            self._wait(lane, 0)
        elif not (was_kept or lane.under_way):
            self._park(lane, error)

    def _spill(self) -> None:
        """Let a key go to the ledger that fills the window, so that no other key is found."""
        first = self.window.first
        if self.window.room or self._ready or not self._has_room() or first is None or first.done:
            return
        holding = (one for one in self._lanes.values() if one.queue and one.queue[0] is first)
        lane = next(holding, None)
        if lane is None:
            return
        entries = list(lane.queue)
        lane.queue.clear()
        self._keep(lane, entries)
        if not lane.under_way:
            self._wait(lane, 0)
        self.window.advance()
        self._wake()

    # --- starting ---------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        allowed = self.breaker.allowed
        most = self._outlet.at_once if allowed is None else min(allowed, self._outlet.at_once)
        return self.under_way < most

    def _start(self) -> None:
        """Start deliveries while there is room."""
        while not self._rests and self._has_room():
            if self._couriers.full:
                self.error = self._couriers.full
                self.breaker.trip()
                return
            lane = self._next()
            if lane is None:
                return
            self._send(lane)

    def _next(self) -> Lane | None:
        """The lane whose first event is delivered next: kept ones and others in turns.

        A probe is better made with a key that has not failed.
        """
        self._turn = not self._turn and self.breaker.state == "closed"
        if self._turn or not self._ready:
            lane = self._next_kept()
            if lane is not None:
                return lane
        while self._ready:
            lane = self._ready.popleft()
            if lane.queue:  # else it is kept meanwhile
                return lane
        return None

    def _next_kept(self) -> Lane | None:
        if not self.ledger.progress.waiting_keys:
            return None
        now = self._runtime.monotonic()
        while self._soon and self._soon[0][0] <= now:
            _, due, digest = heapq.heappop(self._soon)
            lane = self._lanes.get(digest)
            if lane and lane.due == due and self._is_due(lane):
                return lane
        if not self._due and now >= self._next_due:
            self._find_due()
        while self._due:
            digest = self._due.popleft()
            lane = self._lanes.get(digest) or self.ledger.lane(digest)
            if lane and self._is_due(lane):
                self._lanes[digest] = lane
                return lane
        return None

    @staticmethod
    def _is_due(lane: Lane) -> bool:
        return lane.kept and lane.size > 0 and lane.state == WAITING and not lane.under_way

    def _find_due(self) -> None:
        """Find lanes in the ledger that are due, and when the next one is."""
        most = 2 * self._outlet.at_once + len(self._lanes)
        now, rows = self._runtime.now(), self.ledger.due(most)
        self._next_due = NEVER if len(rows) < most else self._runtime.monotonic()
        late = now + self._slack()
        for due, digest in rows:
            if digest in self._lanes:  # what is in memory is newer
                continue
            lane = self.ledger.lane(digest)
            if lane is None or lane.due != due:
                self.ledger.drop_due(due, digest)
            elif due <= now or due > late:  # the clock was set back
                lane.due = min(due, now)
                self._lanes[digest] = lane
                self._due.append(digest)
            else:
                self._next_due = self._runtime.monotonic() + (due - now) / _MICROSECONDS
                break

    def _slack(self) -> int:
        """The most microseconds that a lane can be from being due, if no clock was set."""
        return int(2 * self._outlet.back_off[1] * _MICROSECONDS)

    def _send(self, lane: Lane) -> None:
        lane.under_way = True
        if lane.kept:
            place: Entry | int = lane.first
            try:
                at = self._first_of(lane)
            except (Interrupted, _Undeliverable) as error:
                self.under_way += 1
                self._told(lane, place, error)
                return
        else:
            place, at = lane.queue[0], lane.queue[0].at
        lane.attempts += 1
        delivery = delivery_of(at, self._name, lane.attempts)
        self.under_way += 1
        call = partial(self._outlet.deliver, at.event, delivery)
        self._couriers.send(call, partial(self._told, lane, place))

    def _first_of(self, lane: Lane) -> Recorded[Event]:
        """The first event of a kept lane.

        Raises:
            Interrupted: it cannot be read now.
            _Undeliverable: it cannot be read at all, or its key cannot be told.
        """
        try:
            at = self._reader.event_at(lane.first)
        except StorageFailed as error:
            raise Interrupted(describe_error(error)) from error
        except ComityError as error:
            raise _Undeliverable(describe_error(error)) from error
        if why := self._key(at)[1]:
            raise _Undeliverable(why)
        return at

    def _told(self, lane: Lane, place: Entry | int, error: BaseException | None) -> None:
        """Hear from the couriers, on any thread."""
        self._heard.append((lane, place, error))
        self._wake()

    # --- hearing ----------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Take note of all deliveries that have ended."""
        while self._heard:
            lane, place, error = self._heard.popleft()
            self.under_way -= 1
            lane.under_way = False
            if error is None:
                self._delivered(lane, place)
            elif isinstance(error, _Undeliverable):
                self._park(lane, str(error))
            else:
                self._failed(lane, error)
        self.window.advance()

    def _delivered(self, lane: Lane, place: Entry | int) -> None:
        self.error = ""
        self.breaker.succeeded(lane.digest)
        self._succeeded_at = self._runtime.now()
        self._suspects.clear()
        lane.tries = lane.attempts = lane.since = 0
        lane.error = ""
        progress = self.ledger.progress
        self.ledger.progress = progress._replace(delivered=progress.delivered + 1)
        self._write_within(self.WRITE)
        if lane.kept:
            self.ledger.remove(lane, place if isinstance(place, int) else place.position)
            if lane.size:
                self._wait(lane, 0)
            return
        lane.queue.popleft().done = True
        if lane.queue:
            self._ready.append(lane)
        else:
            del self._lanes[lane.digest]

    def _failed(self, lane: Lane, error: BaseException) -> None:
        said = describe_error(error)
        self.failed += 1
        self.error = said
        if isinstance(error, Interrupted):
            if self.breaker.state != "open":
                self.breaker.trip()
            counts = False
        elif self.breaker.state == "closed" and 0 < lane.since < self._succeeded_at:
            counts = True  # others succeed meanwhile: the key is to blame, not the service
        else:
            counts = self.breaker.failed(lane.digest)
        if self.breaker.state == "open":
            self._take_back()
        if not counts:
            if lane.kept:
                self._wait(lane, self._rest(lane, 1))
            else:
                self._ready.append(lane)
            return
        lane.tries += 1
        lane.error = said
        lane.since = lane.since if lane.tries > 1 else self._runtime.now()
        if lane.tries == 1:
            _log.warning(
                "outlet %s: %s failed: %s", self._name, printable(lane.key), printable(said)
            )
        if not lane.kept:
            entries = list(lane.queue)
            lane.queue.clear()
            self._keep(lane, entries)
        if lane.tries >= self._outlet.tries:
            self._park(lane, said)
            self._suspects.append(lane.key)
        else:
            self._wait(lane, self._rest(lane, lane.tries))

    def _rest(self, lane: Lane, failures: int) -> int:
        """Microseconds that a lane rests."""
        seconds = rest_after(failures, self._outlet.back_off, self._jitter())
        return int(seconds * _MICROSECONDS)

    def _keep(self, lane: Lane, entries: Sequence[Entry]) -> None:
        self.ledger.keep(lane, entries)
        self._lanes[lane.digest] = lane
        self._write_within(self.WRITE)

    def _wait(self, lane: Lane, rest: int) -> None:
        """Let a kept lane be tried after so many microseconds."""
        lane.due = self._runtime.now() + rest
        self.ledger.change(lane, WAITING)
        self._lanes[lane.digest] = lane
        at = self._runtime.monotonic() + rest / _MICROSECONDS
        heapq.heappush(self._soon, (at, lane.due, lane.digest))
        self._write_within(self.WRITE)

    def _park(self, lane: Lane, error: str) -> None:
        """Park a lane: nothing of it is tried until somebody says so."""
        lane.error = error
        lane.since = lane.since or self._runtime.now()
        self.ledger.change(lane, PARKED)
        self._lanes[lane.digest] = lane
        self._write_within(self.WRITE)
        _log.error(
            "outlet %s: %s is parked, with %d events: %s",
            self._name, printable(lane.key), lane.size, printable(error),
        )  # fmt: skip

    def finish(self) -> None:
        """Take note of what has ended, and write it down: no more turns come."""
        self._hear()
        self.write()

    def read_again(self) -> None:
        """Try to read at once, if an event could not be read."""
        self._reader.try_again()

    def _take_back(self) -> None:
        """Let keys wait that were parked before it was clear that the service is down."""
        keys, self._suspects = self._suspects, []
        for key in keys:
            lane = self.lane_of(key)
            if lane is not None and lane.state == PARKED:
                lane.tries = 0
                self._wait(lane, self._rest(lane, 1))

    def _jitter(self) -> float:
        return int(self._runtime.token(4), 16) / 0x1_0000_0000 % 1.0

    # --- writing ----------------------------------------------------------------------------------

    def _write_within(self, seconds: float) -> None:
        self._write_at = min(self._write_at, self._runtime.monotonic() + seconds)

    def _write_when_due(self) -> None:
        if self._runtime.monotonic() >= self._write_at or self.ledger.is_full:
            self.write()

    def write(self) -> bool:
        """Write down what has changed. False: the disk failed, and it is tried again soon."""
        window = self.window
        progress = self.ledger.progress._replace(
            position=window.position, microseconds=window.microseconds, ahead=window.ahead()
        )
        try:
            lanes = self.ledger.write(progress, self.live)
        except (StorageFailed, OutcomeUnknown) as error:
            if not self.storage_error:
                _log.error("outlet %s cannot write its ledger: %s", self._name, error)
            self.storage_error = describe_error(error)
            self._write_at = self._runtime.monotonic() + self._write_back_off.failed(error)
            return False
        if self.storage_error:  # deliveries go on in the next turn
            self._wake()
        self.storage_error, self._write_at = "", NEVER
        self._write_back_off.well()
        for lane in lanes:
            if lane.idle and self._lanes.get(lane.digest) is lane:
                del self._lanes[lane.digest]
        self._soon = [each for each in self._soon if each[2] in self._lanes]
        heapq.heapify(self._soon)
        self._next_due = 0
        return True

    # --- requests ---------------------------------------------------------------------------------

    def lane_of(self, key: str) -> Lane | None:
        """The lane of a key whose events are in the ledger; None if they are not."""
        digest = digest_of(key)
        lane = self._lanes.get(digest) or self.ledger.lane(digest)
        return lane if lane is not None and lane.kept and lane.size else None

    def try_again(self, lane: Lane) -> int:
        """Let a parked lane be tried again; returns how many events it has.

        Raises:
            UnreadableEvent, OutletError: its first event cannot be delivered, or its key cannot be
                told; it stays parked.
        """
        if error := self._key(self._reader.event_at(lane.first))[1]:
            raise OutletError(error)
        lane.tries = lane.attempts = 0
        lane.since = 0
        self._wait(lane, 0)
        return lane.size

    def give_up(self, lane: Lane, position: int | None) -> int:
        """Drop one event of a parked lane, or all as far as one write takes; returns how many."""
        dropped = self.ledger.give_up(lane, position)
        if dropped:
            self._lanes[lane.digest] = lane
            self._write_within(self.WRITE)
        return dropped
