"""The journals in memory keep the contract of all journals; planted faults show that it bites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import cast

import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import Journal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Result, Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing.contract import JournalContract, following
from comity.testing.contract.making import A, entries_of, turn, until_caught_up, write
from comity.testing.log_journal import Chances, LogJournal


class TestMemoryJournal(JournalContract):
    def new_journal(self, folder: Path) -> Journal:
        return MemoryJournal()


class TestLogJournal(JournalContract):
    @pytest.fixture(params=range(3))
    def seed(self, request: pytest.FixtureRequest) -> int:
        return cast("int", request.param)

    @pytest.fixture
    def journal(self, seed: int) -> Iterator[Journal]:
        journal = LogJournal(seed)
        yield journal
        journal.close()


def test_a_log_has_gaps_and_others_in_between_and_does_not_always_answer() -> None:
    journal = LogJournal(1, Chances(others=0.3))
    kinds: set[str] = set()
    for _ in range(50):
        result, *_ = journal.append([turn(A, journal.version(A), b"x")])
        kinds.add(type(result).__name__)
        journal.recover()
    assert kinds == {"Stored", "Unknown"}
    found = list(journal.read_all())
    assert {record.aggregate.type for record in found} == {"board", "elsewhere"}
    assert journal.position() > journal.figures().events == len(found)
    assert 25 < journal.version(A) < 50  # of those that got no answer half came about


class StoresWhatFollowsAStaleTurn(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn, set())


class DoesNotLookRetriesUp(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn._replace(retries=()), refused)


class IgnoresVersions(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn._replace(expected=self.version(turn.aggregate)), refused)


class IgnoresLastingRecords(MemoryJournal):
    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        return super()._append(turn._replace(known=None), refused)


class StoresHalfATurn(MemoryJournal):
    """Each command by itself, until one is refused."""

    def _append(self, turn: Turn, refused: set[AggregateId]) -> Result:
        expected = turn.expected
        result = super()._append(Turn.of(turn.aggregate, expected, ()), refused)
        for number, entry in enumerate(entries_of(turn)):
            one = Turn.of(turn.aggregate, expected, [entry])
            result = super()._append(one, refused)
            if isinstance(result, Repeated):
                return result._replace(number=number)
            if not isinstance(result, Stored):
                return result
            expected = result.version
        return result


class ForgetsAnId(MemoryJournal):
    """Of some."""

    def _store(self, record: Record) -> None:
        super()._store(record)
        if len(self._ids) % 7 == 3:
            del self._ids[record.command_id]


class LeavesAGapInATurn(MemoryJournal):
    def _store(self, record: Record) -> None:
        super()._store(record._replace(position=record.position + len(self._every) % 2))


class WakesNobodyTheSecondTime(MemoryJournal):
    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        def once() -> None:
            stop()
            callback()

        stop = super().wake(once)
        return stop


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
        self._snapshots[snapshot.aggregate] = (snapshot,)


class LeavesRefusalsOut(MemoryJournal):
    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        return (one for one in super().read_every(after) if one.record.events)


class NumbersAnew(MemoryJournal):
    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        every = enumerate(super().read_every(after), 1)
        return (Numbered(number, record) for number, (_, record) in every)


class CountsWithoutSchema(MemoryJournal):
    def kinds(self) -> Mapping[EventKind, int]:
        counts = Counter[EventKind]()
        for kind, many in super().kinds().items():
            counts[kind._replace(schema=1)] += many
        return counts


FAULTS: dict[type[MemoryJournal], str] = {
    StoresWhatFollowsAStaleTurn: "test_a_stale_turn_makes_later_ones_of_its_aggregate_stale",
    DoesNotLookRetriesUp: "test_a_retry_of_a_known_id_gets_the_record",
    IgnoresVersions: "test_a_turn_decided_on_an_older_version_is_stale",
    IgnoresLastingRecords: "test_a_turn_that_did_not_know_of_a_lasting_record_is_stale",
    StoresHalfATurn: "test_of_a_turn_with_a_repeated_command_nothing_is_stored[1]",
    ForgetsAnId: "test_every_record_is_found_by_its_id",
    ForgetsRefusals: "test_a_refusal_is_found_by_its_id",
    CutsRecordsAtTheRange: "test_a_range_inside_one_record_gives_that_record",
    KeepsEverySnapshot: "test_an_older_snapshot_does_not_replace_a_newer_one",
    LeavesAGapInATurn: "test_the_positions_within_a_turn_have_no_gap",
    LeavesRefusalsOut: "test_every_record_is_read_in_the_order_of_storing",
    NumbersAnew: "test_numbers_rise_and_reading_goes_on_after_each",
    CountsWithoutSchema: "test_events_are_counted_by_type_name_and_schema",
    WakesNobodyTheSecondTime: "test_who_wants_to_be_woken_is_when_there_is_more",
}
"""Journals with a fault, and a case that has to fail."""


@pytest.mark.parametrize("faulty", FAULTS, ids=lambda faulty: faulty.__name__)
def test_the_contract_notices_a_journal_that(
    faulty: type[MemoryJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.1)
    name, _, parameter = FAULTS[faulty].rstrip("]").partition("[")
    case = getattr(JournalContract(), name)
    with pytest.raises(AssertionError):
        case(faulty(), int(parameter)) if parameter else case(faulty())


def test_a_journal_that_never_catches_up_fails_its_case_and_does_not_hold_it_up() -> None:
    journal = MemoryJournal()
    write(journal, A, 1)
    with pytest.raises(AssertionError, match="has not caught up"):
        until_caught_up(repeat(tuple(journal.read_all())))
