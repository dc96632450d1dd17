"""How an LMDB journal is made, locked, opened beside a writer, and left behind after a fork."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import lmdb
import pytest
from tests.contract.journal_contract import A, data, entry, until_caught_up, write

from comity.engine.aggregate_id import AggregateId
from comity.engine.commit_record import FORMAT
from comity.engine.errors import (
    Closed,
    Forked,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    StorageFailed,
    StorageFull,
)
from comity.engine.journal import Appended
from comity.engine.journal_format import FORMAT_KEY, new_format, pack_format
from comity.engine.lmdb_journal import LmdbJournal, UnsafeWarning
from comity.engine.lmdb_preflight import check_length


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[LmdbJournal]:
    journal = LmdbJournal.open(path)
    yield journal
    journal.close()


class Program:
    """Another process: Python statements that it executes, and what they print."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", _PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self.id = self._process.pid

    def run(self, statements: str) -> str:
        """Have it execute these, and return its next line."""
        print(repr(statements), file=self._in, flush=True)
        return self._out.readline().strip()

    def kill(self) -> None:
        """Kill it, and not its children."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()


_PROGRAM = """
import os, sys
from comity.engine.lmdb_journal import LmdbJournal
from comity.engine.lmdb_preflight import check_length
from tests.contract.journal_contract import *
path = sys.argv[1]
for line in sys.stdin:
    exec(eval(line))
