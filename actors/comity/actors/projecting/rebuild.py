"""Builds a new generation of a model beside the one that answers, without holding commands up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from comity.actors.projecting.driver import Driver
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pooled_actor import PooledActor

if TYPE_CHECKING:
    from comity.actors.aggregates.site import Site
    from comity.readmodels.projecting.feed import Routes
    from comity.readmodels.projecting.projection import Projection


class Progress(NamedTuple):
    """How far a rebuild is."""

    model: str
    position: int
    end: int
    """The journal's position: the rebuild is done when it is there."""
    events_per_second: float


OnProgress: TypeAlias = Callable[[Progress], None]


class Rebuild(PooledActor[None]):
    """A generation in the making, on a thread of its own.

    While commands are under way it takes small batches, and rests as long as it worked: beside
    them, under the GIL, it would cost each of a command's hand-overs up to a switch interval, 5 ms.
    """

    POLITE = 32
    """Events in one batch while commands are under way: a millisecond or two."""
    QUIET = 0.1
    """Seconds without a commit after which no commands are under way."""

    def __init__(
        self,
        site: Site,
        projection: Projection,
        routes: Routes,
        done: Callable[[Rebuild], None],
        progress: OnProgress | None,
    ) -> None:
        name = projection.model.stored_as
        super().__init__(site.runtime.executor(f"comity-rebuild-{name}"), f"rebuild of {name}", 1)
        self.driver = Driver(projection, site.journal, routes)
        self.projection = projection
        self.paused = False
        self._site = site
        self._done = done
        self._progress = progress
        self._began = site.monotonic()
        self._from = projection.checkpoint.position
        self.handed_over = False
        """Whether it is done, and to answer from now on."""
        self._try_again = False
        self._rest_until = 0.0

    def on_turn(self, messages: list[None]) -> None:
        """Take a batch, rest, or hand over."""
        if self._try_again:  # here, because a driver is of one thread
            self._try_again = False
            self.driver.try_again()
        if not self.more():
            return
        rest = self._rest_until - self._site.monotonic()
        if rest > 0:
            self._sleep(rest)
            return
        began = self._site.monotonic()
        polite = began - self._site.committer.last_busy < self.QUIET
        rest = self.driver.step(self.POLITE if polite else Driver.BATCH)
        if polite:
            rest = max(rest, self._site.monotonic() - began)
        attempt(self._tell)
        if self.driver.at_end and not self.driver.error:
            self.handed_over = True
            self._done(self)
        elif rest:
            self._sleep(rest)

    def more(self) -> bool:
        """Whether it is to go on."""
        return not (self._retired or self.paused or self.handed_over or self.driver.stopped)

    def pause(self) -> None:
        """Stop after this batch, until `go_on`."""
        self.paused = True

    def go_on(self) -> None:
        """Go on, also where it has failed; not where it has been handed over."""
        self.paused = False
        self._try_again = True
        self.wake()

    def end(self, timeout: float) -> bool:
        """Take no more turns; wait for the one that is on. False: it is held up."""
        self.drain()
        return self._executor.stop(timeout)

    @property
    def part(self) -> float:
        """Which part of the journal it has, from 0 to 1."""
        return min(1.0, self.driver.position / max(1, self._site.journal.position()))

    def _tell(self) -> None:
        """Say how far it is, until whoever listens fails."""
        progress, self._progress = self._progress, None
        if progress is not None:
            done = self.driver.position - self._from
            progress(
                Progress(
                    self.projection.model.stored_as,
                    self.driver.position,
                    self._site.journal.position(),
                    done / max(1e-6, self._site.monotonic() - self._began),
                )
            )
            self._progress = progress

    def _sleep(self, seconds: float) -> None:
        self._rest_until = self._site.monotonic() + seconds
        self.park()
        self._site.call_later(seconds, self.wake)
