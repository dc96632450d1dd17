"""A copy that was interrupted goes on; one that follows a domain ends when that is closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.evolution.migrations import counted, doubled, go_on, kanban, records, same, to_kanban

from comity.actors import Domain
from comity.engine import NotAJournal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.evolution import CopyFailed, CopyProgress, JournalRecord, Migrated, migrate

ROOT = Path(__file__).parents[2]
COMMANDS = 2_300
"""More than one commit of the copy has."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that is closed, with many records."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    with Domain.open(path, deciders=[board], unsafe_no_fsync=True) as domain:
        go_on(domain, COMMANDS)
    return path


@pytest.fixture
def old(written: Path) -> Path:
    """The same, for tests that do not change it."""
    return written


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is."""
    return tmp_path / "new.db"


pytestmark = pytest.mark.filterwarnings("ignore::comity.engine.journal.lmdb_journal.UnsafeWarning")


def stopping(calls: int) -> Callable[[], bool]:
    """Make a function that says to stop when it was asked so often."""
    asked = iter(range(calls))
    return lambda: next(asked, None) is None


# Resuming.


def test_a_stopped_copy_cannot_be_opened_and_goes_on(old: Path, new: Path) -> None:
    done = migrate(old, new, counted, stop=stopping(20))
    assert not done.complete
    assert 1_200 < done.records < COMMANDS
    with pytest.raises(NotAJournal, match="unfinished copy"):
        Domain.open(new, deciders=[board])
    again = migrate(old, new, counted, deciders=[board])
    assert (again.complete, again.resumed) == (True, done.records_copied)
    assert (again.records, again.records_copied) == (COMMANDS, 2 * COMMANDS)
    Domain.open(new, deciders=[board]).close()


def test_an_interrupted_copy_is_the_same_as_one_in_one_go(
    old: Path, new: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.db"
    migrate(old, whole, counted)
    for calls in (10, 60):
        migrate(old, new, counted, stop=stopping(calls))
    migrate(old, new, counted)
    assert records(new) == records(whole)


def test_a_copy_that_was_verified_partly_is_verified_anew(old: Path, new: Path) -> None:
    copied = COMMANDS // 64
    done = migrate(old, new, same, stop=stopping(copied + 10))
    assert (done.complete, done.records_copied) == (False, COMMANDS)
    assert migrate(old, new, same).ids_found == COMMANDS


def test_another_function_does_not_go_on(old: Path, new: Path) -> None:
    migrate(old, new, same, stop=stopping(5))
    with pytest.raises(CopyFailed, match=r"expected command 'b3-1' of kanban/b3 .* begin anew"):
        migrate(old, new, to_kanban)
    assert migrate(old, new, same).complete


def test_an_older_original_does_not_go_on(old: Path, new: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    migrate(old, older, same, stop=stopping(5))
    (older / "unfinished").unlink()  # as if it were an older backup
    migrate(old, new, same, stop=stopping(20))
    with pytest.raises(CopyFailed, match="the copy has more records than the original"):
        migrate(older, new, same)


def test_an_error_that_is_none_of_ours_leaves_it_as_it_was(old: Path, new: Path) -> None:
    def interrupted(record: JournalRecord) -> list[JournalRecord]:
        if record.version == COMMANDS - 1:
            raise KeyboardInterrupt
        return [record]

    with pytest.raises(KeyboardInterrupt):
        migrate(old, new, interrupted)
    assert migrate(old, new, same).resumed > 0


# Following.


class Host:
    """A domain in another process, told by lines what to do: see `tests.cli.host`."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.host", str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._hear("open")

    def add(self, card: str) -> None:
        """Add a card to a board, and wait until it is durable."""
        assert self._process.stdin is not None
        print("add b1", card, "Work", file=self._process.stdin, flush=True)
        self._hear("done")

    def close(self) -> None:
        """Close the domain; twice is harmless."""
        if self._process.poll() is None:
            self._process.communicate(timeout=60)

    def _hear(self, said: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == said


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "live.db")
    host.add("c0")
    yield host
    host.close()


def follow(tmp_path: Path, host: Host, cards: int) -> Migrated:
    """Migrate while the host adds cards, one each time that the copy is up to date."""
    left = iter(range(1, cards + 1))

    def told(progress: CopyProgress) -> None:
        if progress.stage == "following":
            card = next(left, None)
            if card is None:
                host.close()
            else:
                host.add(f"c{card}")

    return migrate(
        tmp_path / "live.db", tmp_path / "new.db", doubled,
        deciders=[board], follow=True, progress=told,
    )  # fmt: skip


def test_following_copies_what_the_domain_writes_until_it_is_closed(
    tmp_path: Path, host: Host
) -> None:
    done = follow(tmp_path, host, cards=3)
    assert (done.complete, done.records, done.ids_found, done.same) == (True, 4, 4, 1)
    assert done.break_seconds is not None
    assert done.break_seconds < done.seconds
    assert records(tmp_path / "new.db") == records(tmp_path / "live.db")


def test_the_original_can_be_opened_again_afterwards(tmp_path: Path, host: Host) -> None:
    follow(tmp_path, host, cards=1)
    with Domain.open(tmp_path / "live.db", deciders=[board]) as domain:
        assert domain.aggregate(board, "b1").look().version == 2


def test_nobody_can_open_the_copy_while_it_follows(tmp_path: Path, host: Host) -> None:
    met: list[str] = []

    def told(progress: CopyProgress) -> None:
        if progress.stage == "following":
            host.close()
            # LMDB is open in this process already; another one meets the same file.
            met.append((tmp_path / "new.db" / "unfinished").read_text())

    migrate(tmp_path / "live.db", tmp_path / "new.db", same, follow=True, progress=told)
    assert met
    LmdbJournal.open(tmp_path / "new.db").close()


def test_following_can_be_stopped_and_goes_on(tmp_path: Path, host: Host) -> None:
    old, new = tmp_path / "live.db", tmp_path / "new.db"
    assert not migrate(old, new, to_kanban, follow=True, stop=lambda: True).complete
    host.add("c1")
    host.close()
    done = migrate(old, new, to_kanban, follow=True, deciders=[kanban])
    assert (done.complete, done.records_copied) == (True, 2)
