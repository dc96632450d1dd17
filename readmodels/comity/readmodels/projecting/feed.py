"""The events that a model listens to, from a journal, a batch at a time. Projectors read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from comity.engine.errors import UnreadableEvent, WiringError
from comity.engine.history.history import recorded
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.command import Command
    from comity.engine.merging.decider import Decider
    from comity.engine.messages.event_types import Loader
    from comity.readmodels.projecting.parking import Parked
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.state import Checkpoint


class Batch(NamedTuple):
    """Events in the order of the journal, and how far that is."""

    after: int
    """The position that it follows: who has another one must not take it."""
    events: Sequence[Recorded[Event]]
    """Those that the model listens to."""
    position: int
    """The journal's events up to here are in it, or were passed over."""
    microseconds: int
    """When the last of them was decided; 0 where there was none."""
    is_end: bool
    """Whether the journal had no more."""


class Wanted(NamedTuple):
    """Which events of an aggregate type a model listens to, and what loads them."""

    loader: Loader[Event]
    without: frozenset[str]
    """The stored names of those that it does not. Another one, which nobody knows, may be one that
    it does, renamed: it is loaded, which fails, and the model stands."""


class Routes:
    """Finds what loads an event for a model.

    An event belongs to its aggregate's type, so that two deciders may call different events alike.
    Nothing that the model may listen to is passed over: of an aggregate type that it listens to
    only what it is known not to want; of one that nobody knows no event with a name that it wants.

    Raises:
        WiringError: the model listens to an event that no decider has.
    """

    REMEDY: ClassVar[str] = "open the domain with it, too"
    """What to do about an aggregate type that nobody knows."""

    def __init__(
        self, model: type[AnyReadModel], deciders: Sequence[Decider[object, Command, Event]]
    ) -> None:
        self.model = model
        self._names = frozenset(kind.stored_as for kind in model.events)
        self._by_type: Mapping[str, Wanted | None] = {
            decider.name: _wanted(model, decider) for decider in deciders
        }
        known = {kind for decider in deciders for kind in decider.events}
        missing = sorted(kind.__name__ for kind in model.events - known)
        if missing:
            msg = (
                f"{model.__name__} listens to {', '.join(missing)}, which no decider of this "
                "domain has: open the domain with the decider, or listen to less"
            )
            raise WiringError(msg)

    def events(self, record: Record) -> Iterator[Recorded[Event]]:
        """The record's events that are wanted.

        Raises:
            UnreadableEvent: one of them cannot be loaded, or may be wanted or not.
        """
        kind = record.aggregate.type
        wanted = self._by_type.get(kind)
        if wanted is None and kind not in self._by_type:
            self._check_stranger(record)
        return recorded(wanted.loader, record, wanted.without) if wanted else iter(())

    def lead(self, at: Recorded[Event]) -> bool:
        """Whether an event that is loaded already is wanted."""
        wanted = self._by_type.get(at.aggregate.type)
        return wanted is not None and at.event.stored_as not in wanted.without

    def again(self, journal: Journal, waiting: Sequence[Parked]) -> Sequence[Recorded[Event]]:
        """One aggregate's events again, from the first to the last of those that are parked."""
        first, last = waiting[0], waiting[-1]
        records = journal.read(first.aggregate, first.version - 1, last.version)
        return [at for record in records for at in self.events(record)]

    def _check_stranger(self, record: Record) -> None:
        for position, stored in enumerate(record.events, record.position + 1):
            if stored.name in self._names:
                msg = (
                    f"the journal has a {stored.name} of {record.aggregate} (position {position}), "
                    f"and whether {self.model.__name__} listens to those cannot be told without "
                    f"the decider {record.aggregate.type!r}: {self.REMEDY}"
                )
                raise UnreadableEvent(msg)


def _wanted(model: type[AnyReadModel], decider: Decider[object, Command, Event]) -> Wanted | None:
    """What a model wants of a decider, if it is anything."""
    if model.events.isdisjoint(decider.events):
        return None
    without = [kind.stored_as for kind in decider.events if kind not in model.events]
    return Wanted(decider, frozenset(without))


def has_taken(journal: Journal, checkpoint: Checkpoint) -> bool:
    """Whether a journal holds what was taken up to a checkpoint.

    Where it is another one, or an older backup that has grown since, it ends before, or its event
    there was decided at another moment.
    """
    position = checkpoint.position
    if not 0 < position <= journal.position():
        return position == 0
    record = next(iter(next(journal.follow(position - 1))), None)
    return record is not None and record.time == checkpoint.microseconds


Recent = Callable[[int], "Sequence[Recorded[Event]] | None"]
"""Gives all events after a position from memory; None where they are not all there."""


class Feed:
    """A journal's events from a position on.

    Args:
        recent: gives the newest ones from memory, where somebody keeps them.
    """

    def __init__(
        self, journal: Journal, routes: Routes, after: int, recent: Recent | None = None
    ) -> None:
        self._journal = journal
        self._batches: Iterator[Sequence[Record]] | None = None
        self._records: Iterator[Record] = iter(())
        self._routes = routes
        self._position = after
        self._recent = recent

    def next(self, most: int) -> Batch:
        """About so many events; fewer at the journal's end, and before one that cannot be read.

        Raises:
            UnreadableEvent: the next one cannot be.
        """
        kept = self._recent(self._position) if self._recent is not None else None
        return self._read(most) if kept is None else self._take(kept[:most])

    def _take(self, kept: Sequence[Recorded[Event]]) -> Batch:
        """The next events are in memory."""
        self._batches = None
        after, self._position = self._position, kept[-1].position
        at_end = self._journal.position() <= self._position
        events = [at for at in kept if self._routes.lead(at)]
        return Batch(after, events, self._position, kept[-1].microseconds, at_end)

    def _read(self, most: int) -> Batch:
        """The next events are read from the journal."""
        events: list[Recorded[Event]] = []
        microseconds, after = 0, self._position
        while len(events) < most and self._position - after < 16 * most:
            record = self._next_record()
            if record is None:
                return Batch(after, events, self._position, microseconds, is_end=True)
            try:
                # The first record may begin before where this feed does.
                events += [at for at in self._routes.events(record) if at.position > after]
            except UnreadableEvent:
                if self._position == after:
                    raise
                self._batches = None  # what stands before it is taken first
                break
            self._position = record.last_position
            microseconds = record.time
        return Batch(after, events, self._position, microseconds, is_end=False)

    def _next_record(self) -> Record | None:
        if self._batches is None:
            self._batches = self._journal.follow(self._position)
            self._records = iter(())
        record = next(self._records, None)
        if record is None:
            self._records = iter(next(self._batches))
            record = next(self._records, None)
        return record
