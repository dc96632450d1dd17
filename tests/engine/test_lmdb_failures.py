"""What an LMDB journal does when a write fails, the disk is full, or its process is killed."""

# Faults are planted in what is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import lmdb
import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    ComityError,
    Invalid,
    JournalDamaged,
    OutcomeUnknown,
    StorageFailed,
    StorageFull,
)
from comity.engine.files.file_mark import Mark
from comity.engine.journal import index as journal_index
from comity.engine.journal import lmdb_store
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.lmdb.transaction import Reading, Writing
from comity.testing.contract.making import A, B, data, turn, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[LmdbJournal]:
    journal = LmdbJournal.open(path)
    write(journal, A, 1, 1)
    yield journal
    journal.close()


def lmdb_error(code: int) -> lmdb.Error:
    error = lmdb.Error("mdb_txn_commit")
    vars(error)["code"] = code
    return error


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


# --- before the commit: it is certain that nothing is stored ---------------------------------


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (lmdb.MapFullError("mdb_put"), StorageFull),
        (lmdb.DiskError("mdb_put"), StorageFull),
        (lmdb_error(errno.EDQUOT), StorageFull),
        (lmdb_error(errno.EIO), StorageFailed),
        (MemoryError(), StorageFailed),
        (RuntimeError("a bug"), StorageFailed),
    ],
)
def test_a_put_that_fails_stores_nothing_and_the_journal_goes_on(
    journal: LmdbJournal,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    seen: type[StorageFailed],
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put_last", failing(error))
        with pytest.raises(StorageFailed) as raised:
            journal.append([turn(A, 2, b"x", command_id="lost")])
    assert type(raised.value) is seen
    assert journal.find("lost") is None
    assert journal.append([turn(A, 2, b"3")]) == [Stored(3, 3)]


def test_a_put_that_lmdb_refuses_without_an_error_stores_nothing(path: Path) -> None:
    journal = LmdbJournal.open(path, exclusive=True)
    write(journal, A, 2)
    with journal._store.writing() as txn:  # a row behind the next commit
        txn.put("commits", (9).to_bytes(8), b"")
    journal._seen += 1  # else it would read that row as another process's commit
    with pytest.raises(StorageFailed, match="refused"):
        journal.append([turn(A, 2, b"x")])
    assert journal.version(A) == 2
    journal.close()


class Refusing:
    """A transaction in which LMDB refuses every row, without an error."""

    def __init__(self, txn: lmdb.Transaction[memoryview]) -> None:
        self.abort = txn.abort

    def put(self, *_: object, **__: object) -> bool:
        return False

    def cursor(self, _: object) -> Refusing:
        return self

    def putmulti(self, rows: list[tuple[bytes, bytes]]) -> tuple[int, int]:
        return len(rows), len(rows) - 1


PUTS: dict[str, Callable[[Writing], None]] = {
    "one": lambda txn: txn.put("meta", b"key", b"value"),
    "the last": lambda txn: txn.put_last("commits", b"key", b"value"),
    "many": lambda txn: txn.put_all("ids", [(b"key", b"value")]),
}


@pytest.mark.parametrize("rows", PUTS)
def test_every_row_that_lmdb_refuses_is_an_error(journal: LmdbJournal, rows: str) -> None:
    with pytest.raises(StorageFailed, match="refused"), journal._store.writing() as txn:
        vars(txn)["_txn"] = Refusing(txn._txn)
        PUTS[rows](txn)


class DeadEnvironment:
    begin = staticmethod(failing(lmdb.PanicError("mdb_txn_begin")))


def test_a_write_transaction_that_cannot_begin_stores_nothing(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(journal._store, "_env", DeadEnvironment())
        with pytest.raises(StorageFailed):
            journal.append([turn(A, 2, b"x")])
    write(journal, A, 1)


def test_an_index_that_cannot_be_written_does_not_lose_the_tail(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_RECORDS", 1)
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put_all", failing(lmdb.MapFullError("mdb_put")))
        with pytest.raises(StorageFull):
            journal.append([turn(A, 2, b"x")])
    assert data(journal.read(A)) == [b"1", b"2"]
    write(journal, A, 1, 1)
    assert data(journal.read(A)) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    "entry",
    [
        Entry("\ud800", (), 0, b"note"),
        Entry("", (), 0, b"note"),
        Entry("x" * 201, (), 0, b"note"),
        Entry("id", (), 1 << 70, b"note"),
        Entry("id", (), 0, object()),
    ],
)
def test_an_entry_that_cannot_be_packed_is_invalid(entry: Entry) -> None:
    with pytest.raises(Invalid, match=r"command id|cannot be recorded"):
        Turn.of(A, 2, [entry])


@pytest.mark.parametrize(
    "given",
    [
        turn(AggregateId("board", "k" * 201), 0, b"x"),
        turn(AggregateId("board", ""), 0, b"x"),
        turn(AggregateId("No Type", "k"), 0, b"x"),
    ],
)
def test_a_turn_that_can_never_be_stored_is_invalid_and_harms_nothing(
    journal: LmdbJournal, given: Turn
) -> None:
    with pytest.raises(Invalid):
        journal.append([turn(B, 0, b"x"), given])
    assert journal.figures()[1:4] == (2, 2, 2)
    write(journal, A, 1)


def test_an_interrupted_append_stores_nothing(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put_last", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            journal.append([turn(A, 2, b"x")])
    journal.recover()
    write(journal, A, 1)
    assert data(journal.read(A)) == [b"1", b"2", b"3"]


# --- at the commit: it is unknown, until recover ---------------------------------------------


def test_a_full_disk_at_the_commit_stores_nothing(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(lmdb.DiskError("mdb_txn_commit")))
        with pytest.raises(StorageFull):
            journal.append([turn(A, 2, b"x")])
    assert journal.append([turn(A, 2, b"3")]) == [Stored(3, 3)]


@pytest.mark.parametrize("error", [lmdb_error(errno.EIO), lmdb.PanicError("x"), MemoryError()])
def test_a_commit_that_fails_is_unknown_and_recover_finds_that_it_did_not_happen(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(error))
        with pytest.raises(OutcomeUnknown):
            journal.append([turn(A, 2, b"x", command_id="perhaps")])
    journal.recover()
    assert journal.find("perhaps") is None
    assert journal.append([turn(A, 2, b"3")]) == [Stored(3, 3)]


def commits_and_then_fails(txn: Writing) -> None:
    txn._txn.commit()
    raise MemoryError


@pytest.mark.parametrize("flush_records", [1, 4_096])
def test_a_commit_that_fails_after_all_is_shown_only_once_recover_has_flushed_it(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch, flush_records: int
) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_RECORDS", flush_records)
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", commits_and_then_fails)
        with pytest.raises(OutcomeUnknown):
            snapshot = Snapshot(A, 3, "hash", b"")
            journal.append([turn(A, 2, b"3", command_id="perhaps")], [snapshot])
    assert (journal.version(A), journal.position()) == (2, 2)
    assert journal.find("perhaps") is None
    assert data(journal.read(A)) == data(journal.read_all()) == [b"1", b"2"]
    assert list(journal.aggregates()) == [(A, 2)]
    assert journal.snapshot(A) is None
    journal.recover()
    found = journal.find("perhaps")
    assert found is not None
    assert found.version == 2
    assert data(journal.read(A)) == data(journal.read_all()) == [b"1", b"2", b"3"]
    assert journal.append([turn(A, 3, b"4")]) == [Stored(4, 4)]


def test_nothing_is_appended_between_an_unknown_outcome_and_recover(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", commits_and_then_fails)
        with pytest.raises(OutcomeUnknown):
            journal.append([turn(A, 2, b"3")])
    with pytest.raises(StorageFailed, match="recover"):
        journal.append([turn(A, 2, b"other")])
    journal.recover()
    assert data(journal.read(A)) == [b"1", b"2", b"3"]


def test_memory_that_runs_out_after_the_commit_leaves_it_unknown(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(LmdbJournal, "_publish", failing(MemoryError()))
        with pytest.raises(OutcomeUnknown):
            journal.append([turn(A, 2, b"3")])
    journal.recover()
    assert data(journal.read(A)) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("error", [lmdb_error(errno.EIO), lmdb.DiskError("x")])
def test_a_dead_environment_is_opened_again(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch, error: lmdb.Error
) -> None:
    def die(txn: Writing) -> NoReturn:
        txn.abort()
        journal._store._env.close()
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", die)
        with pytest.raises(OutcomeUnknown):
            journal.append([turn(A, 2, b"x")])
    assert data(journal.read(A)) == [b"1", b"2"]  # reading goes on
    journal.recover()
    assert data(journal.read(A)) == [b"1", b"2"]
    write(journal, A, 1)


def test_recover_may_fail_and_be_tried_again(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(lmdb_error(errno.EIO)))
        with pytest.raises(OutcomeUnknown):
            journal.append([turn(A, 2, b"x")])
        for _ in range(3):
            with pytest.raises(StorageFailed):
                journal.recover()
        with pytest.raises(StorageFailed):
            journal.append([turn(A, 2, b"x")])
    journal.recover()
    write(journal, A, 1)
    assert data(journal.read(A)) == [b"1", b"2", b"3"]


def test_an_environment_that_cannot_be_opened_again_may_be_later(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(lmdb, "open", failing(lmdb_error(errno.EIO)))
        with pytest.raises(StorageFailed, match="opened again"):
            journal.recover()
        with pytest.raises(StorageFailed):
            journal.version(B)
    journal.recover()
    write(journal, A, 1)


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (lmdb.CorruptedError("mdb_get"), JournalDamaged),
        (lmdb.PageNotFoundError("mdb_get"), JournalDamaged),
        (lmdb_error(errno.EIO), StorageFailed),
    ],
)
def test_a_read_that_fails_says_whether_the_data_are_to_blame(
    journal: LmdbJournal,
    monkeypatch: pytest.MonkeyPatch,
    error: lmdb.Error,
    seen: type[ComityError],
) -> None:
    monkeypatch.setattr(Reading, "get", failing(error))
    with pytest.raises(seen):
        list(journal.read(A))
    with pytest.raises(seen):
        list(journal.read_all())


def test_readers_go_on_while_the_journal_recovers(journal: LmdbJournal) -> None:
    done = threading.Event()
    broken: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                assert data(journal.read(A)) == [b"1", b"2"]
        except BaseException as error:
            broken.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        journal.recover()
    done.set()
    for reader in readers:
        reader.join()
    assert broken == []


def test_a_journal_that_was_moved_away_is_not_written_any_more(
    journal: LmdbJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_store, "_LOOK_SECONDS", -1)
    path.rename(path.with_name("moved"))
    for call in (lambda: journal.append([turn(A, 2, b"x")]), journal.recover):
        with pytest.raises(StorageFailed, match="moved or deleted"):
            call()
    LmdbJournal.open(path).close()
    with pytest.raises(StorageFailed, match="moved or deleted"):
        journal.recover()
    path.rename(path.with_name("other"))
    path.with_name("moved").rename(path)
    journal.recover()
    write(journal, A, 1)


# --- real full disks -------------------------------------------------------------------------


def test_a_full_map_stops_writing_only_and_a_larger_one_goes_on(path: Path) -> None:
    journal = LmdbJournal.open(path, map_size=1 << 18)
    stored = 0
    with pytest.raises(StorageFull, match="larger map_size"):
        while True:
            journal.append([turn(A, stored, b"x" * 5_000)])
            stored += 1
    assert stored > 10
    with pytest.raises(StorageFull):
        journal.append([turn(A, stored, b"x" * 5_000)])
    assert len(data(journal.read(A))) == len(data(journal.read_all())) == stored
    journal.close()
    journal = LmdbJournal.open(path)
    assert len(data(journal.read(A))) == stored
    assert journal.append([turn(A, stored, b"x")]) == [Stored(stored + 1, stored + 1)]
    journal.close()


def test_a_file_that_may_not_grow_stops_writing_only_until_it_may(path: Path) -> None:
    program = """
import resource, signal, sys
from comity.engine.errors import *
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.testing.contract.making import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = LmdbJournal.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        journal.append([turn(A, stored, b"x" * 5_000)])
        stored += 1
except (StorageFailed, OutcomeUnknown):
    assert len(data(journal.read(A))) == len(data(journal.read_all())) == stored > 10
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.recover()
write(journal, A, 1)
journal.close()
print(stored + 1)
"""
    stored = int(run(program, path).stdout)
    journal = LmdbJournal.open(path)
    assert journal.version(A) == stored
    journal.close()


def run(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr == ""
    return done


# --- closing while it cannot write -----------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="it does not tell what is open")
def test_closing_lets_go_of_everything_where_the_journal_is_lost(path: Path) -> None:
    journal = LmdbJournal.open(path)
    moved = path.rename(path.with_name("moved"))
    with pytest.raises(StorageFailed, match="moved or deleted"):
        journal.recover()
    with pytest.raises(StorageFailed, match="cannot be told"):
        journal.figures()
    journal.close()
    del journal
    gc.collect()  # the memory of the board goes with it
    held = {os.path.realpath(each.path) for each in os.scandir("/proc/self/fd")}
    assert not [each for each in held if each.startswith(str(moved))]


def test_what_closing_could_not_flush_is_looked_at_when_it_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = LmdbJournal.open(path)
    write(journal, A, 1, 1)
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(lmdb_error(errno.EIO)))
        journal.close()
    mark = Mark.read(path)
    assert mark is not None
    assert mark.boot  # it is not good after any start of the system
    journal = LmdbJournal.open(path)
    assert journal.version(A) == 2
    journal.close()


# --- kill -9 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flush_records", [1, 7, 1_000])
def test_everything_receipted_is_there_after_a_kill(path: Path, flush_records: int) -> None:
    program = f"""
import os, sys
from comity.engine.journal import index as journal_index
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.testing.contract.making import *
journal_index.FLUSH_RECORDS = {flush_records}
journal = LmdbJournal.open(sys.argv[1])
for call in range(50):
    given = [turn(A, 2 * call, b"1", b"2"), turn(B, call, b"3"), turn(C, 0)]
    assert journal.append(given)[1].version == call + 1
    print(*(given[at].ids[0] for at in (0, 2)), flush=True)
os.kill(os.getpid(), 9)
"""
    lines = run(program, path).stdout.split()
    assert len(lines) == 100
    journal = LmdbJournal.open(path)
    assert journal.figures()[1:4] == (150, 50, 150)
    assert list(journal.aggregates()) == [(A, 100), (B, 50)]
    assert data(journal.read(A)) == [b"1", b"2"] * 50
    assert all(journal.find(command_id) is not None for command_id in lines)
    assert journal.append([turn(A, 100, b"x")]) == [Stored(101, 151)]
    journal.close()
