"""Backing up: what is copied, what a second backup adds, and where nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.backups.ledgers import count, opened
from tests.cli.shell import Host
from tests.evolution.migrations import B1, go_on, records, write

from comity.actors import Domain, backup, check_backup, restore
from comity.engine import AggregateId, JournalInUse, NotAJournal, OtherBackup, WiringError
from comity.engine.backups.progress import BackupProgress, BackupStage
from comity.engine.files.writer_lock import WriterLock
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal

ROOT = Path(__file__).parents[2]
B3 = AggregateId("board", "b3")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.db"
    write(path, commands=30)
    return path


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "team.backup"


def test_a_backup_has_every_record_of_the_journal(team: Path, dest: Path) -> None:
    done = backup(team, dest)
    assert records(dest) == records(team)
    assert done.complete
    assert done.commits == done.holds.commits == done.read_back > 0
    assert done.holds.commands == len(records(team))


def test_a_domain_that_is_open_backs_itself_up_and_goes_on(team: Path, dest: Path) -> None:
    with Domain.open(team, deciders=[board]) as domain:
        domain.backup(dest)
        go_on(domain, 5)
        assert records(dest) == records(dest)
        before = len(records(dest))
        done = domain.backup(dest)
    assert done.commands == len(records(dest)) - before == 5
    assert records(dest) == records(team)


def test_another_process_can_have_the_domain_open(team: Path, dest: Path) -> None:
    host = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.host", str(team)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    open_there = Host(host)
    try:
        open_there.tell("add b1 c7 Late")
        assert backup(team, dest).complete
    finally:
        open_there.close()
    assert records(dest) == records(team)


def test_in_the_same_process_the_domain_must_do_it(team: Path, dest: Path) -> None:
    with (
        Domain.open(team, deciders=[board]),
        pytest.raises(JournalInUse, match="open in this process"),
    ):
        backup(team, dest)
    assert not dest.exists()


def test_a_second_backup_copies_only_what_is_new(team: Path, dest: Path) -> None:
    first = backup(team, dest)
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 3)
    second = backup(team, dest)
    assert second.commands == second.holds.commands - first.holds.commands == 3
    assert second.size < first.size
    assert backup(team, dest).commits == 0
    assert records(dest) == records(team)


def test_a_backup_finds_ids_versions_snapshots_and_kinds_as_the_journal(
    team: Path, dest: Path
) -> None:
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 150)
    done = backup(team, dest)
    old, new = (LmdbJournal.open(path, read_only=True) for path in (team, dest))
    try:
        assert dict(new.aggregates()) == dict(old.aggregates())
        assert new.kinds() == old.kinds()
        assert new.find("b1-4") == old.find("b1-4") is not None
        assert list(new.read_backwards(B1)) == list(old.read_backwards(B1))
        assert new.snapshot(B3) == old.snapshot(B3) is not None
        assert done.snapshots > 0
        assert new.lineage() == old.lineage()
    finally:
        old.close()
        new.close()


def test_batches_of_any_size_give_the_same_backup(
    team: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.engine.journal.whole_commits.BATCH_BYTES", 1)
    backup(team, dest, whole=True)
    assert records(dest) == records(team)


def test_no_domain_opens_a_backup_and_anybody_reads_it(team: Path, dest: Path) -> None:
    backup(team, dest)
    with pytest.raises(NotAJournal, match="comity restore"):
        Domain.open(dest, deciders=[board])
    with pytest.raises(NotAJournal, match="is a backup itself"):
        backup(dest, dest.with_name("other"))
    assert len(records(dest)) == len(records(team))


def test_a_backup_of_another_journal_stays_as_it_is(tmp_path: Path, dest: Path) -> None:
    for name in ("one.db", "other.db"):
        write(tmp_path / name)
    backup(tmp_path / "one.db", dest)
    before = records(dest)
    with pytest.raises(OtherBackup, match=r"of another journal, of .*one\.db.*another path"):
        backup(tmp_path / "other.db", dest)
    assert records(dest) == before


def test_a_journal_that_went_on_from_an_older_backup_is_another_branch(
    team: Path, tmp_path: Path, dest: Path
) -> None:
    older = tmp_path / "older.backup"
    backup(team, older)
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 3)
    backup(team, dest)
    restored = tmp_path / "restored.db"
    restore(older, restored)
    with pytest.raises(OtherBackup, match="an older backup was restored there"):
        backup(restored, dest)
    with Domain.open(restored, deciders=[board]) as domain:
        go_on(domain, 9)
    with pytest.raises(OtherBackup, match="both went on"):
        backup(restored, dest)
    assert backup(restored, older).commands == 9  # this one goes on
    assert backup(team, dest).commits == 0


def a_file(path: Path) -> None:
    path.write_text("mine")


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").touch()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (a_file, "is a file"),
        (a_folder, "holds something else"),
        (write, "is a journal and not a backup"),
    ],
    ids=["a file", "a folder", "a journal"],
)
def test_nothing_that_is_there_is_overwritten(
    team: Path, tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    dest = tmp_path / "dest"
    make(dest)
    found = sorted(tmp_path.rglob("*"))
    with pytest.raises(NotAJournal, match=said):
        backup(team, dest)
    assert sorted(tmp_path.rglob("*")) == found


def test_the_parent_folder_must_be_there(team: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAJournal, match="make the parent folder"):
        backup(team, tmp_path / "none" / "dest")


def test_a_backup_is_neither_its_journal_nor_in_it(team: Path, tmp_path: Path) -> None:
    link, inside = tmp_path / "link", tmp_path / "twin"
    link.symlink_to(team)
    inside.mkdir()
    os.link(team / "data.mdb", inside / "data.mdb")
    for dest, said in (
        (team, "are both"), (link, "are both"), (inside, "are both"),
        (team / "models", "would be inside"), (tmp_path, "is inside the backup"),
    ):  # fmt: skip
        with pytest.raises(WiringError, match=said):
            backup(team, dest)


def test_an_empty_folder_and_a_link_to_a_folder_may_become_backups(
    team: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    backup(team, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert records(tmp_path / "empty") == records(team)


def test_one_backup_at_a_time_writes_into_a_place(team: Path, dest: Path) -> None:
    backup(team, dest)
    lock = WriterLock(dest)
    try:
        with pytest.raises(JournalInUse, match="wait until that backup"):
            backup(team, dest)
        with pytest.raises(JournalInUse, match="wait until that backup"):
            check_backup(dest)
    finally:
        lock.release()


def test_a_journal_that_has_nothing_yet_is_backed_up_too(tmp_path: Path, dest: Path) -> None:
    with opened(tmp_path / "team.db") as domain:
        assert domain.backup(dest).holds.commits == 0
        count(domain, 1)
        assert domain.backup(dest).holds.commits == 1
    assert check_backup(dest).complete


def test_a_journal_in_memory_has_no_backup(dest: Path) -> None:
    with (
        Domain(MemoryJournal(), deciders=[board]) as domain,
        pytest.raises(WiringError, match="MemoryJournal"),
    ):
        domain.backup(dest)


def test_a_backup_that_is_stopped_goes_on(
    team: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.engine.journal.whole_commits.BATCH_BYTES", 1)
    asked = iter([False] * 8 + [True] * 100)
    first = backup(team, dest, stop=lambda: next(asked))
    assert not first.complete
    assert 0 < first.commits < 20
    found = check_backup(dest)
    assert (found.complete, found.backed_up) == (False, 0)
    assert records(dest) == records(team)[: len(records(dest))]
    second = backup(team, dest)
    assert second.complete
    assert first.commits + second.commits == second.holds.commits
    assert check_backup(dest).complete


def test_progress_tells_stages_bytes_commits_and_what_is_left(team: Path, dest: Path) -> None:
    shown: list[BackupProgress] = []
    backup(team, dest, whole=True, progress=shown.append)
    assert shown[0].stage is BackupStage.LEDGERS
    half = BackupProgress(BackupStage.COPYING, 50, 200, 30_000_000, 0.25, 2.0)
    assert str(half) == "50 of 200 commits, 30.0 MB, 15.0 MB a second, 6 s left"
    assert half.seconds_left == 6
    assert half._replace(part=0.0).seconds_left is None
