"""The recorded states of the aggregates that a rehearsal meets, as many as fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from comity.engine import AggregateId
from comity.engine.history import history
from comity.evolution.rehearsing.packed_states import PackedStates
from comity.evolution.rehearsing.recorded_state import RecordedState

if TYPE_CHECKING:
    from comity.engine import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider


class RecordedStates:
    """Finds the state of each record's aggregate; the records come in the order of the journal.

    A state that was not used for long is packed, or folded again if a later record needs it.
    """

    MOST: Final = 20_000
    """The most states in memory that are not packed."""
    MOST_EVENTS: Final = 100_000
    """The most events that these states keep for merging, about 100 MB."""

    def __init__(self, journal: Journal, deciders: Mapping[str, AnyDecider]) -> None:
        self._journal = journal
        self._deciders = deciders
        self._states: OrderedDict[AggregateId, RecordedState] = OrderedDict()
        self._packed = PackedStates()
        self._kept: OrderedDict[AggregateId, int] = OrderedDict()
        """How many events these states keep for merging; the last one merged last."""
        self._events = 0
        """The sum of `_kept`."""
        self._lasting: dict[AggregateId, int] = {}
        """Of aggregates with lasting records after their newest event: how many."""

    def known(self, aggregate: AggregateId) -> RecordedState | None:
        """Return the state if it is in memory."""
        return self._states.get(aggregate)

    def before(self, record: Record) -> RecordedState:
        """Return the state before the record.

        Raises:
            UnreadableEvent: an event before it fits no class.
            Exception: `evolve` or `initial` raised it.
        """
        aggregate = record.aggregate
        state = self._states.get(aggregate)
        if state is None:
            state = self._states[aggregate] = self._made(aggregate, record.version)
            if len(self._states) > self.MOST:
                oldest = next(iter(self._states))
                self._packed.put(oldest, self._states[oldest])
                self.drop(oldest)
        else:
            self._states.move_to_end(aggregate)
        return state

    def _made(self, aggregate: AggregateId, version: int) -> RecordedState:
        """Make the state of an aggregate at a version: unpacked if that is possible, or folded."""
        decider = self._deciders[aggregate.type]
        data = self._packed.take(aggregate, version)
        state = None if data is None else decider.states.unpack(data)
        if state is None and version:
            state, _ = history.state_at(decider, self._journal, aggregate, version)
        elif state is None:
            state = decider.initial()
        lasting = self._lasting.get(aggregate, 0)
        return RecordedState(decider, self._journal, aggregate, state, version, lasting)

    def keep(self, aggregate: AggregateId, state: RecordedState) -> None:
        """Note that the state keeps events; those that merged longest ago forget theirs."""
        kept = self._kept
        self._events += state.kept - kept.pop(aggregate, 0)
        kept[aggregate] = state.kept
        while self._events > self.MOST_EVENTS and len(kept) > 1:
            oldest, many = kept.popitem(last=False)
            self._states[oldest].forget()
            self._events -= many
        if self._events > self.MOST_EVENTS:
            state.forget(self.MOST_EVENTS // 2)
            self._events = kept[aggregate] = state.kept

    def passed(self, record: Record) -> None:
        """Note that the record is done."""
        aggregate = record.aggregate
        if record.lasting:
            self._lasting[aggregate] = self._lasting.get(aggregate, 0) + 1
        elif record.events and aggregate in self._lasting:
            del self._lasting[aggregate]

    def drop(self, aggregate: AggregateId) -> None:
        """Drop the aggregate's state."""
        self._states.pop(aggregate, None)
        self._events -= self._kept.pop(aggregate, 0)
