"""Hand-written SQLite with a lock for each board: load from memory, check, one transaction."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.board import Boards, Card, Change
from benchmarks.contender import Blocking
from benchmarks.peers.sqlite_board import SqliteBoard


class LockedSqlite(Blocking):
    """One connection with a lock: fastest, since SQLite writes one transaction at a time."""

    def __init__(self, path: Path, *, read_model: bool) -> None:
        super().__init__()
        self._store = SqliteBoard(path, read_model=read_model)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._writing = threading.Lock()

    def set_up(self, changes: Sequence[Change]) -> None:
        """Apply the changes directly."""
        self._store.set_up(changes)

    def call(self, change: Change) -> None:
        """Run one command in one transaction."""
        with self._locks[change.board], self._writing:
            self._store.decide(change)
            self._store.commit()

    def log(self) -> Iterable[Change]:
        """Read the log as stored."""
        return self._store.log()

    def boards(self) -> Boards:
        """The states in memory."""
        return self._store.states

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return self._store.rows()

    def facts(self) -> Mapping[str, float]:
        """The number of commits, one per command."""
        return {"commits": self._store.commits}

    def close(self) -> None:
        """Close the store."""
        super().close()
        self._store.connection.close()


def open_board(folder: Path, *, read_model: bool) -> LockedSqlite:
    """Open the contender in an empty folder."""
    return LockedSqlite(folder / "boards.sqlite", read_model=read_model)
