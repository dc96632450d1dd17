"""The events since a version, and which of them merging must look at; an index finds these fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from comity.engine.merging.happened import Happened
from comity.engine.messages.footprint import meeting
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from comity.engine.merging.places import Places
    from comity.engine.merging.views import Past
    from comity.engine.messages.footprint import Footprint, Path

E = TypeVar("E", bound=Event)


class Since(list[Happened[E]]):
    """All events of an aggregate after a version, oldest first, with an index of them."""

    __slots__ = ("_places", "past")

    MANY: Final = 8
    """From this many events on, the index is faster than comparing each event."""

    def __init__(
        self,
        events: Iterable[Happened[E]],
        places: Places | None = None,
        past: Past | None = None,
    ) -> None:
        super().__init__(events)
        self._places = places if len(self) >= self.MANY else None
        self.past = past
        """Access to the events before these, for `transform`."""

    def of(self, session: str) -> Sequence[int]:
        """Return the versions of the events that this session caused, oldest first."""
        if not session:
            return ()
        if self._places is not None:
            try:
                return self._places.of(session, self)
            except Exception:  # comparing one by one shows whether the error matters
                self._places = None
        return [one.version for one in self if one.session == session]

    def meetings(self, ours: Footprint, own: Sequence[int] = ()) -> dict[int, Path]:
        """Return where events overlap `ours`, except `own` versions: paths by version, in order."""
        if self._places is not None:
            try:
                found = self._places.meetings(ours, self)
            except Exception:  # as in `of`
                self._places = None
            else:
                for version in own:
                    found.pop(version, None)
                return found
        met = [(one.version, meeting(ours, one.paths)) for one in self if one.version not in own]
        return {version: path for version, path in met if path is not None}
