"""The actor of one read model: takes the next events, and runs jobs between batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.follower_actor import FollowerActor, Job
from comity.actors.projecting.keeper import Keeper
from comity.actors.runtime.ask import Ask
from comity.actors.runtime.bounded import within
from comity.actors.runtime.engine_thread import check_may_wait
from comity.engine.errors import (
    Closed,
    Forked,
    ModelDamaged,
    OutcomeUnknown,
    ReadModelError,
)
from comity.engine.runtime.system import LONGEST
from comity.engine.sharing.lease_watch import LOOK

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.reading.lookout import Lookout
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")
T = TypeVar("T")

_log = logging.getLogger("comity")


class ProjectorActor(FollowerActor, Generic[M]):
    """Keeps one model up to date."""

    CHORES = 0.5
    """Seconds between two checks for dead readers, an offered generation, wasted space, and work
    that a failing disk has delayed."""

    def __init__(
        self,
        services: Services,
        model: type[M],
        folder: ModelFolder,
        routes: ModelRoutes,
        lookout: Lookout | None = None,
    ) -> None:
        super().__init__(services, f"read model {model.stored_as}", model.stored_as)
        self.model = model
        self._chores_at = 0.0
        self._resumed = False
        self._forked = False
        self._asks: set[Ask[Any]] = set()
        try:
            self.keeper = Keeper(
                services, model, folder, routes, self.wake, self._adopt_rebuild, lookout
            )
        except BaseException:
            self._executor.stop(0.0)
            raise
        self.keeper.start()
        if not self.keeper.leads:
            self.wake()

    # --- turns ------------------------------------------------------------------------------------

    def on_turn(self, messages: list[Job]) -> None:
        """Run the jobs and take a step, unless another process leads by now."""
        self.keeper.check_lead()
        super().on_turn(messages)

    def stepping(self) -> Follower | None:
        """The follower of the generation that answers."""
        return self.keeper.follower

    def step(self) -> float:
        """Take the next batch, and answer the readers that wait for it."""
        follower = self.keeper.follower
        if follower is None or follower.stopped or self.keeper.paused:
            return UNTIL_WOKEN
        rest = follower.step()
        access = self.keeper.access
        if isinstance(follower.reason, ModelDamaged):
            follower.projection.environment.note_damage()
            self._chores_at = 0.0  # the chores build it anew
            self.wake()
        elif follower.stopped:
            access.waiters.give_up(access.behind, unless=lambda: self._resumed)
        elif not follower.error:
            self.keeper.tell(follower.projection.checkpoint.position)  # as it can be read
        return rest

    def chores(self) -> None:
        """Look after the generations every `CHORES` seconds; as a standby, every `LOOK` seconds."""
        now = self._services.monotonic()
        if now >= self._chores_at:
            self.keeper.look_after()
            leads = self.keeper.leads
            self._chores_at = now + (self.CHORES if leads else LOOK)
            if not leads:
                self._services.call_later(LOOK, self.wake)

    def look_after(self) -> None:
        """End old snapshots and waiting, a few times a second."""
        self.keeper.access.reader.expire(self._services.policy.snapshot)
        self.keeper.access.waiters.expire(self.keeper.access.behind)
        if self._services.monotonic() >= self._chores_at:
            self.wake()

    def close(self, timeout: float) -> None:
        """Flush and close the model; if `project` hangs, as soon as it returns."""
        until = self._services.monotonic() + timeout
        jobs = [job for job in self.drain() if not _refused(job)]
        rebuild = self.keeper.rebuild
        ended = rebuild is None or rebuild.end(timeout)
        ended = self._executor.stop(max(0.1, until - self._services.monotonic())) and ended
        self.keeper.access.hub.close()
        self.keeper.access.waiters.close(self.keeper.access.behind)
        for ask in list(self._asks):
            ask.end(OutcomeUnknown(f"the domain was closed while {self.actor_urn} was at it"))
        # LMDB would wait without limit until the open transaction has ended.
        left = max(0.1, until - self._services.monotonic()) if ended else 0.0
        if not within(self._services.runtime, left, lambda: self._let_go(jobs)):
            name = self.model.stored_as
            _log.error("%s is held up, in `project` or by the disk: it is let go of later", name)

    def _let_go(self, jobs: Sequence[Job]) -> None:
        self._executor.stop(LONGEST)
        for job in jobs:  # on this thread, since the projector's own thread has ended
            job()
        self.keeper.let_go()

    def kill(self) -> None:
        """Close the model without writing; see `Closing.kill`."""
        self._retired = True
        self.keeper.kill()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._retired = self._forked = True
        self.keeper.abandon()

    def _adopt_rebuild(self) -> None:
        """Pass a finished rebuild to the keeper. Called on the rebuild's thread."""
        self.deliver([self.keeper.adopt_rebuild])  # if the domain is closing: at its next start

    # --- requests ---------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Go on, even if the model has stopped."""
        self._resumed = True  # readers that wait from now on do not get the old error
        self.deliver([self._try_again])
        if self.keeper.leader is not None:
            self.keeper.leader.go_on()

    def _try_again(self) -> None:
        self._resumed = False
        self.rest_no_more()
        if self.keeper.follower:
            self.keeper.follower.try_again()

    def ask(self, function: Callable[[], T]) -> T:
        """Run a function on the projector's thread, between two batches.

        Raises:
            WiringError: called on that thread, or on another thread of the engine.
            Closed, Forked: the domain was closed before the function ran, or this is a fork.
            OutcomeUnknown: the domain was closed while the function ran.
        """
        check_may_wait()
        ask = Ask(function, self.actor_urn, self._services.runtime, ReadModelError)
        self._asks.add(ask)
        try:
            self._post(ask)
            return ask.pending.result()[0]
        finally:
            self._asks.discard(ask)

    def _post(self, job: Job) -> None:
        self.check_forked()
        if not self.deliver([job]):
            msg = "the domain is closed; open it again to go on"
            raise Closed(msg)

    def check_forked(self) -> None:
        """Raise `Forked` in a fork of the process that opened the domain."""
        if self._forked:
            msg = "this process is a fork of the one that opened the domain; open it after forking"
            raise Forked(msg)


def _refused(job: Job) -> bool:
    """Refuse a job that a caller waits for; False if no caller waits."""
    if not isinstance(job, Ask):
        return False
    ask = cast("Ask[object]", job)
    ask.end(Closed("the domain was closed before this was done; open it again to go on"))
    return True
