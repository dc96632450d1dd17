"""The actor of one read model: takes the next events, and does what is asked between batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.follower_actor import FollowerActor, Job
from comity.actors.projecting.ask import Ask
from comity.actors.projecting.keeper import Keeper
from comity.actors.runtime.bounded import within
from comity.actors.runtime.engine_thread import check_may_wait
from comity.engine.errors import Closed, Forked, ModelDamaged, OutcomeUnknown
from comity.engine.runtime.system import LONGEST

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")
T = TypeVar("T")

_log = logging.getLogger("comity")


class ProjectorActor(FollowerActor, Generic[M]):
    """Keeps one model up to date."""

    CHORES = 0.5
    """Seconds between looking for dead readers, a generation that was offered, waste, and what a
    failing disk has put off."""

    def __init__(
        self, services: Services, model: type[M], folder: ModelFolder, routes: ModelRoutes
    ) -> None:
        super().__init__(services, f"read model {model.stored_as}", model.stored_as)
        self.model = model
        self._chores_at = 0.0
        self._resumed = False
        self._forked = False
        self._asks: set[Ask[Any]] = set()
        try:
            self.keeper = Keeper(services, model, folder, routes, self._adopt_rebuild)
        except BaseException:
            self._executor.stop(0.0)
            raise
        self.keeper.start()

    # --- turns ------------------------------------------------------------------------------------

    def stepping(self) -> Follower | None:
        """The follower of the generation that answers."""
        return self.keeper.follower

    def step(self) -> float:
        """Take the next batch, and tell who waits for it."""
        follower = self.keeper.follower
        if follower is None or follower.stopped or self.keeper.paused:
            return UNTIL_WOKEN
        rest = follower.step()
        access = self.keeper.access
        if isinstance(follower.reason, ModelDamaged):
            follower.projection.environment.note_damage()
            self._chores_at = 0.0  # then it is begun anew
            self.wake()
        elif follower.stopped:
            access.waiters.give_up(access.behind, unless=lambda: self._resumed)
        elif not follower.error:
            access.waiters.reached(follower.position)
        return rest

    def chores(self) -> None:
        """Now and then, look after the generations."""
        now = self._services.monotonic()
        if now >= self._chores_at:
            self._chores_at = now + self.CHORES
            self.keeper.look_after()

    def look_after(self) -> None:
        """What is done by the clock, a few times a second."""
        self.keeper.access.reader.expire(self._services.policy.snapshot)
        self.keeper.access.waiters.expire(self.keeper.access.behind)
        if self._services.monotonic() >= self._chores_at:
            self.wake()

    def close(self, timeout: float) -> None:
        """Put everything on the disk and let go of it: when `project` returns, if it hangs."""
        until = self._services.monotonic() + timeout
        jobs = [job for job in self.drain() if not _refused(job)]
        rebuild = self.keeper.rebuild
        ended = rebuild is None or rebuild.end(timeout)
        ended = self._executor.stop(max(0.1, until - self._services.monotonic())) and ended
        self.keeper.access.hub.close()
        self.keeper.access.waiters.close(self.keeper.access.behind)
        for ask in list(self._asks):
            ask.end(OutcomeUnknown(f"the domain was closed while {self.actor_urn} was at it"))
        # LMDB would wait, for as long as that takes, until the transaction that is open has ended.
        left = max(0.1, until - self._services.monotonic()) if ended else 0.0
        if not within(self._services.runtime, left, lambda: self._let_go(jobs)):
            name = self.model.stored_as
            _log.error("%s is held up, in `project` or by the disk: it is let go of later", name)

    def _let_go(self, jobs: Sequence[Job]) -> None:
        self._executor.stop(LONGEST)
        for job in jobs:  # on this thread, now that the projector's own does nothing any more
            job()
        self.keeper.let_go()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._retired = self._forked = True
        self.keeper.abandon()

    def _adopt_rebuild(self) -> None:
        """On the thread of a rebuild that is done."""
        self.deliver([self.keeper.adopt_rebuild])  # where the domain closes: next time

    # --- what is asked ----------------------------------------------------------------------------

    def go_on(self) -> None:
        """Go on, also where the model has stopped."""
        self.keeper.paused = False
        self._resumed = True  # who waits from now on is not told why it stood
        self.deliver([self._try_again])
        self.keeper.go_on()

    def _try_again(self) -> None:
        self._resumed = False
        self.rest_no_more()
        if self.keeper.follower:
            self.keeper.follower.try_again()

    def ask(self, function: Callable[[], T]) -> T:
        """Run a function on the projector's thread, between two batches.

        Raises:
            WiringError: called on that thread, or another of the engine's.
            Closed, Forked: the domain was closed before its turn came, or this is a fork.
            OutcomeUnknown: it was closed while the function ran.
        """
        check_may_wait()
        ask = Ask(function, self.actor_urn, self._services.runtime)
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
    """Whether somebody waits for it, and now in vain."""
    if not isinstance(job, Ask):
        return False
    ask = cast("Ask[object]", job)
    ask.end(Closed("the domain was closed before this was done; open it again to go on"))
    return True
