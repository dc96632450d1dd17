"""What a function of the user's gives for a row from elsewhere. `import_events` stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from comity.engine import AggregateId, Event


@dataclass(frozen=True, kw_only=True)
class ImportedCommand:
    """Events of one aggregate that happened at once, and who caused them.

    Example:
        def order(row: dict[str, str]) -> Iterator[ImportedCommand]:
            yield ImportedCommand(
                aggregate=AggregateId("desk", row["shop"]),
                events=[OrderPlaced(order=row["number"], item=row["item"])],
                id=f"old-shop/{row['number']}",
                time=datetime.fromisoformat(row["at"]),
                who=row["clerk"],
            )
    """

    aggregate: AggregateId
    events: Sequence[Event]
    """What happened, at least one event, of today's classes."""
    id: str
    """The command's id: the same each time for the same row, so that it is imported once."""
    time: datetime
    """When it happened, with a zone; not before the aggregate's earlier events."""
    who: str = ""
    session: str = ""
    command: str = "Import"
    """The name of the command, for those who read the history."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    version: int | None = None
    """The version of the aggregate before the events, if the source knows it: it is checked."""


ReadRow: TypeAlias = Callable[[Any], Iterable[ImportedCommand] | None]
"""Returns what a row means; nothing, if it is to be left out."""
