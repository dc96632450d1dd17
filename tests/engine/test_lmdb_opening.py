"""How an LMDB journal is made, locked, opened beside a writer, and left behind after a fork."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import lmdb
import pytest
from tests.engine.program import Program

from comity.engine import formats
from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    Closed,
    Forked,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    StorageFailed,
    StorageFull,
)
from comity.engine.files.file_mark import MARK
from comity.engine.journal import journal_folder
from comity.engine.journal.lmdb_journal import LmdbJournal, UnsafeWarning
from comity.engine.journal.lmdb_store import JOURNAL
from comity.engine.journal.result import Stored
from comity.engine.lmdb.preflight import check_length
from comity.testing.contract.making import A, data, turn, until_caught_up, write


@pytest.fixture
def other(path: Path) -> Iterator[Program]:
    program = Program(path)
    yield program
    program.kill()


# --- making one ------------------------------------------------------------------------------


def test_a_journal_is_made_where_there_is_nothing(path: Path) -> None:
    LmdbJournal.open(path).close()
    files = ["data.mdb", "journal.lock", "lock.mdb", "mark"]
    assert sorted(each.name for each in path.iterdir()) == ["board", *files]


def test_a_journal_is_made_in_an_empty_directory(path: Path) -> None:
    path.mkdir()
    LmdbJournal.open(path).close()
    assert (path / "data.mdb").exists()


def test_only_its_owner_may_look_at_a_journal(journal: LmdbJournal, path: Path) -> None:
    write(journal, A, 1)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path, *path.iterdir())}
    files = dict.fromkeys(["data.mdb", "lock.mdb", "journal.lock", "mark", "board"], 0o600)
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
    assert (made.format, made.fsync) == (formats.JOURNAL, True)
    assert made.library.startswith("py-lmdb ")
    assert made.engine.startswith("LMDB 0.9.")
    assert abs(made.created / 1e6 - time.time()) < 60


@pytest.mark.parametrize("left", ["nothing", "half a file", "everything"])
def test_what_a_crashed_attempt_left_is_removed(path: Path, left: str) -> None:
    for fresh in ("01234567", "89abcdef"):
        aside = path.with_name(f"journal.unfinished-{fresh}")
        if left == "everything":
            LmdbJournal.open(path, exclusive=True).close()
            (path / MARK).unlink()  # which an attempt does not come to
            path.rename(aside)
        else:
            aside.mkdir()
        if left == "half a file":
            (aside / "data.mdb").write_bytes(bytes(4_096))
    LmdbJournal.open(path).close()
    assert [each.name for each in path.parent.iterdir()] == ["journal"]


def test_what_somebody_else_is_making_is_left_alone(path: Path, other: Program) -> None:
    other.run(
        "from comity.engine.files import whole_directory; from pathlib import Path\n"
        "aside, held = whole_directory._begin(Path(path), ()); print()"
    )
    LmdbJournal.open(path).close()
    assert len(list(path.parent.glob("journal.unfinished-*"))) == 1
    other.kill()
    path.rename(path.with_name("first"))
    LmdbJournal.open(path).close()
    assert not list(path.parent.glob("journal.unfinished-*")), "its maker is dead"


def test_what_may_be_somebodys_is_left_alone(path: Path, tmp_path: Path) -> None:
    """A copy that somebody has put beside it, by whatever name, and what a link leads to."""
    kept = tmp_path / "elsewhere" / "data.mdb"
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    for name in ("journal.tmp-1", "journal.unfinished-x", "other.unfinished-01234567"):
        path.with_name(name).mkdir()
        (path.with_name(name) / "data.mdb").write_bytes(b"kept")
    path.with_name("journal.unfinished-01234567").symlink_to("elsewhere")
    more = path.with_name("journal.unfinished-89abcdef")
    more.mkdir()
    (more / "notes.txt").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    LmdbJournal.open(path).close()
    assert sorted(each for each in tmp_path.rglob("*") if path not in (each, each.parent)) == before


def test_one_who_takes_a_new_directory_for_a_leftover_harms_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was made this moment, and not locked yet."""
    real, taken = fcntl.flock, list[Path]()

    def they_are_quicker(descriptor: int, how: int) -> None:
        for left in path.parent.glob("journal.unfinished-*"):
            if not taken:
                taken.append(left)
                left.rmdir()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", they_are_quicker)
    LmdbJournal.open(path).close()
    assert len(taken) == 1
    assert [each.name for each in path.parent.iterdir()] == ["journal"]


