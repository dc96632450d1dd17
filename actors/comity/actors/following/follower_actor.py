"""The actor that gives a follower its turns: steps, rests, and sleep until `wake` is called."""

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
"""A function to run between two steps, on the follower's thread."""


class FollowerActor(PooledActor[Job]):
    """Takes one step per turn while the journal has more events.

    It has its own thread, so that a slow consumer delays neither commands nor other consumers. It
    does not poll: it sleeps until the journal has news, a rest is over, or a job arrives.

    Args:
        services: the domain's services.
        name: its name in the log.
        thread: the name of its thread.
    """

    JOBS = 1_000
    """The largest number of waiting jobs."""

    def __init__(self, services: Services, name: str, thread: str) -> None:
        super().__init__(services.runtime.executor(f"comity-{thread}"), name, self.JOBS)
        self._services = services
        self._woken = False  # whether `wake` was called since the turn began
        self._has_more = False
        self._rest_until = 0.0

    @abc.abstractmethod
    def stepping(self) -> Follower | None:
        """Return the follower that takes the next step, or None."""

    @abc.abstractmethod
    def step(self) -> float:
        """Take a step; returns the seconds to rest before the next, as `Follower.step`."""

    def chores(self) -> None:
        """Do the chores of each turn, also while it rests; override it."""

    def on_turn(self, messages: list[Job]) -> None:
        """Run the jobs, then take a step unless it rests."""
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
        """Whether to take another step: the journal had more, or `wake` was called meanwhile."""
        return (self._has_more or self._woken) and not self._retired and not self._rests

    def wake(self) -> None:
        """Take a step as soon as no rest is left, because the journal has news."""
        self._woken = True
        super().wake()

    def rest_no_more(self) -> None:
        """End the rest, because its cause is gone. Call it only on the follower's thread."""
        self._rest_until = 0.0

    def _observed_step(self) -> float:
        """Take a step, and tell observers if it took something or failed."""
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
