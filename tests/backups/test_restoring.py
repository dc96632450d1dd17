"""Restoring: what is checked first, what the new journal is, and what it lacks."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.backups.ledgers import Told, count, opened, wait_until_told
from tests.crash.harm import HARMS
from tests.evolution.migrations import go_on, records, write

from comity.actors import Domain, OutletLedger, backup, check_backup, restore
from comity.engine import ComityError, JournalDamaged, NotAJournal, WiringError
from comity.engine.backups.description import BACKUP_TABLES, BackupStore, Description
from comity.engine.files.own_folder import fresh
from comity.engine.journal.copy_writer import CopyWriter
from comity.engine.journal.lmdb_journal import LmdbJournal


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.db"
    write(path, commands=30)
    return path


@pytest.fixture
def dest(team: Path, tmp_path: Path) -> Path:
    backup(team, tmp_path / "team.backup")
    return tmp_path / "team.backup"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


def test_a_restored_journal_has_every_record_and_goes_on(dest: Path, new: Path) -> None:
    done = restore(dest, new)
    assert records(new) == records(dest)
    assert done.path == new
    with Domain.open(new, deciders=[board]) as domain:
        session = domain.session("bob", id="bob-b1")
        assert session.aggregate(board, "b1").look().version == 6
        go_on(domain, 5)
    assert len(records(new)) == len(records(dest)) + 5


def test_a_command_that_was_sent_before_the_backup_is_not_done_again(
    tmp_path: Path, new: Path
) -> None:
    dest = tmp_path / "dest"
    with opened(tmp_path / "team.db") as domain:
        count(domain, *range(10))
        domain.backup(dest)
    restore(dest, new)
    with opened(new) as domain:
        count(domain, *range(10))
        assert domain.statistics().ends == {"repeated": 10}


def test_a_restored_journal_has_a_new_branch(team: Path, dest: Path, new: Path) -> None:
    done = restore(dest, new)
    original, restored = (LmdbJournal.open(path, read_only=True) for path in (team, new))
    try:
        assert restored.lineage().id == original.lineage().id
        (branch,) = restored.lineage().restores
        assert branch.id == done.branch
        assert branch.position == original.position() == done.holds.position
        assert branch.record == done.holds.commands
        assert abs(branch.time - time.time_ns() // 1_000) < 600_000_000
    finally:
        original.close()
        restored.close()


def test_a_restore_of_a_restore_has_both_branches(dest: Path, new: Path, tmp_path: Path) -> None:
    first = restore(dest, new)
    backup(new, tmp_path / "again.backup")
    again = tmp_path / "again.db"
    second = restore(tmp_path / "again.backup", again)
    journal = LmdbJournal.open(again, read_only=True)
    try:
        assert [one.id for one in journal.lineage().restores] == [first.branch, second.branch]
    finally:
        journal.close()


def kept(dest: Path, place: Path) -> tuple[int, int, int]:
    """What the outlet's ledger in a backup says."""
    restore(dest, place)
    with OutletLedger.open(place, "Told") as ledger:
        status = ledger.status()
    return status.position, status.parked, status.delivered


def test_ledgers_are_restored_and_nothing_is_delivered_twice(tmp_path: Path, new: Path) -> None:
    dest, told = tmp_path / "dest", Told(failing=[3])
    with opened(tmp_path / "team.db", told) as domain:
        count(domain, 1, 2)
        count(domain, 3, key="d")
        count(domain, 4)
        wait_until_told(domain, 4)
        tries = (domain.backup(dest) for _ in range(1_000))  # its ledger is written now and then
        done = next(done for done in tries if kept(dest, tmp_path / fresh()) == (4, 1, 3))
        count(domain, 5)
    assert done.holds.outlets == ("Told",)
    assert restore(dest, new).holds.outlets == ("Told",)
    with OutletLedger.open(new, "Told") as ledger:
        (parked,) = ledger.parked()
        assert parked.position == 3


def test_a_ledger_is_copied_beside_another_program_that_delivers(tmp_path: Path, new: Path) -> None:
    dest, told = tmp_path / "dest", Told()
    with opened(tmp_path / "team.db", told) as domain:
        count(domain, 1, 2)
        wait_until_told(domain, 2)
    backup(tmp_path / "team.db", dest)
    restore(dest, new)
    with OutletLedger.open(new, "Told") as ledger:
        assert ledger.status().position == 2


def test_a_ledger_that_cannot_be_read_is_told_and_that_of_before_is_kept(tmp_path: Path) -> None:
    team, dest = tmp_path / "team.db", tmp_path / "dest"
    with opened(team, Told()) as domain:
        count(domain, 1, 2)
        wait_until_told(domain, 2)
    backup(team, dest)
    (team / "outlets" / "Told" / "data.mdb").unlink()
    with opened(team) as domain:
        count(domain, 3)
    done = backup(team, dest)
    assert list(done.failed_ledgers) == ["Told"]
    assert "data.mdb is gone" in done.failed_ledgers["Told"]
    restore(dest, tmp_path / "new.db")
    with OutletLedger.open(tmp_path / "new.db", "Told") as ledger:
        assert ledger.status().position == 2
    assert done.complete
    assert done.holds.commands == 3


