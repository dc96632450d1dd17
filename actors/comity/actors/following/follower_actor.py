"""The turns of whoever follows the journal: steps, rests, and sleep until it is woken."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from comity.actors.following.follower import UNTIL_WOKEN
from comity.actors.observing.facts import Stepped
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pooled_actor import PooledActor

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.following.follower import Follower

Job: TypeAlias = Callable[[], None]
"""What is to be done between two steps, on the follower's thread."""


class FollowerActor(PooledActor[Job]):
    """Takes a step a turn, for as long as there is something to take.

    It has a thread of its own, so that a slow consumer delays neither commands nor others. It does
    not poll: between steps it sleeps until the journal has news, a rest is over, or a job comes.

    Args:
        services: where it works.
        name: what it is called in the log.
        thread: the name of its thread.
    """

    JOBS = 1_000
    """The most jobs that may wait."""

    def __init__(self, services: Services, name: str, thread: str) -> None:
        super().__init__(services.runtime.executor(f"comity-{thread}"), name, self.JOBS)
        self._services = services
        self._woken = False  # since the turn began
        self._has_more = False
        self._rest_until = 0.0

    @abc.abstractmethod
    def stepping(self) -> Follower | None:
        """The follower that takes the next step; None while there is none."""

    @abc.abstractmethod
    def step(self) -> float:
        """Take a step; how long to rest before the next, see `Follower.step`."""

    def chores(self) -> None:
        """What is done in each turn, also while it rests."""

    def on_turn(self, messages: list[Job]) -> None:
        """Do what was asked, then take a step, unless it rests."""
        self._woken = False  # before looking, so that nothing is missed in between
        for job in messages:
            attempt(job)
        if self._retired:
            return
        self.chores()
        if self._rests:
            return
        rest = self.step() if self._services.observers.stepped is None else self._observed_step()
        self._has_more = rest < UNTIL_WOKEN
        if 0 < rest < UNTIL_WOKEN:
            self._rest_until = self._services.monotonic() + rest
            self._services.call_later(rest, self.wake)

    def more(self) -> bool:
        """Whether a step is wanted: there was more, or it was woken meanwhile."""
        return (self._has_more or self._woken) and not self._retired and not self._rests

    def wake(self) -> None:
        """There is news: take a step, once a rest is over."""
        self._woken = True
        super().wake()

    def rest_no_more(self) -> None:
        """What it rests for has been dealt with. Only on its thread."""
        self._rest_until = 0.0

    def _observed_step(self) -> float:
        """Take a step, and tell observers unless there was nothing to take."""
        follower, tell = self.stepping(), self._services.observers.stepped
        if follower is None or tell is None:
            return self.step()
        began, before = self._services.monotonic(), follower.position
        rest = self.step()
        if follower.position != before or follower.reason is not None:
            seconds = self._services.monotonic() - began
            tell(
                Stepped(self.actor_urn, follower.position, follower.given, seconds, follower.reason)
            )
        return rest

    @property
    def _rests(self) -> bool:
        return self._services.monotonic() < self._rest_until
