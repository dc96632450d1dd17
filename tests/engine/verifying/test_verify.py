"""`verify`: it finds what is damaged, says where, and reads the rest all the same."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from msgpack import packb, unpackb
from tests.crash.harm import HARMS
from tests.engine.verifying.made import LONG, PAGE, Pages, long_turn, make
from tests.golden.files import FOLDERS, load_rows

from comity.engine.errors import JournalDamaged, NotAJournal, StorageFailed, TooNew
from comity.engine.files.seal import seal
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.lmdb import holding
from comity.engine.lmdb.holding import Held
from comity.engine.verifying.verified import Verified, VerifyProgress
from comity.engine.verifying.verify import verify


def said(found: Verified) -> str:
    """All faults, a line for each."""
    return "\n".join(f"{one.part}: {one.what}" for one in found.faults)


def change(path: Path, at: int, data: bytes) -> None:
    """Write bytes into the data file."""
    with (path / "data.mdb").open("r+b") as file:
        file.seek(at)
        file.write(data)


def flip(path: Path, at: int, bit: int = 3) -> None:
    """Flip a bit of the data file."""
    byte = (path / "data.mdb").read_bytes()[at]
    change(path, at, bytes([byte ^ 1 << bit]))


Change = Callable[["lmdb.Transaction[bytes]"], None]


def edit(path: Path, table: str, change: Change) -> None:
    """Change rows of a closed journal through LMDB, and so that pages stay sound."""
    with lmdb.open(str(path), max_dbs=5, sync=False) as env:
        handle = env.open_db(table.encode())
        with env.begin(write=True, db=handle) as txn:
            change(txn)


# --- what is sound --------------------------------------------------------------------------------


def test_a_sound_journal_is_sound_and_all_of_it_is_read(path: Path) -> None:
    found = verify(path)
    journal = LmdbJournal.open(path, read_only=True)
    figures = journal.figures()
    aggregates = len(list(journal.aggregates()))
    journal.close()
    assert (found.is_sound, said(found)) == (True, "")
    assert (found.commits, found.records) == (figures.commits, figures.records)
    assert (found.events, found.position) == (figures.events, figures.position)
    assert (found.aggregates, found.ids, found.snapshots) == (aggregates, figures.records, 48)


def test_nothing_in_the_folder_changes(path: Path) -> None:
    def look() -> dict[str, tuple[int, bytes]]:
        return {each.name: (each.stat().st_mtime_ns, each.read_bytes()) for each in path.iterdir()}

    before = look()
    verify(path)
    assert look() == before


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.name))
def test_journals_of_every_version_are_sound(tmp_path: Path, folder: Path) -> None:
    LmdbJournal.open(tmp_path / "old").close()
    (tmp_path / "old" / "mark").unlink()
    with lmdb.open(str(tmp_path / "old"), max_dbs=5, sync=False) as env:
        for table, key, value in load_rows(folder):
            with env.begin(write=True, db=env.open_db(table.encode())) as txn:
                txn.put(key, value)
    found = verify(tmp_path / "old")
    assert (said(found), found.commits > 0) == ("", True)


def test_a_new_journal_is_sound(tmp_path: Path) -> None:
    LmdbJournal.open(tmp_path / "new").close()
    assert verify(tmp_path / "new").is_sound


def test_a_journal_whose_index_lags_behind_is_sound(path: Path, tmp_path: Path) -> None:
    journal = LmdbJournal.open(path)
    journal.append([long_turn(1_000_000, journal.version(LONG))])
    shutil.copytree(path, tmp_path / "killed")
    journal.close()
    assert verify(tmp_path / "killed").is_sound


def test_old_ids_may_have_been_removed(path: Path) -> None:
    edit(path, "ids", lose(lambda number: number < 700))
    assert verify(path).is_sound


def lose(which: Callable[[int], bool]) -> Change:
    """Deletes the rows with these numbers, counted from 0."""

    def lose_them(txn: lmdb.Transaction[bytes]) -> None:
        keys = [key for number, (key, _) in enumerate(txn.cursor()) if which(number)]
        for key in keys:
            txn.delete(key)

    return lose_them


def _first(txn: lmdb.Transaction[bytes], many: int) -> list[tuple[bytes, bytes]]:
    return [row for row, _ in zip(txn.cursor(), range(many), strict=False)]


# --- beside a writer ------------------------------------------------------------------------------


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """`stop` and `progress` are called after every few pages."""
    monkeypatch.setattr("comity.engine.lmdb.data_pages._OFTEN", 10)
    monkeypatch.setattr("comity.engine.verifying.pace._OFTEN", 0.0)


def writes(journal: LmdbJournal, start: int) -> Callable[[], bool]:
    """A `stop` that stops nothing, and writes a commit of several pages whenever it is asked."""
    numbers = itertools.count(start)

    def write() -> bool:
        journal.append([long_turn(next(numbers), journal.version(LONG))])
        return False

    return write


@pytest.mark.usefixtures("often")
def test_beside_a_writer_a_state_is_held_and_read(path: Path) -> None:
    journal = LmdbJournal.open(path)
    before = journal.figures()
    try:
        found = verify(path, stop=writes(journal, 2_000_000))
        figures = journal.figures()
    finally:
        journal.close()
    assert (found.held, said(found)) == (True, "")
    assert before.commits <= found.commits < figures.commits


def never(_: Path) -> bool:
    """False."""
    return False


@pytest.mark.usefixtures("often")
def test_without_holding_pages_would_move_while_they_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "_has_lock", never)
    journal = LmdbJournal.open(path)
    try:
        with pytest.raises(StorageFailed, match="is being written, and no state of it could be"):
            verify(path, stop=writes(journal, 3_000_000))
    finally:
        journal.close()


def test_the_child_that_holds_a_state_ends_with_it(path: Path) -> None:
    journal = LmdbJournal.open(path)
    try:
        with Held(path) as held:
            assert held.state
            child = held.child
            assert child is not None
        assert child.returncode == 0
    finally:
        journal.close()


# --- what is damaged ------------------------------------------------------------------------------


def test_a_flipped_bit_of_a_turn_is_found_with_its_place(path: Path) -> None:
    pages = Pages(path / "data.mdb").kinds["overflow"]
    flip(path, pages[len(pages) // 2] * PAGE + 100)
    found = verify(path)
    [fault] = [one for one in found.faults if one.part == "commits"]
    assert "a turn is not what was written" in fault.what
    assert fault.commit is not None
    assert fault.offset is not None
    assert found.commits == 84, "the others are read all the same"


def test_a_lost_commit_is_found_and_which_versions_are_missing(path: Path) -> None:
    edit(path, "commits", lose(lambda number: number == 29))
    found = verify(path)
    assert "commits: commit 30 is missing" in said(found)
    assert "aggregates: board/long: its versions 541 to 600 are missing" in said(found)
    assert [one.version for one in found.faults if one.part == "aggregates"] == [541]


def test_commits_lost_at_the_end_are_found(path: Path) -> None:
    edit(path, "commits", lose(lambda number: number == 83))
    assert "mark: commit 84 was durable, and is not there" in said(verify(path))


def test_a_commit_in_the_place_of_another_is_found(path: Path) -> None:
    def put(txn: lmdb.Transaction[bytes]) -> None:
        txn.put((30).to_bytes(8), txn.get((33).to_bytes(8), b""))

    edit(path, "commits", put)
    assert "commits: commit 30: its head is not what was written" in said(verify(path))


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        ("streams", 50, "streams: the index does not find board/"),
        ("ids", 4_000, "ids: the index does not find the command id 'id-"),
        ("meta", 0, "format: the format record is missing"),
    ],
)
def test_a_lost_row_is_found(path: Path, table: str, row: int, told: str) -> None:
    edit(path, table, lose(lambda number: number == row))
    assert told in said(verify(path))


@pytest.mark.parametrize(
    ("table", "told"),
    [("ids", "finds another turn for the command id"), ("streams", "finds another turn of board/")],
)
def test_a_row_of_another_turn_is_found(path: Path, table: str, told: str) -> None:
    def swap(txn: lmdb.Transaction[bytes]) -> None:
        (one, first), *_, (other, second) = _first(txn, 30)
        txn.put(one, seal(one, second[:-4]))
        txn.put(other, seal(other, first[:-4]))

    edit(path, table, swap)
    assert told in said(verify(path))


def test_a_row_too_many_is_found(path: Path) -> None:
    key = (0).to_bytes(4) + b"never"

    def add(txn: lmdb.Transaction[bytes]) -> None:
        txn.put(key, seal(key, _first(txn, 1)[0][1][:-4]))

    edit(path, "ids", add)
    assert "ids: the index finds the command id 'never', which is not" in said(verify(path))


def test_a_snapshot_of_the_future_and_a_torn_one_are_found(path: Path) -> None:
    def change_two(txn: lmdb.Transaction[bytes]) -> None:
        (one, value), (other, _) = _first(txn, 2)
        txn.put(one, seal(one, (999).to_bytes(8) + value[8:-4]))
        txn.put(other, b"torn")

    edit(path, "snapshots", change_two)
    assert "snapshots: the snapshot of board/b0000 is of version 999, it has 28" in said(
        verify(path)
    )
    assert "pages: table snapshots has another value of b'board" in said(verify(path))


def test_wrong_counts_of_kinds_are_found(path: Path) -> None:
    def count(txn: lmdb.Transaction[bytes]) -> None:
        row = txn.get(b"kinds", b"")[:-4]
        txn.put(b"kinds", seal(b"kinds", row[:-1] + bytes([row[-1] ^ 1])))

    edit(path, "meta", count)
    assert "kinds: the counts of kinds up to commit 84 differ" in said(verify(path))


def test_an_id_that_returns_within_the_window_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.engine.verifying.ids.SEGMENT", 16)
    monkeypatch.setattr("comity.engine.journal.index.SEGMENT", 16)
    make(tmp_path / "one", boards=8, rounds=8)
    assert verify(tmp_path / "one").is_sound
    journal = LmdbJournal.open(tmp_path / "one")
    journal.append([long_turn(3, journal.version(LONG))])  # `retries` would look it up
    journal.append([long_turn(8, journal.version(LONG))])
    journal.close()
    assert "ids: the command id 'id-8-long' was recorded before" in said(verify(tmp_path / "one"))


@pytest.mark.parametrize("page", [0, 1])
def test_a_damaged_first_page_is_told_and_the_rest_is_read_by_the_other(
    path: Path, page: int
) -> None:
    change(path, page * PAGE + 16, bytes(4))
    found = verify(path)
    assert f"page {page} is not what LMDB 0.9 begins a file with" in said(found)
    assert found.commits == 84


def test_of_a_file_without_anything_that_is_told(path: Path) -> None:
    size = (path / "data.mdb").stat().st_size
    for content in (bytes(size), b"", random.Random(1).randbytes(10_000)):
        (path / "data.mdb").write_bytes(content)
        found = verify(path)
        assert (found.found > 0, found.state, found.commits) == (True, 0, 0)


def test_many_faults_are_counted_and_some_are_kept(path: Path) -> None:
    edit(path, "ids", lose(lambda number: 200 <= number < 4_000))
    found = verify(path)
    assert (found.found, len(found.faults)) == (3_800, 50)


# --- each kind of page, and each kind of damage ---------------------------------------------------

KINDS = ("first", "free list", "names", "branch", "commits", "overflow", "streams", "ids",
         "snapshots", "meta")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_zeroed_page_of_each_kind_is_found(path: Path, kind: str) -> None:
    page = Pages(path / "data.mdb").kinds[kind][-1]
    change(path, page * PAGE, bytes(PAGE))
    found = verify(path)
    assert found.found > 0
    assert len(found.faults) < 200


def test_a_page_that_is_not_in_use_does_not_matter(path: Path) -> None:
    unused = Pages(path / "data.mdb").kinds["unused"]
    for page in unused:
        change(path, page * PAGE, os.urandom(PAGE))
    assert (len(unused) > 5, said(verify(path))) == (True, "")


@pytest.mark.parametrize("harm", HARMS)
def test_each_kind_of_damage_is_found_or_is_none(made: Path, tmp_path: Path, harm: str) -> None:
    for seed in range(6):
        copy = Path(shutil.copytree(made, tmp_path / str(seed)))
        HARMS[harm](copy / "data.mdb", random.Random(seed))
        found = verify(copy)
        assert found.found or dump(copy) == dump(made), (harm, seed)


def dump(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every row, read by LMDB."""
    with lmdb.open(str(path), max_dbs=5, readonly=True, lock=False) as env:
        names = ("commits", "streams", "ids", "snapshots", "meta")
        with env.begin() as txn:
            return {name: list(txn.cursor(env.open_db(name.encode(), txn))) for name in names}


