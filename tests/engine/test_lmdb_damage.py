"""An LMDB journal whose stored bytes are not what was written: never believed.

Structure that LMDB itself cannot read is another matter: see `lmdb_preflight`.
"""

# Damage is done to what is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from msgpack import packb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    JournalDamaged,
    JournalError,
)
from comity.engine.files.seal import seal
from comity.engine.journal.commit_head import NO_COMMIT
from comity.engine.journal.commit_writer import CommitWriter
from comity.engine.journal.entry import Entry
from comity.engine.journal.format import FORMAT_KEY
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.tip import NO_TIP, Tip
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import A, B, data, events, turn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


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
    journal.append(
        [Turn.of(A, 0, (Entry("a1", events(b"1", b"2"), 5, b"note"),)), turn(B, 0, b"3")]
    )
    journal.append(
        [Turn.of(A, 2, (Entry("a2", events(b"4"), 5, b"note"),))], [Snapshot(A, 3, "hash", b"s")]
    )
    journal.append([Turn.of(A, 3, (Entry("a3", events(), 5, b"no"),))])
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
            journal.figures()[1:4],
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


@pytest.mark.parametrize("table", ["commits", "streams", "ids", "meta"])
def test_no_flipped_byte_of_a_key_is_believed(path: Path, table: str) -> None:
    make_history(path)
    sound = everything(path)
    believed = list[str]()
    rows = dict(load(path)[table])
    for key, value in rows.items():
        for at in range(len(key)):
            if flipped(key, at) in rows:
                continue
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
    store(path, "streams", a, (a, seal(a, to_b[:-4])))
    with pytest.raises(JournalDamaged):
        everything(path)
    store(path, "streams", a, (a, to_a))
    store(path, "streams", b, (b, seal(b, (3).to_bytes(8) + to_b[8:-4])))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_an_index_of_ids_that_leads_to_another_record_is_not_believed(path: Path) -> None:
    make_history(path)
    ids = dict(load(path)["ids"])
    key = next(each for each in ids if each.endswith(b"a2"))
    other = next(each for each in ids if each.endswith(b"a1"))
    store(path, "ids", key, (key, seal(key, ids[other][:-4])))
    with pytest.raises(JournalDamaged, match="'a2' to another"):
        everything(path)
    store(path, "ids", key, (key, ids[other]))
    with pytest.raises(JournalDamaged, match="table ids"):
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
    store(path, "commits", key, (key, value[: int.from_bytes(to_b[-8:-4])]))
    journal = LmdbJournal.open(path)
    with pytest.raises(JournalDamaged):
        list(journal.read_all())
    with pytest.raises(JournalDamaged):
        list(journal.read(B))
    journal.close()


def test_a_follower_gets_nothing_of_a_damaged_commit(path: Path) -> None:
    journal = LmdbJournal.open(path)
    many = [AggregateId("box", f"{number}") for number in range(100)]  # more than one batch
    journal.append([turn(each, 0, b"1") for each in many])
    journal.append([turn(A, 0, b"2")])
    journal.close()
    key, value = load(path)["commits"][0]
    store(path, "commits", key, (key, flipped(value, len(value) - 1)))
    journal = LmdbJournal.open(path)
    with pytest.raises(JournalDamaged, match="not what was written"):
        next(journal.follow())
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
    writer.add(turn(A, 0, b"1"), NO_TIP)
    writer._position += 1
    writer.add(turn(B, 0, b"2"), NO_TIP)


def count_an_event_too_many(writer: CommitWriter) -> None:
    writer.add(turn(A, 0, b"1"), NO_TIP)
    writer._position += 1


@pytest.mark.parametrize("make", [skip_a_position, count_an_event_too_many])
def test_a_commit_that_was_written_wrongly_is_noticed(
    path: Path, make: Callable[[CommitWriter], None]
) -> None:
    forge(path, make)
    with pytest.raises(JournalDamaged, match="commit 1"):
        LmdbJournal.open(path)


def test_an_aggregate_that_does_not_begin_is_noticed(path: Path) -> None:
    forge(path, lambda writer: writer.add(turn(A, 5, b"6"), Tip(5, 0, 0)) and None)
    journal = LmdbJournal.open(path)
    with pytest.raises(JournalDamaged, match="before version 6 is missing"):
        list(journal.read(A))
    journal.close()


def test_a_format_record_of_other_fields_is_noticed(path: Path) -> None:
    make_history(path)
    store(path, "meta", FORMAT_KEY, (FORMAT_KEY, seal(FORMAT_KEY, packb({"format": 2}))))
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
    journal.append(
        [Turn.of(A, 0, (Entry("a1", events(b"1", b"other"), 5, b"note"),)), turn(B, 0, b"3")]
    )
    journal.close()
    ((key, value),) = load(other)["commits"]
    store(path, "commits", key, (key, value))
    with pytest.raises(JournalDamaged):
        everything(path)


def test_records_that_were_exchanged_within_a_commit_are_noticed(path: Path) -> None:
    journal = LmdbJournal.open(path)
    journal.append([turn(A, 0, b"1"), turn(B, 0, b"2")])
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
    for module in ("commit_head", "commit_record", "commit_writer"):
        monkeypatch.setattr(f"comity.engine.journal.{module}.crc32", no_checksum)
    with pytest.raises((AssertionError, OverflowError)):
        test_no_flipped_byte_of_a_value_is_believed(path, "commits")


def no_checksum(*_: object) -> int:
    return 0