@pytest.mark.parametrize("there", ["a file", "a folder", "a journal", "the original"])
def test_nothing_is_overwritten(team: Path, dest: Path, new: Path, there: str) -> None:
    match there:
        case "a file":
            new.write_text("mine")
        case "a folder":
            new.mkdir()
            (new / "mine").touch()
        case "a journal":
            write(new)
        case _:
            new = team
    before = sorted(new.rglob("*")), new.stat().st_mtime_ns
    with pytest.raises(NotAJournal, match="nothing is overwritten"):
        restore(dest, new)
    assert (sorted(new.rglob("*")), new.stat().st_mtime_ns) == before


def test_a_journal_is_not_restored_over_or_inside_its_backup(dest: Path) -> None:
    for path, said in ((dest, "are both"), (dest / "new", "would be inside")):
        with pytest.raises(WiringError, match=said):
            restore(dest, path)


def test_only_a_backup_is_restored(team: Path, tmp_path: Path, new: Path) -> None:
    for path in (team, tmp_path / "none", Path(__file__).parent):
        with pytest.raises(NotAJournal, match="no backup at"):
            restore(path, new)
    assert not new.exists()


def test_it_says_what_is_lacking_beside_the_original(
    team: Path, dest: Path, new: Path, tmp_path: Path
) -> None:
    found = restore(dest, new).lacking
    assert found
    assert (found.original, found.commands, found.why_unknown) == (team, 0, "")
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 4)
        found = check_backup(dest).lacking  # while it is open, too
    assert found
    assert (found.commands, found.positions) == (4, 4)
    assert found.time == records(team)[-1].time
    with Domain.open(new, deciders=[board]) as domain:
        go_on(domain, 5)
    backup(new, dest)
    found = check_backup(dest).lacking
    assert found
    assert found.original == new
    found = check_backup(dest, beside=team).lacking
    assert found
    assert "went on from an older backup" in found.why_unknown
    shutil.rmtree(new)
    assert check_backup(dest).lacking is None
    write(tmp_path / "other.db")
    found = check_backup(dest, beside=tmp_path / "other.db").lacking
    assert found
    assert found.why_unknown == "it is another journal"
    found = check_backup(dest, beside=tmp_path / "none").lacking
    assert found
    assert found.why_unknown == "there is no journal"


def test_a_damaged_original_hinders_no_restore(team: Path, dest: Path, new: Path) -> None:
    os.truncate(team / "data.mdb", 5 * 4_096)
    found = restore(dest, new).lacking
    assert found
    assert "truncated" in found.why_unknown
    assert len(records(new)) == 50


@pytest.mark.parametrize("kind", HARMS)
def test_no_damaged_backup_is_restored(dest: Path, new: Path, kind: str) -> None:
    """What is restored nevertheless was not harmed where it matters: it has every record."""
    rng, whole, refused = random.Random(kind), records(dest), 0
    for _ in range(4):
        harmed = dest.with_name("harmed")
        shutil.copytree(dest, harmed)
        HARMS[kind](harmed / "data.mdb", rng)
        try:
            restore(harmed, new)
        except ComityError as error:
            assert type(error) in {JournalDamaged, NotAJournal}  # noqa: PT017 - or no error
            assert not new.exists()
            refused += 1
        else:
            assert records(new) == whole
            shutil.rmtree(new)
        shutil.rmtree(harmed)
    assert [one.name for one in dest.parent.iterdir() if "unfinished" in one.name] == []


def test_a_backup_that_lost_its_last_commits_is_damaged(team: Path, dest: Path, new: Path) -> None:
    older = dest.with_name("older")
    shutil.copytree(dest, older)
    with Domain.open(team, deciders=[board]) as domain:
        go_on(domain, 3)
    backup(team, dest)
    shutil.copy(older / "data.mdb", dest / "data.mdb")
    with pytest.raises(JournalDamaged, match="copy its folder again"):
        restore(dest, new)
    with pytest.raises(JournalDamaged, match="was durable"):
        backup(team, dest)
    (dest / "mark").unlink()
    assert check_backup(dest).holds.commands == 50  # an older state is a sound backup, too


def test_an_outlet_with_a_strange_name_makes_no_folder(dest: Path, new: Path) -> None:
    copy = CopyWriter.open(dest, BACKUP_TABLES, otherwise="", kind=BackupStore)
    copy.write(Description(path="x", outlets=["../../../evil"]).put)
    copy.close()
    with pytest.raises(JournalDamaged, match="no outlets"):
        restore(dest, new)
    assert not new.exists()
