"""The aggregates in memory: found by id, loaded when needed, removed when idle."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from comity.actors.aggregates.aggregate_actor import AggregateActor
from comity.engine.errors import Busy, Closed
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.decider import AnyDecider

A_ROUND = 5_000
"""Actors that `look_after` visits in one call: half a millisecond, four times a second."""


class LiveAggregates:
    """The actors of one domain's aggregates."""

    def __init__(self, services: Services, deciders: Mapping[str, AnyDecider]) -> None:
        self._services = services
        self._deciders = deciders
        self._actors: dict[AggregateId, AggregateActor] = {}
        self._lock = Lock()  # guards adding and removing actors
        self._closed = False
        self._round: Iterator[AggregateActor] = iter(())  # actors still to be visited

    def find(self, id: AggregateId) -> AggregateActor:
        """Return the aggregate's actor, made if it is not live.

        Raises:
            Busy: `Policy.max_live` aggregates are live, and all are at work.
            Closed: the domain is closed.
        """
        actor = self._actors.get(id)
        if actor is not None and not actor.retired:
            return actor
        left: list[AggregateActor] = []
        with self._lock:
            if self._closed:
                raise Closed("the domain is closed; open it again to go on")
            actor = self._actors.get(id)
            if actor is None or actor.retired:
                if len(self._actors) >= self._services.policy.max_live:
                    left = self._make_room()
                actor = AggregateActor(self._services, self._deciders[id.type], id)
                self._actors[id] = actor
        self._keep_snapshots(left)
        return actor

    def all(self) -> list[AggregateActor]:
        """Return the actors that are live now."""
        return list(self._actors.values())

    def get(self, id: AggregateId) -> AggregateActor | None:
        """Return the aggregate's actor if it is live, or was live when the domain closed."""
        return self._actors.get(id)

    def look_after(self) -> None:
        """Expire commands and remove idle aggregates, visiting at most `A_ROUND` actors."""
        now = self._services.monotonic()
        some = list(itertools.islice(self._round, A_ROUND))
        if len(some) < A_ROUND:
            self._round = iter(self.all())
        idle: list[AggregateActor] = []
        for actor in some:
            if actor.waiting or actor.more():
                actor.expire(now)
                actor.nudge()
            elif now - actor.last_used > self._services.policy.idle:
                idle.append(actor)
        with self._lock:
            left = [actor for actor in idle if self._passivate(actor)]
        self._keep_snapshots(left)

    def close(self) -> None:
        """Make no more actors."""
        with self._lock:
            self._closed = True

    def _make_room(self) -> list[AggregateActor]:
        """Remove the longest idle hundredth of the actors. The caller holds the lock.

        Raises:
            Busy: all are at work.
        """
        most = self._services.policy.max_live
        oldest = sorted(self._actors.values(), key=lambda actor: actor.last_used)
        leaving = (actor for actor in oldest if self._passivate(actor))
        left = list(itertools.islice(leaving, max(1, most // 100)))
        if not left:
            raise Busy(f"all {most} live aggregates are busy (Policy.max_live)", retry_after=0.1)
        return left

    def _passivate(self, actor: AggregateActor) -> bool:
        """Remove the actor. False: it is busy. The caller holds the lock."""
        if self._actors.get(actor.id) is not actor or not actor.retire():
            return False
        del self._actors[actor.id]
        return True

    def _keep_snapshots(self, left: list[AggregateActor]) -> None:
        for actor in left:
            snapshot = actor.snapshot()
            if snapshot is not None:
                self._services.committer.keep(snapshot)
