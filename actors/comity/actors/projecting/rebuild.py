"""Builds a new generation of a model while the current one answers, without delaying commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.follower_actor import FollowerActor
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.runtime.callbacks import attempt

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.readmodels.projecting.projection import Projection


class Progress(NamedTuple):
    """The progress of a rebuild."""

    model: str
    position: int
    end: int
    """The journal's position; the rebuild is done when it reaches this."""
    events_per_second: float


OnProgress: TypeAlias = Callable[[Progress], None]


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
        self._progress = progress
        self._began = services.monotonic()
        self._from = projection.checkpoint.position
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
            return UNTIL_WOKEN
        attempt(self._tell)
        if self.follower.at_end and not self.follower.error:
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
        return self._executor.stop(timeout)

    @property
    def part(self) -> float:
        """The part of the journal that it has taken, from 0 to 1."""
        return min(1.0, self.follower.position / max(1, self._services.journal.position()))

    def _tell(self) -> None:
        """Call `progress`, unless it has raised before."""
        progress, self._progress = self._progress, None
        if progress is not None:
            done = self.follower.position - self._from
            progress(
                Progress(
                    self.projection.model.stored_as,
                    self.follower.position,
                    self._services.journal.position(),
                    done / max(1e-6, self._services.monotonic() - self._began),
                )
            )
            self._progress = progress
