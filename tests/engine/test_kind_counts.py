"""An LMDB journal knows how many events of each kind it has, whoever wrote it, without reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from comity.engine.files.seal import seal
from comity.engine.journal import index
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.kind_counts import KINDS  # pyright: ignore[reportPrivateUsage]
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.lmdb_reader import LmdbReader
from comity.testing.contract.making import A, write

NOTED = EventKind("board", "noted", 1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], LmdbJournal]]:
    """Opens the journal; it is closed at the end."""
    journals: list[LmdbJournal] = []

    def opened() -> LmdbJournal:
        journals.append(LmdbJournal.open(tmp_path / "journal"))
        return journals[-1]

    yield opened
    for journal in reversed(journals):
        journal.close()


@pytest.fixture
def read_commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the commits that are read to count them."""
    numbers: list[int] = []
    copy = LmdbReader._copy_commits  # pyright: ignore[reportPrivateUsage]

    def copied(self: LmdbReader, number: int) -> list[tuple[int, bytes]]:
        copies = copy(self, number)
        numbers.extend(each for each, _ in copies)
        return copies

    monkeypatch.setattr(LmdbReader, "_copy_commits", copied)
    return numbers


def put(journal: LmdbJournal, row: bytes | None) -> None:
    """Replace the row of counts; None: as in a journal of an older comity."""
    with journal._store.writing() as txn:  # pyright: ignore[reportPrivateUsage]
        if row is None:
            txn.delete(index.META, KINDS, 1)
        else:
            txn.put(index.META, KINDS, row)


def row(journal: LmdbJournal) -> bytes:
    """Return the stored row of counts."""
    with journal._store.reading() as txn:  # pyright: ignore[reportPrivateUsage]
        found = txn.get(index.META, KINDS)
        assert found is not None
        return bytes(found)


def test_counts_are_kept_with_the_index_and_cost_no_reading(
    opened: Callable[[], LmdbJournal], read_commits: list[int]
) -> None:
    journal = opened()
    write(journal, A, 2, 1)
    assert journal.kinds() == {NOTED: 3}
    journal.close()
    journal = opened()
    assert journal.kinds() == {NOTED: 3}
    assert read_commits == []


def test_a_journal_without_counts_is_read_once(
    opened: Callable[[], LmdbJournal], read_commits: list[int]
) -> None:
    journal = opened()
    write(journal, A, 2, 1)
    journal.close()
    put(journal := opened(), None)
    journal.close()
    for commits in ([1, 2], []):
        read_commits.clear()
        journal = opened()
        assert journal.kinds() == {NOTED: 3}
        assert read_commits == commits
        write(journal, A, 0)  # with an event to come, the next index has the counts
        journal.close()


def test_counts_go_on_behind_an_older_comity_that_has_only_written_the_index(
    opened: Callable[[], LmdbJournal], read_commits: list[int]
) -> None:
    journal = opened()
    write(journal, A, 2)
    journal.close()
    before = row(journal := opened())
    write(journal, A, 1, 1)
    journal.close()
    put(journal := opened(), before)
    journal.close()
    journal = opened()
    assert journal.kinds() == {NOTED: 4}
    assert read_commits == [2, 3]


@pytest.mark.parametrize(
    "row", [b"", b"torn", seal(KINDS, b"\x05"), seal(KINDS, b"\x92\x01\x91\x05")]
)
def test_a_row_that_cannot_be_read_is_made_again(
    opened: Callable[[], LmdbJournal], row: bytes
) -> None:
    journal = opened()
    write(journal, A, 2, 1)
    journal.close()
    put(journal := opened(), row)
    journal.close()
    assert opened().kinds() == {NOTED: 3}
