"""One model in one domain: the domain leads it, or stands by while another process does.

A projector's thread calls it between two batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.projecting.leader import Leader
from comity.actors.projecting.standby import Standby
from comity.actors.projecting.succession import Succession
from comity.actors.reading.access import Access
from comity.engine.errors import ComityError, LedElsewhere
from comity.readmodels.generations.reader import Reader
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.binding import Lag

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.model_follower import ModelFollower
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.actors.projecting.rebuild import Rebuild
    from comity.actors.reading.lookout import Lookout
    from comity.engine.files.writer_lock import WriterLock
    from comity.engine.sharing.lease import Lease
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

_log = logging.getLogger("comity")


class Keeper(Generic[M]):
    """Leads the model if nobody does, else stands by: reads the leader's tables, and takes over.

    Its access, with all that wait and watch, stays the same when it begins or ceases to lead.

    Args:
        services: the domain's services.
        model: the model's class.
        folder: the model's folder.
        routes: the events that the model listens to.
        wake: lets the projector's thread call `check_lead`.
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
        self._services = services
        self._lookout = lookout
        self._complained = ""
        self._alone: Leader[M] | None = None
        """The leader, if the journal is not shared."""
        self._succession: Succession[M] | None = None
        reader = Reader(model, folder, lag=self.lag, builds=lookout is not None)
        self.access = access = Access(services.runtime, reader, self)
        self._standby = Standby(services.runtime, reader, self.lag, self.wanted, access)

        def lead(lease: Lease | WriterLock, home: ModelFolder) -> Leader[M]:
            return Leader(services, access, home, lease, routes, built)

        folder.make()
        try:
            if lookout is None:
                self._alone = _leader_alone(folder, lead)
            else:
                self._succession = Succession(services, folder, self._standby, lookout, lead, wake)
                self._succession.begin()
        except BaseException:
            reader.close()
            raise

    def start(self) -> None:
        """Continue the rebuild that was found, if there is one."""
        if self.leader is not None:
            self.leader.start()

    def look_after(self) -> None:
        """Look after the generations; as a standby, look whether the leader has ended."""
        if self.leader is not None:
            self.leader.look_after()
        if self._succession is None:
            return
        try:
            self._succession.look_after()
            self._complained = ""
        except (ComityError, OSError) as error:
            if self._complained != str(error):
                _log.warning("%s: %s", self.model.stored_as, error)
            self._complained = str(error)

    def check_lead(self) -> None:
        """Lead no more if another process does, or if this one cannot."""
        if self._succession is not None:
            self._succession.check_lead()

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
    def leader(self) -> Leader[M] | None:
        """Leads the model; None while another process does."""
        return self._alone if self._succession is None else self._succession.leader

    @property
    def leads(self) -> bool:
        """Whether this domain leads the model."""
        return self.leader is not None

    @property
    def led_by(self) -> str:
        """The process that leads it, in words; empty if this one does."""
        return "" if self._succession is None else self._succession.led_by

    def leading(self) -> Leader[M]:
        """The leader, to ask it for something.

        Raises:
            LedElsewhere: another process leads the model; the text names it.
        """
        if self.leader is None:
            msg = f"{self.model.stored_as} is led in {self.led_by}: ask for it there"
            raise LedElsewhere(msg)
        return self.leader

    # --- for readers ------------------------------------------------------------------------------

    def tell(self, position: int) -> None:
        """Answer readers that wait for this position, here and in other processes."""
        self.access.waiters.reached(position)
        if self._lookout is not None:
            self._lookout.call_others()

    def why(self, position: int) -> str:
        """Explain why the model has not reached this position."""
        return self._upkeep.why(position)

    def wanted(self) -> None:
        """A thread has begun to wait or to watch."""
        if self.access.reader.follows and self._lookout is not None:
            self._lookout.attend()

    def watching(self) -> AbstractContextManager[None]:
        """See `Upkeep`."""
        return self._standby.watching() if self.access.reader.follows else nullcontext()

    @property
    def _upkeep(self) -> Leader[M] | Standby[M]:
        """What keeps the tables that are read here up to date: this process, or another one."""
        leader = self.leader
        return self._standby if leader is None or self.access.reader.follows else leader

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


def _leader_alone(
    folder: ModelFolder, lead: Callable[[WriterLock, ModelFolder], Leader[M]]
) -> Leader[M]:
    """The leader of a model that no other process may lead.

    Raises:
        ModelInUse: another process leads it; the text names that process.
    """
    lock = folder.lock()
    try:
        return lead(lock, folder)
    except BaseException:
        lock.release()
        raise
