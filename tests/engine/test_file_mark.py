"""The mark beside a data file: who knows it, and that the newest commit is still there."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from errno import EIO, ESTALE
from pathlib import Path
from threading import Timer
from time import sleep, time_ns
from unittest.mock import ANY

import pytest

from comity.engine.errors import ComityError, JournalDamaged, StorageFailed
from comity.engine.files import file_mark
from comity.engine.files.file_mark import GRACE, MARK, FileMark, Look, Mark
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.lmdb import data_pages
from comity.engine.lmdb import preflight as lmdb_preflight
from comity.testing.contract.making import A, turn

ROOT = Path(__file__).parents[2]
PAGE = 4_096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One for each time that a file was looked at page by page."""
    found: list[str] = []
    real = data_pages.find_wrong

    def find(descriptor: int, unsealed: frozenset[bytes], *_: object) -> str:
        found.append(real(descriptor, unsealed))
        return found[-1]

    monkeypatch.setattr(lmdb_preflight, "find_wrong", find)
    return found


def write(path: Path, *versions: int) -> None:
    journal = LmdbJournal.open(path)
    for version in versions:
        journal.append([turn(A, version, b"x")])
    journal.close()


def versions(path: Path) -> int:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return journal.version(A)
    finally:
        journal.close()


# --- who knows a file -----------------------------------------------------------------------------


def test_a_journal_that_was_closed_is_not_looked_at_again(path: Path, looks: list[str]) -> None:
    write(path, 0, 1)
    looks.clear()
    write(path, 2)
    assert versions(path) == 3
    assert looks == []


def test_a_copy_is_looked_at(path: Path, looks: list[str]) -> None:
    write(path, 0, 1)
    looks.clear()
    shutil.copytree(path, path.with_name("copy"))
    assert versions(path.with_name("copy")) == 2
    assert looks == [""]


def test_a_file_that_somebody_else_wrote_is_looked_at_and_not_mapped(
    path: Path, looks: list[str]
) -> None:
    write(path, 0, 1)
    with (path / "data.mdb").open("r+b") as file:
        file.seek(2 * PAGE)
        file.write(bytes(8 * PAGE))
    looks.clear()
    with pytest.raises(JournalDamaged, match="restore a backup"):
        LmdbJournal.open(path)
    assert len(looks) == 1


@pytest.mark.parametrize(("number", "told"), [(EIO, JournalDamaged), (ESTALE, StorageFailed)])
def test_a_file_that_cannot_be_looked_at_is_not_mapped(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: type[ComityError]
) -> None:
    def find(*_: object) -> str:
        raise OSError(number, os.strerror(number))

    write(path, 0, 1)
    (path / MARK).unlink()
    monkeypatch.setattr(lmdb_preflight, "find_wrong", find)
    with pytest.raises(told, match="cannot be read"):
        LmdbJournal.open(path)


def killed_after(path: Path, commits: int) -> None:
    program = f"""
import os
from comity.testing.contract.making import A, turn
from comity.engine.journal.lmdb_journal import LmdbJournal
journal = LmdbJournal.open({str(path)!r})
for version in range({commits}):
    journal.append([turn(A, version, b"x")])
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    sleep(2 * GRACE / 1e9)  # what changes the file from now on is no commit


def test_after_kill_9_a_journal_is_not_looked_at(path: Path, looks: list[str]) -> None:
    killed_after(path, 5)
    assert versions(path) == 5
    assert looks == []


def test_after_another_start_of_the_system_it_is(
    path: Path, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_after(path, 5)
    monkeypatch.setattr(file_mark, "_this_boot", lambda: 77)
    assert versions(path) == 5
    assert looks == [""]


def test_a_commit_that_was_under_way_may_have_changed_the_file_just_then(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(bytes(PAGE))
    mark = FileMark(tmp_path)
    mark.note(7, 8)
    read, look = Mark.read(tmp_path), Look.at(tmp_path)
    assert read is not None
    assert (read.number, read.crc) == (7, 8)
    assert read.knows(look)
    during = look._replace(changed=read.written + GRACE)
    assert read.knows(during)
    assert not read.knows(during._replace(changed=during.changed + 1))
    assert not read.knows(during._replace(inode=look.inode + 1))
    mark.abandon()


def test_a_commit_after_a_pause_says_first_that_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.mdb").write_bytes(bytes(PAGE))
    mark = FileMark(tmp_path)
    mark.note(7, 8)
    now = time_ns() + 1_000_000_000
    monkeypatch.setattr(file_mark, "time_ns", lambda: now)
    mark.begin()
    mark.abandon()
    assert Mark.read(tmp_path) == (7, 8, ANY, Look.at(tmp_path).inode, now)


def test_a_closed_file_may_not_have_changed_at_all(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(bytes(PAGE))
    FileMark(tmp_path).close(7, 8)
    read, look = Mark.read(tmp_path), Look.at(tmp_path)
    assert read is not None
    assert read.knows(look)
    assert not read.knows(look._replace(changed=look.changed + 1))
    (tmp_path / "data.mdb").write_bytes(bytes(PAGE))
    assert not read.knows(Look.at(tmp_path))


def test_a_reader_beside_a_writer_trusts_it(path: Path, looks: list[str]) -> None:
    program = f"""
