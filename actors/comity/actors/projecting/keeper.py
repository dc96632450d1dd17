"""One model in one domain: the domain leads it, or stands by while another process does.

A projector's thread calls it between two batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.projecting.candidate import Candidate
from comity.actors.projecting.leader import Leader
from comity.actors.reading.access import Access
from comity.actors.reading.foreign_model import ForeignModel
from comity.engine.errors import (
    ComityError,
    LedElsewhere,
    ModelDamaged,
    ModelInUse,
    NotReady,
    UnreadableEvent,
)
from comity.engine.sharing.lease import BEAT, Lease
from comity.readmodels.generations.generations import copy_in_place
from comity.readmodels.generations.reader import Reader
from comity.readmodels.projecting.lag import has_taken, lag_of
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_follower import ModelFollower
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.projecting.rebuild import Rebuild
    from comity.actors.reading.lookout import Lookout
    from comity.engine.files.writer_lock import WriterLock
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.storage.environment import Environment
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class Keeper(Generic[M]):
    """Leads the model if nobody does, else stands by: reads the leader's tables, and takes over.

    Its access, with all that wait and watch, stays the same when it begins or ceases to lead.

    Args:
        built: called on a rebuild's thread; its receiver must then call `adopt_rebuild`.
        lookout: looks at the models that this domain does not lead; None if it must lead, since
            its journal is not shared.

    Raises:
        ModelInUse: another program leads the model, and this one must; or it leads it for another
            journal.
        JournalDamaged: the model has events that the journal does not have.
    """

    def __init__(
        self,
        services: Services,
        model: type[M],
        folder: ModelFolder,
        routes: ModelRoutes,
        wake: Callable[[], None],
        built: Callable[[], None],
        lookout: Lookout | None = None,
    ) -> None:
        self.model = model
        self.folder = folder
        self.leader: Leader[M] | None = None
        """Leads the model; None while another process does."""
        self._services = services
        self._routes = routes
        self._wake = wake
        self._built = built
        self._lookout = lookout
        self._lease: Lease | None = None
        """The right to lead; None if it leads without a lease, or does not lead."""
        self._candidate = Candidate(model.schema.hash, folder, services.monotonic)
        self._compared: Environment | None = None
        """The generation of another leader that was compared with the journal."""
        self._complained = ""
        shared = lookout is not None
        reader = Reader(model, folder, lag=self.lag, builds=shared)
        self.access = Access(services.runtime, reader, self)
        self._foreign = ForeignModel(services.runtime, reader, self.lag, self.wanted, self.access)
        folder.make()
        if lookout is None:
            self._lead(folder.lock(), folder)
        else:
            self._join(lookout)

    def start(self) -> None:
        """Continue the rebuild that was found, if there is one."""
        if self.leader is not None:
            self.leader.start()

    def look_after(self) -> None:
        """Look after the generations; as a standby, look whether the leader has ended."""
        if self.leader is not None:
            self.leader.look_after()
        if self._lookout is None:
            return
        try:
            if self.leader is None:
                self._stand_by()
            elif self._candidate.home is self.folder:
                self._candidate.sweep()
            elif self._candidate.is_superseded():
                self._give_way()
            elif self.leader.complete:
                self._move()
            self._complained = ""
        except (ComityError, OSError) as error:
            if self._complained != str(error):
                _log.warning("%s: %s", self.model.stored_as, error)
            self._complained = str(error)

    def let_go(self) -> None:
        """Flush everything and close it. Call it when nothing projects any more."""
        try:
            if self.leader is not None:
                self.leader.let_go()
        finally:
            self.access.reader.close()

    def kill(self) -> None:
        """Close everything without flushing it; see `Closing.kill`."""
        if self.leader is not None:
            self.leader.kill()
        self.access.reader.close()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self.access.reader.abandon()
        if self.leader is not None:
            self.leader.abandon()

    # --- who leads --------------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this domain leads the model."""
        return self.leader is not None

    @property
    def led_by(self) -> str:
        """The process that leads it, in words; empty if this one does."""
        return "" if self.leads else self._candidate.led_by

    def leading(self) -> Leader[M]:
        """The leader, to ask it for something.

        Raises:
            LedElsewhere: another process leads the model; the text names it.
        """
        if self.leader is None:
            msg = f"{self.model.stored_as} is led in {self.led_by}: ask for it there"
            raise LedElsewhere(msg)
        return self.leader

    def tell(self, position: int) -> None:
        """Answer readers that wait for this position, here and in other processes."""
        self.access.waiters.reached(position)
        if self._lookout is not None:
            self._lookout.call_others()

    def check_lead(self) -> None:
        """Step down if another process has taken over, since this one hung; or if it cannot lead.

        It cannot if a newer program has written an event that this one cannot read.
        """
        if self._lease is None:
            return
        if not self._lease.held():
            self._step_down()
            self._candidate.stand_by()
            _log.warning(
                "%s is led in %s now: this process did not go on for a while",
                self.model.stored_as, self.led_by,
            )  # fmt: skip
        elif self._cannot_read() and self._lookout is not None and self._lookout.has_company:
            self._step_down()
            self._candidate.stand_back()
            _log.warning("%s is left to other processes, which may read more", self.folder.path)

    def _cannot_read(self) -> bool:
        follower = self.follower
        return (
            follower is not None
            and follower.stopped
            and isinstance(follower.reason, UnreadableEvent)
        )

    def _join(self, lookout: Lookout) -> None:
        """Lead, or stand by, among the processes that have the model open."""
        try:
            lease = self._candidate.first_lease()
            if lease is None or self._candidate.home is not self.folder:
                self._follow()  # tables of another version answer until those of this one can
            if lease is not None:
                self._lead(lease, self._candidate.home)
        except BaseException:
            self.access.reader.close()
            raise
        lookout.join(self._foreign)

    def _lead(self, lease: Lease | WriterLock, home: ModelFolder, *, hangs: bool = False) -> None:
        try:
            if hangs:
                copy_in_place(self.model, home, self.access.reader.opened)
            leader = Leader(self._services, self.access, home, lease, self._routes, self._built)
        except BaseException:
            lease.release()
            raise
        self.leader = leader
        if isinstance(lease, Lease):
            self._lease = lease
            self._beat(lease)

    def _beat(self, lease: Lease) -> None:
        """Show that this process does not hang, as long as it has this lease."""
        if lease is self._lease:
            if lease.beat():
                self._services.call_later(BEAT, lambda: self._beat(lease))
            else:
                self._wake()  # it steps down

    def _stand_by(self) -> None:
        """Follow the leader's generations, and take over when it has ended or hangs."""
        may_take = self._candidate.may_take()
        self._follow()
        if may_take:
            self._take_over()

    def _follow(self) -> None:
        """Open the generation that answers now, if there is one."""
        reader = self.access.reader
        try:
            reader.look()
        except (NotReady, ModelDamaged):  # its leader builds it anew
            return
        environment = reader.opened
        if environment is not None and environment is not self._compared:
            self._compare(environment)

    def _compare(self, environment: Environment) -> None:
        """Check that the other leader follows the same journal, as soon as that can be told."""
        checkpoint = self.access.reader.checkpoint()
        if checkpoint.position == 0:
            return
        if not has_taken(self._services.journal, checkpoint):
            self.access.reader.use(None)
            self.access.reader.follow()
            msg = (
                f"{self.folder.path} is led in {self.led_by}, and has the events of another "
                "journal: give this domain's models another folder, with models="
            )
            raise ModelInUse(msg)
        self._compared = environment

    def _take_over(self) -> None:
        """Lead, unless another standby is faster."""
        hangs, before = self._candidate.hangs, self._candidate.led_by
        lease = self._candidate.take()
        if lease is None:
            return
        self._foreign.look()  # the last changes of the other leader
        reader = self.access.reader
        if reader.opened is None or reader.opened.path.parent == self._candidate.home.path:
            reader.use(reader.opened)  # readers are not to open the generation that is opened here
        try:
            self._lead(lease, self._candidate.home, hangs=hangs)
        except BaseException:
            reader.follow()
            raise
        why = f"{before} hangs" if hangs else "its leader has ended"
        _log.info("%s is led here now: %s", self.model.stored_as, why)
        self._go_on(self.leading())

    def _move(self) -> None:
        """Lead in the model's folder, if nobody leads another version there any more."""
        lease = self._candidate.move()
        if lease is None:
            return
        before = self.leading()
        try:
            self.folder.swap(self.folder.copy(before.answering()))
        except BaseException:
            lease.release()
            raise
        self._lead(lease, self.folder)
        self._candidate.moved()
        before.step_down()
        _log.info("%s has moved into %s", self.model.stored_as, self.folder.path)
        self.start()

    def _give_way(self) -> None:
        """Stand by, because another process leads this version in the model's folder."""
        self._candidate.moved()
        self._step_down()

    def _go_on(self, leader: Leader[M]) -> None:
        """Go on where another leader has ended."""
        if leader.follower is not None:
            projection = leader.follower.projection
            self._foreign.end(projection.environment, projection.checkpoint.commits)
        leader.start()

    def _step_down(self) -> None:
        """Stand by from now on."""
        leader, self.leader, self._lease = self.leader, None, None
        if leader is not None:
            leader.step_down()
        self._compared = self.access.reader.opened
        self.access.reader.follow()
        self._foreign.begin()

    # --- for readers ------------------------------------------------------------------------------

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position."""
        return self._upkeep.why(position)

    def wanted(self) -> None:
        """A thread has begun to wait or to watch."""
        if self.access.reader.follows and self._lookout is not None:
            self._lookout.attend()

    def watching(self) -> AbstractContextManager[None]:
        """See `Upkeep`."""
        return self._foreign.watching() if self.access.reader.follows else nullcontext()

    @property
    def _upkeep(self) -> Leader[M] | ForeignModel[M]:
        """What keeps the tables that are read here up to date: this process, or another one."""
        leader = self.leader
        return self._foreign if leader is None or self.access.reader.follows else leader

    # --- status -----------------------------------------------------------------------------------

    def lag(self, position: int) -> Lag:
        """How far a position is behind the journal."""
        return lag_of(self._services.journal, position, self._services.now())

    def error(self) -> str:
        """Why the model or its rebuild does not go on; empty if both do."""
        if self.leader is not None:
            return self.leader.error()
        stopped = self.access.reader.stopped()
        return stopped.sentence() if stopped else self._complained

    @property
    def follower(self) -> ModelFollower | None:
        """The follower of the answering generation.

        None if no generation answers, an older program wrote it, or another process leads.
        """
        return self.leader.follower if self.leader else None

    @property
    def rebuild(self) -> Rebuild | None:
        """The rebuild that is under way here; None if there is none."""
        return self.leader.rebuild if self.leader else None

    @property
    def paused(self) -> bool:
        """Whether it is to take no more events."""
        return self.leader is not None and self.leader.paused

    def adopt_rebuild(self) -> None:
        """Let the rebuilt generation answer, if the rebuild is done."""
        if self.leader is not None:
            self.leader.adopt_rebuild()
