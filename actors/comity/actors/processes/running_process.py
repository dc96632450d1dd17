"""A process in a domain: its agenda and its runner, which begin and end together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from comity.actors.processes.agenda import agenda_of
from comity.actors.processes.agenda_actor import AgendaActor
from comity.actors.processes.agenda_routes import AgendaRoutes
from comity.actors.processes.installing import start_of
from comity.actors.processes.process_status import AgendaFigures, ProcessState, ProcessStatus
from comity.actors.processes.runner import Runner
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine.errors import LedElsewhere, NotReady, SnapshotExpired, StorageFailed
from comity.readmodels.generations.model_folder import ModelFolder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comity.actors.aggregates.services import Services
    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.sending import Sending
    from comity.actors.reading.lookout import Lookout
    from comity.engine.merging.decider import AnyDecider
    from comity.readmodels.tables.binding import Lag


class RunningProcess:
    """One process of a domain. One domain runs it, among all that have the journal open.

    Args:
        services: the domain's services.
        sending: sends its commands.
        deciders: the domain's deciders.
        others: the names of the other processes.
        folder: the folder of the agendas.
        lookout: looks at agendas that other programs keep; None if there are no others.
        leases: the folder in which programs agree who runs the process; None if there are none.

    Raises:
        ModelInUse, JournalDamaged: see `Keeper`.
        StorageFailed, OutcomeUnknown: where it begins cannot be kept in the journal.
    """

    def __init__(
        self,
        services: Services,
        sending: Sending,
        deciders: Iterable[AnyDecider],
        others: Iterable[str],
        folder: Path,
        lookout: Lookout | None = None,
        leases: Path | None = None,
    ) -> None:
        self.process = sending.process
        self.sending = sending
        self._services = services
        self.agenda_class = agenda_of(self.process, start_of(services, sending))
        self.agenda = AgendaActor(
            services,
            self.agenda_class,
            ModelFolder(folder / self.agenda_class.stored_as),
            AgendaRoutes(self.agenda_class, deciders, others),
            lookout,
        )
        path = None if leases is None else leases / f"{self.agenda_class.stored_as}.lock"
        try:
            self.runner = Runner(services, sending, self.agenda, path)
        except BaseException:
            self.agenda.close(1.0)
            raise

    def snapshot(self) -> AnyAgenda:
        """A snapshot of the agenda, even while it is being built."""
        return self.agenda.keeper.access.reader.snapshot(incomplete=True)

    def status(self) -> ProcessStatus:
        """The process's status now."""
        position, figures = max(0, self.agenda.keeper.access.waiters.position), AgendaFigures()
        try:
            with self.snapshot() as agenda:
                position = agenda.position
                figures = AgendaFigures.of(agenda, self._services.now())
        except (NotReady, SnapshotExpired, StorageFailed):  # say what is known without the rows
            pass
        lag = self.agenda.keeper.lag(position)
        errands = self.runner.errands
        stuck = errands.stuck(self._services.monotonic())
        error = self.agenda.keeper.error() or errands.waits
        if not error and stuck:
            error = f"{stuck[0].key} {stuck[0].doing}: {stuck[0].reason}"
        return ProcessStatus(
            name=self.process.name,
            state="standby" if (led_by := self.led_by) else self._state(lag),
            position=position,
            lag_events=lag.events,
            lag_seconds=lag.seconds,
            **figures._asdict(),
            stuck=len({one.key for one in stuck}),
            error=error,
            led_by=led_by,
        )

    @property
    def led_by(self) -> str:
        """The program that runs it instead of this one, in words; empty without one."""
        return self.runner.lease.led_by or self.agenda.keeper.led_by

    def check_runs(self) -> None:
        """Check that no other program runs the process.

        Raises:
            LedElsewhere: another one does; the text names it.
        """
        if led_by := self.led_by:
            raise LedElsewhere(f"process {self.process.name} runs in {led_by}: ask for it there")

    def _state(self, lag: Lag) -> ProcessState:
        follower = self.agenda.keeper.follower
        if follower is not None and follower.stopped:
            return "stopped"
        if self.runner.paused:
            return "paused"
        if follower is not None and follower.error:
            return "waiting"
        if not self.agenda.is_ready:
            return "starting"
        if self.runner.errands.waits:
            return "waiting"
        return "following" if lag.events <= ModelFollower.BATCH else "catching up"

    def pause(self) -> None:
        """Begin nothing more. What has begun comes to its end; the agenda goes on."""
        self.check_runs()
        self.runner.paused = True

    def resume(self) -> None:
        """Go on after a pause, or after the agenda has stopped."""
        self.check_runs()
        self.sending.be_unsure()
        self.runner.paused = False
        self.try_again(None)

    def try_again(self, key: str | None) -> None:
        """Try at once what rests after a failure: of one instance, or of all."""
        self.check_runs()
        self.agenda.go_on()
        self.runner.hurry(key)

    def look_after(self) -> None:
        """Do the periodic work."""
        self.agenda.look_after()
        self.runner.look_after()

    def close(self, timeout: float) -> None:
        """Flush and close the agenda, and let another program run the process."""
        try:
            self.agenda.close(timeout)
        finally:
            self.runner.lease.release()

    def kill(self) -> None:
        """End as a killed process does; see `Closing.kill`."""
        self.runner.kill()
        self.agenda.kill()
        self.runner.lease.release()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self.runner.kill()
        self.agenda.abandon()
        self.runner.lease.abandon()
