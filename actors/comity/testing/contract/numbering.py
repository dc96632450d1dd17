"""Cases of reading every record with its number, and of counting the events of each kind."""

from __future__ import annotations

from collections.abc import Callable

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.journal import Journal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import (
    A,
    B,
    append,
    joined,
    lasting,
    new_id,
    told,
    turn,
    write,
)

CARD = AggregateId("card", "a")


class Numbering:
    """Cases of `read_every` and `kinds`."""

    def test_every_record_is_read_in_the_order_of_storing(self, journal: Journal) -> None:
        given = [turn(A, 0, b"1"), turn(B, 0), joined(turn(A, 1), turn(A, 1, b"2")), lasting(A, 2)]
        for each in given:
            append(journal, [each])
        ids = [id_ for each in given for id_ in each.ids]
        assert [record.command_id for _, record in journal.read_every()] == ids

    def test_every_record_is_the_one_that_is_found_by_its_id(self, journal: Journal) -> None:
        append(journal, [joined(turn(A, 0, b"1"), turn(A, 1), lasting(A, 1)), turn(B, 0)])
        for _, record in journal.read_every():
            assert journal.find(record.command_id) == record

    def test_numbers_rise_and_reading_goes_on_after_each(self, journal: Journal) -> None:
        for base in range(3):
            append(journal, [joined(turn(A, base), turn(A, base, b"x")), turn(B, 0), lasting(B, 0)])
        every = list(journal.read_every())
        numbers = [number for number, _ in every]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        for place, number in enumerate(numbers, 1):
            assert list(journal.read_every(number)) == every[place:]

    def test_reading_every_record_after_the_last_gives_nothing(self, journal: Journal) -> None:
        assert list(journal.read_every()) == []
        write(journal, A, 1)
        *_, (number, _) = journal.read_every()
        assert list(journal.read_every(number + 1_000_000)) == []

    def test_reading_every_record_ends_at_the_present(self, journal: Journal) -> None:
        write(journal, A, 1, 1)
        reading = journal.read_every()
        first = next(reading)
        write(journal, A, 1)
        assert len([first, *reading]) == 2

    def test_numbers_stay_when_more_is_stored(self, journal: Journal) -> None:
        append(journal, [turn(A, 0)])
        before = list(journal.read_every())
        append(journal, [turn(A, 0, b"1")])
        assert list(journal.read_every())[:1] == before

    # --- kinds -----------------------------------------------------------------------------------

    def test_a_new_journal_has_no_kinds(self, journal: Journal) -> None:
        assert dict(journal.kinds()) == {}

    def test_events_are_counted_by_type_name_and_schema(self, journal: Journal) -> None:
        first, second = StoredEvent("noted", 1, {}), StoredEvent("noted", 2, {})
        append(journal, [_turn(A, 0, first, second, first), _turn(B, 0, first)])
        append(journal, [_turn(CARD, 0, first), turn(A, 3), _turn(A, 3, second)])
        assert dict(journal.kinds()) == {
            EventKind("board", "noted", 1): 3,
            EventKind("board", "noted", 2): 2,
            EventKind("card", "noted", 1): 1,
        }

    def test_what_is_not_stored_is_not_counted(self, journal: Journal) -> None:
        write(journal, A, 1)
        results = append(journal, [turn(A, 0, b"stale"), turn(A, 1, b"after a stale one")])
        assert [kind for kind, _ in told(results)] == ["stale", "stale"]
        assert dict(journal.kinds()) == {EventKind("board", "noted", 1): 1}

    def test_a_turn_that_does_not_name_its_kinds_is_counted_too(self, journal: Journal) -> None:
        append(journal, [joined(turn(A, 0, b"1"), turn(A, 1, b"2"))._replace(kinds={})])
        assert dict(journal.kinds()) == {EventKind("board", "noted", 1): 2}

    def test_kinds_that_somebody_asked_for_do_not_change(self, journal: Journal) -> None:
        write(journal, A, 1)
        asked = journal.kinds()
        write(journal, A, 1)
        assert list(asked.values()) == [1]
        assert list(journal.kinds().values()) == [2]


class DurableNumbering:
    """Cases of `read_every` and `kinds` after a journal was opened again, with `reopen`."""

    def test_counts_go_on_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        for number in range(4):
            write(journal, A, 2)
            append(journal, [_turn(CARD, number, StoredEvent("moved", number + 1, {}))])
            journal = reopen()
        moved = {EventKind("card", "moved", schema): 1 for schema in range(1, 5)}
        assert dict(journal.kinds()) == {EventKind("board", "noted", 1): 8, **moved}

    def test_numbers_are_the_same_after_reopening(
        self, journal: Journal, reopen: Callable[[], Journal]
    ) -> None:
        append(journal, [turn(A, 0), turn(B, 0, b"1")])
        before = list(journal.read_every())
        assert list(reopen().read_every()) == before


def _turn(aggregate: AggregateId, expected: int, *events: StoredEvent) -> Turn:
    return Turn.of(aggregate, expected, [Entry(new_id(), events, 0, b"note")])
