"""Verifying a journal, beside reading its pages and reading its commits with their checksums."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from benchmarks.costs.rounds import in_memory
from benchmarks.experiments.finding import Finding
from benchmarks.filled import fill
from benchmarks.proof import Wrong
from comity.engine.journal.commit_head import NO_COMMIT
from comity.engine.journal.commit_log import commits_from
from comity.engine.journal.index import Tail
from comity.engine.journal.journal_folder import TABLES
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.skimming import skim
from comity.engine.lmdb.data_pages import find_wrong
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.verifying.verify import verify

_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""
_ROUNDS: Final = 3
_EACH: Final = 100
"""The events of a board."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Seconds of CPU for a journal of a million events, the least of three rounds in turn."""
    boards = 10_000 if seconds >= _LONG else 20
    with in_memory(folder) as place:
        path = place / "journal"
        fill(path, boards, _EACH)
        size = (path / "data.mdb").stat().st_size
        pages = commits = verified = float("inf")
        for _ in range(_ROUNDS):
            pages = min(pages, _pages(path))
            commits = min(commits, _commits(path))
            verified = min(verified, _verified(path, boards * _EACH))
    return [
        Finding("the check of pages when a journal is opened", pages, "s", verified),
        Finding("reading all commits with their checksums", commits, "s", verified),
        Finding(
            "verifying structure and content", verified, "s", verified,
            f"{boards * _EACH:,} events, {size / 1e6:,.0f} MB, {size / verified / 1e6:,.0f} MB a "
            f"second; {verified / commits:.1f} times as long as reading the commits",
        ),
    ]  # fmt: skip


def _pages(path: Path) -> float:
    began = time.process_time()
    file = os.open(path / "data.mdb", os.O_RDONLY)
    wrong = find_wrong(file, (b"commits",))
    os.close(file)
    if wrong:
        raise Wrong(wrong)
    return time.process_time() - began


def _commits(path: Path) -> float:
    store = LmdbStore(
        path, TABLES, map_size=MAP_SIZE, fsync=True, mark=None, lock=None, read_only=True,
        unsealed=frozenset(name.encode() for name in TABLES),
    )  # fmt: skip
    began = time.process_time()
    last = NO_COMMIT
    with store.reading() as txn:
        for number, commit in commits_from(txn, 1):
            last = skim(number, commit, last, Tail(), {})
    took = time.process_time() - began
    store.close()
    return took


def _verified(path: Path, events: int) -> float:
    began = time.process_time()
    found = verify(path)
    if not found.is_sound or found.events != events:
        raise Wrong(f"{found.events} events, {found.faults}")
    return time.process_time() - began
