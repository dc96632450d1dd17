"""A process, looked at from another program and without its code. The command line uses it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from comity.actors.processes.agenda import agenda_named
from comity.actors.processes.process_status import (
    AgendaFigures,
    InstanceStatus,
    ProcessState,
    ProcessStatus,
)
from comity.actors.processes.waits import (
    MOST,
    WaitingTimer,
    Waits,
    instances_in,
    timers_in,
    waits_in,
)
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine.arguments import check_path
from comity.engine.errors import Invalid, NotReady, ReadModelError, WiringError
from comity.engine.journal.opener import Place, opener_of
from comity.engine.processes.installed import starts_in
from comity.engine.runtime.clock import Clock
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels.generations.model_folder import ModelFolder, models_folder
from comity.readmodels.generations.reader import Reader, checkpoint_of, stopped_of
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.query import Page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_rows import InstanceState
    from comity.actors.processes.errand import Stuck
    from comity.engine.journal.journal import Journal

IDLE: Final = "no program runs it now"
NO_AGENDA: Final = "its agenda is not built: open the domain with it"


def processes_in(place: Place) -> list[str]:
    """The names of the processes that a journal has.

    Args:
        place: the path that the domain is opened with.
    """
    journal = opener_of(place).open(read_only=True)
    try:
        return list(starts_in(journal))
    finally:
        journal.close()


class ProcessReader:
    """One process of a domain that is open in another program, or in none.

    What is stuck, and why, is known only in the program that runs the process.

    Example:
        with ProcessReader.open("trips.db", "trip") as trip:
            print(trip.status())
    """

    def __init__(self, name: str, journal: Journal, folder: Path, clock: Clock) -> None:
        agenda = agenda_named(name)
        self.name = name
        self.journal = journal
        self._clock = clock
        self._folder = ModelFolder(folder / agenda.stored_as)
        self._reader = Reader(agenda, self._folder)

    @classmethod
    def open(
        cls,
        place: Place,
        name: str,
        *,
        models: str | os.PathLike[str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Open a process to look at it.

        Args:
            place: the path that the domain is opened with.
            name: the process.
            models: the folder of the domain's models, unless it is the default.
            clock: the time.

        Raises:
            Invalid: the journal does not have this process; the text names those that it has.
            JournalError: the journal cannot be opened.
        """
        opener = opener_of(place)
        told = None if models is None else check_path(models, "models")
        if opener.path is None and told is None:
            msg = "this journal has no folder of its own: pass models=, the folder of the models"
            raise WiringError(msg)
        folder = models_folder(opener.path, told)
        journal = opener.open(read_only=True)
        try:
            _check_there(journal, name, str(opener))
            return cls(name, journal, folder, clock)
        except BaseException:
            journal.close()
            raise

    def agenda(self) -> AnyAgenda:
        """A snapshot of its agenda, even while it is being built; use it in a `with` block.

        Raises:
            NotReady: it is not built yet.
            ReadModelError: it cannot be read.
        """
        try:
            return self._reader.snapshot(incomplete=True)
        except NotReady:
            raise NotReady(f"{self.name}: {NO_AGENDA}") from None

    def status(self) -> ProcessStatus:
        """The process's status now; how many instances are stuck is not known, and 0."""
        position, figures, now = 0, AgendaFigures(), self._clock.now()
        led_by = self._led_by()
        state, error = self._state(led_by)
        try:
            with self.agenda() as agenda:
                position = agenda.position
                figures = AgendaFigures.of(agenda, now)
                stopped = stopped_of(agenda.binding.reading)
                if stopped is not None:
                    state, error = "stopped", stopped.sentence()
                elif state == "following" and not checkpoint_of(agenda.binding.reading).complete:
                    state = "starting"
        except NotReady as failure:
            error = str(failure)
        except ReadModelError as failure:
            error = str(failure)
        lag = lag_of(self.journal, position, now)
        if state == "following" and lag.events > ModelFollower.BATCH:
            state = "catching up"
        return ProcessStatus(
            name=self.name, state=state, position=position, lag_events=lag.events,
            lag_seconds=lag.seconds, **figures._asdict(), stuck=0, error=error, led_by=led_by,
        )  # fmt: skip

    def _state(self, led_by: str) -> tuple[ProcessState, str]:
        if not self._folder.is_begun():
            return "stopped", NO_AGENDA
        return ("following", "") if led_by else ("stopped", IDLE)

    def _led_by(self) -> str:
        look = self._folder.look()
        look.free()
        return look.holder

    def instances(
        self, state: InstanceState | None = None, *, limit: int = 100, after: str | None = None
    ) -> Page[InstanceStatus]:
        """The instances on a page; see `ProcessHandle.instances`."""
        with self.agenda() as agenda:
            return instances_in(agenda, state, limit, after)

    def waits_for(self, key: str, stuck: Sequence[Stuck] = ()) -> Waits:
        """What an instance waits for."""
        with self.agenda() as agenda:
            return waits_in(agenda, key, stuck)

    def timers(self, limit: int = MOST) -> Sequence[WaitingTimer]:
        """The timers that are set, the next one first."""
        with self.agenda() as agenda:
            return timers_in(agenda, limit)

    def close(self) -> None:
        """Close the agenda and the journal. Twice is harmless."""
        self._reader.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _check_there(journal: Journal, name: str, place: str) -> None:
    known = starts_in(journal)
    if name not in known:
        others = f"it has {', '.join(known)}" if known else "it has none"
        raise Invalid(f"{place} has no process {name}; {others}")
