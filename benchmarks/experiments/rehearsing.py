"""Deciding recorded commands again, beside reading all records and sending the commands."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.board import COLUMNS
from benchmarks.costs.rounds import in_memory
from benchmarks.experiments.finding import Finding
from benchmarks.peers.comity_board import BoardCommand, CreateCard, MoveCard, RenameCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine import Journal
from comity.engine.journal.opener import LmdbOpener
from comity.evolution import rehearse

_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""
_ROUNDS: Final = 5
_BOARDS: Final = 1_000
_PEOPLE: Final = 50


def run(folder: Path, seconds: float) -> list[Finding]:
    """Microseconds of CPU for one command, the least of five rounds in turn."""
    many = 100_000 if seconds >= _LONG else 400
    findings: list[Finding] = []
    for old, about in ((0.0, "all views new"), (0.1, "every tenth view old")):
        with in_memory(folder) as path:
            sent = _record(path / "journal", many, old) / many * 1e6
            raw, again = _measure(path / "journal", many)
        findings += [
            Finding(f"reading all records, {about}", raw, "µs", again),
            Finding(f"sending the commands, {about}", sent, "µs", again),
            Finding(
                f"deciding them again, {about}", again, "µs", again,
                f"{1e6 / again:,.0f} a second; {many:,} commands, 0 differences",
            ),
        ]  # fmt: skip
    return findings


def _record(path: Path, many: int, old: float) -> float:
    """Record commands of people who look at boards; returns the CPU that it took, in seconds."""
    dice, versions = random.Random(1), [0] * _BOARDS  # noqa: S311 - no secret
    with Domain.open(path, deciders=[board], keep_commands=True) as domain:
        people = [domain.session(f"p{number}") for number in range(_PEOPLE)]
        began = time.process_time()
        for start in range(0, many, _BOARDS):
            pending = [
                (at, dice.choice(people).aggregate(board, f"b{at}").send(command, seen=seen))
                for at in range(min(_BOARDS, many - start))
                for command in [_command(dice, versions[at])]
                for seen in [_seen(dice, versions[at], old)]
            ]
            for at, answer in pending:
                versions[at] = answer.result(60).version
        return time.process_time() - began


def _command(dice: random.Random, version: int) -> BoardCommand:
    """A command that is never refused: ten cards are created, then renamed and moved."""
    card = f"card-{version % 10}"
    if version < 10:  # noqa: PLR2004 - see above
        return CreateCard(card=card, title=f"title {version}")
    if dice.random() < 0.5:  # noqa: PLR2004
        return RenameCard(card=card, title=f"title {version}")
    return MoveCard(card=card, column=dice.choice(COLUMNS))


def _seen(dice: random.Random, version: int, old: float) -> int:
    """The version that a person has seen: the newest, or one that is some changes old."""
    return max(0, version - dice.randint(1, 5)) if dice.random() < old else version


def _measure(path: Path, many: int) -> tuple[float, float]:
    """Microseconds of CPU for each command: reading its record, and deciding it again."""
    journal = LmdbOpener(path).open(read_only=True)
    try:
        costs = [
            (_cost(lambda: _read(journal, many)), _cost(lambda: _rehearse(journal, many)))
            for _ in range(_ROUNDS)
        ]
    finally:
        journal.close()
    return min(raw for raw, _ in costs) / many, min(again for _, again in costs) / many


def _cost(measured: Callable[[], None]) -> float:
    began = time.process_time()
    measured()
    return (time.process_time() - began) * 1e6


def _read(journal: Journal, many: int) -> None:
    if sum(1 for _ in journal.read_every()) != many:
        raise Wrong("records are missing")


def _rehearse(journal: Journal, many: int) -> None:
    found = rehearse(journal, [board])
    if found.rehearsed != many or not found.is_same:
        msg = f"{found.rehearsed:,} commands decided again, {found.different:,} differ"
        raise Wrong(msg)
