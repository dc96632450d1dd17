"""Events that nobody knows, put into a journal: of a class that was renamed, or is gone."""

from __future__ import annotations

from comity.engine import AggregateId, Outcome
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.packing import packed
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn

_NOTE = Note("ann", "", None, "Do", None, Outcome.APPLIED, {}, None, None, None).pack()


def happen(journal: Journal, aggregate: str, *names: str, schema: int = 1) -> None:
    """One command made events of these stored names, each of a page and its text."""
    id_ = AggregateId.parse(aggregate)
    data = packed({"page": "p", "text": "x"})
    stored = tuple(StoredEvent(name, schema, data) for name in names)
    version = journal.version(id_)
    entry = Entry(f"{aggregate}-{version}", stored, 1, _NOTE)
    journal.append([Turn.of(id_, version, (entry,))])
