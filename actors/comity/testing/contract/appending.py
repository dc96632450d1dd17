"""Cases of the results of `append`: of a turn, and of later turns in the same call."""

from __future__ import annotations

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import (
    TRIES,
    A,
    B,
    C,
    append,
    data,
    rising,
    told,
    turn,
    write,
)


class Appending:
    """Cases of `append`."""

    def test_a_new_journal_is_empty(self, journal: Journal) -> None:
        assert journal.position() == 0
        assert journal.version(A) == 0
        assert list(journal.read(A)) == []
        assert list(journal.read_backwards(A)) == []
        assert list(journal.read_all()) == []
        assert list(journal.aggregates()) == []
        assert journal.find("never") is None
        assert journal.snapshot(A) is None

    def test_figures_of_a_new_journal_are_zero(self, journal: Journal) -> None:
        assert journal.figures()[:4] == (0, 0, 0, 0)

    def test_appending_nothing_changes_nothing(self, journal: Journal) -> None:
        assert append(journal, []) == []
        assert journal.figures().commits == 0

    def test_one_event_takes_version_and_position_one(self, journal: Journal) -> None:
        assert told(append(journal, [turn(A, 0, b"x")])) == [("stored", 1)]

    def test_a_command_of_several_events_counts_them_all(self, journal: Journal) -> None:
        assert told(append(journal, [turn(A, 0, b"x", b"y", b"z")])) == [("stored", 3)]

    def test_the_next_turn_starts_at_the_version_of_the_last(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert told(append(journal, [turn(A, 2, b"z")])) == [("stored", 3)]

    def test_one_call_may_append_to_an_aggregate_several_times(self, journal: Journal) -> None:
        results = append(journal, [turn(A, 0, b"x"), turn(A, 1, b"y"), turn(A, 2, b"z")])
        assert told(results) == [("stored", 1), ("stored", 2), ("stored", 3)]

    def test_one_call_may_append_to_several_aggregates(self, journal: Journal) -> None:
        results = append(journal, [turn(A, 0, b"x"), turn(B, 0, b"y", b"y"), turn(A, 1, b"z")])
        assert told(results) == [("stored", 1), ("stored", 2), ("stored", 2)]

    def test_a_record_comes_back_as_the_entry_was_given(self, journal: Journal) -> None:
        given = Entry("id", (StoredEvent("moved", 3, b"\x80"),), 1_234_567, b"\x00\xff")
        append(journal, [Turn.of(A, 0, (given,))])
        (record,) = journal.read(A)
        place = journal.position() - 1
        assert record == Record(A, 0, place, "id", given.events, given.time, given.note)

    def test_a_record_comes_back_with_the_types_it_was_given(self, journal: Journal) -> None:
        write(journal, A, 1)
        (record,) = journal.read(A)
        assert isinstance(record, Record)
        assert isinstance(record.aggregate, AggregateId)
        assert isinstance(record.events, tuple)
        assert isinstance(record.events[0], StoredEvent)

    def test_a_thousand_turns_fit_in_one_call(self, journal: Journal) -> None:
        boards = [AggregateId("board", str(number)) for number in range(1_000)]
        results = append(journal, [turn(board, 0, b"x") for board in boards])
        assert told(results) == [("stored", 1)] * 1_000
        assert len(rising(journal.read_all())) == 1_000

    def test_events_and_records_are_counted_and_a_call_is_one_commit_or_several(
        self, journal: Journal
    ) -> None:
        append(journal, [turn(A, 0, b"x"), turn(B, 0, b"y"), turn(A, 1)])
        position, events, commits, records, *_ = journal.figures()
        assert (position, events, records) == (journal.position(), 2, 3)
        assert 1 <= commits <= TRIES * 3

    def test_a_turn_decided_on_an_older_version_is_stale(self, journal: Journal) -> None:
        write(journal, A, 1, 1)
        assert told(append(journal, [turn(A, 1, b"late")])) == [("stale", 2)]
        assert data(journal.read(A)) == [b"1", b"2"]

    def test_a_turn_decided_on_a_version_to_come_is_stale(self, journal: Journal) -> None:
        write(journal, A, 1)
        assert told(append(journal, [turn(A, 2, b"early")])) == [("stale", 1)]

    def test_a_turn_for_an_unknown_aggregate_at_a_version_is_stale(self, journal: Journal) -> None:
        assert told(append(journal, [turn(A, 1, b"x")])) == [("stale", 0)]
        assert journal.version(A) == 0

    def test_a_stale_refusal_is_stale_too(self, journal: Journal) -> None:
        write(journal, A, 1)
        assert told(append(journal, [turn(A, 0, command_id="no")])) == [("stale", 1)]
        assert journal.find("no") is None

    def test_a_stale_turn_does_not_stop_other_aggregates(self, journal: Journal) -> None:
        results = append(journal, [turn(A, 0, b"x"), turn(B, 7, b"y"), turn(C, 0, b"z")])
        assert told(results) == [("stored", 1), ("stale", 0), ("stored", 1)]

    def test_a_stale_turn_makes_later_ones_of_its_aggregate_stale(self, journal: Journal) -> None:
        results = append(journal, [turn(A, 0, b"1"), turn(A, 5, b"x"), turn(A, 1, b"y")])
        assert told(results) == [("stored", 1), ("stale", 1), ("stale", 1)]
        assert data(journal.read(A)) == [b"1"]

    def test_a_turn_after_a_stale_one_is_stale_even_with_a_known_id(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1", command_id="same")])
        results = append(journal, [turn(A, 9), turn(A, 1, command_id="same", retry=True)])
        assert told(results) == [("stale", 1), ("stale", 1)]

    def test_a_stale_turn_poisons_only_its_own_call(self, journal: Journal) -> None:
        append(journal, [turn(A, 5, b"x"), turn(A, 0, b"y")])
        assert told(append(journal, [turn(A, 0, b"1")])) == [("stored", 1)]

    def test_the_id_of_a_stale_turn_is_not_recorded(self, journal: Journal) -> None:
        append(journal, [turn(A, 1, b"x", command_id="stale")])
        assert journal.find("stale") is None
        again = turn(A, 0, b"x", command_id="stale", retry=True)
        assert told(append(journal, [again])) == [("stored", 1)]

    def test_a_call_with_only_stale_turns_is_no_commit(self, journal: Journal) -> None:
        append(journal, [turn(A, 1, b"x"), turn(B, 1, b"y")])
        assert journal.figures().commits == 0
