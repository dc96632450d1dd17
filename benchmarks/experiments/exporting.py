"""Taking a journal out as lines of JSON, and bringing it in again, beside reading all records.

The journal is the largest recorded history: all commands of 539 merges of one file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from examples.git_merges import merges
from examples.git_merges.domain import registry
from examples.git_merges.play import played
from examples.recordings import recording

from benchmarks.board import COLUMNS
from benchmarks.experiments.finding import Finding
from benchmarks.peers.comity_board import CreateCard, MoveCard, board
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine import WiringError
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.evolution import export_events, export_journal, import_journal

_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Seconds and megabytes of each way out and in."""
    old = folder / "old.db"
    about = _recorded(old) if seconds >= _LONG else _made(old)
    raw = _seconds(lambda: _read(old))
    findings = [Finding(f"reading all records of {about}", raw, "s")]
    for name in ("out.jsonl", "out.jsonl.gz"):
        file, new = folder / name, folder / f"{name}.db"
        out = _seconds(partial(export_journal, old, file))
        findings.append(_finding(f"export to {name}", out, raw, file))
        back = _seconds(partial(import_journal, file, new))
        proof = f"{_same(old, new):,} records are the same"
        findings.append(Finding(f"import of {name}, verified", back, "s", raw, proof))
    for name in ("flat.csv", "flat.jsonl", "flat.parquet"):
        file = folder / name
        try:
            out = _seconds(partial(export_events, old, file))
        except WiringError as error:
            findings.append(Finding(f"export to {name}", note=str(error)))
        else:
            findings.append(_finding(f"export to {name}", out, raw, file))
    return findings


def _finding(what: str, seconds: float, raw: float, file: Path) -> Finding:
    return Finding(what, seconds, "s", raw, f"{file.stat().st_size / 1e6:.1f} MB")


def _recorded(path: Path) -> str:
    with Domain.open(path, deciders=[registry], keep_commands=True) as domain:
        for _ in played(domain, merges.recorded(recording("git-merges/merges.jsonl.gz"))):
            pass
    return f"the recorded merges, {(path / 'data.mdb').stat().st_size / 1e6:.0f} MB"


def _made(path: Path) -> str:
    with Domain.open(path, deciders=[board]) as domain:
        one = domain.session("ann").aggregate(board, "b")
        one.do(CreateCard(card="c", title="title"), seen=None)
        for number in range(200):
            one.do(MoveCard(card="c", column=COLUMNS[number % len(COLUMNS)]), seen=None)
    return "a board"


def _seconds(measured: Callable[[], object]) -> float:
    began = time.perf_counter()
    measured()
    return time.perf_counter() - began


def _read(path: Path) -> int:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return sum(1 for _ in journal.read_every())
    finally:
        journal.close()


def _same(old: Path, new: Path) -> int:
    """How many records both journals have, one by one."""
    journals = [LmdbJournal.open(path, read_only=True) for path in (old, new)]
    try:
        many = 0
        for one, other in zip(*[each.read_every() for each in journals], strict=True):
            many += 1
            if one != other:
                msg = f"record {one.number} differs"
                raise Wrong(msg)
        return many
    finally:
        for each in journals:
            each.close()