"""


@pytest.fixture
def other(path: Path) -> Iterator[Program]:
    program = Program(path)
    yield program
    program.kill()


# --- making one ------------------------------------------------------------------------------


def test_a_journal_is_made_where_there_is_nothing(path: Path) -> None:
    LmdbJournal.open(path).close()
    assert sorted(each.name for each in path.iterdir()) == [
        "data.mdb",
        "journal.lock",
        "lock.mdb",
        "mark",
    ]


def test_a_journal_is_made_in_an_empty_directory(path: Path) -> None:
    path.mkdir()
    LmdbJournal.open(path).close()
    assert (path / "data.mdb").exists()


def test_only_its_owner_may_look_at_a_journal(journal: LmdbJournal, path: Path) -> None:
    write(journal, A, 1)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path, *path.iterdir())}
    files = dict.fromkeys(["data.mdb", "lock.mdb", "journal.lock", "mark"], 0o600)
    assert modes == {"journal": 0o700, **files}


def test_the_lock_file_has_all_its_blocks(journal: LmdbJournal, path: Path) -> None:
    found = (path / "lock.mdb").stat()
    assert found.st_size == 192 + 64 * 1_024
    assert found.st_blocks * 512 >= found.st_size


def test_a_lock_file_that_was_lost_is_made_again(path: Path) -> None:
    LmdbJournal.open(path).close()
    (path / "lock.mdb").unlink()
    (path / "journal.lock").unlink()
    LmdbJournal.open(path).close()
    found = (path / "lock.mdb").stat()
    assert found.st_blocks * 512 >= found.st_size == 192 + 64 * 1_024


def test_a_journal_says_what_made_it(journal: LmdbJournal) -> None:
    made = journal.format
    assert (made.format, made.fsync) == (FORMAT, True)
    assert made.library.startswith("py-lmdb ")
    assert made.engine.startswith("LMDB 0.9.")
    assert abs(made.created / 1e6 - time.time()) < 60


@pytest.mark.parametrize("left", ["nothing", "half a file", "everything"])
def test_what_a_crashed_attempt_left_is_removed(path: Path, left: str) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for process in (dead.pid, os.getpid()):
        aside = path.with_name(f"journal.tmp-{process}")
        if left == "everything":
            LmdbJournal.open(path).close()
            path.rename(aside)
        else:
            aside.mkdir()
        if left == "half a file":
            (aside / "data.mdb").write_bytes(bytes(4_096))
    LmdbJournal.open(path).close()
    assert [each.name for each in path.parent.iterdir()] == ["journal"]


def test_what_somebody_else_is_making_is_left_alone(path: Path, other: Program) -> None:
    aside = path.with_name(f"journal.tmp-{other.id}")
    aside.mkdir()
    LmdbJournal.open(path).close()
    assert aside.exists()


def test_what_may_be_somebodys_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_permitted(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", not_permitted)
    for name in ("journal.tmp-1", "journal.tmp-x", "other.tmp-1"):
        path.with_name(name).mkdir()
    LmdbJournal.open(path).close()
    assert len(list(path.parent.iterdir())) == 4


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(errno.ENOSPC, "full"), StorageFull),
        (OSError(errno.EACCES, "denied"), NotAJournal),
        (lmdb.DiskError("mdb_txn_commit"), StorageFull),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_making_one_that_fails_leaves_nothing_behind(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    seen: type[BaseException],
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(*((lmdb, "open") if isinstance(error, lmdb.Error) else (os, "fsync")), fail)
        with pytest.raises(seen):
            LmdbJournal.open(path)
    assert list(path.parent.iterdir()) == []
    LmdbJournal.open(path).close()


def test_a_lock_file_that_has_no_room_is_not_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "posix_fallocate")

    LmdbJournal.open(path).close()
    (path / "lock.mdb").unlink()
    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(StorageFull, match="no room"):
        LmdbJournal.open(path)


def test_a_system_that_cannot_allocate_does_without(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, "posix_fallocate")

    monkeypatch.setattr(os, "posix_fallocate", fail)
    LmdbJournal.open(path).close()
    monkeypatch.delattr(os, "posix_fallocate")
    LmdbJournal.open(path.with_name("other")).close()


def test_two_programs_that_make_one_at_once_make_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = path.with_name("theirs")
    journal = LmdbJournal.open(theirs)
    write(journal, A, 1)
    journal.close()
    fsync = os.fsync

    def they_are_first(descriptor: int) -> None:
        if theirs.exists():
            theirs.rename(path)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", they_are_first)
    journal = LmdbJournal.open(path)
    assert journal.version(A) == 1
    journal.close()
    assert [each.name for each in path.parent.iterdir()] == ["journal"]


# --- what is not a journal -------------------------------------------------------------------


def refused(path: Path) -> str:
    """What `open` says of something that is not a journal, and that it left it as it was."""
    before = {each: each.read_bytes() for each in path.rglob("data.mdb")}
    with pytest.raises(NotAJournal) as raised:
        LmdbJournal.open(path)
    assert {each: each.read_bytes() for each in before} == before
    return str(raised.value)


def test_a_file_is_not_a_journal(path: Path) -> None:
    path.write_text("hello")
    assert "is a file" in refused(path)


def test_a_directory_of_other_things_is_not_a_journal(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").touch()
    assert "notes.txt" in refused(path)


def test_a_directory_that_does_not_exist_is_said_to(path: Path) -> None:
    assert "No such file" in refused(path / "journal")


@pytest.mark.parametrize("size", [0, 100, 4_096, 8_192])
def test_a_torn_data_file_is_not_a_journal(path: Path, size: int) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(size))
    refused(path)


def test_another_lmdb_environment_is_not_a_journal(path: Path) -> None:
    with lmdb.open(str(path), max_dbs=1) as env:
        env.open_db(b"other")
    refused(path)


def test_a_newer_format_is_not_read(path: Path) -> None:
    LmdbJournal.open(path).close()
    with lmdb.open(str(path), max_dbs=5) as env, env.begin(write=True) as txn:
        newer = pack_format(new_format()._replace(format=FORMAT + 1))
        txn.put(FORMAT_KEY, newer, db=env.open_db(b"meta", txn))
    assert "upgrade" in refused(path)


def test_a_data_file_that_cannot_be_read_is_left_to_lmdb(path: Path) -> None:
    check_length(path)


def test_a_truncated_data_file_is_damaged_and_not_a_crash(path: Path) -> None:
    journal = LmdbJournal.open(path)
    write(journal, A, *[1] * 20)
    journal.close()
    os.truncate(path / "data.mdb", 3 * 4_096)
    with pytest.raises(JournalDamaged, match="truncated"):
        LmdbJournal.open(path)


def test_a_journal_that_could_not_be_opened_is_not_locked(path: Path) -> None:
    LmdbJournal.open(path).close()
    sound = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(bytes(8_192))
    refused(path)
    (path / "data.mdb").write_bytes(sound)
    LmdbJournal.open(path).close()


# --- one writer ------------------------------------------------------------------------------


def test_a_second_opening_says_who_has_it(journal: LmdbJournal, path: Path) -> None:
    with pytest.raises(JournalInUse, match=f"process {os.getpid()} .*read_only=True"):
        LmdbJournal.open(path)
    write(journal, A, 1)


@pytest.mark.parametrize("spelling", ["journal/", "./journal", "link", "other/../journal"])
def test_a_second_opening_is_seen_through_other_spellings(
    journal: LmdbJournal, path: Path, spelling: str
) -> None:
    path.with_name("link").symlink_to(path)
    path.with_name("other").mkdir()
    with pytest.raises(JournalInUse):
        LmdbJournal.open(f"{path.parent}/{spelling}")


def test_a_second_opening_to_read_in_the_same_process_is_refused(
    journal: LmdbJournal, path: Path
) -> None:
    with pytest.raises(JournalInUse, match="in this process"):
        LmdbJournal.open(path, read_only=True)
    write(journal, A, 1)


def test_a_closed_journal_may_be_opened_again(path: Path) -> None:
    for _ in range(3):
        LmdbJournal.open(path).close()


def test_a_journal_that_may_not_be_locked_says_so(path: Path) -> None:
    LmdbJournal.open(path).close()
    (path / "journal.lock").unlink()
    (path / "journal.lock").mkdir()
    with pytest.raises(StorageFailed, match="cannot be locked"):
        LmdbJournal.open(path)


def test_another_process_has_it_until_it_is_killed(path: Path, other: Program) -> None:
    other.run("journal = LmdbJournal.open(path); print('open')")
    with pytest.raises(JournalInUse, match=f"process {other.id} "):
        LmdbJournal.open(path)
    other.kill()
    LmdbJournal.open(path).close()


# --- reading beside a writer -----------------------------------------------------------------


def test_a_reader_in_another_process_sees_each_append(journal: LmdbJournal, other: Program) -> None:
    other.run("j = LmdbJournal.open(path, read_only=True); f = j.follow(); print(next(f))")
    for version in range(3):
        journal.append([entry(A, version, b"%d" % version, command_id=f"c{version}")])
        look = f"print(data(next(f)), j.version(A), j.position(), j.find('c{version}').version)"
        assert other.run(look) == f"[b'{version}'] {version + 1} {version + 1} {version}"
    assert other.run("print(data(j.read(A)), data(j.read_backwards(A)))") == (
        "[b'0', b'1', b'2'] [b'2', b'1', b'0']"
    )


def test_a_reader_goes_on_while_the_writer_writes_its_index(
    path: Path, other: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.run("j = LmdbJournal.open(path); write(j, A, 1); print()")
    journal = LmdbJournal.open(path, read_only=True)
    other.run("from comity.engine import journal_index; print()")
    for flushed_at, version in ((1, 2), (1_000, 3), (1_000, 4), (1, 5), (1, 6), (1_000, 7)):
        other.run(f"journal_index.FLUSH_RECORDS = {flushed_at}; write(j, A, 1); print()")
        assert journal.version(A) == version
        assert len(data(journal.read(A))) == version
        assert list(journal.aggregates()) == [(A, version)]
        assert journal.figures()[:3] == (version, version, version)
    other.run("j.close(); j = LmdbJournal.open(path); write(j, A, 1); print()")
    assert data(until_caught_up(journal.follow(5))) == [b"6", b"7", b"8"]
    journal.close()


def test_a_reader_refuses_to_append(path: Path) -> None:
    LmdbJournal.open(path).close()
    reader = LmdbJournal.open(path, read_only=True)
    with pytest.raises(StorageFailed, match="read-only"):
        reader.append([entry(A, 0, b"x")])
    with pytest.raises(StorageFailed, match="read-only"):
        reader.recover()
    reader.abandon()
    reader.close()


def test_a_reader_does_not_make_a_journal(path: Path) -> None:
    with pytest.raises(NotAJournal, match="there is nothing"):
        LmdbJournal.open(path, read_only=True)
    assert not path.exists()


def test_the_slots_of_killed_readers_are_freed(journal: LmdbJournal, other: Program) -> None:
    other.run("j = LmdbJournal.open(path, read_only=True); txn = j._store._env.begin(); print()")
    other.kill()
    journal.maintain()
    write(journal, A, 1)
    assert journal.version(A) == 1


def test_a_thousand_readers_at_once_are_served_and_the_next_ones_refused(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(journal, A, 1)
    store = journal._store  # pyright: ignore[reportPrivateUsage]
    contexts = [store.reading() for _ in range(1_100)]
    entered = 0
    with pytest.raises(StorageFailed, match="reader slots"):
        for context in contexts:
            context.__enter__()
            entered += 1
    for context in contexts[:entered]:
        context.__exit__(None, None, None)
    assert entered >= 1_000
    assert data(journal.read(A)) == [b"1"]


# --- fork ------------------------------------------------------------------------------------


def test_a_forked_child_leaves_the_journal_to_its_parent(path: Path, other: Program) -> None:
    other.run("journal = LmdbJournal.open(path); write(journal, A, 1); print()")
    child = other.run(
        "child = os.fork()\n"
        "if not child:\n"
        "    journal.abandon()\n"
        "    try:\n"
        "        journal.version(A)\n"
        "    except Exception as error:\n"
        "        print(os.getpid(), type(error).__name__, flush=True)\n"
        "        sys.stdin.close()\n"
        "        import time; time.sleep(60)\n"
    )
    process, error = child.split()
    assert error == Forked.__name__
    with pytest.raises(JournalInUse):
        LmdbJournal.open(path)
    assert other.run("write(journal, A, 1); print(journal.version(A))") == "2"
    other.kill()  # the child lives on, and must not hold the lock
    journal = LmdbJournal.open(path)
    assert journal.append([entry(A, 2, b"3")]) == [Appended(3, 3)]
    journal.close()
    os.kill(int(process), 9)


def test_an_abandoned_journal_refuses_everything(journal: LmdbJournal, path: Path) -> None:
    journal.abandon()
    with pytest.raises(Forked):
        journal.append([entry(A, 0, b"x")])
    with pytest.raises(Forked):
        journal.position()
    journal.close()


# --- other options ---------------------------------------------------------------------------


def test_unsafe_no_fsync_warns_and_is_remembered(path: Path) -> None:
    with pytest.warns(UnsafeWarning, match="power cut"):
        journal = LmdbJournal.open(path, unsafe_no_fsync=True)
    write(journal, A, 1)
    journal.close()
    journal = LmdbJournal.open(path)
    assert not journal.format.fsync
    assert journal.version(A) == 1
    journal.close()


def test_a_path_may_be_a_string_with_strange_characters(tmp_path: Path) -> None:
    for name in ("a b", "[x]*?", "💡", "a.tmp-1"):
        LmdbJournal.open(str(tmp_path / name)).close()
    assert len(list(tmp_path.iterdir())) == 4


def test_closing_releases_a_journal_that_was_never_used(path: Path) -> None:
    journal = LmdbJournal.open(path)
    journal.close()
    with pytest.raises(Closed):
        journal.version(AggregateId("board", "x"))
    with pytest.raises(Closed):
        journal.maintain()
