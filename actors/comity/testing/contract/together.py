"""Cases of threads that read while another thread writes, of `recover` and of `close`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice

import pytest

from comity.engine.errors import Closed
from comity.engine.journal.journal import Journal
from comity.testing.contract.making import (
    A,
    B,
    append,
    data,
    rising,
    told,
    turn,
    write,
)

CALLS: dict[str, Callable[[Journal], object]] = {
    "append nothing": lambda journal: append(journal, []),
    "append": lambda journal: append(journal, [turn(A, 1, b"x")]),
    "recover": lambda journal: journal.recover(),
    "read": lambda journal: next(journal.read(A)),
    "read backwards": lambda journal: next(journal.read_backwards(A)),
    "read all": lambda journal: next(journal.read_all()),
    "follow": lambda journal: next(journal.follow()),
    "find": lambda journal: journal.find("id"),
    "version": lambda journal: journal.version(A),
    "lasting": lambda journal: journal.lasting(A),
    "since": lambda journal: next(journal.since(A, 0, None)),
    "position": lambda journal: journal.position(),
    "aggregates": lambda journal: next(journal.aggregates()),
    "snapshot": lambda journal: journal.snapshot(A),
    "figures": lambda journal: journal.figures(),
}
"""The calls that a closed journal refuses with `Closed`."""


class Together:
    """Cases of several threads, of `recover` and of `close`."""

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
                seen = rising(journal.read_all())
                assert max(seen, default=0) >= position
                assert len(data(journal.read(A))) >= version  # A is always written first

        readers = [threading.Thread(target=_noting(broken, read)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for version in range(200):
            append(journal, [turn(A, version, b"a")])
            append(journal, [turn(B, version, b"b")])
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
            append(journal, [turn(A, version, b"%d" % (version + 1), command_id=told_id)])
            told.release()
        reader.join()
        assert broken == []

    def test_recovering_a_sound_journal_changes_nothing(self, journal: Journal) -> None:
        write(journal, A, 1, 2)
        before = list(journal.read_all())
        journal.recover()
        assert list(journal.read_all()) == before
        assert told(append(journal, [turn(A, 3, b"4")])) == [("stored", 4)]

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


def _noting(broken: list[str], work: Callable[[], None]) -> Callable[[], None]:
    """Wrap `work` to note its exceptions: an exception in a thread does not fail the test."""

    def run() -> None:
        try:
            work()
        except BaseException as error:  # the test checks this list
            broken.append(repr(error))

    return run
