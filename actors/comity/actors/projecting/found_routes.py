"""The events that a model listens to, by deciders that are named or found, without a domain."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, cast

from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.engine.merging.decider import Decider
from comity.engine.messages.event_types import EventTypes
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AggregateType, AnyDecider
    from comity.readmodels.tables.read_model import AnyReadModel

_NAMING: Final = "--decider MODULE:NAME, or deciders=[...]"


class TypeEvents(EventTypes[Event]):
    """The events of one aggregate type: the part of a decider that routes need.

    Unlike a decider, it can be sent to another process, because it only refers to classes.
    """

    def __init__(
        self, name: str, events: tuple[type[Event], ...], retired: Iterable[str] = ()
    ) -> None:
        super().__init__(name, events, retired)
        self.name = name
        self.events = events


class FoundRoutes(ModelRoutes):
    """Routes of a model without its domain. If its deciders were searched, some may be missing."""

    REMEDY = f"name the deciders of the domain ({_NAMING})"

    def __init__(self, model: type[AnyReadModel], types: Sequence[TypeEvents]) -> None:
        super().__init__(model, cast("Sequence[Decider[object, Command, Event]]", types))
        self.types = types

    @classmethod
    def by(cls, model: type[AnyReadModel], deciders: Iterable[AggregateType] | None) -> FoundRoutes:
        """Make the routes from these deciders, or from the deciders beside the model's classes.

        Raises:
            WiringError: no decider has some of the model's events, or two deciders have one name.
        """
        known = _beside(model) if deciders is None else _named(deciders)
        names = [decider.name for decider in known]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"two deciders are called {twice[0]}: name that of the domain ({_NAMING})"
            raise WiringError(msg)
        of_deciders = {kind for decider in known for kind in decider.events}
        missing = sorted(kind.__name__ for kind in model.events - of_deciders)
        if missing:
            msg = (
                f"{model.__name__} listens to {', '.join(missing)}, and no decider of that was "
                f"found: name it ({_NAMING})"
            )
            raise WiringError(msg)
        return cls(model, [TypeEvents(one.name, one.events, one.retired) for one in known])


def _named(deciders: Iterable[AggregateType]) -> list[AnyDecider]:
    for one in (several := check_several(deciders, "deciders", WiringError)):
        if not isinstance(one, Decider):
            msg = f"deciders is a list of Decider(...), got {one!r:.100} in it"
            raise WiringError(msg)
    return cast("list[AnyDecider]", several)


def _beside(model: type[AnyReadModel]) -> list[AnyDecider]:
    """Find the deciders of the model's events in the modules of the model and of the events."""
    found: dict[int, AnyDecider] = {}
    for name in sorted({kind.__module__ for kind in (model, *model.events)}):
        for value in vars(sys.modules[name]).values():
            if isinstance(value, Decider):
                decider = cast("AnyDecider", value)
                if model.events.intersection(decider.events):
                    found[id(decider)] = decider
    return list(found.values())
