"""What an open domain gives to those who look at it and operate it; `Domain` extends it.

Its read models, outlets and processes; its figures and health; backups and room.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from comity.actors.operating.backing_up import back_up_domain
from comity.actors.operating.compacting import compact_open
from comity.actors.operating.health_limits import USUAL, HealthLimits
from comity.actors.processes.process_handle import ProcessHandle
from comity.engine.messages.message import Event

if TYPE_CHECKING:
    from comity.actors.assembly.assembly import Assembly
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.deliverer import Deliverer
    from comity.actors.delivering.outlet_status import OutletStatus
    from comity.actors.observing.statistics import Statistics
    from comity.actors.operating.health import Health
    from comity.actors.processes.process_status import ProcessStatus
    from comity.actors.projecting.model_status import ModelStatus
    from comity.actors.projecting.projector import Projector
    from comity.actors.reading.access import After
    from comity.actors.reading.watch import Watch
    from comity.actors.runtime.pending import Pending
    from comity.engine.backups.backed_up import BackedUp
    from comity.engine.backups.progress import ShowBackup
    from comity.engine.compacting.progress import Show
    from comity.engine.compacting.tidying import Tidied
    from comity.engine.processes.process import Process
    from comity.readmodels.tables.query import Selection
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.row import Row

S = TypeVar("S")
E = TypeVar("E", bound=Event)
M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound="Row")
O = TypeVar("O", bound="AnyOutlet")  # noqa: E741 - as M for models


class OperatedDomain:
    """The part of a domain that takes no commands. Any thread may call its methods."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    # --- read models ----------------------------------------------------------------------------

    def read(
        self, model: type[M], *, after: After = None, timeout: float = 1.0, stale: bool = False
    ) -> M:
        """Take a consistent snapshot of all tables of a model, to query it.

        It blocks no writer and no other reader. Use it in a `with` block; it expires after
        `Policy.snapshot` seconds.

        Args:
            model: the class of the model.
            after: a receipt or a position that the snapshot must include, to read your own write.
            timeout: seconds to wait until the model includes it.
            stale: when the time is over, return the newest snapshot, even of a model that is still
                being built.

        Raises:
            Behind: the model did not reach `after` in time; the text says why.
            NotReady: the model is being built for the first time.
            WiringError: the domain was opened without this model.

        Example:
            with domain.read(Cards, after=receipt) as cards:
                print(cards.by_assignee["ann"].page(limit=20).rows)
        """
        self._assembly.check_usable()
        return self._assembly.models.of(model).access.read(after, timeout, stale=stale)

    def reached(self, model: type[M], after: After, *, timeout: float = 1.0) -> Pending[int]:
        """A pending that gives the model's position once it includes `after`, or raises `Behind`.

        `await domain.reached(Cards, receipt)` waits without blocking an event loop.
        """
        self._assembly.check_usable()
        return self._assembly.models.of(model).access.reached(after, timeout)

    def watch(self, selection: Selection[R]) -> Watch[R]:
        """Watch a selection: the current rows, then each change.

        Write a selection on the model's class: `Cards.rows[key]`, `Cards.by_assignee["ann"]`,
        `Cards.rows.between(...)`, `Cards.rows.all()`.
        """
        self._assembly.check_usable()
        return self._assembly.models.watching(selection).watch(selection)

    def model(self, model: type[M]) -> Projector[M]:
        """The projector of a model: its status, rebuilding, pausing, parked events."""
        self._assembly.check_usable()
        return self._assembly.models.of(model)

    def models(self) -> Sequence[ModelStatus]:
        """The status of each read model."""
        self._assembly.check_usable()
        return [projector.status() for projector in self._assembly.models.all()]

    # --- outlets --------------------------------------------------------------------------------

    def outlet(self, outlet: O | type[O]) -> Deliverer[O]:
        """The handle of an outlet, by its class or itself: its status, pausing, parked events.

        Raises:
            WiringError: the domain was opened without it, or with several of this class.
        """
        self._assembly.check_usable()
        return self._assembly.outlets.of(outlet)

    def outlets(self) -> Sequence[OutletStatus]:
        """The status of each outlet."""
        self._assembly.check_usable()
        return [one.status() for one in self._assembly.outlets.all()]

    # --- processes ------------------------------------------------------------------------------

    def process(self, process: Process[S, E]) -> ProcessHandle[S]:
        """The handle of a process: its status, its instances, what is stuck, pausing.

        Raises:
            WiringError: the domain was opened without this process.
        """
        self._assembly.check_usable()
        return ProcessHandle(self._assembly.services, self._assembly.processes.of(process))

    def processes(self) -> Sequence[ProcessStatus]:
        """The status of each process."""
        self._assembly.check_usable()
        return [one.status() for one in self._assembly.processes.all()]

    # --- operating ------------------------------------------------------------------------------

    def statistics(self) -> Statistics:
        """Counts since the domain was opened, and its current load."""
        self._assembly.check_usable()
        return self._assembly.statistics()

    def backup(
        self,
        dest: str | os.PathLike[str],
        *,
        whole: bool = False,
        progress: ShowBackup | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> BackedUp:
        """Back up this domain into a folder, and return when that is done; the domain goes on.

        The first backup into a folder copies everything, later ones what is new. See `backup` in
        `comity.actors` for the arguments and errors. In asyncio, write
        `await asyncio.to_thread(domain.backup, "team.backup")`.

        Raises:
            Closed: the domain was closed meanwhile; the backup is sound, and the next one goes on.
        """
        assembly = self._assembly
        assembly.check_usable()
        return back_up_domain(
            assembly.journal, assembly.outlets, dest, whole=whole, progress=progress, stop=stop
        )

    def health(self, limits: HealthLimits = USUAL) -> Health:
        """Whether the domain is alive, ready and well, with the reasons if not.

        It waits for nothing and takes less than a millisecond, so that `/healthz` and `/readyz` can
        call it in an event loop. It raises nothing because of the domain: of a domain that is
        closed it says so.

        Example:
            health = domain.health()
            print(health.ready.ok, health.ready.reasons)
        """
        return self._assembly.health(limits)

    def prometheus(self, limits: HealthLimits = USUAL) -> str:
        """The figures of `statistics()`, health, and each part's status, as Prometheus reads them.

        Serve it as `PROMETHEUS_TYPE`. All figures are those of this process, but for positions,
        sizes and what a part's leader has written for all.
        """
        return self._assembly.prometheus(limits)

    def compact(
        self,
        *,
        refusals: bool = False,
        progress: Show | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Tidied:
        """Make room in the journal for what comes next; see `comity compact`, which can do more.

        Works between the domain's commits, in pieces of some milliseconds, on the caller's thread.
        Command ids and snapshots that nothing needs any more are dropped; no event ever is.

        Args:
            refusals: drop also who was refused what, and when, from before the window of ids.
            progress: is told how far it is, a few times a second.
            stop: asked again and again; True raises `Stopped`, and the next call goes on.

        Raises:
            WiringError: the journal is not in a directory.
            JournalInUse: another program compacts the journal at the same time.
            Closed, StorageFailed, OutcomeUnknown, JournalDamaged: what is done stays done.
        """
        self._assembly.check_usable()
        assembly = self._assembly
        return compact_open(
            assembly.journal, assembly.services.committer,
            refusals=refusals, progress=progress, stop=stop,
        )  # fmt: skip
