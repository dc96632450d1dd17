"""The journal in memory keeps the contract of all journals; planted faults show that it bites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.journal_contract import JournalContract, lasting, turn

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.journal import Journal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result, Stale, Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()


def test_a_decision_that_did_not_know_of_a_lasting_record_is_stale() -> None:
    journal, aggregate = MemoryJournal(), AggregateId("board", "a")
    journal.append([turn(aggregate, 0, b"1"), lasting(aggregate, 1)])
    assert journal.append([turn(aggregate, 1, b"2")._replace(known=0)]) == [Stale(1)]
    assert journal.append([turn(aggregate, 1, b"2")._replace(known=1)]) == [Stored(2, 2)]


class StoresWhatFollowsAStaleEntry(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn, set())


class DoesNotLookRetriesUp(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        entries = tuple(each._replace(retry=False) for each in turn.entries)
        return super()._append(turn._replace(entries=entries), refused)


class IgnoresVersions(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn._replace(expected=self.version(turn.aggregate)), refused)


class ForgetsRefusals(MemoryJournal):
    def find(self, command_id: str) -> Record | None:
        found = super().find(command_id)
        return found if found and found.events else None


class CutsRecordsAtTheRange(MemoryJournal):
    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        return (record for record in super().read(aggregate, 0, upto) if record.version >= after)


class KeepsEverySnapshot(MemoryJournal):
    def _keep(self, snapshot: Snapshot) -> None:
        self._snapshots[snapshot.aggregate] = snapshot


@pytest.mark.parametrize(
    ("faulty", "case"),
    [
        (
            StoresWhatFollowsAStaleEntry,
            JournalContract.test_a_stale_entry_makes_later_ones_of_its_aggregate_stale,
        ),
        (
            StoresWhatFollowsAStaleEntry,
            JournalContract.test_a_repeated_entry_makes_later_ones_of_its_aggregate_stale,
        ),
        (DoesNotLookRetriesUp, JournalContract.test_a_retry_of_a_known_id_gets_the_record),
        (
            IgnoresVersions,
            JournalContract.test_an_entry_decided_on_an_older_version_is_stale,
        ),
        (ForgetsRefusals, JournalContract.test_a_refusal_is_found_by_its_id),
        (CutsRecordsAtTheRange, JournalContract.test_a_range_inside_one_record_gives_that_record),
        (
            KeepsEverySnapshot,
            JournalContract.test_an_older_snapshot_does_not_replace_a_newer_one,
        ),
    ],
)
def test_the_contract_notices_a_journal_that(faulty: type[MemoryJournal], case: object) -> None:
    assert callable(case)
    with pytest.raises(AssertionError):
        case(JournalContract(), faulty())