# --- what is not a journal ------------------------------------------------------------------------


def test_what_is_no_journal_is_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(NotAJournal, match="there is nothing at"):
        verify(tmp_path / "nothing")
    (tmp_path / "file").write_text("text")
    with pytest.raises(NotAJournal, match="is a file"):
        verify(tmp_path / "file")
    (tmp_path / "other").mkdir()
    with lmdb.open(str(tmp_path / "other"), max_dbs=1) as env:
        env.open_db(b"mine")
    with pytest.raises(NotAJournal, match="without the tables of a journal"):
        verify(tmp_path / "other")
    (path / "data.mdb").unlink()
    with pytest.raises(JournalDamaged, match=r"its data\.mdb is not there"):
        verify(path)


def test_a_journal_of_a_newer_comity_is_not_damaged(path: Path) -> None:
    def newer(txn: lmdb.Transaction[bytes]) -> None:
        record = unpackb(txn.get(b"format", b"")[:-4])
        txn.put(b"format", seal(b"format", packb({**record, "needs": {"magic": "9.0"}})))

    edit(path, "meta", newer)
    with pytest.raises(TooNew, match="magic"):
        verify(path)


def test_an_unfinished_copy_is_refused(path: Path) -> None:
    (path / "unfinished").write_text("not yet")
    with pytest.raises(NotAJournal, match="unfinished"):
        verify(path)


# --- progress, and its end ------------------------------------------------------------------------


@pytest.mark.usefixtures("often")
def test_it_can_be_stopped(path: Path) -> None:
    found = verify(path, stop=lambda: True)
    assert (found.complete, found.is_sound) == (False, False)


@pytest.mark.usefixtures("often")
def test_progress_counts_bytes(path: Path) -> None:
    told = list[VerifyProgress]()
    verify(path, progress=told.append)
    assert told == sorted(told, key=lambda one: one.done)
    assert 0 < told[-1].done <= told[-1].of
    assert str(told[-1]).startswith("1 of 1 MB (")
