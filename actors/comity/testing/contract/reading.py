"""Cases of reading one aggregate, forwards and backwards, and of listing aggregates."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.journal import Journal
from comity.testing.contract.making import (
    A,
    B,
    append,
    data,
    firsts,
    told,
    turn,
    write,
)

_STRANGE_KEYS = (
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


class Reading:
    """Cases of `read`, `read_backwards` and `aggregates`."""

    LARGEST: ClassVar = 50 << 20
    """The largest event in bytes; a subclass sets its journal's own limit."""

    def test_reading_gives_the_aggregates_own_records_in_order(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), turn(B, 0, b"x"), turn(A, 1, b"2")])
        append(journal, [turn(B, 1, b"y"), turn(A, 2, b"3")])
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
            append(journal, [turn(A, base + each, b"%d" % (base + each)) for each in range(100)])
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

    def test_aggregates_come_in_order_with_their_versions(self, journal: Journal) -> None:
        card = AggregateId("card", "a")
        long_type = AggregateId("board-of-directors", "a")
        for aggregate, size in [(card, 1), (B, 2), (long_type, 3), (A, 4), (B, 1)]:
            write(journal, aggregate, size)
        assert list(journal.aggregates()) == [(A, 4), (B, 3), (long_type, 3), (card, 1)]

    def test_many_aggregates_are_listed_in_order(self, journal: Journal) -> None:
        boards = [AggregateId("board", f"{number:05}") for number in range(2_000)]
        append(journal, [turn(board, 0, b"x") for board in reversed(boards)])
        append(journal, [turn(board, 1, b"y") for board in boards[::3]])
        assert list(journal.aggregates()) == [
            (board, 1 + (number % 3 == 0)) for number, board in enumerate(boards)
        ]

    def test_aggregates_with_strange_keys_stay_apart(self, journal: Journal) -> None:
        for number, key in enumerate(_STRANGE_KEYS):
            board = AggregateId("board", key)
            append(journal, [turn(board, 0, str(number).encode()), turn(board, 1, b"again")])
        for number, key in enumerate(_STRANGE_KEYS):
            board = AggregateId("board", key)
            assert data(journal.read(board)) == [str(number).encode(), b"again"]
            assert journal.version(board) == 2
            assert all(record.aggregate == board for record in journal.read_backwards(board))

    def test_aggregates_with_strange_keys_are_listed_in_order(self, journal: Journal) -> None:
        boards = [AggregateId("board", key) for key in _STRANGE_KEYS]
        append(journal, [turn(board, 0, b"x") for board in boards])
        assert list(journal.aggregates()) == [(board, 1) for board in sorted(boards)]

    def test_aggregates_are_listed_from_anywhere(self, journal: Journal) -> None:
        boards = [AggregateId("board", key) for key in _STRANGE_KEYS]
        others = [AggregateId("board-room", "a"), AggregateId("a", "z")]
        every = sorted(boards + others)
        append(journal, [turn(one, 0, b"x") for one in every])
        for start in [*every, AggregateId("board", ""), AggregateId("b", ""), AggregateId("z", "")]:
            listed = [one for one, _ in journal.aggregates(start)]
            assert listed == [one for one in every if one >= start]

    def test_many_aggregates_are_listed_from_anywhere(self, journal: Journal) -> None:
        boards = [AggregateId("board", f"{number:05}") for number in range(2_500)]
        append(journal, [turn(board, 0, b"x") for board in boards])
        append(journal, [turn(board, 1, b"y") for board in boards[::3]])
        for start in (0, 1, 999, 1_000, 2_499):
            listed = [one for one, _ in journal.aggregates(boards[start])]
            assert listed == boards[start:]

    def test_the_same_key_under_two_types_is_two_aggregates(self, journal: Journal) -> None:
        other = AggregateId("boar", "da")
        write(journal, AggregateId("board", "a"), 2)
        assert journal.version(other) == 0
        assert told(append(journal, [turn(other, 0, b"x")])) == [("stored", 1)]

    def test_an_empty_payload_comes_back_empty(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"", b""), turn(A, 2, b"")])
        assert data(journal.read(A)) == [b"", b"", b""]

    def test_the_largest_payload_comes_back(self, journal: Journal) -> None:
        huge = b"0123456789abcdef" * (self.LARGEST // 16)
        append(journal, [turn(A, 0, b"small"), turn(A, 1, huge)])
        end = journal.position()
        append(journal, [turn(B, 0, b"small")])
        assert data(journal.read(A)) == [b"small", huge]
        assert data(journal.read_all(end)) == [b"small"]

    def test_payloads_of_every_byte_come_back(self, journal: Journal) -> None:
        every = [bytes([byte]) * (byte + 1) for byte in range(256)]
        append(journal, [turn(A, 0, *every)])
        assert data(journal.read(A)) == every
