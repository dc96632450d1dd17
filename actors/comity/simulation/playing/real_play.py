"""Plays a scenario in real time: the real engine on the disk, with its own threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from comity.actors.aggregate import Aggregate
from comity.actors.domain import Domain
from comity.actors.runtime.pending import Pending
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.arguments import check_path
from comity.engine.errors import WiringError
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Receipt
from comity.engine.messages.message import Event
from comity.engine.runtime.system import monotonic
from comity.simulation.playing.cast import cast_of
from comity.simulation.playing.model_checks import ModelChecks
from comity.simulation.playing.real_time import Moving, RealClock, RealTime
from comity.simulation.playing.stage import Stage
from comity.simulation.playing.stopping import Stopping
from comity.simulation.records.run import Run
from comity.simulation.runtime import event_loop
from comity.simulation.world.broken import PromiseBroken, hold
from comity.simulation.world.promises import check_journal

if TYPE_CHECKING:
    from comity.simulation.playing.asked import Asked

GRACE: Final = 60.0
"""Simulated seconds after the working time in which people may finish; at least ten real ones."""
REPORTS: Final = 0.5
"""Real seconds between two reports of progress."""


class RealPlay:
    """One run in real time."""

    def __init__(self, asked: Asked, way: RealTime) -> None:
        if asked.faults:
            msg = "faults are played in virtual time only: play without real_time, or without them"
            raise WiringError(msg)
        if way.way == "asyncio":
            event_loop.check_none_runs()
        self._asked = asked
        self._way = way
        self._domain: Domain | None = None
        self._receipts: list[Pending[Receipt[Event]]] = []

    def play(self) -> Run:
        """Play it to its end, its first failure, or Ctrl-C."""
        with TemporaryDirectory(prefix="comity-simulation-") as temporary:
            folder = Path(temporary) / "journal"
            if self._way.folder is not None:
                folder = check_path(self._way.folder, "RealTime.folder")
            if folder.exists():
                msg = f"RealTime.folder: expected a new folder, but {folder} exists"
                raise WiringError(msg)
            return self._play(LmdbJournal.open(folder), folder / "models")

    def _play(self, journal: Journal, models: Path) -> Run:
        asked, began, clock = self._asked, monotonic(), RealClock(self._way.speed)
        stage = Stage(
            clock.now, asked.seconds, asked.deciders, lambda _: self._domain,
            invariants=asked.invariants,
        )  # fmt: skip
        stage.sent = self._note_sent
        checks = ModelChecks(
            asked.invariants, lambda: [self._domain] if self._domain else [],
            THREADS.call_soon, partial(stage.fail, "InvariantBroken"),
        )  # fmt: skip
        moving = Moving(stage, self._way.speed, goes_on=asked.goes_on)
        people = moving.add_all(cast_of(asked, stage))
        domain = Domain(
            journal, checked=asked.checked, deciders=asked.deciders, read_models=asked.read_models,
            processes=asked.processes,
            models=models if asked.read_models or asked.processes else None,
            observers=[stage.replicas, checks],
            keep_commands=self._way.folder is not None,
        )  # fmt: skip
        with Stopping() as stopping, domain:
            self._domain = domain
            stop = self._stop_if(stage, stopping, moving.is_over)
            try:
                if self._way.way == "threads":
                    moving.on_threads(stop)
                else:
                    moving.in_event_loop(stop)
            except KeyboardInterrupt:
                stopping.wanted = True
            seconds = clock.now()
            late = moving.late
            moving.end()
            if not stopping.wanted:
                self._check(stage, late, journal)
        return Run(
            scenario=asked.scenario, policy=asked.policy, seed=asked.seed, people=people,
            seconds=seconds, took=monotonic() - began, steps=0, trace="",
            attempts=tuple(sorted(stage.attempts)), story=tuple(stage.story),
            failure=stage.failure, interrupted=stopping.wanted,
        )  # fmt: skip

    def _note_sent(
        self,
        who: str,
        handle: Aggregate[object, Command, Event],
        command: Command,
        pending: Pending[Receipt[Event]],
    ) -> None:
        self._receipts.append(pending)

    def _stop_if(
        self, stage: Stage, stopping: Stopping, is_over: Callable[[], bool]
    ) -> Callable[[], bool]:
        """Return whether to stop, as a function; it reports progress now and then."""
        progress, next_report = self._asked.progress, monotonic() + REPORTS
        most = self._asked.seconds + max(GRACE, 10 * self._way.speed)

        def stop() -> bool:
            nonlocal next_report
            if progress is not None and monotonic() >= next_report:
                next_report = monotonic() + REPORTS
                progress(stage.now, len(stage.attempts))
            return stopping.wanted or stage.failure is not None or stage.now > most or is_over()

        return stop

    def _check(self, stage: Stage, late: Sequence[str], journal: Journal) -> None:
        """Check that everybody has ended, and that the journal has each receipt."""
        if stage.failure is not None:
            return
        if late:
            text = f"{len(late)} people go on after the working time: {', '.join(late[:5])}"
            stage.fail("NeverEnds", text)
        try:
            check_journal(journal)
            for pending in self._receipts:
                answer = pending.answer() if pending.done() else None
                if isinstance(answer, Receipt):
                    record = journal.find(pending.id)
                    hold(record, f"the receipt of {pending.id} is lost")
        except PromiseBroken as error:
            stage.fail("PromiseBroken", str(error))
