"""What an LMDB journal does when a write fails, a byte is flipped, or its process is killed."""

# Faults are planted in what is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import lmdb
import pytest
from msgpack import packb
from tests.contract.journal_contract import A, B, data, entry, events, write

from comity.engine import journal_index, lmdb_store
from comity.engine.aggregate_id import AggregateId
from comity.engine.commit_record import NO_COMMIT, NO_TIP, Tip
from comity.engine.commit_writer import CommitWriter
from comity.engine.errors import (
    ComityError,
    Invalid,
    JournalDamaged,
    JournalError,
    OutcomeUnknown,
    StorageFailed,
    StorageFull,
)
from comity.engine.journal import Appended, Entry, Snapshot
from comity.engine.journal_format import FORMAT_KEY
from comity.engine.lmdb_journal import LmdbJournal
from comity.engine.lmdb_store import Reading, Writing
from comity.engine.seal import seal


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
            journal.append([entry(A, 2, b"x", command_id="lost")])
    assert type(raised.value) is seen
    assert journal.find("lost") is None
    assert journal.append([entry(A, 2, b"3")]) == [Appended(3, 3)]


def test_a_put_that_lmdb_refuses_without_an_error_stores_nothing(journal: LmdbJournal) -> None:
    with journal._store.writing() as txn:  # a row behind the next commit
        txn.put("commits", (9).to_bytes(8), b"")
    with pytest.raises(StorageFailed, match="refused"):
        journal.append([entry(A, 2, b"x")])
    assert journal.version(A) == 2


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
            journal.append([entry(A, 2, b"x")])
    write(journal, A, 1)


def test_an_index_that_cannot_be_written_does_not_lose_the_tail(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_index, "FLUSH_RECORDS", 1)
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put_all", failing(lmdb.MapFullError("mdb_put")))
        with pytest.raises(StorageFull):
            journal.append([entry(A, 2, b"x")])
    assert data(journal.read(A)) == [b"1", b"2"]
    write(journal, A, 1, 1)
    assert data(journal.read(A)) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    "given",
    [
        entry(A, 2, command_id=""),
        entry(A, 2, command_id="x" * 201),
        entry(A, 2, command_id="\ud800"),
        entry(AggregateId("board", "k" * 201), 0, b"x"),
        entry(AggregateId("board", ""), 0, b"x"),
        entry(AggregateId("No Type", "k"), 0, b"x"),
        entry(A, 2)._replace(time=1 << 70),
        entry(A, 2)._replace(note=object()),  # type: ignore[arg-type]
    ],
)
def test_an_entry_that_can_never_be_stored_is_invalid_and_harms_nothing(
    journal: LmdbJournal, given: Entry
) -> None:
    with pytest.raises(Invalid):
        journal.append([entry(B, 0, b"x"), given])
    assert journal.figures()[:3] == (2, 2, 2)
    write(journal, A, 1)


