"""The read model's table in SQLite, for peers that have none of their own: written in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.board import Card, Cards, Change, apply

TABLE: Final = """
    CREATE TABLE cards (
        board TEXT NOT NULL,
        card TEXT NOT NULL,
        title TEXT NOT NULL,
        column_ TEXT NOT NULL,
        assignee TEXT NOT NULL,
        PRIMARY KEY (board, card)
    ) WITHOUT ROWID;
    CREATE INDEX cards_by_assignee ON cards (assignee);
"""
REPLACE: Final = "REPLACE INTO cards (board, card, title, column_, assignee) VALUES (?, ?, ?, ?, ?)"


class RowsTable:
    """The table; one thread writes, and another may read when the first one is idle."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")  # it can be built again
        self._connection.executescript(TABLE)
        self._cards: dict[str, Cards] = {}

    def write(self, changes: Iterable[Change]) -> None:
        """Write the changed rows in one transaction, each row once."""
        changed: set[tuple[str, str]] = set()
        for change in changes:
            apply(self._cards.setdefault(change.board, {}), change)
            changed.add((change.board, change.card))
        rows = [(board, card, *self._cards[board][card]) for board, card in changed]
        self._connection.execute("BEGIN")
        self._connection.executemany(REPLACE, rows)
        self._connection.execute("COMMIT")

    def all(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return all_rows(self._connection)

    def close(self) -> None:
        """Close the store."""
        self._connection.close()


def all_rows(connection: sqlite3.Connection) -> Mapping[tuple[str, str], Card]:
    """Every row of the table."""
    found = connection.execute("SELECT board, card, title, column_, assignee FROM cards")
    return {(board, card): Card(*rest) for board, card, *rest in found}
