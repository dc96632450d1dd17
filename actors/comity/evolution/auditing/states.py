"""Folds the states of all aggregates while a journal is read, with a bounded number in memory.

The journal is read in the order of storing, which takes half as long as reading each aggregate's
events by themselves. A state that had to be let go is folded again at the end, alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from comity.engine.errors import UnreadableEvent, UnreadableOrder
from comity.engine.history.note import origin
from comity.engine.merging.at import At
from comity.evolution.auditing.problems import Problems, place_of

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.journal.snapshot import Snapshot
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Event

MOST: Final = 1_000_000
"""The states in memory have at most this many events together. 100,000 boards with ten cards each
take 550 MB; with fewer events, a journal whose aggregates alternate would be read twice."""

_FIRST: Final = At()


class State:
    """The state of one aggregate, and the snapshot to compare it with."""

    __slots__ = ("decider", "snapshot", "state", "version")

    def __init__(self, decider: AnyDecider, snapshot: Snapshot | None) -> None:
        self.decider = decider
        self.state: object = decider.initial()
        self.version = 0
        self.snapshot = snapshot


class States:
    """The states of all aggregates.

    Args:
        journal: the journal, for snapshots and for what has to be folded again.
        problems: where states that cannot be folded are noted.
    """

    def __init__(self, journal: Journal, problems: Problems) -> None:
        self._journal = journal
        self._problems = problems
        self._open: OrderedDict[AggregateId, State] = OrderedDict()
        self._events = 0
        self._broken: set[AggregateId] = set()
        self._again: dict[AggregateId, AnyDecider] = {}
        self.aggregates = 0
        """How many aggregates were begun."""
        self.snapshots = 0
        """How many of these have a snapshot."""
        self.unused = 0
        """How many of these snapshots do not fit today's state."""

    @property
    def broken(self) -> int:
        """How many aggregates have no state."""
        return len(self._broken)

    @property
    def waiting(self) -> int:
        """How many aggregates are to be folded again."""
        return len(self._again)

    def take(self, decider: AnyDecider, record: Record, events: Sequence[Event] | None) -> None:
        """Apply the events of the next record; None if one of them cannot be read."""
        aggregate = record.aggregate
        found = self._open.get(aggregate)
        if found is None:
            if record.version or aggregate in self._broken:  # it was let go, or broke
                if aggregate not in self._broken:
                    self._again[aggregate] = decider
                return
            found = self._open[aggregate] = self._begin(decider, aggregate)
        else:
            self._open.move_to_end(aggregate)
        if events is None or not self._apply(found, record, events):
            self._break(aggregate)
            return
        self._events += len(events)
        while self._events > MOST and len(self._open) > 1:
            self._events -= self._open.popitem(last=False)[1].version

    def fold_again(self) -> Iterator[int]:
        """Fold the states that were let go; yields the number of events of each."""
        self._open.clear()
        for aggregate, decider in self._again.items():
            found = State(decider, self._usable(decider, self._journal.snapshot(aggregate)))
            if not all(self._replay(found, record) for record in self._journal.read(aggregate)):
                self._break(aggregate)
            yield found.version

    def _replay(self, found: State, record: Record) -> bool:
        try:
            events = [found.decider.load(stored) for stored in record.events]
        except Exception:  # the event was noted when it was read first
            return False
        return self._apply(found, record, events)

    def _begin(self, decider: AnyDecider, aggregate: AggregateId) -> State:
        self.aggregates += 1
        snapshot = self._journal.snapshot(aggregate)
        usable = self._usable(decider, snapshot)
        self.snapshots += snapshot is not None
        self.unused += snapshot is not usable
        return State(decider, usable)

    def _usable(self, decider: AnyDecider, snapshot: Snapshot | None) -> Snapshot | None:
        fits = snapshot is not None and snapshot.schema == decider.states.schema
        return snapshot if fits else None

    def _break(self, aggregate: AggregateId) -> None:
        self._broken.add(aggregate)
        gone = self._open.pop(aggregate, None)
        self._events -= gone.version if gone else 0

    def _apply(self, found: State, record: Record, events: Sequence[Event]) -> bool:
        """Apply the record's events; False if `evolve` raised."""
        decider, state, version = found.decider, found.state, found.version
        at, told = _FIRST, decider.takes_at
        if told:
            who, session, *_ = origin(record.note)
            at = At(version, record.time, who, session, record.aggregate)
        for event in events:
            version += 1
            if told:
                at = at._replace(version=version)
            try:
                state = decider.replay(state, event, at)
            except (UnreadableEvent, UnreadableOrder):  # of a process: noted where it was read
                return False
            except (Exception, SystemExit) as error:  # the domain's code may raise anything
                what = f"{decider.name}: evolve raised {type(error).__name__} on {event.stored_as}"
                place = place_of(record, version - record.version, error)
                self._problems.add("state", what, place)
                return False
            if found.snapshot is not None and version == found.snapshot.version:
                self._compare(found.snapshot, state, decider, record)
        found.state, found.version = state, version
        return True

    def _compare(
        self, snapshot: Snapshot, state: object, decider: AnyDecider, record: Record
    ) -> None:
        kept = decider.states.unpack(snapshot.data)
        if kept is None:
            self.unused += 1
        elif kept != state:
            offset = snapshot.version - record.version
            error = ValueError("the snapshot is not the state that its events give")
            self._problems.add("snapshot", decider.name, place_of(record, offset, error))
