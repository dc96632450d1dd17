"""Leads a model: lets its newest complete generation answer, and does what the host asks for.

In all processes that have a model open, one leads it. A projector's thread calls it between two
batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.projecting.chores import Chores
from comity.actors.projecting.led_generations import LedGenerations
from comity.engine.errors import ComityError
from comity.engine.runtime.system import LONGEST
from comity.readmodels.generations.generations import put_away_projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_follower import ModelFollower
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.projecting.progress import OnProgress
    from comity.actors.projecting.rebuild import Rebuild
    from comity.actors.reading.access import Access
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.files.writer_lock import WriterLock
    from comity.engine.sharing.lease import Lease
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class Leader(Generic[M]):
    """Keeps a model up to date, and lets its newest complete generation answer.

    Args:
        access: lets this process read the model.
        folder: where its generations are.
        lease: the right to lead, which nobody else has; it is released when the leader ends.
        built: called on a rebuild's thread; its receiver must then call `adopt_rebuild`.

    Raises:
        JournalDamaged: the model has events that the journal does not have.
        StorageFailed: the disk is full, or failed.
    """

    def __init__(
        self,
        services: Services,
        access: Access[M],
        folder: ModelFolder,
        lease: Lease | WriterLock,
        routes: ModelRoutes,
        built: Callable[[], None],
    ) -> None:
        self.lease = lease
        self.paused = False
        """Whether to take no more events."""
        self._services = services
        self._led = LedGenerations(services, access, folder, routes, built)
        self._chores = Chores(self._led)

    @property
    def follower(self) -> ModelFollower | None:
        """The follower of the answering generation; None if no generation answers, or if an older
        program wrote it.
        """
        return self._led.follower

    @property
    def rebuild(self) -> Rebuild | None:
        """The rebuild that is under way; None if there is none."""
        return self._led.rebuild

    def start(self) -> None:
        """Continue the rebuild that was found, if there is one."""
        self._led.start()

    def pause(self) -> None:
        """Take no more events, and pause the rebuild, if there is one."""
        self.paused = True
        if self.rebuild:
            self.rebuild.pause()

    def go_on(self) -> None:
        """Take events again, and let the rebuild go on, even if it has failed."""
        self.paused = False
        if rebuild := self.rebuild:
            rebuild.go_on()

    def replay(self, aggregate: AggregateId | None) -> int:
        """Apply the parked events again; returns how many were applied."""
        return self.follower.replay(aggregate) if self.follower else 0

    def drop(self, aggregate: AggregateId) -> int:
        """Drop an aggregate's parked events; returns how many."""
        return self.follower.drop(aggregate) if self.follower else 0

    def let_go(self) -> None:
        """Flush everything and close it. Call it when nothing projects any more."""
        if self.rebuild:
            self.rebuild.end(LONGEST)
        try:
            for follower in self._led.followers():
                try:
                    put_away_projection(follower.projection)
                except ComityError as error:
                    _log.warning("%s", error)
        finally:
            self.lease.release()

    @property
    def complete(self) -> bool:
        """Whether its tables have ever reached the journal's end."""
        return self.follower is not None and self.follower.projection.checkpoint.complete

    def answering(self) -> Environment:
        """The tables of a complete leader."""
        assert self.follower is not None
        return self.follower.projection.environment

    def step_down(self) -> None:
        """Write nothing more, because another process leads. Call it on the projector's thread."""
        rebuild, self._led.rebuild = self.rebuild, None
        if rebuild is not None:
            rebuild.end(LONGEST)
            rebuild.projection.environment.close()
        self.lease.release()

    def kill(self) -> None:
        """Close everything without flushing it; see `Closing.kill`."""
        for follower in self._led.followers():
            follower.projection.environment.kill()
        self.lease.release()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        for follower in self._led.followers():
            follower.projection.environment.abandon()
        self.lease.abandon()

    # --- generations ------------------------------------------------------------------------------

    def begin_rebuild(self, progress: OnProgress | None) -> None:
        """Begin to build a new generation while the current one answers.

        Raises:
            ReadModelError: a rebuild is under way.
        """
        self._led.begin_rebuild(progress)

    def adopt_rebuild(self) -> None:
        """Let the rebuilt generation answer, if the rebuild is done."""
        self._led.adopt_rebuild()

    def look_after(self) -> None:
        """Rebuild damaged generations, take an offered one, free the slots of dead readers."""
        self._chores.look_after()

    # --- status -----------------------------------------------------------------------------------

    def error(self) -> str:
        """Why the model or its rebuild does not go on; empty if both do."""
        if self.follower is None:
            return self._rebuild_error()
        beside = self._rebuild_error()
        return _error_of(self.follower) or (f"the rebuild has failed: {beside}" if beside else "")

    def _rebuild_error(self) -> str:
        rebuild = self.rebuild
        return "" if rebuild is None else _error_of(rebuild.follower)

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position."""
        error = _error_of(self.follower) if self.follower else self._rebuild_error()
        if error:
            return error
        if position > (end := self._services.journal.position()):
            return f"the journal ends at position {end:,}"
        return "it is paused" if self.paused else "it is still catching up"


def _error_of(follower: ModelFollower) -> str:
    stopped = follower.projection.stopped
    return stopped.sentence() if stopped else follower.error
