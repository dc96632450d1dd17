"""Says what rows from elsewhere mean, for the tests of `comity import`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from examples.board.domain import CardAdded

from comity.engine import AggregateId
from comity.evolution import ImportedCommand


def card(row: dict[str, str]) -> Iterator[ImportedCommand]:
    """A row is a card."""
    number = int(row["card"].removeprefix("c"))
    yield ImportedCommand(
        aggregate=AggregateId("board", row["board"]),
        events=[CardAdded(card=row["card"], number=number, title=row["title"], column="todo")],
        id=f"old/{row['card']}",
        time=datetime.fromisoformat(row["at"]),
    )
