"""Keeps the state of one aggregate in memory: loads it, and rests after failures.

The state is wrong after domain code has failed, another process has written first or the disk has
failed. It is then loaded from the journal again, or made new by what it lacks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from comity.actors.aggregates.answering_actor import AnsweringActor
from comity.actors.aggregates.flight import State
from comity.actors.aggregates.replica import Replica
from comity.actors.observing.facts import Loaded
from comity.actors.runtime.rest import Rest
from comity.engine.errors import ComityError, DeciderFailed, StorageFailed
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.aggregates.task import Task
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.snapshot import Snapshot
    from comity.engine.merging.decider import AnyDecider


_log = logging.getLogger("comity")


class LoadingActor(AnsweringActor):
    """Has the state of one aggregate. A subclass decides on it."""

    __slots__ = ("_replica", "_rest")

    def __init__(self, services: Services, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(services, decider, id)
        self._replica = Replica(
            decider,
            services.journal,
            id,
            services.policy.tail,
            keep_commands=services.keep_commands and id.type not in services.steps,
        )
        self._rest = services.rested

    def _load(self) -> bool:
        """Load the state, or what it lacks. False: impossible now; tasks are answered or wait."""
        rest = self._rest.left()
        if rest > 0:
            if self._rest.quarantined:
                self._answer_all(self._flight.take(), self._rest.error(self.actor_urn))
            else:
                self.park()
                self._services.call_later(rest, self.wake)
            return False
        began, replica, flight = self._services.monotonic(), self._replica, self._flight
        before = replica.version
        try:
            if flight.sound:
                replica.catch_up()
            else:
                replica.load()
        except BaseException as error:
            flight.distrust()
            self._loaded(began, 0, error)
            self._not_loaded(error)
            return False
        self._loaded(began, replica.version - before if flight.sound else replica.fresh, None)
        flight.load(replica.version)
        return True

    def _loaded(self, began: float, events: int, error: BaseException | None) -> None:
        """Tell observers that the state was loaded, or that loading failed."""
        loaded, replica = self._services.observers.loaded, self._replica
        if loaded is not None:
            seconds = self._services.monotonic() - began
            loaded(Loaded(self.id, replica.version, events, seconds, error))

    def _not_loaded(self, error: BaseException) -> None:
        """Answer the next command with the error; each other command causes a new try to load."""
        tasks = self._flight.take()
        if not tasks:
            return
        first, *others = tasks
        self._flight.wait(others)
        if isinstance(error, StorageFailed):
            _log.error("%s cannot be loaded: %s", self.id, error)
            self._answer(first, error)  # no rest: the decider did not fail
            return
        _log.error("%s cannot be loaded", self.id, exc_info=error)
        if not isinstance(error, ComityError):
            kind = type(error).__name__
            error = DeciderFailed(f"{kind} while {self.id} was loaded: {told(error)}")
        self._failed(first, error)

    def _failed(self, task: Task, error: ComityError) -> None:
        """Answer a task that failed, and begin a rest: the state must be loaded again after it."""
        _log.error("%s failed and is loaded again: %s", self._replica, error)
        if self._rest is self._services.rested:
            self._rest = Rest(self._services.policy, self._services.runtime)
        self._rest.begin()
        self._answer(task, error)

    @property
    def durable(self) -> int:
        """The version that the journal is known to hold; with nothing in the air, the state's."""
        return self._flight.durable

    def snapshot(self) -> Snapshot | None:
        """Return a snapshot if enough events are new. Call it only once the actor has retired."""
        if self._flight.state is not State.CLEAR:
            return None
        every = self._services.policy.snapshot_every
        return self._replica.snapshot() if self._replica.fresh >= every else None

    def retire(self) -> bool:
        """Take no more messages. False: the actor is busy, or has failed recently."""
        return not self._rest.fresh and super().retire()
