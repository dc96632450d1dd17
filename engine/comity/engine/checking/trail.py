"""Which event last changed each part of a state. Checked mode compares footprints with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.checking.parts import MISSING, at
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.engine.checking.parts import Part
    from comity.engine.merging.command import Command
    from comity.engine.merging.sent import Sent
    from comity.engine.messages.message import Event


class _Change(NamedTuple):
    event: Event
    created: bool


class Trail:
    """The last event that changed each part of one state, and the command decided on it."""

    __slots__ = ("_last", "command", "first", "sent")

    MOST: Final = 10_000
    """The most parts that are kept; the parts that changed long ago are forgotten."""

    def __init__(self) -> None:
        self._last = OrderedDict["Part", _Change]()
        self.command: Command | None = None
        self.sent: Sent | None = None
        self.first: Event | None = None
        """The event that happened on the initial state, if it is known."""

    def __len__(self) -> int:
        return len(self._last)

    def note(self, parts: Iterable[Part], event: Event, before: object) -> None:
        """Note that an event has changed these parts of the state `before`."""
        for part in parts:
            self._last[part] = _Change(event, created=at(before, part) is MISSING)
            self._last.move_to_end(part)
        while len(self._last) > self.MOST:
            self._last.popitem(last=False)

    def earlier(self, part: Part) -> Iterator[tuple[Part, Event]]:
        """Yield the events that last changed this part, or a part above or below it.

        An event that created a thing above it is left out: only a sender that has seen the thing
        can change a part of it.
        """
        for length in range(len(part) + 1):
            change = self._last.get(part[:length])
            if change is not None and not (change.created and length < len(part)):
                yield part, change.event
        below = [one for one in self._last if len(one) > len(part) and one[: len(part)] == part]
        for one in below:
            yield one, self._last[one].event


class Trails:
    """The trails of the newest states, by the identity of the state."""

    MOST: Final = 256
    """The most states that are kept, so that old ones can be freed."""

    def __init__(self) -> None:
        self._trails = OrderedDict[int, tuple[object, Trail]]()  # holds the state: ids are reused
        self._lock = Lock()

    def of(self, state: object) -> Trail:
        """Return the trail of a state, a new one if the state is not known."""
        with self._lock:
            found = self._trails.get(id(state))
            if found is None:
                found = (state, Trail())
                self._keep(id(state), found)
            return found[1]

    def move(self, state: object, after: object) -> None:
        """Make the trail of a state that of the state after its next event."""
        with self._lock:
            found = self._trails.pop(id(state), None)
            self._keep(id(after), (after, Trail() if found is None else found[1]))

    def _keep(self, key: int, entry: tuple[object, Trail]) -> None:
        self._trails[key] = entry
        if len(self._trails) > self.MOST:
            self._trails.popitem(last=False)