def test_an_interrupted_append_stores_nothing(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "put_last", failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            journal.append([entry(A, 2, b"x")])
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
            journal.append([entry(A, 2, b"x")])
    assert journal.append([entry(A, 2, b"3")]) == [Appended(3, 3)]


@pytest.mark.parametrize("error", [lmdb_error(errno.EIO), lmdb.PanicError("x"), MemoryError()])
def test_a_commit_that_fails_is_unknown_and_recover_finds_that_it_did_not_happen(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(error))
        with pytest.raises(OutcomeUnknown):
            journal.append([entry(A, 2, b"x", command_id="perhaps")])
    journal.recover()
    assert journal.find("perhaps") is None
    assert journal.append([entry(A, 2, b"3")]) == [Appended(3, 3)]


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
            journal.append([entry(A, 2, b"3", command_id="perhaps")], [snapshot])
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
    assert journal.append([entry(A, 3, b"4")]) == [Appended(4, 4)]


def test_nothing_is_appended_between_an_unknown_outcome_and_recover(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", commits_and_then_fails)
        with pytest.raises(OutcomeUnknown):
            journal.append([entry(A, 2, b"3")])
    with pytest.raises(StorageFailed, match="recover"):
        journal.append([entry(A, 2, b"other")])
    journal.recover()
    assert data(journal.read(A)) == [b"1", b"2", b"3"]


def test_memory_that_runs_out_after_the_commit_leaves_it_unknown(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(LmdbJournal, "_publish", failing(MemoryError()))
        with pytest.raises(OutcomeUnknown):
            journal.append([entry(A, 2, b"3")])
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
            journal.append([entry(A, 2, b"x")])
    with pytest.raises(StorageFailed):
        list(journal.read(A))
    journal.recover()
    assert data(journal.read(A)) == [b"1", b"2"]
    write(journal, A, 1)


def test_recover_may_fail_and_be_tried_again(
    journal: LmdbJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Writing, "commit", failing(lmdb_error(errno.EIO)))
        with pytest.raises(OutcomeUnknown):
            journal.append([entry(A, 2, b"x")])
        for _ in range(3):
            with pytest.raises(StorageFailed):
                journal.recover()
        with pytest.raises(StorageFailed):
            journal.append([entry(A, 2, b"x")])
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
    for call in (lambda: journal.append([entry(A, 2, b"x")]), journal.recover):
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
            journal.append([entry(A, stored, b"x" * 5_000)])
            stored += 1
    assert stored > 10
    with pytest.raises(StorageFull):
        journal.append([entry(A, stored, b"x" * 5_000)])
    assert len(data(journal.read(A))) == len(data(journal.read_all())) == stored
    journal.close()
    journal = LmdbJournal.open(path)
    assert len(data(journal.read(A))) == stored
    assert journal.append([entry(A, stored, b"x")]) == [Appended(stored + 1, stored + 1)]
    journal.close()


def test_a_file_that_may_not_grow_stops_writing_only_until_it_may(path: Path) -> None:
    program = """
import resource, signal, sys
from comity.engine.errors import *
from comity.engine.lmdb_journal import LmdbJournal
from tests.contract.journal_contract import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = LmdbJournal.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        journal.append([entry(A, stored, b"x" * 5_000)])
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


# --- kill -9 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("flush_records", [1, 7, 1_000])
def test_everything_receipted_is_there_after_a_kill(path: Path, flush_records: int) -> None:
    program = f"""
import os, sys
from comity.engine import journal_index
from comity.engine.lmdb_journal import LmdbJournal
from tests.contract.journal_contract import *
journal_index.FLUSH_RECORDS = {flush_records}
journal = LmdbJournal.open(sys.argv[1])
for call in range(50):
    given = [entry(A, 2 * call, b"1", b"2"), entry(B, call, b"3"), entry(C, 0)]
    assert journal.append(given)[1].version == call + 1
    print(given[0].command_id, given[2].command_id, flush=True)
os.kill(os.getpid(), 9)
"""
    lines = run(program, path).stdout.split()
    assert len(lines) == 100
    journal = LmdbJournal.open(path)
    assert journal.figures()[:3] == (150, 50, 150)
    assert list(journal.aggregates()) == [(A, 100), (B, 50)]
    assert data(journal.read(A)) == [b"1", b"2"] * 50
    assert all(journal.find(command_id) is not None for command_id in lines)
    assert journal.append([entry(A, 100, b"x")]) == [Appended(101, 151)]
    journal.close()


# --- flipped bytes ---------------------------------------------------------------------------

TABLES = ("commits", "streams", "ids", "snapshots", "meta")

Rows = dict[str, list[tuple[bytes, bytes]]]


def load(path: Path) -> Rows:
    """Every row of a closed journal."""
    with lmdb.open(str(path), max_dbs=5) as env:
        handles = {table: env.open_db(table.encode()) for table in TABLES}
        with env.begin() as txn:
            return {table: list(txn.cursor(handles[table])) for table in TABLES}


def store(path: Path, table: str, old: bytes, new: tuple[bytes, bytes]) -> None:
    """Put another row in the place of one."""
    with lmdb.open(str(path), max_dbs=5, sync=False) as env:
        handle = env.open_db(table.encode())
        with env.begin(write=True) as txn:
            txn.delete(old, db=handle)
            txn.put(*new, db=handle)


def flipped(row: bytes, at: int) -> bytes:
    """The row with one bit of this byte flipped, a high one or a low one."""
    return row[:at] + bytes([row[at] ^ (0x80, 0x10, 0x01)[at % 3]]) + row[at + 1 :]


def make_history(path: Path) -> None:
    journal = LmdbJournal.open(path)
    journal.append([Entry(A, 0, "a1", events(b"1", b"2"), 5, b"note"), entry(B, 0, b"3")])
    journal.append([Entry(A, 2, "a2", events(b"4"), 5, b"note")], [Snapshot(A, 3, "hash", b"s")])
    journal.append([Entry(A, 3, "a3", events(), 5, b"no")])
    journal.close()


def everything(path: Path) -> list[object]:
    """What a journal says, asked in every way; it is closed whatever happens."""
    journal = LmdbJournal.open(path)
    try:
        return [
            list(journal.read_all()),
            list(journal.read(A)),
            list(journal.read_backwards(A)),
            list(journal.read(B)),
            list(journal.aggregates()),
            [journal.version(A), journal.version(B), journal.position()],
            [journal.find(command_id) for command_id in ("a1", "a2", "a3")],
            journal.figures()[:3],
            journal.snapshot(A),
        ]
    finally:
        journal.close()


@pytest.mark.parametrize("table", TABLES)
def test_no_flipped_byte_of_a_value_is_believed(path: Path, table: str) -> None:
    make_history(path)
    sound = everything(path)
    believed = list[str]()
    for key, value in load(path)[table]:
        for at in range(len(value)):
            store(path, table, key, (key, flipped(value, at)))
            try:
                found = everything(path)
            except JournalError:
                found = sound
            if table == "snapshots":
                found[-1] = found[-1] or sound[-1]
            if found != sound:
                believed.append(f"{key!r}[{at}]")
            store(path, table, key, (key, value))
    assert believed == []
    assert everything(path) == sound


@pytest.mark.parametrize("table", ["commits", "streams", "meta"])
def test_no_flipped_byte_of_a_key_is_believed(path: Path, table: str) -> None:
    make_history(path)
    sound = everything(path)
    believed = list[str]()
    for key, value in load(path)[table]:
        for at in range(len(key)):
            store(path, table, key, (flipped(key, at), value))
            try:
                found = everything(path)
            except JournalError:
                found = sound
            if found != sound:
                believed.append(f"{key!r}[{at}]")
            store(path, table, flipped(key, at), (key, value))
    assert believed == []
    assert everything(path) == sound


def test_an_index_that_leads_to_another_record_is_not_believed(path: Path) -> None:
    make_history(path)
    (a, to_a), (b, to_b) = load(path)["streams"]
    store(path, "streams", a, (a, seal(a, to_b[4:])))
    with pytest.raises(JournalDamaged):
        everything(path)
    store(path, "streams", a, (a, to_a))
    store(path, "streams", b, (b, seal(b, (3).to_bytes(8) + to_b[12:])))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_an_index_of_ids_that_leads_to_another_record_is_not_believed(path: Path) -> None:
    make_history(path)
    ids = dict(load(path)["ids"])
    key = next(each for each in ids if each.endswith(b"a2"))
    other = next(each for each in ids if each.endswith(b"a1"))
    store(path, "ids", key, (key, ids[other]))
    with pytest.raises(JournalDamaged, match="'a2' to another"):
        everything(path)
    store(path, "ids", key, (key, ids[other][:-1]))
    with pytest.raises(JournalDamaged, match="row of a command id"):
        everything(path)


@pytest.mark.parametrize("left", [0, 30, 60, 150, -1])
def test_a_commit_that_was_cut_is_noticed(path: Path, left: int) -> None:
    make_history(path)
    key, value = load(path)["commits"][0]
    store(path, "commits", key, (key, value[:left]))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_a_commit_that_lost_its_last_record_is_noticed(path: Path) -> None:
    make_history(path)
    key, value = load(path)["commits"][0]
    (_, to_b) = load(path)["streams"][1]
    store(path, "commits", key, (key, value[: int.from_bytes(to_b[-4:])]))
    journal = LmdbJournal.open(path)
    with pytest.raises(JournalDamaged):
        list(journal.read_all())
    with pytest.raises(JournalDamaged):
        list(journal.read(B))
    journal.close()


def test_a_commit_that_vanishes_under_an_open_journal_is_missed(path: Path) -> None:
    make_history(path)
    journal = LmdbJournal.open(path)
    with journal._store.writing() as txn:
        assert txn.delete("commits", (3).to_bytes(8), limit=1) == 1
    with pytest.raises(JournalDamaged, match="commit 3 is missing"):
        list(journal.read_all())
    journal.close()


def forge(path: Path, make: Callable[[CommitWriter], None]) -> None:
    """A journal whose only commit is as this makes it, with all its checksums right."""
    LmdbJournal.open(path).close()
    writer = CommitWriter(NO_COMMIT)
    make(writer)
    store(path, "commits", b"0", ((1).to_bytes(8), writer.finish()[1]))


def skip_a_position(writer: CommitWriter) -> None:
    writer.add(entry(A, 0, b"1"), NO_TIP)
    writer._position += 1
    writer.add(entry(B, 0, b"2"), NO_TIP)


def count_an_event_too_many(writer: CommitWriter) -> None:
    writer.add(entry(A, 0, b"1"), NO_TIP)
    writer._position += 1


@pytest.mark.parametrize("make", [skip_a_position, count_an_event_too_many])
def test_a_commit_that_was_written_wrongly_is_noticed(
    path: Path, make: Callable[[CommitWriter], None]
) -> None:
    forge(path, make)
    with pytest.raises(JournalDamaged, match="commit 1"):
        LmdbJournal.open(path)


def test_an_aggregate_that_does_not_begin_is_noticed(path: Path) -> None:
    forge(path, lambda writer: writer.add(entry(A, 5, b"6"), Tip(5, 0, 0)) and None)
    journal = LmdbJournal.open(path)
    with pytest.raises(JournalDamaged, match="before version 6 is missing"):
        list(journal.read(A))
    journal.close()


def test_a_format_record_of_other_fields_is_noticed(path: Path) -> None:
    make_history(path)
    store(path, "meta", FORMAT_KEY, (FORMAT_KEY, seal(FORMAT_KEY, packb({"format": 1}))))
    with pytest.raises(JournalDamaged, match="format record"):
        LmdbJournal.open(path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_commit_that_is_lost_is_missed(path: Path, number: int) -> None:
    make_history(path)
    key = number.to_bytes(8)
    store(path, "commits", key, (b"\xff" * 9, b""))
    store(path, "commits", b"\xff" * 9, (b"\0", b""))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_a_commit_that_was_exchanged_for_a_sound_one_is_noticed(path: Path) -> None:
    other = path.with_name("other")
    make_history(path)
    journal = LmdbJournal.open(other)
    journal.append([Entry(A, 0, "a1", events(b"1", b"other"), 5, b"note"), entry(B, 0, b"3")])
    journal.close()
    ((key, value),) = load(other)["commits"]
    store(path, "commits", key, (key, value))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_records_that_were_exchanged_within_a_commit_are_noticed(path: Path) -> None:
    journal = LmdbJournal.open(path)
    journal.append([entry(A, 0, b"1"), entry(B, 0, b"2")])
    journal.close()
    ((key, value),) = load(path)["commits"]
    half = (len(value) - 57) // 2
    head, first, second = value[:57], value[57 : 57 + half], value[57 + half :]
    assert len(first) == len(second)
    store(path, "commits", key, (key, head + second + first))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_damage_in_one_commit_does_not_hide_the_others(path: Path) -> None:
    make_history(path)
    key, value = load(path)["commits"][0]
    store(path, "commits", key, (key, flipped(value, len(value) - 1)))
    journal = LmdbJournal.open(path)
    assert data(journal.read(A, after=2)) == [b"4"]
    assert journal.find("a3") is not None
    with pytest.raises(JournalDamaged, match="commit 1, offset"):
        list(journal.read(B))
    journal.close()


def test_without_checksums_flipped_bytes_would_be_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("commit_record", "commit_writer"):
        monkeypatch.setattr(f"comity.engine.{module}.crc32", no_checksum)
    with pytest.raises((AssertionError, OverflowError)):
        test_no_flipped_byte_of_a_value_is_believed(path, "commits")


def no_checksum(*_: object) -> int:
    return 0
