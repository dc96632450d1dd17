"""Journals from which `compact` has dropped records: they are backed up, restored and salvaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.test_compacting import BOARDS, WINDOW, entry, write

from comity.actors import backup, restore
from comity.engine.compacting.compact import compact
from comity.engine.compacting.shrinking import shrink
from comity.engine.formats import GAPS, THINNED
from comity.engine.journal.format import JournalFormat
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.engine.journal.whole_commits import WholeCommits
from comity.engine.lmdb.holding import Held
from comity.engine.verifying import salvage as salvage_module
from comity.engine.verifying import verify as verify_module
from comity.engine.verifying.salvage import salvage
from comity.engine.verifying.verify import verify


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.db"
    write(path)
    compact(path, refusals=True, window=WINDOW)
    return path


def records(path: Path) -> list[Record]:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return [record for _, record in journal.read_every()]
    finally:
        journal.close()


def gaps(path: Path) -> int:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return journal.figures().dropped
    finally:
        journal.close()


def write_more(path: Path) -> None:
    """Refusals, and then so many commands that the window begins after them."""
    journal = LmdbJournal.open(path)
    version = journal.version(BOARDS[0])
    for first in range(1_000, 1_100, 10):
        kinds = ["refused"] * 9 + ["event"]
        entries = [entry(first + at, kind) for at, kind in enumerate(kinds)]
        (stored,) = journal.append([Turn.of(BOARDS[0], version, entries)])
        assert isinstance(stored, Stored)
        version += 1
    journal.close()


def harm_last_turn(path: Path) -> int:
    """Change the last byte of a commit from which records were dropped; return its number."""
    journal = LmdbJournal.open(path, read_only=True)
    commits = journal.whole_commits().after(0)
    journal.close()
    number, commit = [each for each in commits if each[1][0] == THINNED][3]
    data = bytearray((path / "data.mdb").read_bytes())
    data[data.find(commit) + len(commit) - 1] ^= 1
    (path / "data.mdb").write_bytes(data)
    return number


def test_a_backup_and_a_restored_copy_know_how_many_records_were_dropped(
    team: Path, tmp_path: Path
) -> None:
    backup(team, tmp_path / "dest")
    restore(tmp_path / "dest", tmp_path / "new")
    for copy in (tmp_path / "dest", tmp_path / "new"):
        assert gaps(copy) == gaps(team) > 0
        assert records(copy) == records(team)
        assert verify(copy).is_sound


def test_a_backup_that_goes_on_after_a_compaction_counts_only_what_it_lacks(
    tmp_path: Path,
) -> None:
    team, dest = tmp_path / "team.db", tmp_path / "dest"
    write(team, commits=10)
    backup(team, dest)
    write_more(team)
    compact(team, refusals=True, window=WINDOW)
    backup(team, dest, whole=True)
    assert 0 < gaps(dest) < gaps(team)
    assert verify(dest).is_sound


def test_a_copied_commit_without_some_records_says_that_its_journal_needs_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original is compacted after its format record was copied."""
    team, dest = tmp_path / "team.db", tmp_path / "dest"
    write(team)
    journal = LmdbJournal.open(team, read_only=True)
    record = journal.format
    journal.close()

    def before(_commits: WholeCommits) -> JournalFormat:
        return record

    compact(team, refusals=True, window=WINDOW)
    monkeypatch.setattr(WholeCommits, "format", before)
    backup(team, dest)
    copy = LmdbJournal.open(dest, read_only=True)
    assert GAPS in copy.format.needs
    copy.close()


def test_of_a_sound_compacted_journal_everything_is_salvaged(team: Path, tmp_path: Path) -> None:
    found = salvage(team, tmp_path / "new")
    assert (found.complete, found.lost, found.harmed, found.cut) == (True, (), (), ())
    assert records(tmp_path / "new") == records(team)


def test_of_a_compacted_commit_with_a_damaged_turn_the_others_are_salvaged(
    team: Path, tmp_path: Path
) -> None:
    dest = tmp_path / "dest"
    backup(team, dest)  # its file has no older pages, where the turn could be read
    before = len(records(dest))
    number = harm_last_turn(dest)
    found = salvage(dest, tmp_path / "new")
    assert [one.number for one in found.harmed] == [number]
    assert before - 20 <= found.records + found.records_aside < before
    assert verify(tmp_path / "new").is_sound


@pytest.fixture
def shrunk_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's file is replaced by a smaller one just before its state is held."""

    def held(path: Path) -> Held:
        shrink(path)
        return Held(path)

    for module in (verify_module, salvage_module):
        monkeypatch.setattr(module, "is_held", Path.exists)
        monkeypatch.setattr(module, "Held", held)


@pytest.mark.usefixtures("shrunk_meanwhile")
def test_a_file_that_is_replaced_while_it_is_verified_is_sound(team: Path) -> None:
    found = verify(team)
    assert (found.faults, found.held) == ((), True)


@pytest.mark.usefixtures("shrunk_meanwhile")
def test_of_a_file_that_is_replaced_meanwhile_everything_is_salvaged(
    team: Path, tmp_path: Path
) -> None:
    before = records(team)
    assert salvage(team, tmp_path / "new").complete
    assert records(tmp_path / "new") == before
