"""Builds a new generation of a model while the current one answers, without delaying commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.follower_actor import FollowerActor
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.progress import OnProgress, Progress, Teller
from comity.actors.runtime.callbacks import attempt

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.readmodels.projecting.projection import Projection


class Rebuild(FollowerActor):
    """Fills a new generation, on its own thread.

    While commands are under way, it takes small batches and rests as long as it worked. Otherwise,
    because of the GIL, each hand-over of a command to another thread could wait up to 5 ms, a
    switch interval.
    """

    POLITE = 32
    """Events in one batch while commands are under way: a millisecond or two."""
    QUIET = 0.1
    """Seconds without a commit after which no commands are under way."""

    def __init__(
        self,
        services: Services,
        projection: Projection,
        routes: ModelRoutes,
        done: Callable[[Rebuild], None],
        progress: OnProgress | None,
    ) -> None:
        name = projection.model.stored_as
        super().__init__(services, f"rebuild of {name}", f"rebuild-{name}")
        self.follower = ModelFollower(projection, services.journal, routes, services.runtime)
        self.projection = projection
        self._done = done
        self._teller = Teller(
            name, services.journal, services.runtime, progress, projection.environment.path
        )
        self.handed_over = False
        """Whether the new generation is complete and was handed over to answer."""

    def stepping(self) -> Follower:
        """Return the follower that fills the new generation."""
        return self.follower

    def step(self) -> float:
        """Take a batch, and hand the generation over at the journal's end."""
        if self.handed_over:
            return UNTIL_WOKEN
        began = self._services.monotonic()
        polite = began - self._services.committer.last_busy < self.QUIET
        rest = self.follower.step(self.POLITE if polite else ModelFollower.BATCH)
        if self.follower.paused or self.follower.stopped:
            self._teller.pause()
            return UNTIL_WOKEN
        attempt(lambda: self._teller.tell(self.follower.position))
        if self.follower.at_end and not self.follower.error:
            self._teller.pause()
            self.handed_over = True
            self._done(self)
            return UNTIL_WOKEN
        return max(rest, self._services.monotonic() - began) if polite else rest

    def pause(self) -> None:
        """Stop after this batch until `go_on` is called."""
        self.follower.paused = True

    def go_on(self) -> None:
        """Go on, even after a failure; after the hand-over this does nothing."""
        self.deliver([self._try_again])

    def _try_again(self) -> None:
        self.follower.paused = False
        self.rest_no_more()
        self.follower.try_again()

    def end(self, timeout: float) -> bool:
        """Take no more turns, and wait for the current one; False if it takes over `timeout`."""
        self.drain()
        ended = self._executor.stop(timeout)
        self._teller.pause()
        return ended

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._teller.at(self.follower.position)
