"""Cases of command ids: repeated commands, and look-ups."""

from __future__ import annotations

import pytest

from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Repeated
from comity.testing.contract.making import (
    A,
    B,
    append,
    told,
    turn,
    write,
)


class Repeating:
    """Cases of retries and of `find`."""

    def test_a_retry_of_a_known_id_gets_the_record(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"x", command_id="once")])
        (result,) = append(journal, [turn(A, 1, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record == next(journal.read(A))

    def test_a_retry_stores_nothing(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"x", command_id="once")])
        before = journal.figures()
        append(journal, [turn(A, 1, b"x", command_id="once", retry=True)])
        assert journal.version(A) == 1
        assert journal.figures()[:4] == before[:4]

    def test_a_retry_of_an_unknown_id_is_stored(self, journal: Journal) -> None:
        results = append(journal, [turn(A, 0, b"x", command_id="new", retry=True)])
        assert told(results) == [("stored", 1)]

    def test_a_retry_that_is_stale_as_well_is_repeated(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"x", command_id="once")])
        write(journal, A, 1)
        (result,) = append(journal, [turn(A, 0, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)

    def test_a_retry_in_the_same_call_gets_the_record(self, journal: Journal) -> None:
        first = turn(A, 0, b"x", command_id="twice", retry=True)
        second = turn(A, 1, b"x", command_id="twice", retry=True)
        results = append(journal, [first, second])
        assert told(results) == [("stored", 1), ("repeated", 0)]
        repeated = results[1]
        assert isinstance(repeated, Repeated)
        assert repeated.record == next(journal.read(A))

    def test_a_retry_sent_to_another_aggregate_gets_the_record(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"x", command_id="once")])
        (result,) = append(journal, [turn(B, 0, b"x", command_id="once", retry=True)])
        assert isinstance(result, Repeated)
        assert result.record.aggregate == A

    def test_a_repeated_turn_makes_later_ones_of_its_aggregate_stale(
        self, journal: Journal
    ) -> None:
        append(journal, [turn(A, 0, b"x", command_id="once")])
        retry = turn(A, 1, b"x", command_id="once", retry=True)
        results = append(journal, [retry, turn(A, 1, b"y"), turn(B, 0, b"z")])
        assert told(results) == [("repeated", 0), ("stale", 1), ("stored", 1)]

    def test_every_record_is_found_by_its_id(self, journal: Journal) -> None:
        turns = [turn(A, version, b"x", command_id=f"each-{version}") for version in range(50)]
        append(journal, turns[:20])
        append(journal, turns[20:])
        for number in range(50):
            record = journal.find(f"each-{number}")
            assert record is not None
            assert (record.version, record.command_id) == (number, f"each-{number}")

    @pytest.mark.parametrize("command_id", ["i", "a\0b", "💡", "x" * 200, "\0"])
    def test_an_id_may_be_any_text(self, journal: Journal, command_id: str) -> None:
        append(journal, [turn(A, 0, b"x", command_id=command_id)])
        found = journal.find(command_id)
        assert found is not None
        assert found.command_id == command_id
        assert journal.find(command_id + "x") is None

    @pytest.mark.parametrize("command_id", ["", "x" * 201, "x" * 10_000, "\ud800"])
    def test_an_id_that_cannot_be_is_not_found(self, journal: Journal, command_id: str) -> None:
        append(journal, [turn(A, 0, b"x", command_id="?")])
        assert journal.find(command_id) is None