def test_a_disk_without_locks_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: int) -> NoReturn:
        raise OSError(errno.ENOLCK, "no locks available")

    with monkeypatch.context() as broken:
        broken.setattr(fcntl, "flock", fail)
        with pytest.raises(NotAJournal, match=r"no journal can be made .*no locks"):
            LmdbJournal.open(path)
    assert list(path.parent.iterdir()) == []
    LmdbJournal.open(path).close()
    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StorageFailed, match="move it to a local disk"):
        LmdbJournal.open(path)


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
    assert f"make the parent folder {path} first" in refused(path / "journal")


@pytest.mark.parametrize("size", [0, 100, 4_096, 8_192])
def test_a_torn_data_file_is_not_a_journal(path: Path, size: int) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(size))
    refused(path)


def test_another_lmdb_environment_is_not_a_journal(path: Path) -> None:
    with lmdb.open(str(path), max_dbs=1) as env:
        env.open_db(b"other")
    refused(path)


def test_a_data_file_that_cannot_be_read_is_left_to_lmdb(path: Path) -> None:
    check_length(path, JOURNAL)


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


def test_a_second_opening_in_the_same_process_is_refused(journal: LmdbJournal, path: Path) -> None:
    with pytest.raises(JournalInUse, match="is open in this process already"):
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


