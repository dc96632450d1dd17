"""What every journal does. An adapter's test is a subclass with a `journal` fixture.

The cases speak of what `Journal` promises and of nothing else, so they run on any adapter.
`DurableJournalContract` adds what holds where a journal outlives its process.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, islice

import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Closed
from comity.engine.journal.journal import Journal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Repeated, Result, Stale, Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Entry, Turn

A, B, C = (AggregateId("board", key) for key in "abc")

STRANGE_KEYS = (
    "a",
    "ab",
    "a\0",
    "a\0b",
    "a\0\0",
    "\0",
    "\0\0",
    "a/b",
    "a\uffff",
    "é",
    "💡",
    " ",
    "\n",
    "k" * 200,
    "\0" * 200,
    "💡" * 50,
)

_ids = (f"id-{number}" for number in count(1))


def events(*data: bytes) -> tuple[StoredEvent, ...]:
    return tuple(StoredEvent("noted", 1, each) for each in data)


def turn(
    aggregate: AggregateId,
    expected: int,
    *data: bytes,
    command_id: str | None = None,
    retry: bool = False,
    lasting: bool = False,
    time: int = 1_700_000_000_000_000,
) -> Turn:
    """A turn of one command, an event for each data; a new command id unless one is given."""
    id_ = next(_ids) if command_id is None else command_id
    entry = Entry(id_, events(*data), time, b"note", retry, lasting)
    return Turn(aggregate, expected, (entry,))


def lasting(aggregate: AggregateId, expected: int) -> Turn:
    """A turn of a command without events that belongs to the aggregate's history."""
    return turn(aggregate, expected, lasting=True)


def write(journal: Journal, aggregate: AggregateId, *sizes: int) -> None:
    """Append commands of so many events each, one call per command; data is the version."""
    for size in sizes:
        version = journal.version(aggregate)
        data = (str(version + 1 + each).encode() for each in range(size))
        (result,) = journal.append([turn(aggregate, version, *data)])
        assert isinstance(result, Stored)


def data(records: Iterable[Record]) -> list[bytes]:
    return [event.data for record in records for event in record.events]


def firsts(records: Iterable[Record]) -> list[int]:
    """The version of each record's first event."""
    return [record.version + 1 for record in records]


def positions(records: Iterable[Record]) -> list[int]:
    """The position of every event."""
    return [
        record.position + each for record in records for each in range(1, len(record.events) + 1)
    ]


def until_caught_up(following: Iterator[Sequence[Record]]) -> list[Record]:
    """The records of the batches that come before an empty one."""
    return [record for batch in iter(lambda: list(next(following)), []) for record in batch]


def versions(results: Iterable[Result]) -> list[int]:
    """Where each result says that its aggregate stands."""
    return [result.version for result in results if isinstance(result, Stored | Stale)]


CALLS: dict[str, Callable[[Journal], object]] = {
    "append nothing": lambda journal: journal.append([]),
    "append": lambda journal: journal.append([turn(A, 1, b"x")]),
    "recover": lambda journal: journal.recover(),
    "read": lambda journal: next(journal.read(A)),
    "read backwards": lambda journal: next(journal.read_backwards(A)),
    "read all": lambda journal: next(journal.read_all()),
    "follow": lambda journal: next(journal.follow()),
    "find": lambda journal: journal.find("id"),
    "version": lambda journal: journal.version(A),
    "lasting": lambda journal: journal.lasting(A),
    "position": lambda journal: journal.position(),
    "aggregates": lambda journal: next(journal.aggregates()),
    "snapshot": lambda journal: journal.snapshot(A),
    "figures": lambda journal: journal.figures(),
}
"""Every way to ask a journal something; one that has been closed refuses them all."""


