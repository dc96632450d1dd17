"""The events that a read model listens to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from comity.actors.following.routes import SomeEvents
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import Decider
    from comity.readmodels.projecting.parking import Parked
    from comity.readmodels.tables.read_model import AnyReadModel


class ModelRoutes(SomeEvents):
    """Routes to the events of a model.

    Raises:
        WiringError: the model listens to an event that no decider has.
    """

    def __init__(
        self, model: type[AnyReadModel], deciders: Sequence[Decider[object, Command, Event]]
    ) -> None:
        super().__init__(model.__name__, model.events, deciders)
        self.model = model

    def again(self, journal: Journal, waiting: Sequence[Parked]) -> Sequence[Recorded[Event]]:
        """Read one aggregate's events again, from its first parked event to its last."""
        first, last = waiting[0], waiting[-1]
        records = journal.read(first.aggregate, first.version - 1, last.version)
        return [at for record in records for at in self.events(record)]
