"""Merging: one client sends all commands, each with a view some events old.

`commuting`: no unseen event clashes. `rebasing`: all clash, and the command's rule accepts it.
`refusing`: all clash, and the rule refuses it. `version_column` has `against a version column`.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import version_column
from benchmarks.job import Job, Result
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending
from comity.engine import Command, Conflicted, Decider, Event, Key, Receipt, overwrite

_CARDS: Final = 128
_IN_FLIGHT: Final = 512


class RenameCard(Command):
    """Refused if it clashes."""

    card: Key[str]
    title: str


class MoveCard(Command):
    """Accepted even if it clashes."""

    card: Key[str]
    column: str
    on_conflict = overwrite


class CardRenamed(Event):
    """A card was renamed."""

    card: Key[str]
    title: str


class CardMoved(Event):
    """A card was moved."""

    card: Key[str]
    column: str


@dataclass
class Board:
    """The newest title and column of each card."""

    titles: dict[str, str] = field(default_factory=dict[str, str])
    columns: dict[str, str] = field(default_factory=dict[str, str])


def decide(board: Board, command: RenameCard | MoveCard) -> Iterator[CardRenamed | CardMoved]:
    """Give one event."""
    match command:
        case RenameCard(card=card, title=title):
            yield CardRenamed(card=card, title=title)
        case MoveCard(card=card, column=column):
            yield CardMoved(card=card, column=column)


def evolve(board: Board, event: CardRenamed | CardMoved) -> Board:
    """Apply the event."""
    match event:
        case CardRenamed(card=card, title=title):
            board.titles[card] = title
        case CardMoved(card=card, column=column):
            board.columns[card] = column
    return board


merged = Decider("merged", Board, decide, evolve)

_Answer = Pending[Receipt[CardRenamed | CardMoved]]


def run(job: Job, folder: Path) -> Result:
    """Measure one kind of merging."""
    if "clients" in job.case.options:
        return version_column.run(job, folder)
    kind, behind = job.case.options["kind"], int(job.case.options["behind"])
    with Domain.open(folder / "boards", deciders=[merged]) as domain:
        sending = Sending(domain, kind, behind)
        gc.collect()
        gc.freeze()
        sending.work(job.seconds / 3)
        done, seconds, cpu = sending.work(job.seconds)
        proof = sending.prove(domain)
    facts = {"µs CPU per command": cpu * 1e6 / done, "commands/s": done / seconds}
    return Result(seconds * 1e6 / done, "µs per command", proof, facts)


class Sending:
    """The client, and what it knows of the board."""

    def __init__(self, domain: Domain, kind: str, behind: int) -> None:
        self._handle = domain.aggregate(merged, "hot")
        self._kind = kind
        self._behind = behind
        self._numbers = itertools.count()
        self._wanted = Board()
        self._outcomes: Counter[str] = Counter()
        self.version = 0
        for number in range(64):  # the unseen events
            command = RenameCard(card="card-0", title=f"at first {number}")
            if kind == "rebasing":
                self._sent(MoveCard(card="card-0", column=f"at first {number}"), None)
            else:
                self._sent(command, None)
        self._outcomes.clear()

    def work(self, seconds: float) -> tuple[int, float, float]:
        """Commands, seconds, CPU seconds."""
        waiting: deque[_Answer] = deque()
        clock = time.perf_counter
        cpu, began, done = time.process_time(), clock(), 0
        while clock() - began < seconds:
            waiting.append(self._send())
            done += 1
            if len(waiting) >= _IN_FLIGHT:
                self._take(waiting.popleft())
        while waiting:
            self._take(waiting.popleft())
        return done, clock() - began, time.process_time() - cpu

    def prove(self, domain: Domain) -> str:
        """Check every outcome, and the board.

        Raises:
            Wrong: an outcome or the board is not as expected.
        """
        expected = "applied" if self._behind == 0 else _OUTCOMES[self._kind]
        if set(self._outcomes) != {expected}:
            msg = f"expected all outcomes to be {expected}, got {dict(self._outcomes)}"
            raise Wrong(msg)
        state, version = domain.state(self._handle), domain.version(self._handle)
        if (state, version) != (self._wanted, self.version):
            msg = f"the board at version {version} is not the fold at version {self.version}"
            raise Wrong(msg)
        return f"{self._outcomes.total():,} commands {expected}; the board is their fold"

    def _send(self) -> _Answer:
        number = next(self._numbers)
        seen = self.version - self._behind
        if self._kind == "refusing" and self._behind:
            return self._handle.send(RenameCard(card="card-0", title=f"{number}"), seen=seen)
        self.version += 1
        if self._kind == "rebasing":
            self._wanted.columns["card-0"] = f"{number}"
            return self._handle.send(MoveCard(card="card-0", column=f"{number}"), seen=seen)
        card = f"card-{1 + number % (_CARDS - 1)}"
        self._wanted.titles[card] = f"{number}"
        return self._handle.send(RenameCard(card=card, title=f"{number}"), seen=seen)

    def _sent(self, command: RenameCard | MoveCard, seen: int | None) -> None:
        self._take(self._handle.send(command, seen=seen))
        self.version += 1
        if isinstance(command, MoveCard):
            self._wanted.columns[command.card] = command.column
        else:
            self._wanted.titles[command.card] = command.title

    def _take(self, answer: _Answer) -> None:
        try:
            self._outcomes[answer.result(60).outcome.value] += 1
        except Conflicted:
            self._outcomes["conflicted"] += 1


_OUTCOMES: Final = {"commuting": "merged", "rebasing": "rebased", "refusing": "conflicted"}
