"""Cases of reading the whole journal in order, following it, and being woken."""

from __future__ import annotations

import threading

import pytest

from comity.engine.journal.journal import Journal
from comity.testing.contract.making import (
    A,
    B,
    C,
    append,
    data,
    positions,
    rising,
    told,
    turn,
    until_caught_up,
    write,
)

PATIENCE = 30.0
"""Seconds after which a missing callback is a failure: far more than any journal needs."""


class Following:
    """Cases of `read_all`, `follow` and `wake`."""

    def test_positions_rise_over_all_aggregates(self, journal: Journal) -> None:
        write(journal, A, 1, 2)
        write(journal, B, 3)
        append(journal, [turn(A, 3, b"x"), turn(C, 0, b"y", b"z")])
        assert len(found := rising(journal.read_all())) == 9
        assert journal.position() == found[-1]

    @pytest.mark.parametrize("after", range(8))
    def test_reading_all_after_each_position_starts_with_the_record_that_holds_the_next(
        self, journal: Journal, after: int
    ) -> None:
        for given in (turn(A, 0, b"1"), turn(B, 0, b"2", b"3", b"4")):
            append(journal, [given])
        append(journal, [turn(A, 1, b"5"), turn(A, 2, b"6", b"7")])
        inside = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3, 7: 4}
        every = list(journal.read_all())
        place = ([0, *positions(every)])[after]
        assert list(journal.read_all(place)) == every[inside[after] :]

    def test_reading_all_beyond_the_end_gives_nothing(self, journal: Journal) -> None:
        write(journal, A, 2)
        assert list(journal.read_all(journal.position() + 100)) == []

    def test_reading_all_gives_the_records_that_reading_gives(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), turn(B, 0, b"2"), turn(A, 1, b"3")])
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
        append(journal, [turn(A, 0)])
        assert list(next(following)) == []
        append(journal, [turn(A, 0)])
        append(journal, [turn(A, 0), turn(A, 0, b"1")])
        assert data(until_caught_up(following)) == [b"1"]

    def test_following_from_a_position_starts_after_it(self, journal: Journal) -> None:
        write(journal, A, 1, 1, 1)
        _, second, _ = positions(journal.read_all())
        assert data(until_caught_up(journal.follow(second))) == [b"3"]

    def test_following_from_inside_a_record_gives_it_once(self, journal: Journal) -> None:
        write(journal, A, 3)
        every = positions(journal.read_all())
        assert positions(until_caught_up(journal.follow(every[0]))) == every

    def test_following_from_a_position_to_come_waits_for_it(self, journal: Journal) -> None:
        write(journal, A, 1)
        after = journal.position() + 1
        following = journal.follow(after)
        assert list(next(following)) == []
        write(journal, A, 1, 1)
        later = [place for place in positions(journal.read_all()) if place > after]
        assert positions(until_caught_up(following)) == later
        assert later

    # --- being woken -----------------------------------------------------------------------------

    def test_who_wants_to_be_woken_is_when_there_is_more(self, journal: Journal) -> None:
        more = threading.Event()
        stop = journal.wake(more.set)
        for number in range(3):
            more.clear()
            append(journal, [turn(A, number, b"x")])
            assert more.wait(PATIENCE)
        stop()

    def test_all_are_woken_until_they_stop_it(self, journal: Journal) -> None:
        first, second = threading.Event(), threading.Event()
        stop_first, stop_second = journal.wake(first.set), journal.wake(second.set)
        stop_first()
        stop_first()
        append(journal, [turn(A, 0, b"x")])
        assert second.wait(PATIENCE)
        assert not first.is_set()
        stop_second()

    def test_who_is_woken_and_fails_harms_nobody(self, journal: Journal) -> None:
        def fail() -> None:
            raise ValueError

        more = threading.Event()
        stops = [journal.wake(fail), journal.wake(more.set)]
        assert told(append(journal, [turn(A, 0, b"x")])) == [("stored", 1)]
        assert more.wait(PATIENCE)
        for stop in stops:
            stop()

    def test_who_is_woken_while_reading_on_misses_nothing(self, journal: Journal) -> None:
        more, found = threading.Event(), list[bytes]()
        following, stop = journal.follow(), journal.wake(more.set)
        writer = threading.Thread(target=write, args=[journal, A, *[1] * 50])
        writer.start()
        while len(found) < 50:
            found += data(until_caught_up(following))
            if len(found) < 50:
                assert more.wait(PATIENCE)
                more.clear()
        writer.join()
        stop()
        assert found == [b"%d" % each for each in range(1, 51)]
