"""What the journal has of the aggregates that an import adds to. `import_events` uses it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from comity.engine import AggregateId, Event
from comity.engine.history.history import load
from comity.engine.history.note import origin
from comity.engine.journal.journal import Journal
from comity.engine.journal.packing import packed
from comity.engine.merging.at import At
from comity.engine.merging.decider import AnyDecider
from comity.engine.messages.codec import storable
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.text import told
from comity.evolution.exporting.transfer_errors import ImportFailed

_KEPT: Final = 1_000
"""So many aggregates stay in memory; the others are read again when they are met again."""


@dataclass
class KnownAggregate:
    """An aggregate, with what was added to it."""

    decider: AnyDecider
    state: object
    version: int = 0
    time: int = 0
    """When its last command was decided."""
    ids: dict[str, int] = field(default_factory=dict[str, int])
    """The ids of its commands, each with a checksum of its events as today's classes read them."""

    def add(self, id_: str, at: At, events: Sequence[Event]) -> None:
        """Add the events of a command.

        Raises:
            ImportFailed: evolve cannot take an event.
        """
        for offset, event in enumerate(events):
            try:
                self.state = self.decider.evolve(
                    self.state, event, at._replace(version=self.version + offset + 1)
                )
            except Exception as error:  # the user's function
                raise ImportFailed(
                    f"evolve raised {type(error).__name__}: {told(error)}, for {event!r:.200}; "
                    "the state does not take this event"
                ) from error
        self.version += len(events)
        self.time = at.microseconds
        self.ids[id_] = checksum(events)


class KnownAggregates:
    """The aggregates that were met last.

    Args:
        journal: where they are.
        deciders: today's deciders, by name.
    """

    def __init__(self, journal: Journal, deciders: Mapping[str, AnyDecider]) -> None:
        self._journal, self._deciders = journal, deciders
        self._known: OrderedDict[AggregateId, KnownAggregate] = OrderedDict()

    def get(self, aggregate: AggregateId) -> KnownAggregate:
        """Return an aggregate; it is read from the journal if it is not known.

        Raises:
            ImportFailed: no decider has its type, or its events cannot be folded.
            UnreadableEvent: no class reads one of its events.
        """
        known = self._known.get(aggregate)
        if known is None:
            known = self._known[aggregate] = self._read(aggregate)
        self._known.move_to_end(aggregate)
        return known

    def forget(self, aggregate: AggregateId) -> None:
        """Forget an aggregate: another program has added to it."""
        self._known.pop(aggregate, None)

    def tidy(self) -> None:
        """Keep the newest ones, when all that was added is stored."""
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def _read(self, aggregate: AggregateId) -> KnownAggregate:
        decider = self._deciders.get(aggregate.type)
        if decider is None:
            names = ", ".join(self._deciders)
            raise ImportFailed(f"no decider is called {aggregate.type!r}; there are {names}")
        known = KnownAggregate(decider, decider.initial())
        for record in self._journal.read(aggregate):
            events = [load(decider, record, offset + 1) for offset in range(len(record.events))]
            who, session, *_ = origin(record.note)
            at = At(0, record.time, who, session, aggregate)
            known.add(record.command_id, at, events)
        return known


def checksum(events: Sequence[Event]) -> int:
    """Return a checksum of events as today's classes have them."""
    fields = [
        (event.stored_as, None if isinstance(event, RetiredEvent) else storable(event))
        for event in events
    ]
    return crc32(packed(fields))
