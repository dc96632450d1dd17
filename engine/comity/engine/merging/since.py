"""What happened since a version, with a faster answer to the question that merging asks of it."""

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
    """All events of an aggregate after a version, oldest first, with the places they touched."""

    __slots__ = ("_places", "past")

    MANY: Final = 8
    """From so many on, asking for places is faster than comparing each of them."""

    def __init__(
        self,
        events: Iterable[Happened[E]],
        places: Places | None = None,
        past: Past | None = None,
    ) -> None:
        super().__init__(events)
        self._places = places
        self.past = past
        """What came before them."""

    def meetings(self, ours: Footprint) -> dict[int, Path] | None:
        """Where each overlaps `ours`, by version, oldest first; None: compare them one by one."""
        if len(self) < self.MANY or self._places is None:
            return None
        try:
            return self._places.meetings(ours, self)
        except Exception:  # one by one it is found out whether it matters here
            return None