import sys, threading
from comity.testing.contract.making import A, turn
from comity.engine.journal.lmdb_journal import LmdbJournal
journal = LmdbJournal.open({str(path)!r})
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
version = 0
while not ended.is_set():
    journal.append([turn(A, version, b"x")])
    version += 1
    if version == 3:
        print("begun", flush=True)
journal.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        seen = [versions(path) for _ in range(30)]
        writer.communicate()
    assert seen == sorted(seen)
    assert seen[0] >= 3
    assert looks == []


# --- the newest commit ----------------------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
def test_a_journal_whose_newest_commit_is_gone_is_damaged(path: Path, *, read_only: bool) -> None:
    write(path, 0, 1)
    older = (path / "data.mdb").read_bytes()
    write(path, 2)
    (path / "data.mdb").write_bytes(older)  # every page of it is sound
    for _ in range(2):
        with pytest.raises(JournalDamaged, match=r"commit 3 of .* was durable, and is not there"):
            LmdbJournal.open(path, read_only=read_only)
    (path / MARK).unlink()  # as the text says
    assert versions(path) == 2


def test_another_commit_in_the_place_of_the_newest_is_noticed(path: Path) -> None:
    other = path.with_name("other")
    write(path, 0, 1)
    write(other, 0, 1)
    shutil.copy(other / "data.mdb", path / "data.mdb")
    with pytest.raises(JournalDamaged, match="or is another one"):
        LmdbJournal.open(path)


def test_a_backup_with_its_own_mark_opens(path: Path) -> None:
    write(path, 0, 1)
    backup = path.with_name("backup")
    shutil.copytree(path, backup)
    write(path, 2)
    shutil.rmtree(path)
    shutil.copytree(backup, path)
    assert versions(path) == 2
    write(path, 2)
    assert versions(path) == 3


def test_a_journal_that_is_ahead_of_its_mark_opens(path: Path) -> None:
    write(path, 0)
    mark = (path / MARK).read_bytes()
    write(path, 1)
    (path / MARK).write_bytes(mark)  # killed between a commit and its mark
    assert versions(path) == 2
    write(path, 2)


@pytest.mark.parametrize("commits", [4, 5])
def test_no_flipped_bit_of_a_transactions_number_loses_a_commit(path: Path, commits: int) -> None:
    killed_after(path, commits)
    sound = (path / "data.mdb").read_bytes()
    at = max(144, PAGE + 144, key=lambda at: int.from_bytes(sound[at : at + 8], "little"))
    for bit in range(64):
        data = bytearray(sound)
        data[at + bit // 8] ^= 1 << bit % 8
        (path / "data.mdb").write_bytes(data)
        with pytest.raises(JournalDamaged):
            LmdbJournal.open(path, read_only=True)


@pytest.mark.parametrize("what", ["absent", "empty", "garbage", "a bit", "a folder", "a fifo", "/"])
def test_a_mark_that_says_nothing_is_no_error(path: Path, what: str, looks: list[str]) -> None:
    write(path, 0, 1)
    mark = path / MARK
    data = bytearray(mark.read_bytes())
    mark.unlink()
    data[3] ^= 4
    match what:
        case "empty":
            mark.touch()
        case "garbage":
            mark.write_bytes(b"garbage" * 100)
        case "a bit":
            mark.write_bytes(data)
        case "a folder":
            mark.mkdir()
        case "a fifo":
            os.mkfifo(mark)
        case "/":
            mark.symlink_to("/")
        case _:
            pass
    looks.clear()
    assert versions(path) == 2
    write(path, 2)
    assert versions(path) == 3
    assert "" in looks


def test_a_reader_that_asks_for_the_lock_keeps_no_writer_out(path: Path) -> None:
    write(path, 0)
    asked = os.open(path / "journal.lock", os.O_RDONLY)
    fcntl.flock(asked, fcntl.LOCK_SH)
    Timer(0.003, os.close, [asked]).start()
    write(path, 1)
    assert versions(path) == 2


# --- a check that takes long ----------------------------------------------------------------------


def test_a_check_that_takes_long_says_how_far_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, *range(50))
    (path / MARK).unlink()
    caplog.set_level("INFO", logger="comity")
    LmdbJournal.open(path, read_only=True).close()
    assert caplog.messages == [], "this was quick"
    monkeypatch.setattr(data_pages, "_OFTEN", 1)
    monkeypatch.setattr(lmdb_preflight._Told, "SECONDS", 0.0)  # pyright: ignore[reportPrivateUsage]
    LmdbJournal.open(path, read_only=True).close()
    assert len(caplog.messages) > 3
    form = (
        r"journal/data.mdb may have .* is checked: 0 of 0 MB \(\d+%\), \d+ MB a second, 0 s left$"
    )
    assert all(re.search(form, line) for line in caplog.messages)
    parts = [int(re.findall(r"(\d+)%", line)[0]) for line in caplog.messages]
    assert parts == sorted(parts)
    assert 0 < parts[-1] <= 100
