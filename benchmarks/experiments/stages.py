"""Where does a command's time go: making, sending, deciding, committing, reading the answer?

One thread does everything, without flushes or waiting: the least that a command can take. Threads
and flushes come on top of it.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.experiments.by_hand import ByHand
from benchmarks.experiments.finding import Finding
from benchmarks.peers.comity_board import (
    Board,
    BoardCommand,
    BoardEvent,
    CardRows,
    CreateCard,
    RenameCard,
    board,
)
from benchmarks.proof import Wrong
from comity.actors import Aggregate, Domain, Pending
from comity.engine import Receipt

MANY: Final = 256
"""Commands per round: as many as an actor takes in one turn."""
_BOARDS: Final = 2_048
"""The boards of shape c; each round uses the next 256 of them, so that a state is seldom cached."""
_ROUNDS: Final = 60
"""Rounds for each second that is asked for."""
_ENGINE: Final = ("comity-pool", "comity-committer")
"""The executors of the write side; the others follow the journal."""

Handle: TypeAlias = Aggregate[Board, BoardCommand, BoardEvent]


@dataclass(frozen=True)
class Case:
    """A shape, and how its senders look at it."""

    about: str
    boards: int = 1
    cards: int = 20
    """Cards of each board."""
    senders: int = 1
    looks: bool = False
    """Whether each sender looks at its board before each round."""
    read_model: bool = False


CASES: Final[Mapping[str, Case]] = {
    "b": Case("one board, nobody has looked"),
    "b, seen": Case("one board, one sender that looked: nothing is unseen", looks=True),
    "b, merging": Case("20 senders that looked, 122 events unseen", senders=20, looks=True),
    "c": Case("2,048 boards, a command for each turn", boards=_BOARDS, cards=2),
    "c, read model": Case("the same with a read model", boards=_BOARDS, cards=2, read_model=True),
}


@dataclass
class Stages:
    """CPU seconds of each stage, of each round."""

    rounds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def time(self, stage: str, do: Callable[[], object]) -> None:
        """Do it, and keep how long it took."""
        began = time.thread_time()
        do()
        self.rounds.setdefault(stage, []).append(time.thread_time() - began)

    @property
    def least(self) -> dict[str, float]:
        """The least of all rounds, in µs per command."""
        return {stage: min(took) / MANY * 1e6 for stage, took in self.rounds.items()}

    @property
    def median(self) -> dict[str, float]:
        """The median of all rounds, in µs per command."""
        return {stage: statistics.median(took) / MANY * 1e6 for stage, took in self.rounds.items()}


def run(folder: Path, seconds: float) -> list[Finding]:
    """All cases; the figure of a stage is the least of its rounds."""
    return [
        finding
        for name in CASES
        for finding in _findings(name, measured(name, folder / name, int(seconds * _ROUNDS) + 3))
    ]


def measured(name: str, path: Path, rounds: int) -> Stages:
    """Measure one case in a thread of its own, where nothing else is on the stack.

    Raises:
        Wrong: an answer is missing, or the boards have other versions than they should.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor(1) as thread:
        warnings.filterwarnings("ignore", "unsafe_no_fsync")  # only the CPU counts here
        return thread.submit(_measured, CASES[name], path, rounds).result()


def _findings(name: str, stages: Stages) -> list[Finding]:
    least, median = stages.least, stages.median
    about = CASES[name].about
    return [
        *(
            Finding(f"{name}: {stage}", least[stage], "µs", note=f"median {median[stage]:.2f}")
            for stage in least
        ),
        Finding(f"{name}: in all", sum(least.values()), "µs", note=about),
    ]


def _measured(case: Case, path: Path, rounds: int) -> Stages:
    runtime = ByHand()
    models = [CardRows] if case.read_model else []
    with Domain.open(
        path, deciders=[board], read_models=models, runtime=runtime, unsafe_no_fsync=True
    ) as domain:
        handles = _handles(domain, case)
        gc.collect()
        gc.freeze()
        stages, sent = Stages(), 0
        for number in range(rounds):
            start = number * MANY % len(handles)
            some = list(itertools.islice(itertools.cycle(handles), start, start + MANY))
            if case.looks:
                for handle in set(some):
                    handle.look()
            _round(stages, runtime, some, [_place(case, number, one) for one in range(MANY)])
            sent += MANY
        gc.unfreeze()
        expected = case.boards * case.cards + sent
        if (position := domain.statistics().position) != expected:
            msg = f"{position:,} events; {expected:,} were expected"
            raise Wrong(msg)
        if case.read_model:
            domain.read(CardRows, after=expected, timeout=60).close()
    return stages


def _handles(domain: Domain, case: Case) -> Sequence[Handle]:
    """A handle for each board and sender; each board has its cards."""
    for number in range(case.boards):
        create = [
            CreateCard(card=f"card-{card:04}", title="at first") for card in range(case.cards)
        ]
        domain.aggregate(board, f"board-{number:04}").send_many(create).result(60)
    sessions = [domain.session(f"person-{number}") for number in range(case.senders)]
    return [
        session.aggregate(board, f"board-{number:04}")
        for number in range(case.boards)
        for session in sessions
    ]


def _place(case: Case, number: int, one: int) -> tuple[str, str]:
    """The card and the title of a command."""
    return f"card-{one % case.cards:04}", f"title {number} {one}"


def _round(
    stages: Stages, runtime: ByHand, handles: Sequence[Handle], places: Sequence[tuple[str, str]]
) -> None:
    """Take 256 commands through all stages."""
    commands: list[RenameCard] = []
    pending: list[Pending[Receipt[BoardEvent]]] = []
    stages.time("make", lambda: commands.extend(RenameCard(card=c, title=t) for c, t in places))
    pairs = list(zip(handles, commands, strict=True))
    stages.time("send", lambda: pending.extend(one.send(command) for one, command in pairs))
    for stage, name in zip(("decide", "commit"), _ENGINE, strict=True):
        executor = runtime.named(name)
        if not executor.queued:
            msg = f"{name} has nothing to do"
            raise Wrong(msg)
        stages.time(stage, executor.run)
    if followers := runtime.others(_ENGINE):
        stages.time("project", lambda: [one.run() for one in followers])
    stages.time("read", lambda: [one.result().events for one in pending])