class JournalContract:
    """The cases that hold for every journal."""

    # --- a new journal ---------------------------------------------------------------------

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
        figures = journal.figures()
        assert (figures.position, figures.commits, figures.records) == (0, 0, 0)

    # --- append ----------------------------------------------------------------------------

    def test_appending_nothing_changes_nothing(self, journal: Journal) -> None:
        assert journal.append([]) == []
        assert journal.figures().commits == 0

    def test_one_event_takes_version_and_position_one(self, journal: Journal) -> None:
        assert journal.append([turn(A, 0, b"x")]) == [Stored(1, 1)]

    def test_an_entry_of_several_events_counts_them_all(self, journal: Journal) -> None:
        assert journal.append([turn(A, 0, b"x", b"y", b"z")]) == [Stored(3, 3)]

    def test_the_next_entry_starts_at_the_version_of_the_last(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert journal.append([turn(A, 2, b"z")]) == [Stored(3, 3)]

    def test_one_call_may_append_to_an_aggregate_several_times(self, journal: Journal) -> None:
        results = journal.append([turn(A, 0, b"x"), turn(A, 1, b"y"), turn(A, 2, b"z")])
        assert results == [Stored(1, 1), Stored(2, 2), Stored(3, 3)]

    def test_one_call_may_append_to_several_aggregates(self, journal: Journal) -> None:
        results = journal.append([turn(A, 0, b"x"), turn(B, 0, b"y", b"y"), turn(A, 1, b"z")])
        assert results == [Stored(1, 1), Stored(2, 3), Stored(2, 4)]

    def test_a_record_comes_back_as_the_entry_was_given(self, journal: Journal) -> None:
        given = Entry("id", (StoredEvent("moved", 3, b"\x80"),), 1_234_567, b"\x00\xff")
        journal.append([Turn(A, 0, (given,))])
        (record,) = journal.read(A)
        assert record == Record(A, 0, 0, "id", given.events, given.time, given.note)

    def test_a_record_comes_back_with_the_types_it_was_given(self, journal: Journal) -> None:
        write(journal, A, 1)
        (record,) = journal.read(A)
        assert isinstance(record, Record)
        assert isinstance(record.aggregate, AggregateId)
        assert isinstance(record.events, tuple)
        assert isinstance(record.events[0], StoredEvent)

    def test_a_thousand_entries_fit_in_one_call(self, journal: Journal) -> None:
        boards = [AggregateId("board", str(number)) for number in range(1_000)]
        results = journal.append([turn(board, 0, b"x") for board in boards])
        assert results == [Stored(1, each) for each in range(1, 1_001)]
        assert positions(journal.read_all()) == list(range(1, 1_001))

    def test_a_call_counts_as_one_commit(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"x"), turn(B, 0, b"y"), turn(A, 1)])
        figures = journal.figures()
        assert (figures.position, figures.commits, figures.records) == (2, 1, 3)

    # --- stale entries -----------------------------------------------------------------------

    def test_an_entry_decided_on_an_older_version_is_stale(self, journal: Journal) -> None:
        write(journal, A, 1, 1)
        assert journal.append([turn(A, 1, b"late")]) == [Stale(2)]
        assert data(journal.read(A)) == [b"1", b"2"]

    def test_an_entry_decided_on_a_version_to_come_is_stale(self, journal: Journal) -> None:
        write(journal, A, 1)
        assert journal.append([turn(A, 2, b"early")]) == [Stale(1)]

    def test_an_entry_for_an_unknown_aggregate_at_a_version_is_stale(
        self, journal: Journal
    ) -> None:
        assert journal.append([turn(A, 1, b"x")]) == [Stale(0)]
        assert journal.version(A) == 0

    def test_a_stale_refusal_is_stale_too(self, journal: Journal) -> None:
        write(journal, A, 1)
        assert journal.append([turn(A, 0, command_id="no")]) == [Stale(1)]
        assert journal.find("no") is None

    def test_a_stale_entry_does_not_stop_other_aggregates(self, journal: Journal) -> None:
        results = journal.append([turn(A, 0, b"x"), turn(B, 7, b"y"), turn(C, 0, b"z")])
        assert results == [Stored(1, 1), Stale(0), Stored(1, 2)]

    def test_a_stale_entry_makes_later_ones_of_its_aggregate_stale(self, journal: Journal) -> None:
        results = journal.append([turn(A, 0, b"1"), turn(A, 5, b"x"), turn(A, 1, b"y")])
        assert results == [Stored(1, 1), Stale(1), Stale(1)]
        assert data(journal.read(A)) == [b"1"]

    def test_an_entry_after_a_stale_one_is_stale_even_with_a_known_id(
        self, journal: Journal
    ) -> None:
        journal.append([turn(A, 0, b"1", command_id="same")])
        results = journal.append([turn(A, 9), turn(A, 1, command_id="same", retry=True)])
        assert results == [Stale(1), Stale(1)]

    def test_a_stale_entry_poisons_only_its_own_call(self, journal: Journal) -> None:
        journal.append([turn(A, 5, b"x"), turn(A, 0, b"y")])
        assert journal.append([turn(A, 0, b"1")]) == [Stored(1, 1)]

    def test_the_id_of_a_stale_entry_is_not_recorded(self, journal: Journal) -> None:
        journal.append([turn(A, 1, b"x", command_id="stale")])
        assert journal.find("stale") is None
        again = turn(A, 0, b"x", command_id="stale", retry=True)
        assert journal.append([again]) == [Stored(1, 1)]

    def test_a_call_with_only_stale_entries_is_no_commit(self, journal: Journal) -> None:
        journal.append([turn(A, 1, b"x"), turn(B, 1, b"y")])
        assert journal.figures().commits == 0

    # --- repeated ids --------------------------------------------------------------------------

    def test_a_retry_of_a_known_id_gets_the_record(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"x", command_id="once")])
        (result,) = journal.append([turn(A, 1, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record == next(journal.read(A))

    def test_a_retry_stores_nothing(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"x", command_id="once")])
        journal.append([turn(A, 1, b"x", command_id="once", retry=True)])
        assert journal.version(A) == 1
        assert journal.figures().commits == 1

    def test_a_retry_of_an_unknown_id_is_stored(self, journal: Journal) -> None:
        result = journal.append([turn(A, 0, b"x", command_id="new", retry=True)])
        assert result == [Stored(1, 1)]

    def test_a_retry_that_is_stale_as_well_is_repeated(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"x", command_id="once")])
        write(journal, A, 1)
        (result,) = journal.append([turn(A, 0, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)

    def test_a_retry_in_the_same_call_gets_the_record(self, journal: Journal) -> None:
        first = turn(A, 0, b"x", command_id="twice", retry=True)
        second = turn(A, 1, b"x", command_id="twice", retry=True)
        stored, repeated = journal.append([first, second])
        assert stored == Stored(1, 1)
        assert isinstance(repeated, Repeated)
        assert repeated.record == next(journal.read(A))

    def test_a_retry_sent_to_another_aggregate_gets_the_record(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"x", command_id="once")])
        (result,) = journal.append([turn(B, 0, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record.aggregate == A

    def test_a_repeated_entry_makes_later_ones_of_its_aggregate_stale(
        self, journal: Journal
    ) -> None:
        journal.append([turn(A, 0, b"x", command_id="once")])
        retry = turn(A, 1, b"x", command_id="once", retry=True)
        results = journal.append([retry, turn(A, 1, b"y"), turn(B, 0, b"z")])
        assert versions(results) == [1, 1]
        assert isinstance(results[1], Stale)
        assert results[2] == Stored(1, 2)

    # --- refusals ------------------------------------------------------------------------------

    def test_a_refusal_keeps_version_and_position(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert journal.append([turn(A, 2)]) == [Stored(2, 2)]
        assert (journal.version(A), journal.position()) == (2, 2)

    def test_a_refusal_is_found_by_its_id(self, journal: Journal) -> None:
        write(journal, A, 2)
        journal.append([turn(A, 2, command_id="refused")])
        record = journal.find("refused")
        assert record is not None
        assert (record.version, record.position, record.events) == (2, 2, ())
        assert record.note == b"note"

    def test_a_repeated_refusal_gets_its_record(self, journal: Journal) -> None:
        journal.append([turn(A, 0, command_id="refused")])
        (result,) = journal.append([turn(A, 0, command_id="refused", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record.events == ()

    def test_a_refusal_by_an_unknown_aggregate_does_not_bring_it_about(
        self, journal: Journal
    ) -> None:
        journal.append([turn(A, 0)])
        assert list(journal.aggregates()) == []
        assert list(journal.read(A)) == []

    def test_refusals_are_not_among_the_events(self, journal: Journal) -> None:
        journal.append([turn(A, 0), turn(A, 0, b"1"), turn(A, 1)])
        journal.append([turn(A, 1)])
        journal.append([turn(A, 1), turn(A, 1, b"2")])
        assert data(journal.read(A)) == [b"1", b"2"]
        assert data(journal.read_backwards(A)) == [b"2", b"1"]
        assert data(journal.read_all()) == [b"1", b"2"]
        assert [len(record.events) for record in journal.read_all()] == [1, 1]

    def test_calls_of_refusals_alone_leave_the_positions_gapless(self, journal: Journal) -> None:
        for version in range(3):
            journal.append([turn(A, version)])
            journal.append([turn(B, 0), turn(C, 0)])
            journal.append([turn(A, version, b"x")])
        assert positions(journal.read_all()) == [1, 2, 3]
        assert [positions(journal.read_all(after)) for after in (1, 2, 3)] == [[2, 3], [3], []]

    def test_refusals_at_the_end_do_not_hide_what_comes_next(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"1")])
        journal.append([turn(A, 1)])
        assert list(journal.read_all(1)) == []
        journal.append([turn(A, 1)])
        journal.append([turn(A, 1, b"2")])
        assert data(journal.read_all(1)) == [b"2"]

    # --- lasting records -------------------------------------------------------------------------

    def test_a_lasting_record_is_read_after_the_one_that_made_its_version(
        self, journal: Journal
    ) -> None:
        journal.append([turn(A, 0, b"1", b"2"), lasting(A, 2), turn(A, 2), lasting(A, 2)])
        journal.append([turn(A, 2, b"3"), turn(B, 0, b"4"), lasting(A, 3)])
        told = [(record.version, len(record.events)) for record in journal.read(A)]
        assert told == [(0, 2), (2, 0), (2, 0), (2, 1), (3, 0)]
        assert list(journal.read_backwards(A)) == list(journal.read(A))[::-1]
        assert data(journal.read_all()) == [b"1", b"2", b"3", b"4"]

    @pytest.mark.parametrize(
        ("after", "upto", "many"), [(0, 1, 1), (1, 2, 2), (2, 3, 2), (3, 9, 0)]
    )
    def test_it_is_read_where_its_version_is_in_the_range(
        self, journal: Journal, after: int, upto: int, many: int
    ) -> None:
        journal.append([turn(A, 0, b"1", b"2"), lasting(A, 2), turn(A, 2, b"3"), lasting(A, 3)])
        assert len(list(journal.read(A, after, upto))) == many

    def test_lasting_records_are_counted_up_to_the_next_event(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"1")])
        assert journal.lasting(A) == 0
        journal.append([lasting(A, 1), turn(A, 1), lasting(A, 1)])
        assert (journal.lasting(A), journal.version(A), journal.lasting(B)) == (2, 1, 0)
        journal.append([turn(A, 1, b"2")])
        assert journal.lasting(A) == 0

    def test_refusals_are_counted_as_records(self, journal: Journal) -> None:
        journal.append([turn(A, 0), turn(B, 0)])
        assert journal.figures()[1:4] == (0, 1, 2)

    # --- reading one aggregate -----------------------------------------------------------------

    def test_reading_gives_the_aggregates_own_records_in_order(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"1"), turn(B, 0, b"x"), turn(A, 1, b"2")])
        journal.append([turn(B, 1, b"y"), turn(A, 2, b"3")])
        assert data(journal.read(A)) == [b"1", b"2", b"3"]
        assert data(journal.read(B)) == [b"x", b"y"]

    def test_versions_are_gapless(self, journal: Journal) -> None:
        write(journal, A, 1, 3, 2)
        assert [(record.version, len(record.events)) for record in journal.read(A)] == [
            (0, 1),
            (1, 3),
            (4, 2),
        ]

    @pytest.mark.parametrize("after", range(7))
    def test_reading_after_each_version_starts_with_the_record_that_holds_the_next(
        self, journal: Journal, after: int
    ) -> None:
        write(journal, A, 1, 3, 2)
        starts = {0: [1, 2, 5], 1: [2, 5], 2: [2, 5], 3: [2, 5], 4: [5], 5: [5], 6: []}
        assert firsts(journal.read(A, after)) == starts[after]

    @pytest.mark.parametrize("upto", range(8))
    def test_reading_upto_each_version_ends_with_the_record_that_holds_it(
        self, journal: Journal, upto: int
    ) -> None:
        write(journal, A, 1, 3, 2)
        ends = {0: 0, 1: 1, 2: 2, 3: 2, 4: 2, 5: 3, 6: 3, 7: 3}
        assert firsts(journal.read(A, upto=upto)) == [1, 2, 5][: ends[upto]]

    def test_a_range_inside_one_record_gives_that_record(self, journal: Journal) -> None:
        write(journal, A, 1, 5, 1)
        assert firsts(journal.read(A, after=2, upto=4)) == [2]

    def test_a_range_across_two_records_gives_both_whole(self, journal: Journal) -> None:
        write(journal, A, 3, 3, 3)
        assert data(journal.read(A, after=2, upto=4)) == [b"1", b"2", b"3", b"4", b"5", b"6"]

    @pytest.mark.parametrize(("after", "upto"), [(2, 2), (3, 2), (6, 9), (9, 9)])
    def test_an_empty_range_gives_nothing(self, journal: Journal, after: int, upto: int) -> None:
        write(journal, A, 6)
        assert list(journal.read(A, after, upto)) == []

    def test_reading_an_unknown_aggregate_gives_nothing(self, journal: Journal) -> None:
        write(journal, A, 1)
        assert list(journal.read(B)) == []
        assert list(journal.read(AggregateId("boards", "a"))) == []

    @pytest.mark.parametrize("upto", range(8))
    def test_reading_backwards_starts_with_the_record_that_holds_the_version(
        self, journal: Journal, upto: int
    ) -> None:
        write(journal, A, 1, 3, 2)
        ends = {0: 0, 1: 1, 2: 2, 3: 2, 4: 2, 5: 3, 6: 3, 7: 3}
        assert firsts(journal.read_backwards(A, upto)) == [1, 2, 5][: ends[upto]][::-1]

    def test_reading_backwards_is_the_reverse_of_reading(self, journal: Journal) -> None:
        write(journal, A, 1, 3, 2, 1, 1)
        assert list(journal.read_backwards(A)) == list(journal.read(A))[::-1]

    def test_reading_backwards_need_not_go_to_the_end(self, journal: Journal) -> None:
        write(journal, A, *[1] * 20)
        assert data(islice(journal.read_backwards(A), 2)) == [b"20", b"19"]

    def test_a_long_history_is_read_whole_from_anywhere(self, journal: Journal) -> None:
        for base in range(0, 3_000, 100):
            journal.append([turn(A, base + each, b"%d" % (base + each)) for each in range(100)])
        everything = [b"%d" % each for each in range(3_000)]
        assert data(journal.read(A)) == everything
        assert data(journal.read_backwards(A)) == everything[::-1]
        for after in (1, 1_000, 1_023, 1_024, 1_025, 2_047, 2_048, 2_998):
            assert data(journal.read(A, after)) == everything[after:]
            assert data(journal.read(A, 500, after)) == everything[500:after]
            assert data(journal.read_backwards(A, after)) == everything[:after][::-1]

    def test_records_of_thousands_of_events_are_found_from_each_version(
        self, journal: Journal
    ) -> None:
        write(journal, A, 1_000, 2_500, 1, 5_000, 10)
        starts = [0, 1_000, 3_500, 3_501, 8_501]
        for after in (0, 999, 1_000, 1_024, 3_000, 3_499, 3_500, 3_501, 5_000, 8_500, 8_505):
            first = next(journal.read(A, after))
            assert first.version == max(start for start in starts if start <= after)
            last = next(journal.read_backwards(A, after + 1))
            assert last == first

    # --- reading everything --------------------------------------------------------------------

    def test_positions_are_gapless_over_all_aggregates(self, journal: Journal) -> None:
        write(journal, A, 1, 2)
        write(journal, B, 3)
        journal.append([turn(A, 3, b"x"), turn(C, 0, b"y", b"z")])
        assert positions(journal.read_all()) == list(range(1, 10))
        assert journal.position() == 9

    @pytest.mark.parametrize("after", range(8))
    def test_reading_all_after_each_position_starts_with_the_record_that_holds_the_next(
        self, journal: Journal, after: int
    ) -> None:
        journal.append([turn(A, 0, b"1"), turn(B, 0, b"2", b"3", b"4")])
        journal.append([turn(A, 1, b"5"), turn(A, 2, b"6", b"7")])
        starts = [1, 2, 5, 6]
        inside = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3, 7: 4}
        firsts_ = [record.position + 1 for record in journal.read_all(after)]
        assert firsts_ == starts[inside[after] :]

    def test_reading_all_beyond_the_end_gives_nothing(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert list(journal.read_all(100)) == []

    def test_reading_all_gives_the_records_that_reading_gives(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"1"), turn(B, 0, b"2"), turn(A, 1, b"3")])
        assert [record for record in journal.read_all() if record.aggregate == A] == list(
            journal.read(A)
        )

    def test_following_gives_what_there_is_and_then_an_empty_batch(self, journal: Journal) -> None:
        write(journal, A, 1, 1)
        following = journal.follow()
        assert data(until_caught_up(following)) == [b"1", b"2"]
        assert list(next(following)) == []

    def test_following_gives_what_comes_later(self, journal: Journal) -> None:
        following = journal.follow()
        assert list(next(following)) == []
        write(journal, A, 1)
        assert data(until_caught_up(following)) == [b"1"]
        write(journal, A, 2)
        assert data(until_caught_up(following)) == [b"2", b"3"]

    def test_following_passes_over_refusals(self, journal: Journal) -> None:
        following = journal.follow()
        journal.append([turn(A, 0)])
        assert list(next(following)) == []
        journal.append([turn(A, 0)])
        journal.append([turn(A, 0), turn(A, 0, b"1")])
        assert data(next(following)) == [b"1"]

    def test_following_from_a_position_starts_after_it(self, journal: Journal) -> None:
        write(journal, A, 1, 1, 1)
        assert data(next(journal.follow(2))) == [b"3"]

    def test_following_from_inside_a_record_gives_it_once(self, journal: Journal) -> None:
        write(journal, A, 3)
        assert positions(until_caught_up(journal.follow(1))) == [1, 2, 3]

    def test_following_from_a_position_to_come_waits_for_it(self, journal: Journal) -> None:
        write(journal, A, 1)
        following = journal.follow(2)
        assert list(next(following)) == []
        write(journal, A, 1)
        assert list(next(following)) == []
        write(journal, A, 1)
        assert data(next(following)) == [b"3"]

    # --- aggregates ----------------------------------------------------------------------------

    def test_aggregates_come_in_order_with_their_versions(self, journal: Journal) -> None:
        card = AggregateId("card", "a")
        long_type = AggregateId("board-of-directors", "a")
        for aggregate, size in [(card, 1), (B, 2), (long_type, 3), (A, 4), (B, 1)]:
            write(journal, aggregate, size)
        assert list(journal.aggregates()) == [(A, 4), (B, 3), (long_type, 3), (card, 1)]

    def test_many_aggregates_are_listed_in_order(self, journal: Journal) -> None:
        boards = [AggregateId("board", f"{number:05}") for number in range(2_000)]
        journal.append([turn(board, 0, b"x") for board in reversed(boards)])
        journal.append([turn(board, 1, b"y") for board in boards[::3]])
        assert list(journal.aggregates()) == [
            (board, 1 + (number % 3 == 0)) for number, board in enumerate(boards)
        ]

    def test_aggregates_with_strange_keys_stay_apart(self, journal: Journal) -> None:
        for number, key in enumerate(STRANGE_KEYS):
            board = AggregateId("board", key)
            journal.append([turn(board, 0, str(number).encode()), turn(board, 1, b"again")])
        for number, key in enumerate(STRANGE_KEYS):
            board = AggregateId("board", key)
            assert data(journal.read(board)) == [str(number).encode(), b"again"]
            assert journal.version(board) == 2
            assert all(record.aggregate == board for record in journal.read_backwards(board))

    def test_aggregates_with_strange_keys_are_listed_in_order(self, journal: Journal) -> None:
        boards = [AggregateId("board", key) for key in STRANGE_KEYS]
        journal.append([turn(board, 0, b"x") for board in boards])
        assert list(journal.aggregates()) == [(board, 1) for board in sorted(boards)]

    def test_the_same_key_under_two_types_is_two_aggregates(self, journal: Journal) -> None:
        other = AggregateId("boar", "da")
        write(journal, AggregateId("board", "a"), 2)
        assert journal.version(other) == 0
        assert journal.append([turn(other, 0, b"x")]) == [Stored(1, 3)]

    # --- command ids ---------------------------------------------------------------------------

    def test_every_record_is_found_by_its_id(self, journal: Journal) -> None:
        turns = [turn(A, version, b"x", command_id=f"each-{version}") for version in range(50)]
        journal.append(turns[:20])
        journal.append(turns[20:])
        for number in range(50):
            record = journal.find(f"each-{number}")
            assert record is not None
            assert (record.version, record.command_id) == (number, f"each-{number}")

    @pytest.mark.parametrize("command_id", ["i", "a\0b", "💡", "x" * 200, "\0"])
    def test_an_id_may_be_any_text(self, journal: Journal, command_id: str) -> None:
        journal.append([turn(A, 0, b"x", command_id=command_id)])
        found = journal.find(command_id)
        assert found is not None
        assert found.command_id == command_id
        assert journal.find(command_id + "x") is None

    @pytest.mark.parametrize("command_id", ["", "x" * 201, "x" * 10_000, "\ud800"])
    def test_an_id_that_cannot_be_is_not_found(self, journal: Journal, command_id: str) -> None:
        journal.append([turn(A, 0, b"x", command_id="?")])
        assert journal.find(command_id) is None

    # --- payloads ------------------------------------------------------------------------------

    def test_an_empty_payload_comes_back_empty(self, journal: Journal) -> None:
        journal.append([turn(A, 0, b"", b""), turn(A, 2, b"")])
        assert data(journal.read(A)) == [b"", b"", b""]

    def test_a_payload_of_fifty_megabytes_comes_back(self, journal: Journal) -> None:
        huge = b"0123456789abcdef" * (50 * 65_536)
        journal.append([turn(A, 0, b"small"), turn(A, 1, huge), turn(B, 0, b"small")])
        assert data(journal.read(A)) == [b"small", huge]
        assert data(journal.read_all(2)) == [b"small"]

    def test_payloads_of_every_byte_come_back(self, journal: Journal) -> None:
        every = [bytes([byte]) * (byte + 1) for byte in range(256)]
        journal.append([turn(A, 0, *every)])
        assert data(journal.read(A)) == every

    # --- snapshots -----------------------------------------------------------------------------

    def test_a_snapshot_comes_back(self, journal: Journal) -> None:
        snapshot = Snapshot(A, 1, "hash", b"state")
        journal.append([turn(A, 0, b"x")], [snapshot])
        assert journal.snapshot(A) == snapshot
        assert journal.snapshot(B) is None

    def test_a_snapshot_may_come_without_entries(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert journal.append([], [Snapshot(A, 2, "hash", b"")]) == []
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"")

    def test_a_newer_snapshot_replaces_an_older_one(self, journal: Journal) -> None:
        write(journal, A, 2)
        journal.append([], [Snapshot(A, 1, "hash", b"old"), Snapshot(B, 0, "hash", b"b")])
        journal.append([], [Snapshot(A, 2, "hash", b"new")])
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"new")
        assert journal.snapshot(B) == Snapshot(B, 0, "hash", b"b")

    def test_an_older_snapshot_does_not_replace_a_newer_one(self, journal: Journal) -> None:
        write(journal, A, 2)
        journal.append([], [Snapshot(A, 2, "hash", b"new")])
        journal.append([], [Snapshot(A, 1, "hash", b"old")])
        assert journal.snapshot(A) == Snapshot(A, 2, "hash", b"new")

    def test_a_snapshot_of_the_same_version_replaces(self, journal: Journal) -> None:
        write(journal, A, 1)
        journal.append([], [Snapshot(A, 1, "one schema", b"old")])
        journal.append([], [Snapshot(A, 1, "another", b"new")])
        assert journal.snapshot(A) == Snapshot(A, 1, "another", b"new")

    def test_a_snapshot_of_a_version_that_did_not_come_about_is_not_kept(
        self, journal: Journal
    ) -> None:
        results = journal.append([turn(A, 3, b"x")], [Snapshot(A, 4, "hash", b"dream")])
        assert results == [Stale(0)]
        assert journal.snapshot(A) is None

    # --- at the same time ----------------------------------------------------------------------

    def test_an_iteration_goes_on_while_events_are_appended(self, journal: Journal) -> None:
        write(journal, A, *[1] * 10)
        reading, everything = journal.read(A), journal.read_all()
        begun = data(islice(reading, 5)), data(islice(everything, 5))
        write(journal, A, *[1] * 10)
        write(journal, B, 1)
        assert (begun[0] + data(reading))[:10] == [b"%d" % each for each in range(1, 11)]
        assert (begun[1] + data(everything))[:10] == [b"%d" % each for each in range(1, 11)]

    def test_an_iteration_may_be_left_unfinished(self, journal: Journal) -> None:
        write(journal, A, *[1] * 10)
        for _ in range(1_100):
            next(journal.read(A))
            next(journal.read_all())
        write(journal, A, 1)
        assert journal.version(A) == 11

    def test_readers_see_whole_commits_in_order_while_a_writer_appends(
        self, journal: Journal
    ) -> None:
        done = threading.Event()
        broken: list[str] = []

        def read() -> None:
            while not done.is_set():
                position, version = journal.position(), journal.version(B)
                seen = positions(journal.read_all())
                assert seen == list(range(1, len(seen) + 1))
                assert len(seen) >= position
                assert len(data(journal.read(A))) >= version  # A is always written first

        readers = [threading.Thread(target=_noting(broken, read)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for version in range(200):
            journal.append([turn(A, version, b"a")])
            journal.append([turn(B, version, b"b")])
        done.set()
        for reader in readers:
            reader.join()
        assert broken == []

    def test_a_receipted_event_is_there_for_every_thread(self, journal: Journal) -> None:
        broken: list[str] = []
        told = threading.Semaphore(0)

        def read() -> None:
            for version in range(1, 101):
                told.acquire()
                assert journal.version(A) >= version
                assert data(journal.read(A, version - 1, version)) == [b"%d" % version]
                assert journal.find(f"told-{version}") is not None

        reader = threading.Thread(target=_noting(broken, read))
        reader.start()
        for version in range(100):
            told_id = f"told-{version + 1}"
            journal.append([turn(A, version, b"%d" % (version + 1), command_id=told_id)])
            told.release()
        reader.join()
        assert broken == []

    # --- recover and close -----------------------------------------------------------------------

    def test_recovering_a_sound_journal_changes_nothing(self, journal: Journal) -> None:
        write(journal, A, 1, 2)
        before = list(journal.read_all())
        journal.recover()
        assert list(journal.read_all()) == before
        assert journal.append([turn(A, 3, b"4")]) == [Stored(4, 4)]

    def test_closing_twice_is_harmless(self, journal: Journal) -> None:
        journal.close()
        journal.close()

    @pytest.mark.parametrize("name", CALLS)
    def test_a_closed_journal_says_so(self, journal: Journal, name: str) -> None:
        write(journal, A, 1)
        journal.close()
        with pytest.raises(Closed):
            CALLS[name](journal)

    def test_following_a_journal_that_is_closed_meanwhile_says_so(self, journal: Journal) -> None:
        following = journal.follow()
        next(following)
        journal.close()
        with pytest.raises(Closed):
            next(following)


class DurableJournalContract(JournalContract):
    """What holds besides where a journal outlives its process: `reopen` closes and opens it."""

    def test_everything_is_there_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 1, 3, 2)
        write(journal, B, 1)
        journal.append([turn(A, 6)], [Snapshot(A, 6, "hash", b"state")])
        before = _everything(journal)
        assert _everything(reopen()) == before

    def test_versions_and_positions_go_on_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 2)
        journal.append([turn(B, 0)])
        journal = reopen()
        assert journal.append([turn(A, 2, b"3"), turn(B, 0, b"4")]) == [
            Stored(3, 3),
            Stored(1, 4),
        ]
        assert positions(journal.read_all()) == [1, 2, 3, 4]

    def test_a_stale_entry_is_stale_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        write(journal, A, 2)
        assert reopen().append([turn(A, 1, b"x")]) == [Stale(2)]

    def test_ids_are_known_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        journal.append([turn(A, 0, b"x", command_id="done"), turn(A, 1, command_id="refused")])
        journal = reopen()
        for command_id in ("done", "refused"):
            (result,) = journal.append([turn(A, 1, command_id=command_id, retry=True)])
            assert isinstance(result, Repeated)
            assert result.record.command_id == command_id

    def test_reopening_time_after_time_loses_nothing(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        for _ in range(10):
            write(journal, A, 2, 1)
            journal = reopen()
        assert data(journal.read(A)) == [b"%d" % each for each in range(1, 31)]

    @pytest.mark.parametrize("seed", range(10))
    def test_a_random_history_is_the_same_as_in_memory(
        self, journal: Journal, reopen: Callable[[], Journal], seed: int
    ) -> None:
        rng = random.Random(seed)
        memory = MemoryJournal()
        for _ in range(60):
            turns, snapshots = _random_call(rng, memory)
            assert journal.append(turns, snapshots) == memory.append(turns, snapshots)
            if rng.random() < 0.1:
                journal = reopen()
            if rng.random() < 0.2:
                assert _a_look(random.Random(seed), journal) == _a_look(random.Random(seed), memory)
        assert _everything(journal) == _everything(memory)


def _random_call(rng: random.Random, journal: Journal) -> tuple[list[Turn], list[Snapshot]]:
    """Turns and snapshots of a few aggregates; most turns fit, some are stale or repeated."""
    boards = [AggregateId("board", key) for key in ("a", "ab", "a\0")]
    stands = {board: journal.version(board) for board in boards}
    knowns = {board: journal.lasting(board) for board in boards}
    turns: list[Turn] = []
    for _ in range(rng.choice((0, 1, 1, 3, 10))):
        board = rng.choice(boards)
        entries = [_random_entry(rng) for _ in range(rng.choice((1, 1, 2, 5)))]
        given = Turn(board, stands[board], tuple(entries), rng.choice((None, knowns[board])))
        for each in entries:
            knowns[board] = 0 if each.events else knowns[board] + each.lasting
        stands[board] = given.last_version
        if rng.random() < 0.1:
            given = given._replace(expected=max(0, given.expected + rng.choice((-1, 1))))
        if rng.random() < 0.1:
            given = given._replace(known=rng.randrange(3))
        if rng.random() < 0.1:
            state = Snapshot(board, given.last_version, "hash", rng.randbytes(3))
            given = given._replace(snapshot=state)
        turns.append(given)
    snapshots = [
        Snapshot(board, rng.randrange(stands[board] + 2), "hash", rng.randbytes(3))
        for board in boards
        if rng.random() < 0.1
    ]
    return turns, snapshots


def _random_entry(rng: random.Random) -> Entry:
    stored = events(*(rng.randbytes(3) for _ in range(rng.choice((0, 1, 1, 2, 700)))))
    lasting = not stored and rng.random() < 0.7
    if rng.random() < 0.2:
        id_ = f"given-{rng.randrange(300)}"
        return Entry(id_, stored, 0, b"note", retry=True, lasting=lasting)
    return Entry(next(_ids), stored, 0, b"note", lasting=lasting)


def _a_look(rng: random.Random, journal: Journal) -> list[object]:
    """What a few random questions are answered with."""
    board = AggregateId("board", rng.choice(("a", "ab", "a\0")))
    after = rng.randrange(journal.version(board) + 2)
    return [
        list(journal.read(board, after)),
        list(journal.read(board, after, after + rng.randrange(3_000))),
        list(islice(journal.read_backwards(board, after), rng.randrange(1, 100))),
        list(islice(journal.read_all(rng.randrange(journal.position() + 2)), 5)),
        journal.find(f"given-{rng.randrange(300)}"),
        journal.snapshot(board),
        list(journal.aggregates()),
        journal.lasting(board),
    ]


def _everything(journal: Journal) -> tuple[object, ...]:
    records = list(journal.read_all())
    return (
        records,
        list(journal.aggregates()),
        [list(journal.read(aggregate)) for aggregate, _ in journal.aggregates()],
        [journal.find(record.command_id) for record in records],
        [journal.snapshot(aggregate) for aggregate, _ in journal.aggregates()],
        journal.figures()[1:4],
    )


def _noting(broken: list[str], work: Callable[[], None]) -> Callable[[], None]:
    """The work, with what it raises noted: a thread's exception is not the test's."""

    def run() -> None:
        try:
            work()
        except BaseException as error:  # for the test to see
            broken.append(repr(error))

    return run
