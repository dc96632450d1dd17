"""What a person has seen: the version of each aggregate, and the last few views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

if TYPE_CHECKING:
    from comity.actors.aggregate import View
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import Decider
    from comity.engine.messages.message import Event

S = TypeVar("S")

MOST_VIEWS: Final = 8
"""So many views a person keeps, as on the tabs of a browser. States may be large."""


class Sight(NamedTuple):
    """Which version of an aggregate a person has seen, and when."""

    decider: Decider[object, Command, Event]
    key: str
    version: int | None
    """None: it has not looked at the aggregate."""
    taken: float | None
    """When the domain gave the view."""


class Memory:
    """What one person has seen."""

    def __init__(self) -> None:
        self.last: Sight | None = None
        """The aggregate that was looked at last."""
        self._sights: dict[tuple[str, str], Sight] = {}
        self._views: dict[tuple[str, str], View[object]] = {}

    def see(
        self,
        decider: Decider[object, Command, Event],
        key: str,
        view: View[object],
        taken: float,
    ) -> None:
        """Remember a view; the oldest one is forgotten if there are too many."""
        name = decider.name, key
        self.last = self._sights[name] = Sight(decider, key, view.version, taken)
        self._views.pop(name, None)  # it is the newest one now
        self._views[name] = view
        if len(self._views) > MOST_VIEWS:
            del self._views[next(iter(self._views))]

    def sight(self, decider: Decider[object, Command, Event], key: str) -> Sight:
        """Return what was seen of this aggregate."""
        return self._sights.get((decider.name, key)) or Sight(decider, key, None, None)

    def again(self, decider: Decider[S, Command, Event], key: str) -> View[S] | None:
        """Return the view that the person still has, and make it the last one; else None."""
        view = self._views.get((decider.name, key))
        if view is not None:
            self.last = self._sights[decider.name, key]
        return cast("View[S] | None", view)
