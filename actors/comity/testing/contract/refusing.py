"""Cases of commands without events: refusals, and lasting records."""

from __future__ import annotations

import pytest

from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Repeated
from comity.testing.contract.making import (
    A,
    B,
    C,
    append,
    data,
    lasting,
    positions,
    rising,
    told,
    turn,
    write,
)


class Refusing:
    """Cases of entries without events."""

    def test_a_refusal_keeps_version_and_position(self, journal: Journal) -> None:
        write(journal, A, 2)
        before = journal.position()
        assert told(append(journal, [turn(A, 2)])) == [("stored", 2)]
        assert (journal.version(A), journal.position()) == (2, before)

    def test_a_refusal_is_found_by_its_id(self, journal: Journal) -> None:
        write(journal, A, 2)
        append(journal, [turn(A, 2, command_id="refused")])
        record = journal.find("refused")
        assert record is not None
        assert (record.version, record.events) == (2, ())
        assert record.position == record.last_position == journal.position()
        assert record.note == b"note"

    def test_a_repeated_refusal_gets_its_record(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, command_id="refused")])
        (result,) = append(journal, [turn(A, 0, command_id="refused", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record.events == ()

    def test_a_refusal_by_an_unknown_aggregate_does_not_bring_it_about(
        self, journal: Journal
    ) -> None:
        append(journal, [turn(A, 0)])
        assert list(journal.aggregates()) == []
        assert list(journal.read(A)) == []

    def test_a_lasting_record_of_an_unknown_aggregate_does_not_bring_it_about(
        self, journal: Journal
    ) -> None:
        append(journal, [lasting(A, 0)])
        assert list(journal.aggregates()) == []

    def test_refusals_are_not_among_the_events(self, journal: Journal) -> None:
        append(journal, [turn(A, 0), turn(A, 0, b"1"), turn(A, 1)])
        append(journal, [turn(A, 1)])
        append(journal, [turn(A, 1), turn(A, 1, b"2")])
        assert data(journal.read(A)) == [b"1", b"2"]
        assert data(journal.read_backwards(A)) == [b"2", b"1"]
        assert data(journal.read_all()) == [b"1", b"2"]
        assert [len(record.events) for record in journal.read_all()] == [1, 1]

    def test_refusals_do_not_come_between_the_events(self, journal: Journal) -> None:
        for version in range(3):
            append(journal, [turn(A, version)])
            append(journal, [turn(B, 0), turn(C, 0)])
            append(journal, [turn(A, version, b"x")])
        found = rising(journal.read_all())
        assert len(found) == 3
        assert [positions(journal.read_all(after)) for after in found] == [found[1:], found[2:], []]

    def test_refusals_at_the_end_do_not_hide_what_comes_next(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1")])
        append(journal, [turn(A, 1)])
        end = journal.position()
        assert list(journal.read_all(end)) == []
        append(journal, [turn(A, 1)])
        append(journal, [turn(A, 1, b"2")])
        assert data(journal.read_all(end)) == [b"2"]

    def test_a_lasting_record_is_read_after_the_one_that_made_its_version(
        self, journal: Journal
    ) -> None:
        append(journal, [turn(A, 0, b"1", b"2"), lasting(A, 2), turn(A, 2), lasting(A, 2)])
        append(journal, [turn(A, 2, b"3"), turn(B, 0, b"4"), lasting(A, 3)])
        told = [(record.version, len(record.events)) for record in journal.read(A)]
        assert told == [(0, 2), (2, 0), (2, 0), (2, 1), (3, 0)]
        assert list(journal.read_backwards(A)) == list(journal.read(A))[::-1]
        assert sorted(data(journal.read_all())) == [b"1", b"2", b"3", b"4"]

    @pytest.mark.parametrize(
        ("after", "upto", "many"), [(0, 1, 1), (1, 2, 2), (2, 3, 2), (3, 9, 0)]
    )
    def test_it_is_read_where_its_version_is_in_the_range(
        self, journal: Journal, after: int, upto: int, many: int
    ) -> None:
        append(journal, [turn(A, 0, b"1", b"2"), lasting(A, 2), turn(A, 2, b"3"), lasting(A, 3)])
        assert len(list(journal.read(A, after, upto))) == many

    def test_lasting_records_are_counted_up_to_the_next_event(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1")])
        assert journal.lasting(A) == 0
        append(journal, [lasting(A, 1), turn(A, 1), lasting(A, 1)])
        assert (journal.lasting(A), journal.version(A), journal.lasting(B)) == (2, 1, 0)
        append(journal, [turn(A, 1, b"2")])
        assert journal.lasting(A) == 0

    def test_what_came_since_a_place_is_read_without_what_was_there(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), lasting(A, 1), lasting(A, 1), turn(A, 1, b"2")])
        append(journal, [turn(B, 0, b"x"), lasting(A, 2), turn(A, 2)])
        every = list(journal.read(A))
        assert [each.lasting for each in every] == [False, True, True, False, True]
        for version, known, first in ((0, 0, 0), (1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 1, 5)):
            assert list(journal.since(A, version, known)) == every[first:]
        assert list(journal.since(A, 1, None)) == every[3:]

    def test_refusals_are_counted_as_records(self, journal: Journal) -> None:
        append(journal, [turn(A, 0), turn(B, 0)])
        figures = journal.figures()
        assert (figures.position, figures.events, figures.records) == (0, 0, 2)
