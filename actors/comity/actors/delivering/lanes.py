"""All lanes of an outlet: the light ones, in memory, and those that are kept in the ledger."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from comity.actors.delivering.forms import digest_of
from comity.actors.delivering.lane import Lane

if TYPE_CHECKING:
    from comity.actors.delivering.kept_lanes import KeptLanes
    from comity.actors.delivering.lane import Entry


class Lanes:
    """The lanes of one outlet, one for each key that has events on their way.

    Args:
        kept: those that are kept.
    """

    def __init__(self, kept: KeptLanes) -> None:
        self.kept = kept
        self._light: dict[bytes, Lane] = {}
        self._ready: deque[Lane] = deque()
        """Light lanes whose first event can be delivered now."""

    @property
    def ready(self) -> int:
        """How many light lanes can be delivered from now."""
        return len(self._ready)

    def next(self, *, kept_first: bool) -> Lane | None:
        """The lane whose first event is delivered next; None if there is none."""
        if kept_first or not self._ready:
            lane = self.kept.next()
            if lane is not None:
                return lane
        while self._ready:
            lane = self._ready.popleft()
            if lane.queue:  # else it is kept meanwhile
                return lane
        return None

    # --- events that were read --------------------------------------------------------------------

    def add(self, key: str, entry: Entry) -> None:
        """Add an event at the end of its key's lane."""
        lane = self._lane(key)
        if lane.kept:
            self.kept.keep(lane, [entry])
            return
        if not lane.queue:
            self._light[lane.digest] = lane
            self._ready.append(lane)
        lane.queue.append(entry)

    def add_unread(self, aggregate: str, entry: Entry, error: str) -> None:
        """Keep an event whose key cannot be told, under its aggregate; park it in its turn."""
        lane = self._lane(aggregate)
        is_first = not (lane.kept or lane.queue)
        self._let_wait(lane, entry)
        if is_first:
            self.kept.park(lane, error)

    def keep_slow(self, entry: Entry) -> bool:
        """Keep the light lane that begins with this event; False: none does."""
        for lane in self._light.values():
            if lane.queue[0] is entry:
                self._let_wait(lane)
                return True
        return False

    def _let_wait(self, lane: Lane, *more: Entry) -> None:
        """Keep a lane, with more events at its end; what was light is due after its delivery."""
        is_due = bool(lane.queue) and not lane.under_way
        self.keep(lane, *more)
        if is_due:
            self.kept.wait(lane)

    def _lane(self, key: str) -> Lane:
        """The lane of a key; a new one if it has none."""
        digest = digest_of(key)
        return self._light.get(digest) or self.kept.find(digest) or Lane(digest, key)

    # --- deliveries that have ended ---------------------------------------------------------------

    def delivered(self, lane: Lane, position: int) -> None:
        """Go on behind the lane's event at this position."""
        if lane.kept:
            self.kept.remove(lane, position)
            return
        lane.queue.popleft().done = True
        if lane.queue:
            self._ready.append(lane)
        else:
            del self._light[lane.digest]

    def again(self, lane: Lane) -> None:
        """Try a lane again whose failure does not count."""
        if lane.kept:
            self.kept.wait(lane, 1)
        else:
            self._ready.append(lane)

    def keep(self, lane: Lane, *more: Entry) -> None:
        """Let the ledger keep a lane's events, with more at their end."""
        entries = [*lane.queue, *more]
        lane.queue.clear()
        self._light.pop(lane.digest, None)
        self.kept.keep(lane, entries)