@pytest.mark.parametrize("exclusive", [False, True])
def test_who_looks_whether_it_is_open_does_not_have_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, exclusive: bool
) -> None:
    LmdbJournal.open(path).close()
    looking = os.open(path / "journal.lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)  # as `is_held` has it for a moment

    def let_go(_seconds: float) -> None:
        fcntl.flock(looking, fcntl.LOCK_UN)

    monkeypatch.setattr("comity.engine.files.lock_file.pause", let_go)
    monkeypatch.setattr("comity.engine.files.shared_lock.pause", let_go)
    LmdbJournal.open(path, exclusive=exclusive).close()
    os.close(looking)


def test_a_journal_that_may_not_be_locked_says_so(path: Path) -> None:
    LmdbJournal.open(path).close()
    (path / "journal.lock").unlink()
    (path / "journal.lock").mkdir()
    with pytest.raises(StorageFailed, match="cannot be locked"):
        LmdbJournal.open(path)


@pytest.mark.parametrize("exclusive", [False, True])
def test_another_process_has_it_until_it_is_killed(
    path: Path, other: Program, *, exclusive: bool
) -> None:
    other.run("journal = LmdbJournal.open(path, exclusive=True); print('open')")
    with pytest.raises(JournalInUse, match=f"process {other.id} .*ReadModels.open"):
        LmdbJournal.open(path, exclusive=exclusive)
    other.kill()
    LmdbJournal.open(path, exclusive=exclusive).close()


def test_who_wants_it_alone_is_told_who_shares_it(path: Path, other: Program) -> None:
    other.run("journal = LmdbJournal.open(path); print('open')")
    with pytest.raises(JournalInUse, match=f"process {other.id} .*ReadModels.open"):
        LmdbJournal.open(path, exclusive=True)
    other.kill()
    LmdbJournal.open(path, exclusive=True).close()


# --- reading beside a writer -----------------------------------------------------------------


def test_a_reader_in_another_process_sees_each_append(journal: LmdbJournal, other: Program) -> None:
    other.run("j = LmdbJournal.open(path, read_only=True); f = j.follow(); print(next(f))")
    for version in range(3):
        journal.append([turn(A, version, b"%d" % version, command_id=f"c{version}")])
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
    other.run("from comity.engine.journal import index as journal_index; print()")
    for flushed_at, version in ((1, 2), (1_000, 3), (1_000, 4), (1, 5), (1, 6), (1_000, 7)):
        other.run(f"journal_index.FLUSH_RECORDS = {flushed_at}; write(j, A, 1); print()")
        assert journal.version(A) == version
        assert len(data(journal.read(A))) == version
        assert list(journal.aggregates()) == [(A, version)]
        assert journal.figures()[1:4] == (version, version, version)
        assert list(journal.kinds().values()) == [len(list(journal.read_every()))] == [version]
    other.run("j.close(); j = LmdbJournal.open(path); write(j, A, 1); print()")
    assert data(until_caught_up(journal.follow(5))) == [b"6", b"7", b"8"]
    journal.close()


def test_a_reader_refuses_to_append(path: Path) -> None:
    LmdbJournal.open(path).close()
    reader = LmdbJournal.open(path, read_only=True)
    with pytest.raises(StorageFailed, match="read-only"):
        reader.append([turn(A, 0, b"x")])
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


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_forked_child_leaves_the_journal_to_its_parent(
    path: Path, other: Program, *, exclusive: bool
) -> None:
    opening = f"journal = LmdbJournal.open(path, exclusive={exclusive})"
    other.run(f"{opening}; write(journal, A, 1); print()")
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
        LmdbJournal.open(path, exclusive=True)
    assert other.run("write(journal, A, 1); print(journal.version(A))") == "2"
    other.kill()  # the child lives on, and must not hold the lock
    journal = LmdbJournal.open(path, exclusive=True)
    assert journal.append([turn(A, 2, b"3")]) == [Stored(3, 3)]
    journal.close()
    os.kill(int(process), 9)


def test_an_abandoned_journal_refuses_everything(journal: LmdbJournal, path: Path) -> None:
    journal.abandon()
    with pytest.raises(Forked):
        journal.append([turn(A, 0, b"x")])
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


# --- what a stranger may have left -----------------------------------------------------------


@pytest.mark.parametrize("how", ["a link to itself", "a link to nothing", "a fifo"])
def test_a_path_that_leads_nowhere_is_said(path: Path, how: str) -> None:
    match how:
        case "a link to itself":
            path.symlink_to(path.name)
        case "a link to nothing":
            path.symlink_to("nowhere/at/all")
        case _:
            os.mkfifo(path)
    with pytest.raises(
        NotAJournal, match=r"say another path|make the parent folder|name a directory"
    ):
        LmdbJournal.open(path)


@pytest.mark.parametrize("left", ["journal.lock", "lock.mdb", MARK])
def test_a_journal_that_has_lost_its_data_is_not_begun_anew(path: Path, left: str) -> None:
    LmdbJournal.open(path).close()
    for name in {"data.mdb", "lock.mdb", "journal.lock", MARK, "board"} - {left}:
        (path / name).unlink()
    for read_only in (False, True):
        with pytest.raises(JournalDamaged, match="restore a backup"):
            LmdbJournal.open(path, read_only=read_only)
    assert [each.name for each in path.iterdir()] == [left]


@pytest.mark.parametrize(
    "said",
    [
        b"\x1b[2Jprocess 1 ('x') on y since 2026-01-01 00:00:00 UTC",
        b"process 1 ('x\x1b[2J') on y since 2026-01-01 00:00:00 UTC",
        b"process 1 ('x') on y since 2026-01-01 00:00:00 UTC: send money",
        b"process 1 ('" + b"x" * 10_000 + b"') on y since 2026-01-01 00:00:00 UTC",
        b"\xff\xfe",
        b"",
    ],
)
def test_of_a_holder_only_what_comity_has_written_is_said(path: Path, said: bytes) -> None:
    journal = LmdbJournal.open(path, exclusive=True)
    (path / "journal.lock").write_bytes(said)
    with pytest.raises(JournalInUse, match="is open for writing in another program: close it"):
        LmdbJournal.open(path, exclusive=True)
    journal.close()


def test_a_lock_file_without_end_is_no_holder(path: Path) -> None:
    journal = LmdbJournal.open(path, exclusive=True)
    os.truncate(path / "journal.lock", 1 << 40)
    with pytest.raises(JournalInUse, match="in another program"):
        LmdbJournal.open(path, exclusive=True)
    journal.close()


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_a_file_that_became_a_link_is_not_opened_again(
    journal: LmdbJournal, path: Path, name: str
) -> None:
    write(journal, A, 1)
    (path / name).rename(path / "elsewhere")
    (path / name).symlink_to("elsewhere")
    with pytest.raises(StorageFailed):
        journal.recover()


def test_a_lock_file_without_end_is_not_mapped(path: Path) -> None:
    LmdbJournal.open(path).close()
    os.truncate(path / "lock.mdb", 1 << 40)
    with pytest.raises(NotAJournal, match="move it away"):
        LmdbJournal.open(path)
    (path / "lock.mdb").unlink()
    LmdbJournal.open(path).close()


def test_a_journal_that_another_process_makes_while_this_one_looks_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(file: Path) -> os.stat_result | None:
        monkeypatch.undo()
        LmdbJournal.open(path).close()  # the other process
        return None

    monkeypatch.setattr(journal_folder, "look_at", look)
    LmdbJournal.open(path).close()
