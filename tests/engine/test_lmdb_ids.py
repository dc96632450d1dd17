"""Which command ids an LMDB journal still knows: the window, its pruning, and the tail."""

# The stored rows are counted, to see that pruning deletes them.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from comity.engine.journal import index as journal_index
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Repeated
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import A, turn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_RECORDS", 20)
    monkeypatch.setattr(journal_index, "SEGMENT", 50)


@contextmanager
def opened(
    path: Path, *, keep_ids: int = 1_000_000, keep_for: timedelta = timedelta(days=7)
) -> Generator[LmdbJournal]:
    journal = LmdbJournal.open(path, keep_ids=keep_ids, keep_for=keep_for)
    yield journal
    journal.close()


def refusals(numbers: range, time: Callable[[int], int] = lambda _: 0) -> list[Turn]:
    """A refusal for each number, which is its command id."""
    return [turn(A, 0, command_id=str(each), time=time(each)) for each in numbers]


def known(journal: LmdbJournal, numbers: range) -> list[int]:
    return [each for each in numbers if journal.find(str(each))]


def stored_ids(journal: LmdbJournal) -> int:
    with journal._store.reading() as txn:
        return sum(1 for _ in txn.rows(journal_index.IDS))


def test_the_last_ids_are_known_and_no_others(path: Path) -> None:
    with opened(path, keep_ids=100) as journal:
        for start in range(0, 300, 10):
            journal.append(refusals(range(start, start + 10)))
            assert known(journal, range(300)) == list(range(max(0, start - 90), start + 10))


def test_an_id_outside_of_the_window_is_new_again(path: Path) -> None:
    with opened(path, keep_ids=10) as journal:
        journal.append(refusals(range(20)))
        old, recent = (turn(A, 0, command_id=each, retry=True) for each in ("3", "15"))
        results = journal.append([old, recent])
        assert [isinstance(result, Repeated) for result in results] == [False, True]
        found = journal.find("3")
        assert found is not None
        assert found.time == old.time


def test_an_id_is_forgotten_when_a_record_is_so_much_newer(path: Path) -> None:
    def hour(number: int) -> int:
        return number * 3_600_000_000

    with opened(path, keep_for=timedelta(hours=10)) as journal:
        for start in range(0, 300, 10):
            journal.append(refusals(range(start, start + 10), hour))
            assert known(journal, range(300)) == list(range(max(0, start - 1), start + 10))
        assert stored_ids(journal) < 150


@pytest.mark.parametrize("call", [1, 10, 70])
def test_rows_outside_of_the_window_are_deleted(path: Path, call: int) -> None:
    with opened(path, keep_ids=100) as journal:
        for start in range(0, 1_400, call):
            journal.append(refusals(range(start, start + call)))
        assert known(journal, range(1_400)) == list(range(1_300, 1_400))
        assert stored_ids(journal) <= 100 + 2 * 50 + 4 * call


def test_a_wider_window_does_not_bring_deleted_ids_back(path: Path) -> None:
    with opened(path, keep_ids=10) as journal:
        for start in range(0, 300, 10):
            journal.append(refusals(range(start, start + 10)))
    with opened(path) as journal:
        assert known(journal, range(290, 300)) == list(range(290, 300))
        assert known(journal, range(100)) == []


def test_a_narrower_window_is_reached_a_few_rows_at_a_time(path: Path) -> None:
    with opened(path) as journal:
        journal.append(refusals(range(1_000)))
    with opened(path, keep_ids=10) as journal:
        for start in range(1_000, 1_100, 20):
            journal.append(refusals(range(start, start + 20)))
            assert stored_ids(journal) >= 1_000 - 80 * (start - 980) // 20
        for start in range(1_100, 1_600, 20):
            journal.append(refusals(range(start, start + 20)))
        assert stored_ids(journal) <= 200
        assert known(journal, range(1_600)) == list(range(1_590, 1_600))


@pytest.mark.parametrize("flush_records", [1, 20, 1_000])
def test_every_id_is_known_after_reopening(
    path: Path, flush_records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_RECORDS", flush_records)
    for start in range(0, 300, 50):
        with opened(path) as journal:
            journal.append(refusals(range(start, start + 50)))
            assert known(journal, range(300)) == list(range(start + 50))


def test_large_records_are_indexed_before_many_of_them_must_be_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_BYTES", 100_000)
    with opened(path) as journal:
        for version in range(6):
            journal.append([turn(A, version, bytes(40_000))])
        assert journal._marker == 3
        assert journal._tail.records == 3


def test_the_index_is_whole_after_an_orderly_close(path: Path) -> None:
    with opened(path) as journal:
        journal.append(refusals(range(7)))
    with opened(path) as journal:
        assert (journal._marker, journal._tail.records) == (1, 0)
        assert known(journal, range(7)) == list(range(7))


def test_the_tips_that_are_kept_in_memory_are_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.engine.journal.lmdb_caches._TIPS", 30)
    with opened(path) as journal:
        for number in range(200):
            journal.append([turn(A._replace(key=str(number)), 0, b"x")])
        assert len(journal._tips) + len(journal._old_tips) <= 2 * (30 + 20)
        for number in range(200):
            journal.append([turn(A._replace(key=str(number)), 1, b"y")])
        assert {version for _, version in journal.aggregates()} == {2}
