"""Plays a history: several processes on one path, of which some are killed or stopped."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.sharing.calls import History
from tests.sharing.counts import watch, watched
from tests.sharing.crew import PATIENCE, Crew, Elsewhere, Gone, Worker
from tests.sharing.hearing import end, heard, listen
from tests.sharing.judge import judged
from tests.sharing.linearizable import is_linearizable, steps_of
from tests.sharing.ways import USUAL, Setup, desks, load, look_on
from tests.sharing.worker import Opening

from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record

STOPPED = 0.3
"""Seconds for which a process is stopped."""
LOOKED = 0.4
"""Seconds for which somebody at each process looks at everything that changes."""


@dataclass(frozen=True)
class Cast:
    """Who plays, and how long."""

    processes: int = 3
    clients: int = 3
    """Of each process."""
    bursts: int = 25
    """Of each client: one to four commands that are sent without waiting."""
    keys: Sequence[str] = ("k1", "k2", "k3", "k4")
    setups: Sequence[Setup] = (USUAL,)
    """The processes have them by turns."""
    kills: int = 0
    stops: int = 0


@dataclass
class Play:
    """A history that is being played."""

    folder: Path
    seed: int
    cast: Cast
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._names = count(1)
        self._working: dict[Worker, list[Future[None]]] = {}

    @property
    def path(self) -> Path:
        """Where the journal is."""
        return self.folder / "desks"

    def play(self) -> Counter[str]:
        """Play it to the end, and judge it.

        Raises:
            AssertionError: with a sentence for each thing that is wrong.
        """
        with Crew() as crew:
            self._begin(crew, self.cast.processes)
            for _ in range(self.cast.kills):
                self._kill_one(crew)
            for _ in range(self.cast.stops):
                self._stop_one()
            self._finish()
            codes = [worker.close() for worker in self._working]
            for worker in crew.workers:
                self.history.take(worker.told)
        assert codes == [0] * len(codes), f"they ended with {codes}"
        figures = judged(self.history, records_of(self.path))
        for key in self.cast.keys:
            assert is_linearizable(steps_of(self.history, key)), f"no order explains {key}"
        return figures

    def _begin(self, crew: Crew, processes: int) -> None:
        """Let processes open the domain, and then all of them work at the same time."""
        begun = [crew.begin(*self._next()) for _ in range(processes)]
        for worker in begun:
            worker.opened.result(PATIENCE)
            worker.ask(listen)
            if self.cast.setups[0].models:
                worker.ask(watch, self.cast.keys)
        for worker in begun:
            self._working[worker] = list(self._work(worker))

    def _next(self) -> tuple[Opening, str]:
        number = next(self._names)
        return desks(self.path, self.cast.setups[number % len(self.cast.setups)]), f"p{number}"

    def _work(self, worker: Worker) -> Iterator[Future[None]]:
        screens, keys = self.folder / "screens", self.cast.keys
        for client in range(self.cast.clients):
            seed = f"{self.seed} {client}"
            yield worker.begin(load, screens, keys, seed, self.cast.bursts)
        yield worker.begin(look_on, screens, keys, LOOKED)

    def _kill_one(self, crew: Crew) -> None:
        time.sleep(self._dice.uniform(0, 0.15))
        worker = self._dice.choice(list(self._working))
        del self._working[worker]
        worker.kill()
        self._begin(crew, 1)

    def _stop_one(self) -> None:
        worker = self._dice.choice(list(self._working))
        worker.stop()
        time.sleep(STOPPED)
        worker.go_on()

    def _finish(self) -> None:
        for working in self._working.values():
            for work in working:
                with suppress(Gone):
                    work.result(2 * PATIENCE)
        for worker in self._working:
            position = worker.ask(end)
            self.history.heard.append(worker.ask(heard, position))
            if self.cast.setups[0].models:
                self.history.watched += worker.ask(watched, self.cast.keys, position)


def records_of(path: Path) -> list[Record]:
    """All records of a journal, in the order of storing."""
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return [numbered.record for numbered in journal.read_every()]
    finally:
        journal.close()


def play(folder: Path, seed: int, cast: Cast) -> Counter[str]:
    """Play a history; a fault names its seed.

    Raises:
        AssertionError: with a sentence for each thing that is wrong.
    """
    here = folder / f"history {seed}"
    here.mkdir()
    try:
        return Play(here, seed, cast).play()
    except (AssertionError, Elsewhere) as fault:
        raise AssertionError(f"seed {seed}: {fault}") from None
