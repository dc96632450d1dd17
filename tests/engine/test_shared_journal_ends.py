"""Processes that share an LMDB journal die, stand still or lose their files; others go on."""

# Faults are planted in what is private.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engine.program import Fork, Program

from comity.engine.errors import JournalDamaged, JournalInUse, StorageFailed
from comity.engine.files import lock_file
from comity.engine.files.file_mark import Mark
from comity.engine.files.lock_file import For
from comity.engine.files.shared_lock import SharedLock
from comity.engine.journal import lmdb_store
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Stale, Stored
from comity.testing.contract.making import A, B, data, turn, write

CLOSED = 0
"""In a mark, in place of the boot: the journal was closed."""


@pytest.fixture(scope="module")
def ancestor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A process that has imported everything: its forks open journals, and may be killed."""
    program = Program(tmp_path_factory.mktemp("ancestor"))
    yield program
    program.kill()


@pytest.fixture
def other(journal: LmdbJournal, path: Path, ancestor: Program) -> Iterator[Fork]:
    """Another process that has the journal open as `j`."""
    child = ancestor.fork()
    child.run(f"j = LmdbJournal.open({str(path)!r}); print('open')")
    yield child
    child.kill()


# --- death ------------------------------------------------------------------------------------


def test_who_is_killed_inside_the_write_transaction_leaves_nothing_and_stops_nobody(
    journal: LmdbJournal, other: Fork
) -> None:
    write(journal, A, 1)
    other.run(
        "from comity.engine.journal.lmdb_store import LmdbStore\n"
        "LmdbStore._commit = lambda *_: (print('about to commit'), time.sleep(600))\n"
        "write(j, A, 1)"
    )
    other.kill()
    assert journal.append([turn(A, 1, b"mine")]) == [Stored(2, 2)]
    assert data(journal.read(A)) == [b"1", b"mine"]


def test_who_is_killed_while_it_is_alone_lets_the_others_write(
    journal: LmdbJournal, other: Fork
) -> None:
    other.run("with j.alone(): print('alone'); time.sleep(600)")
    other.kill()
    assert journal.append([turn(A, 0, b"mine")]) == [Stored(1, 1)]


def test_what_was_stored_before_the_death_of_its_writer_is_seen(
    journal: LmdbJournal, other: Fork
) -> None:
    other.run(
        "type(j)._publish = lambda *_: (print('stored, and nobody knows'), time.sleep(600))\n"
        "j.append([turn(A, 0, b'x', command_id='theirs')])"
    )
    other.kill()
    assert journal.news() > 0
    assert data(journal.read(A)) == [b"x"]
    assert journal.find("theirs") is not None


def test_the_slots_of_killed_processes_are_free_again(journal: LmdbJournal, other: Fork) -> None:
    assert journal.member is not None
    assert [one.pid for one in journal.member.others()] == [other.id]
    other.run("txn = j._store._env.begin(); print()")
    other.kill()
    journal.maintain()
    assert journal.member.others() == []
    write(journal, A, 1)


# --- a process that stands still --------------------------------------------------------------


def test_reads_go_on_while_the_one_that_writes_stands_still_and_all_know_who_it_is(
    journal: LmdbJournal, other: Fork
) -> None:
    write(journal, A, 1)
    other.run("with j.alone(): print('alone'); time.sleep(600)")
    other.stop()
    results: list[object] = []
    writer = threading.Thread(target=lambda: results.extend(journal.append([turn(A, 1, b"x")])))
    writer.start()
    assert data(journal.read(A)) == [b"1"]
    assert journal.news() == journal.news()
    assert journal.member is not None
    until(lambda: journal.member is not None and journal.member.waited() > 0)
    holder = journal.member.holder()
    assert holder is not None
    assert holder.pid == other.id
    assert results == []
    other.kill()
    writer.join(30)
    assert results == [Stored(2, 2)]


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    ticking = threading.Event()
    for _ in range(3_000):
        if condition():
            return
        ticking.wait(0.01)
    raise AssertionError("it does not come about")


# --- failures ---------------------------------------------------------------------------------


def test_the_outage_of_one_process_is_not_that_of_the_others(
    journal: LmdbJournal, other: Fork
) -> None:
    other.run(
        "from comity.engine.errors import OutcomeUnknown\n"
        "from comity.engine.journal.lmdb_store import LmdbStore\n"
        "commit = LmdbStore._commit\n"
        "def fail(store, txn):\n"
        "    txn.abort()\n"
        "    raise OutcomeUnknown('planted')\n"
        "LmdbStore._commit = fail\n"
        "try: j.append([turn(A, 0, b'x')])\n"
        "except OutcomeUnknown: print('unknown')"
    )
    write(journal, B, 1, 1)
    assert other.run("print(j.position())") == "2"  # the second one proves the first one durable
    assert other.run("LmdbStore._commit = commit; j.recover(); print(j.position())") == "2"
    assert other.run("write(j, A, 1); print(j.version(A))") == "1"
    assert journal.version(A) == 1


def test_a_damaged_commit_of_another_process_is_told_and_nothing_is_appended(
    journal: LmdbJournal, other: Fork
) -> None:
    write(journal, A, 1)
    other.run(
        "with j._store.writing() as txn: txn.put('commits', bytes(7) + b'\\2', b'?')\nprint()"
    )
    with pytest.raises(JournalDamaged, match="commit 2 "):
        journal.version(A)
    with pytest.raises(JournalDamaged, match="commit 2 "):
        journal.append([turn(A, 1, b"x")])
    with pytest.raises(JournalDamaged), journal.alone():
        pass
    other.run(
        "with j._store.writing() as txn: txn.delete('commits', bytes(7) + b'\\2', 1)\nprint()"
    )
    assert journal.append([turn(A, 1, b"x")]) == [Stored(2, 2)]


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the journal look at its place before each write, and not once a second."""
    monkeypatch.setattr(lmdb_store, "_LOOK_SECONDS", -1.0)


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_a_file_that_is_replaced_under_running_processes_ends_their_writing(
    journal: LmdbJournal, other: Fork, path: Path, ancestor: Program, name: str
) -> None:
    write(journal, A, 1)
    shutil.copy(path / name, path / "copy")
    (path / "copy").rename(path / name)
    with pytest.raises(StorageFailed, match="moved or deleted"):
        journal.append([turn(A, 1, b"x")])
    assert data(journal.read(A)) == [b"1"]
    late = ancestor.fork()
    told = late.run(
        "from comity.engine.journal import lmdb_opening\n"
        "lmdb_opening._PATIENCE = 0.1\n"
        f"try: LmdbJournal.open({str(path)!r})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    late.kill()
    assert told.startswith("JournalInUse files of ")
    assert f"process {other.id} " in told


# --- opening and closing ----------------------------------------------------------------------


def test_the_last_process_that_leaves_closes_the_mark(
    journal: LmdbJournal, other: Fork, path: Path
) -> None:
    other.run("write(j, A, 1); print()")
    journal.close()
    assert _mark(path).boot != CLOSED
    other.run("write(j, A, 1); j.close(); print()")
    assert (_mark(path).boot, _mark(path).number) == (CLOSED, 2)


def _mark(path: Path) -> Mark:
    mark = Mark.read(path)
    assert mark is not None
    return mark


@pytest.mark.parametrize("exclusive", [False, True])
def test_who_opens_waits_for_one_that_is_just_closing(
    path: Path, ancestor: Program, *, exclusive: bool
) -> None:
    LmdbJournal.open(path).close()
    lock = SharedLock(path)
    assert lock.is_last()
    late = ancestor.fork()
    late.begin(f"j = LmdbJournal.open({str(path)!r}, exclusive={exclusive}); print('open')")
    late.begin("print(j.position())")
    lock.release()
    assert [late.line(), late.line()] == ["open", "0"]
    late.kill()


@pytest.mark.parametrize("said", ["", "process {} ('x') on y since 2026-01-01 00:00:00 UTC"])
def test_the_text_of_a_process_that_has_ended_turns_nobody_away(
    path: Path, ancestor: Program, said: str
) -> None:
    LmdbJournal.open(path).close()
    ended = ancestor.fork()
    ended.kill()
    lock = SharedLock(path)  # and it has not written its own text yet
    (path / "journal.lock").write_text(said.format(ended.id))
    late = ancestor.fork()
    late.begin(f"print('begins'); j = LmdbJournal.open({str(path)!r}); print(j.position())")
    assert late.line() == "begins"
    threading.Event().wait(0.5)
    lock.release()
    assert late.line() == "0"
    late.kill()


def test_who_opens_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LmdbJournal.open(path).close()
    lock = SharedLock(path)
    assert lock.is_last()
    monkeypatch.setitem(lock_file._PATIENCE, For.CLOSING, 0.05)
    with pytest.raises(JournalInUse, match="does not share it"):
        LmdbJournal.open(path)
    lock.release()


def test_many_processes_make_and_open_one_journal_at_once(path: Path, ancestor: Program) -> None:
    late = ancestor.fork()
    told = late.run(
        f"path = {str(path)!r}; children = []\n"
        "for number in range(12):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        each = LmdbJournal.open(path)\n"
        "        told = [Stale(0)]\n"
        "        while isinstance(told[0], Stale):\n"
        "            told = each.append([turn(A, each.version(A), b'x')])\n"
        "        each.close()\n"
        "        os._exit(0)\n"
        "    children.append(child)\n"
        "print([os.waitpid(child, 0)[1] for child in children])"
    )
    late.kill()
    assert told == str([0] * 12)
    journal = LmdbJournal.open(path)
    assert data(journal.read(A)) == [b"x"] * 12
    assert journal._tail.records == 0
    journal.close()


def test_files_are_not_checked_while_others_write_them(
    journal: LmdbJournal, path: Path, ancestor: Program
) -> None:
    (path / "mark").unlink()
    late = ancestor.fork()
    told = late.run(
        "from comity.engine.lmdb import preflight\n"
        "def fail(*_): raise AssertionError('it is being written')\n"
        "preflight.find_wrong = fail\n"
        f"print(LmdbJournal.open({str(path)!r}).position())"
    )
    late.kill()
    assert told == "0"


# --- fairness ---------------------------------------------------------------------------------


def test_who_has_just_written_lets_those_go_first_that_wait(
    journal: LmdbJournal, other: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[float] = []
    assert journal.member is not None
    monkeypatch.setattr(journal.member, "give_way", ways.append)
    write(journal, A, 1)
    assert ways == []
    write(journal, A, 1)
    assert len(ways) == 1
    other.run("write(j, A, 1); print()")
    write(journal, A, 1)
    assert len(ways) == 1


def test_the_board_counts_what_was_stored_and_what_was_stale(
    journal: LmdbJournal, other: Fork
) -> None:
    other.run("write(j, A, 3, 1); j.append([turn(A, 9), turn(B, 0)]); print()")
    assert journal.member is not None
    (them,) = journal.member.others()
    assert (them.commits, them.events, them.stale) == (3, 4, 1)
    assert (them.waits_since, them.holds_since) == (0, 0)


def test_an_exclusive_program_whose_lock_file_was_removed_goes_on_after_what_others_stored(
    path: Path, ancestor: Program
) -> None:
    mine, theirs = LmdbJournal.open(path, exclusive=True), ancestor.fork()
    try:
        write(mine, A, 1)
        (path / "journal.lock").unlink()
        theirs.run(f"j = LmdbJournal.open({str(path)!r}); print(write(j, A, 1))")
        assert mine.append([turn(A, 1, b"late")]) == [Stale(2)]
        assert mine.append([turn(B, 0, b"x")]) == [Stored(1, 3)]
        assert theirs.run("print(write(j, A, 1), j.position())") == "None 4"
        mine.close()
        assert theirs.run("print(j.version(A), j.version(B))") == "3 1"
        theirs.run("j.close(); print('closed')")
        again = LmdbJournal.open(path)
        assert data(again.read(A)) == [b"1", b"2", b"3"]
        again.close()
    finally:
        theirs.kill()
        mine.close()
