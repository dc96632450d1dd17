"""The newest durable states of the aggregates of a run, kept up to date as the domain commits.

People's views and the checks of invariants are taken from them: reading an aggregate's events
from the journal for each view took half the time of a run. In the end they are compared with what
the engine reads from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from comity.actors.aggregate import Aggregate, View
from comity.actors.aggregates.task import Task
from comity.actors.observing.observer import Observer
from comity.engine.checking.differences import differences
from comity.engine.merging.at import At
from comity.engine.merging.command import Command
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock
from comity.simulation.playing.copying import copied

if TYPE_CHECKING:
    from comity.actors.domain import Domain
    from comity.actors.observing.facts import Ended
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import AnyDecider

S = TypeVar("S")

Changed: TypeAlias = Callable[[Task, object], None]
"""Called with a command and the state after it, which it must not change."""


@dataclass(eq=False, slots=True)
class _Replica:
    state: object
    version: int


class Replicas(Observer):
    """Follows the durable events of one or more domains over the same journal.

    Args:
        deciders: the deciders that are played, by name.
        changed: called after each command that changed an aggregate.
    """

    def __init__(self, deciders: Mapping[str, AnyDecider], changed: Changed) -> None:
        self._deciders = deciders
        self._changed = changed
        self._replicas: dict[AggregateId, _Replica] = {}
        self._lock = Lock()

    def ended(self, facts: Sequence[Ended]) -> None:
        """Apply the events of these commands."""
        with self._lock:
            for fact in facts:
                # The steps of processes are nobody's view.
                played = fact.aggregate.type in self._deciders
                if played and fact.events and isinstance(fact, Task):
                    self._apply(fact)

    def _apply(self, task: Task) -> None:
        before = task.version - len(task.events)
        replica = self._replicas.get(task.aggregate)
        decider = self._deciders[task.aggregate.type]
        if replica is None and not before:
            replica = self._replicas[task.aggregate] = _Replica(decider.initial(), 0)
        if replica is None or replica.version != before:  # it is read again when somebody looks
            self._replicas.pop(task.aggregate, None)
            return
        who, session, _ = task.sender
        at = At(before + 1, task.time, who, session, task.aggregate)
        replica.state = decider.fold(replica.state, task.events, at)
        replica.version = task.version
        self._changed(task, replica.state)

    def disagreement(self, domain: Domain) -> str | None:
        """Return where a state that people were shown is not what the engine reads; else None."""
        for aggregate, replica in self._replicas.items():
            handle = domain.aggregate(self._deciders[aggregate.type], aggregate.key)
            if handle.version != replica.version:
                continue  # it changed, and nobody has looked since
            parts = differences(domain.state(handle), replica.state)
            if parts:
                return f"{aggregate} in the journal differs from what people saw: {parts[0]}"
        return None

    def look(self, aggregate: Aggregate[S, Command, Event]) -> View[S]:
        """Return a copy of the newest durable state, and its version."""
        with self._lock:
            replica = self._replicas.get(aggregate.id)
            if replica is not None and replica.version == aggregate.version:
                return View(cast("S", copied(replica.state)), replica.version)
        view = aggregate.look()
        with self._lock:
            self._replicas[aggregate.id] = _Replica(copied(view.state), view.version)
        return view
