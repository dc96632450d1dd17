"""The events that a read model listens to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from comity.actors.following.routes import Routes, Wanted
from comity.engine.errors import UnreadableEvent, WiringError
from comity.engine.messages.message import Event, names_of

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import Decider
    from comity.readmodels.projecting.parking import Parked
    from comity.readmodels.tables.read_model import AnyReadModel


class ModelRoutes(Routes):
    """Routes to the events of a model.

    It skips no event that the model may listen to. Of an aggregate type that the model listens to,
    it skips only events that are known to be unwanted. Of an unknown aggregate type, it does not
    skip an event with a wanted name: the follower stops there.

    Raises:
        WiringError: the model listens to an event that no decider has.
    """

    REMEDY: ClassVar[str] = "open the domain with it, too"
    """Tells the user what to do about an unknown aggregate type; a part of an error's text."""

    def __init__(
        self, model: type[AnyReadModel], deciders: Sequence[Decider[object, Command, Event]]
    ) -> None:
        super().__init__({decider.name: _wanted(model, decider) for decider in deciders})
        self.model = model
        self._names = frozenset(name for kind in model.events for name in names_of(kind))
        known = {kind for decider in deciders for kind in decider.events}
        missing = sorted(kind.__name__ for kind in model.events - known)
        if missing:
            msg = (
                f"{model.__name__} listens to {', '.join(missing)}, which no decider of this "
                "domain has: open the domain with the decider, or listen to less"
            )
            raise WiringError(msg)

    def meet_stranger(self, record: Record) -> None:
        """Stop before an event that the model may want.

        Raises:
            UnreadableEvent: the record has an event with a wanted name.
        """
        for position, stored in enumerate(record.events, record.position + 1):
            if stored.name in self._names:
                msg = (
                    f"the journal has a {stored.name} of {record.aggregate} (position {position}), "
                    f"and whether {self.model.__name__} listens to those cannot be told without "
                    f"the decider {record.aggregate.type!r}: {self.REMEDY}"
                )
                raise UnreadableEvent(msg)

    def again(self, journal: Journal, waiting: Sequence[Parked]) -> Sequence[Recorded[Event]]:
        """Read one aggregate's events again, from its first parked event to its last."""
        first, last = waiting[0], waiting[-1]
        records = journal.read(first.aggregate, first.version - 1, last.version)
        return [at for record in records for at in self.events(record)]


def _wanted(model: type[AnyReadModel], decider: Decider[object, Command, Event]) -> Wanted | None:
    """The events of a decider that a model wants; None if it wants none."""
    if model.events.isdisjoint(decider.events):
        return None
    unwanted = [kind for kind in decider.events if kind not in model.events]
    without = {name for kind in unwanted for name in names_of(kind)}
    return Wanted(decider, decider.retired | without)
