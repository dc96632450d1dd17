"""A command id that was used again, long after the journal had forgotten it, is migrated, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from comity.engine import AggregateId, Outcome
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.evolution import JournalRecord, migrate

DAY = timedelta(days=1) // timedelta(microseconds=1)
ONE, TWO = AggregateId("bill", "one"), AggregateId("bill", "two")


def entry(command_id: str, day: int) -> Entry:
    note = fold("ann", "a", None, "Pay", None, Outcome.APPLIED, {})
    paid = StoredEvent("Paid", 1, {"day": day}, stamp=0)
    return Entry(command_id, (paid,), 10**15 + day * DAY, note)


def write(path: Path, again: AggregateId) -> Record | None:
    """Use an id on day 1 and on day 30; returns what a retry gets."""
    journal = LmdbJournal.open(path)
    journal.append([Turn.of(ONE, 0, [entry("monthly~1", 1)])])
    journal.append([Turn.of(ONE, 1, [entry("other", 2)])])
    journal.append([Turn.of(again, journal.version(again), [entry("monthly~1", 30)])])
    found = journal.find("monthly~1")
    journal.close()
    return found


def same(record: JournalRecord) -> list[JournalRecord]:
    return [record]


def split(record: JournalRecord) -> list[JournalRecord]:
    return [record, record.another(AggregateId("log", "all"), *record.events)]


@pytest.mark.parametrize("again", [ONE, TWO], ids=str)
@pytest.mark.parametrize("function", [same, split])
def test_a_retry_gets_the_answer_of_the_second_use(
    tmp_path: Path, again: AggregateId, function: Callable[[JournalRecord], list[JournalRecord]]
) -> None:
    wanted = write(tmp_path / "old.db", again)
    assert migrate(tmp_path / "old.db", tmp_path / "new.db", function).complete
    copy = LmdbJournal.open(tmp_path / "new.db")
    found = copy.find("monthly~1")
    copy.close()
    assert wanted is not None
    assert found is not None
    assert (found.aggregate, found.version, found.events) == (*wanted[:2], wanted.events)
