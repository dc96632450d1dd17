"""Four programs on one path, and the one that kills them.

Run as `python -m tests.crash.reaching.pack FOLDER SEED KILLS`. It forks the service and the four
programs. It kills them at random: at work, while they open, while they close, while they are
stopped. A last life is not killed, and brings everything to its end.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.crash.reaching.facts import LOADERS
from tests.crash.reaching.killer import bring_to_an_end, fork
from tests.crash.reaching.leaders import Leaders
from tests.crash.reaching.models import MODELS, Moves, Orders, fold, shown
from tests.crash.reaching.service import CHANCES, serve
from tests.crash.reaching.sharer import share

from comity.actors import ReadModels
from comity.engine import Event, NotReady, Recorded
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal

PROGRAMS = 4
STOPPED = 2.0
"""Seconds for which a program is stopped."""
STOPS = 20
"""One program is stopped for each so many kills."""
GENTLY = 0.15
"""How many are asked to close, and killed a moment later."""
AT_START = 0.15
"""How many are killed while they open."""


class Stop(NamedTuple):
    """A program was stopped; the times are those of the notes."""

    life: int
    start: int
    end: int


@dataclass
class Life:
    """A program that lives."""

    number: int
    process: int
    stopped: int = 0
    """Since when; 0: it works."""


class Pack:
    """The programs, their service, and who leads."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._path, self._place = folder / "shop", folder / "service"
        self._seed = seed
        self._dice = random.Random(seed)
        self._lives: list[Life] = []
        self._begun = 0
        self._service = 0
        self.leaders = Leaders(self._path)
        self.stops: list[Stop] = []

    def hunt(self, kills: int) -> None:
        """Kill so often; then let a last life end well."""
        ledger = self._folder / "ledger"
        self._service = fork(partial(serve, self._place, ledger, self._seed, CHANCES))
        while not self._place.exists():
            time.sleep(0.005)
        for _ in range(PROGRAMS):
            self._begin()
        for kill in range(1, kills + 1):
            self._kill_one()
            self._begin()
            if kill % STOPS == STOPS // 2:
                self._stop_one()
        self._wait(1.0)
        for life in list(self._lives):
            self._kill(life, "killed with all others")
        self._in_a_child(partial(check_models, self._path))
        self._begun += 1
        self._in_a_child(partial(bring_to_an_end, self._path, self._place, self._begun, MODELS))
        self._in_a_child(partial(check_models, self._path, whole=True))

    def clean_up(self) -> None:
        """Leave no process behind."""
        for process in [life.process for life in self._lives] + [self._service]:
            if process:
                os.kill(process, signal.SIGCONT)
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)

    def _begin(self) -> None:
        self._begun += 1
        notes = self._folder / "notes"
        live = partial(share, self._path, self._place, self._begun, self._seed, notes)
        self._lives.append(Life(self._begun, fork(live)))

    def _kill_one(self) -> None:
        chance, dice = self._dice.random(), self._dice
        if chance < AT_START:
            self._wait(dice.uniform(0, 0.08))
            self._kill(self._lives[-1], "killed")
            return
        self._wait(dice.uniform(0.05, 0.7))
        life = dice.choice(self._lives)
        if chance < AT_START + GENTLY and not life.stopped:
            os.kill(life.process, signal.SIGTERM)
            self._wait(dice.uniform(0, 0.05))
            self._kill(life, "killed while it closed", may_end=True)
        else:
            self._kill(life, "killed")

    def _kill(self, life: Life, why: str, *, may_end: bool = False) -> None:
        led = self.leaders.leading(life.process)
        os.kill(life.process, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(life.process, 0)[1])
        self._lives.remove(life)
        self.leaders.lost(led, why)
        if life.stopped:
            self.stops.append(Stop(life.number, life.stopped, time.monotonic_ns()))
        if code != -signal.SIGKILL and not (may_end and code == 0):
            sys.exit(f"life {life.number} of seed {self._seed} ended by itself, with {code}")

    def _stop_one(self) -> None:
        life = self._dice.choice([life for life in self._lives if not life.stopped])
        led = self.leaders.leading(life.process)
        os.kill(life.process, signal.SIGSTOP)
        life.stopped = time.monotonic_ns()
        self.leaders.lost(led, "stopped")

    def _wait(self, seconds: float) -> None:
        """Wait, look who leads, and let those go on that were stopped for long enough."""
        until = time.monotonic() + seconds
        while True:
            self.leaders.look({life.process for life in self._lives if not life.stopped})
            for life in self._lives:
                if life.stopped and time.monotonic_ns() - life.stopped > STOPPED * 1e9:
                    os.kill(life.process, signal.SIGCONT)
                    self.stops.append(Stop(life.number, life.stopped, time.monotonic_ns()))
                    life.stopped = 0
            if time.monotonic() >= until:
                return
            time.sleep(0.01)

    def _in_a_child(self, work: partial[None]) -> None:
        if os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1]) != 0:
            sys.exit(f"seed {self._seed}: {work.func.__name__} failed")


def check_models(path: Path, *, whole: bool = False) -> None:
    """Both models are the fold of the journal, each at its checkpoint; `whole`: at the end."""
    events = list(_events(path))
    with (
        nullcontext() if whole else suppress(NotReady),
        ReadModels.open(path, MODELS) as models,
        models.read(Orders, stale=not whole, timeout=30) as orders,
        models.read(Moves, stale=not whole, timeout=30) as moves,
    ):
        assert shown(orders, moves) == fold(events, orders.position, moves.position)


def _events(path: Path) -> list[Recorded[Event]]:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return [
            at
            for record in journal.read_all()
            for at in recorded(LOADERS[record.aggregate.type], record)
        ]
    finally:
        journal.close()


def main() -> None:
    """Hunt, and print who was stopped and how long it took others to lead."""
    folder, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    pack = Pack(folder, seed)
    try:
        pack.hunt(kills)
    finally:
        pack.clean_up()
    print(json.dumps({"stops": pack.stops, "taken": pack.leaders.taken}))


if __name__ == "__main__":
    main()
