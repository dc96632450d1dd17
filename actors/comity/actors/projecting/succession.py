"""Decides with other processes who leads a model: begins to lead, takes over, moves, steps down.

`Keeper` calls it on the projector's thread, between two batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from comity.actors.projecting.candidate import Candidate
from comity.engine.errors import UnreadableEvent
from comity.engine.sharing.lease import BEAT, Lease
from comity.readmodels.generations.generations import copy_in_place

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.projecting.leader import Leader
    from comity.actors.projecting.standby import Standby
    from comity.actors.reading.lookout import Lookout
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")

FOLLOW: Final = 0.5
"""Seconds between two looks of a standby for another generation, besides those of its readers. It
has the newest one open, so that it need not be checked when the leader is killed."""

_log = logging.getLogger("comity")


class Succession(Generic[M]):
    """One process among those that have a model open: it leads, or stands by.

    Args:
        services: the domain's services.
        folder: the model's folder.
        standby: reads the model while another process leads it.
        lookout: looks at the models that this domain does not lead.
        lead: makes the leader, for a lease and the folder in which it leads.
        wake: lets the projector's thread look at `check_lead`.
    """

    def __init__(
        self,
        services: Services,
        folder: ModelFolder,
        standby: Standby[M],
        lookout: Lookout,
        lead: Callable[[Lease, ModelFolder], Leader[M]],
        wake: Callable[[], None],
    ) -> None:
        self.leader: Leader[M] | None = None
        """Leads the model; None while another process does."""
        self._services = services
        self._folder = folder
        self._standby = standby
        self._lookout = lookout
        self._make_leader = lead
        self._wake = wake
        self._follow_at = 0.0
        self._lease: Lease | None = None
        """The right to lead; None while it stands by."""
        self._model = standby.access.reader.model
        self._candidate = Candidate(self._model.schema.hash, folder, services.monotonic)

    def begin(self) -> None:
        """Lead if nobody does, or stand by."""
        lease = self._candidate.first_lease()
        if lease is None or self._candidate.home is not self._folder:
            self._follow()  # tables of another version answer until those of this one can
        if lease is not None:
            self._lead(lease, self._candidate.home)
        self._lookout.join(self._standby)

    @property
    def led_by(self) -> str:
        """The process that leads, in words; empty if this one does."""
        return "" if self.leader is not None else self._candidate.led_by

    def look_after(self) -> None:
        """As a standby, look whether the leader has ended; as the leader, after other versions."""
        if self.leader is None:
            may_take, now = self._candidate.may_take(), self._services.monotonic()
            if may_take or now >= self._follow_at:
                self._follow_at = now + FOLLOW
                self._follow()
            if may_take:
                self._take_over()
        elif self._candidate.home is self._folder:
            self._candidate.sweep()
        elif self._candidate.is_superseded():
            self._candidate.moved()
            self._step_down()
        elif self.leader.complete:
            self._move(self.leader)

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
                self._model.stored_as, self.led_by,
            )  # fmt: skip
        elif self._cannot_read() and self._lookout.has_company:
            self._step_down()
            self._candidate.stand_back()
            _log.warning("%s is left to other processes, which may read more", self._folder.path)

    def _cannot_read(self) -> bool:
        follower = self.leader.follower if self.leader else None
        if follower is None or not follower.stopped:
            return False
        return isinstance(follower.reason, UnreadableEvent)

    def _follow(self) -> None:
        self._standby.follow(self._services.journal, self.led_by)

    def _lead(self, lease: Lease, home: ModelFolder, *, hangs: bool = False) -> Leader[M]:
        try:
            if hangs:
                copy_in_place(self._model, home, self._standby.access.reader.opened)
            self.leader = leader = self._make_leader(lease, home)
        except BaseException:
            lease.release()
            raise
        self._lease = lease
        self._beat(lease)
        return leader

    def _beat(self, lease: Lease) -> None:
        """Show that this process does not hang, as long as it has this lease."""
        if lease is self._lease:
            if lease.beat():
                self._services.call_later(BEAT, lambda: self._beat(lease))
            else:
                self._wake()  # it steps down

    def _take_over(self) -> None:
        """Lead, unless another standby is faster."""
        candidate, standby = self._candidate, self._standby
        hangs, before = candidate.hangs, candidate.led_by
        lease = candidate.take()
        if lease is None:
            return
        standby.let_lead(candidate.home.path)
        try:
            leader = self._lead(lease, candidate.home, hangs=hangs)
        except BaseException:
            standby.access.reader.follow()
            candidate.stand_back()
            raise
        why = f"{before} hangs" if hangs else "its leader has ended"
        _log.info("%s is led here now: %s", self._model.stored_as, why)
        standby.led(leader)
        leader.start()

    def _move(self, leader: Leader[M]) -> None:
        """Lead in the model's folder, if nobody leads another version there any more."""
        lease = self._candidate.move()
        if lease is None:
            return
        try:
            self._folder.swap(self._folder.copy(leader.answering()))
        except BaseException:
            lease.release()
            raise
        moved = self._lead(lease, self._folder)
        self._candidate.moved()
        leader.step_down()
        _log.info("%s has moved into %s", self._model.stored_as, self._folder.path)
        moved.start()

    def _step_down(self) -> None:
        """Stand by from now on."""
        leader, self.leader, self._lease = self.leader, None, None
        if leader is not None:
            leader.step_down()
        self._standby.stand_by()
