"""The events that a model listens to, by deciders that are named or found, without a domain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from comity.actors.following.found_deciders import NAMING, found_deciders
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine.messages.event_types import EventTypes
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import AggregateType, Decider
    from comity.readmodels.tables.read_model import AnyReadModel


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

    REMEDY = f"name the deciders of the domain ({NAMING})"

    def __init__(self, model: type[AnyReadModel], types: Sequence[TypeEvents]) -> None:
        super().__init__(model, cast("Sequence[Decider[object, Command, Event]]", types))
        self.types = types

    @classmethod
    def by(cls, model: type[AnyReadModel], deciders: Iterable[AggregateType] | None) -> FoundRoutes:
        """Make the routes from these deciders, or from the deciders beside the model's classes.

        Raises:
            WiringError: no decider has some of the model's events, or two deciders have one name.
        """
        known = found_deciders(model, model.events, deciders)
        return cls(model, [TypeEvents(one.name, one.events, one.retired) for one in known])
