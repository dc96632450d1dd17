"""The common part of both hand-written SQLite peers: tables, settings, decisions, transactions."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.board import Card, Cards, Change, apply, check
from benchmarks.peers.rows_table import REPLACE, TABLE, all_rows

_EVENTS = """
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        board TEXT NOT NULL,
        version INTEGER NOT NULL,
        id BLOB NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL,
        UNIQUE (board, version)
    );
"""
_EVENT = "INSERT INTO events (board, version, id, at, kind, data) VALUES (?, ?, ?, ?, ?, ?)"


class SqliteBoard:
    """A connection, and the boards in memory, for one thread at a time."""

    def __init__(self, path: Path, *, read_model: bool) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._read_model = read_model
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA cache_size = -64000")
        self.connection.executescript(_EVENTS + TABLE)
        self.states: dict[str, Cards] = {}
        self._versions: dict[str, int] = {}
        self._events: list[tuple[str, int, bytes, float, str, str]] = []
        self._changed: set[tuple[str, str]] = set()
        self.commits = 0

    def decide(self, change: Change) -> None:
        """Check the rules, evolve the state, and keep the event for the next commit.

        Raises:
            Refused: a rule refuses the change.
        """
        name = change.board
        cards = self.states.setdefault(name, {})
        check(cards, change)
        apply(cards, change)
        version = self._versions[name] = self._versions.get(name, 0) + 1
        data = json.dumps({"card": change.card, "value": change.value})
        self._events.append((name, version, os.urandom(16), time.time(), change.kind, data))
        if self._read_model:
            self._changed.add((name, change.card))

    def version(self, board: str) -> int:
        """How many events the board has had."""
        return self._versions.get(board, 0)

    def commit(self) -> None:
        """Write the kept events in one flushed transaction, each row once."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        self.connection.executemany(_EVENT, self._events)
        if self._changed:
            rows = [(board, card, *self.states[board][card]) for board, card in self._changed]
            self.connection.executemany(REPLACE, rows)
            self._changed.clear()
        execute("COMMIT")
        self._events.clear()
        self.commits += 1

    def set_up(self, changes: Sequence[Change]) -> None:
        """Apply the changes in one transaction."""
        for change in changes:
            self.decide(change)
        self.commit()

    def log(self) -> Iterable[Change]:
        """Read the log as stored."""
        found = self.connection.execute("SELECT board, kind, data FROM events ORDER BY position")
        for name, kind, data in found:
            fields = json.loads(data)
            yield Change(name, kind, fields["card"], fields["value"])

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return all_rows(self.connection)
