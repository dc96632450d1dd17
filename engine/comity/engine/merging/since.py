"""The events since a version, with an index to find faster which of them overlap a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from comity.engine.merging.happened import Happened
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comity.engine.merging.places import Places
    from comity.engine.merging.views import Past
    from comity.engine.messages.footprint import Footprint, Path

E = TypeVar("E", bound=Event)


class Since(list[Happened[E]]):
    """All events of an aggregate after a version, oldest first, with an index of their paths."""

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
        self._places = places
        self.past = past
        """Access to the events before these, for `transform`."""

    def meetings(self, ours: Footprint) -> dict[int, Path] | None:
        """Return where events overlap `ours`: paths by version, oldest first.

        Returns None if the caller shall compare the events one by one.
        """
        if len(self) < self.MANY or self._places is None:
            return None
        try:
            return self._places.meetings(ours, self)
        except Exception:  # comparing one by one shows whether the error matters
            return None
