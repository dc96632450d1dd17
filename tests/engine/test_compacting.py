"""A journal after `compact`: smaller, and the same in everything that is asked of it."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen

import lmdb
import pytest

from comity.engine.aggregate_id import AggregateId
from comity.engine.compacting import compact as compact_module
from comity.engine.compacting import compact_copy, pieces, tidying
from comity.engine.compacting.compact import compact, plan
from comity.engine.compacting.compact_copy import sweep
from comity.engine.compacting.progress import Progress, Stopped
from comity.engine.compacting.shrinking import shrink
from comity.engine.compacting.thinning import thinned
from comity.engine.compacting.tidying import tidied
from comity.engine.errors import (
    ComityError,
    JournalDamaged,
    JournalInUse,
    NotAJournal,
    OutcomeUnknown,
    StorageFailed,
    StorageFull,
    TooNew,
)
from comity.engine.formats import GAPS, THINNED
from comity.engine.journal import commit_layout, index
from comity.engine.journal import commit_log as log
from comity.engine.journal.commit_head import NO_COMMIT
from comity.engine.journal.commit_layout import read_commit
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.journal.unfinished import mark_backup
from comity.engine.journal.window import Window
from comity.engine.verifying import ids
from comity.engine.verifying.verify import verify

BOARDS = [AggregateId("board", f"b{number}") for number in range(8)]
WINDOW = Window.of(60)
"""The newest 60 records are needed."""


def entry(number: int, kind: str) -> Entry:
    events = tuple(StoredEvent("noted", 1, b"\x81\xa1n\x01") for _ in range(kind == "event"))
    return Entry(f"id-{number}", events, number * 1_000, ["ann", kind * 9], lasting=kind == "stays")


def write(path: Path, commits: int = 40, seed: int = 1) -> None:
    """Commits of many turns; each turn of up to twenty commands, half of them refused."""
    random, versions, number = Random(seed), dict.fromkeys(BOARDS, 0), 0
    journal = LmdbJournal.open(path)
    for _ in range(commits):
        turns: list[Turn] = []
        for board in random.sample(BOARDS, random.randint(1, 4)):
            kinds = random.choices(
                ("event", "refused", "stays"), (5, 6, 1), k=random.choice((1, 1, 2, 20))
            )
            entries = [entry(number + at, kind) for at, kind in enumerate(kinds, 1)]
            number += len(entries)
            turns.append(Turn.of(board, versions[board], entries))
            versions[board] = turns[-1].last_version
        snapshots = [
            Snapshot(board, version, "s", b"x" * 50) for board, version in versions.items()
        ]
        journal.append(turns, [each for each in snapshots if each.version])
    journal.close()


def everything(path: Path) -> list[object]:
    """What readers are told of a journal; nothing of it may change."""
    journal = LmdbJournal.open(path)
    try:
        said: list[object] = [
            [list(journal.read(each)) for each in BOARDS],
            [list(journal.read_backwards(each)) for each in BOARDS],
            [list(journal.read(each, 3, 9)) for each in BOARDS],
            list(journal.read_all()),
            list(journal.aggregates()),
            [(journal.version(each), journal.lasting(each)) for each in BOARDS],
            [journal.snapshot(each) for each in BOARDS],
            journal.kinds(),
            (journal.position(), journal.figures().commits, journal.lineage()),
        ]
    finally:
        journal.close()
    return said


def every(path: Path) -> list[Numbered]:
    journal = LmdbJournal.open(path, read_only=True)
    try:
        return list(journal.read_every())
    finally:
        journal.close()


def known(path: Path) -> list[str]:
    """The ids in the window that a retry finds."""
    journal = LmdbJournal.open(path, keep_ids=WINDOW.ids)
    try:
        return [
            each.record.command_id
            for each in journal.read_every()
            if journal.find(each.record.command_id)
        ]
    finally:
        journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "journal")
    return tmp_path / "journal"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several pieces of each kind, though the journal is small."""
    monkeypatch.setattr(pieces, "_BYTES", 3_000)
    monkeypatch.setattr(pieces, "_WRITTEN", 1_000)
    monkeypatch.setattr(pieces, "_ROWS", 7)
    monkeypatch.setattr(compact_module, "SHRINK_FROM", 1)


def test_only_records_without_events_outside_of_the_window_are_dropped(path: Path) -> None:
    before, records, found = everything(path), every(path), known(path)
    last = records[-1].number
    done = compact(path, refusals=True, window=WINDOW).tidied
    after = every(path)
    gone = [each for each in records if each not in after]
    assert everything(path) == before
    assert [each for each in records if each in after] == after
    assert done.refusals is not None
    assert len(gone) == done.refusals.many > 100
    assert not any(one.record.events or one.record.lasting for one in gone)
    assert all(one.number <= last - WINDOW.ids for one in gone)
    assert known(path) == found
    bare = [one for one in after if not (one.record.events or one.record.lasting)]
    assert all(one.number > last - WINDOW.ids - 85 for one in bare)  # those of one commit stay


@pytest.mark.parametrize("segment", [50, 32_768])
def test_verify_finds_nothing_wrong_with_a_journal_that_was_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment: int
) -> None:
    monkeypatch.setattr(index, "SEGMENT", segment)
    monkeypatch.setattr(ids, "SEGMENT", segment)
    monkeypatch.setattr(index, "FLUSH_RECORDS", 100)
    path = tmp_path / "again"
    write(path)
    compact(path, refusals=True, window=Window.of(200))
    assert verify(path).faults == ()
    write_more = LmdbJournal.open(path)
    write_more.append([Turn.of(BOARDS[0], write_more.version(BOARDS[0]), [entry(9_999, "event")])])
    tidied(write_more, refusals=True, window=WINDOW, tidy=write_more.tidy)
    write_more.close()
    assert verify(path).faults == ()


def test_records_are_read_on_from_any_number_also_within_a_gap(path: Path) -> None:
    compact(path, refusals=True, window=WINDOW)
    records = every(path)
    journal = LmdbJournal.open(path)
    for number in range(0, records[-1].number + 1, 3):
        assert list(journal.read_every(number)) == [one for one in records if one.number > number]
    journal.close()


def test_the_figures_say_how_many_records_are_left_and_were_dropped(path: Path) -> None:
    many = len(every(path))
    compact(path, refusals=True, window=WINDOW)
    journal = LmdbJournal.open(path)
    figures = journal.figures()
    journal.close()
    assert len(every(path)) == many - figures.dropped == figures.records - figures.dropped


def test_a_journal_with_a_larger_window_does_not_find_what_was_dropped(path: Path) -> None:
    ids = [one.record.command_id for one in every(path)]
    compact(path, refusals=True, window=WINDOW)
    left = {one.record.command_id for one in every(path)}
    journal = LmdbJournal.open(path)
    assert {each for each in ids if journal.find(each)} == left
    journal.close()


def test_the_index_of_a_thinned_commit_is_the_same_as_before(path: Path) -> None:
    def tail() -> index.Tail:
        made, last = index.Tail(), NO_COMMIT
        journal = LmdbJournal.open(path, read_only=True)
        with journal._store.reading() as txn:
            for number, commit in log.commits_from(txn, 1):
                last, turns = read_commit(number, bytes(commit), last)
                for turn in turns:
                    made.take(number, turn)
        journal.close()
        return made

    before = tail()
    compact(path, refusals=True, window=WINDOW)
    after = tail()
    assert after.tips == before.tips
    assert len(after.ids) < len(before.ids)
    assert all(before.ids[each] == place for each, place in after.ids.items())


def test_a_plan_says_what_will_be_done_and_changes_nothing(path: Path) -> None:
    before = (path / "data.mdb").read_bytes()
    planned = plan(path, refusals=True, window=WINDOW)
    assert (path / "data.mdb").read_bytes() == before
    assert compact(path, refusals=True, window=WINDOW).tidied[:3] == planned[:3]


def test_the_second_time_nothing_is_left_to_drop(path: Path) -> None:
    compact(path, refusals=True, window=WINDOW)
    assert plan(path, refusals=True, window=WINDOW).bytes == 0


def test_what_was_inside_of_the_window_is_dropped_when_it_is_outside(path: Path) -> None:
    before = everything(path)
    compact(path, refusals=True, window=Window.of(300))
    compact(path, refusals=True, window=WINDOW)
    twice, fresh = every(path), path.with_name("fresh")
    write(fresh)
    compact(fresh, refusals=True, window=WINDOW)
    assert everything(path) == before
    assert twice == every(fresh)


def test_refusals_stay_unless_they_are_to_be_dropped(path: Path) -> None:
    records = every(path)
    done = compact(path, window=WINDOW)
    assert done.tidied.refusals is None
    assert every(path) == records


def test_the_ids_of_whole_segments_outside_of_the_window_are_deleted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SEGMENT", 50)
    again = path.with_name("again")
    write(again)
    found, records = known(again), len(every(again))
    done = compact(again, window=WINDOW).tidied
    assert records - WINDOW.ids - 70 <= done.ids.many <= records - WINDOW.ids
    assert known(again) == found


def test_an_older_snapshot_is_deleted_if_nobody_has_changed_its_aggregate_lately(
    path: Path,
) -> None:
    journal = LmdbJournal.open(path)
    long_after = 30 * 24 * 3_600_000_000
    late = Entry("late", (StoredEvent("noted", 1, b"\x80"),), long_after, [])
    journal.append([Turn.of(BOARDS[0], journal.version(BOARDS[0]), [late])])
    journal.close()
    before = everything(path)
    done = compact(path).tidied
    assert done.snapshots.many == len(BOARDS) - 1
    assert everything(path) == before


def test_a_journal_without_gaps_needs_nothing_new_and_one_with_gaps_says_so(path: Path) -> None:
    def needs() -> bool:
        journal = LmdbJournal.open(path, read_only=True)
        needed = GAPS in journal.format.needs
        journal.close()
        return needed

    compact(path, window=WINDOW)
    assert not needs()
    compact(path, refusals=True, window=WINDOW)
    assert needs()


def test_a_comity_that_does_not_know_gaps_says_that_it_is_too_old(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = LmdbJournal.open(path)
    tidied(running, refusals=True, window=WINDOW, tidy=running.tidy)
    monkeypatch.delitem(commit_layout.LAYOUTS, THINNED)
    with pytest.raises(TooNew):
        list(running.read_every())
    running.close()


@contextmanager
def elsewhere(path: Path, program: str) -> Generator[Popen[bytes]]:
    """Another process that has the journal open; it ends when it reads a line."""
    program = (
        "import sys\nfrom comity.engine.journal.lmdb_journal import LmdbJournal\n"
        f"{program}\nprint(1, flush=True)\ninput()\njournal.close()"
    )
    with Popen([sys.executable, "-c", program, str(path)], stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other
        other.communicate(b"\n")
    assert other.returncode == 0


def test_it_works_beside_a_process_that_goes_on(path: Path) -> None:
    records = every(path)
    with elsewhere(path, "journal = LmdbJournal.open(sys.argv[1])"):
        done = compact(path, refusals=True, window=WINDOW)
        assert done.shrunk is None
        assert "it is open in process" in done.in_use
    assert [one for one in every(path) if one.record.events] == [
        one for one in records if one.record.events
    ]


def test_a_reader_goes_on_while_records_before_it_and_after_it_are_dropped(path: Path) -> None:
    journal = LmdbJournal.open(path)
    reading, events = journal.read_every(), list(journal.read_all())
    first = [next(reading) for _ in range(30)]
    tidied(journal, refusals=True, window=WINDOW, tidy=journal.tidy)
    read = [*first, *reading]
    assert [one.record for one in read if one.record.events] == events
    assert len({one.number for one in read}) == len(read)
    assert read[-1] == list(journal.read_every())[-1]
    journal.close()


# --- shrinking ------------------------------------------------------------------------------------


def test_the_file_shrinks_when_nobody_has_it_open(path: Path) -> None:
    before, records, size = everything(path), every(path), (path / "data.mdb").stat().st_size
    shrunk = shrink(path)
    assert shrunk.after == (path / "data.mdb").stat().st_size < size == shrunk.before
    assert everything(path) == before
    assert every(path) == records
    assert not [*path.glob("compact-*")]


def test_a_file_that_is_read_is_not_replaced(path: Path) -> None:
    kept = (path / "data.mdb").stat().st_ino
    with elsewhere(path, "journal = LmdbJournal.open(sys.argv[1], read_only=True)"):
        with pytest.raises(JournalInUse, match="is being read"):
            shrink(path)
        assert (path / "data.mdb").stat().st_ino == kept
    shrink(path)
    assert (path / "data.mdb").stat().st_ino != kept


def test_a_full_disk_is_noticed_before_anything_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact_copy, "_SPARE", 1 << 60)
    with pytest.raises(StorageFull, match="make room first"):
        shrink(path)
    assert not [*path.glob("compact-*")]


def test_stopping_changes_nothing_that_is_half_done(path: Path) -> None:
    before, looks = everything(path), iter(range(1_000))

    def later() -> bool:
        return next(looks) > 4

    with pytest.raises(Stopped):
        compact(path, refusals=True, window=WINDOW, stop=later)
    assert everything(path) == before
    compact(path, refusals=True, window=WINDOW)
    assert plan(path, refusals=True, window=WINDOW).bytes == 0


def test_a_copy_that_a_killed_program_has_left_is_removed(path: Path) -> None:
    left = path / "compact-0123abcd"
    left.mkdir()
    (left / "data.mdb").write_bytes(b"half")
    sweep(path)
    assert not left.exists()


def test_the_progress_is_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_SHOWN", -1.0)
    shown: list[Progress] = []
    compact(path, refusals=True, window=WINDOW, show=shown.append)
    assert {one.stage.value for one in shown} >= {"refusals", "snapshots"}
    assert str(shown[-1])


# --- damage ---------------------------------------------------------------------------------------


def test_every_flipped_bit_of_a_thinned_commit_is_found(path: Path) -> None:
    compact(path, refusals=True, window=WINDOW)
    journal = LmdbJournal.open(path, read_only=True)
    with journal._store.reading() as txn:
        commits = [(number, bytes(commit)) for number, commit in log.commits_from(txn, 1)]
        number, commit = next(one for one in commits if one[1][0] == THINNED and len(one[1]) > 300)
        before = log.head_of(txn, number - 1)
    journal.close()
    head, turns = read_commit(number, commit, before)
    assert sum(one.many for one in turns) < head.records
    for at in range(len(commit)):
        wrong = bytearray(commit)
        wrong[at] ^= 1 << at % 8
        with pytest.raises(ComityError):
            list(read_commit(number, bytes(wrong), before)[1])
    for size in range(0, len(commit), 7):
        with pytest.raises(JournalDamaged):
            list(read_commit(number, commit[:size], before)[1])


def anything(number: int, time: int) -> bool:
    return number >= 0 <= time


def test_a_damaged_turn_is_not_blessed_with_a_new_checksum(path: Path) -> None:
    journal = LmdbJournal.open(path, read_only=True)
    with journal._store.reading() as txn:
        number, commit = next(
            (number, bytes(one)) for number, one in log.commits_from(txn, 1) if len(one) > 900
        )
    journal.close()
    assert thinned(number, commit, anything)
    for at in range(60, len(commit), 5):
        wrong = bytearray(commit)
        wrong[at] ^= 4
        with pytest.raises(JournalDamaged):
            thinned(number, bytes(wrong), anything)


def test_of_two_compactions_at_once_one_is_told_of_the_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, really, others = LmdbJournal.open(path), pieces._write, list[object]()

    def write_after_another(work: pieces.Work, batch: list[pieces._Less], upto: int) -> None:
        if batch and not others:
            others.append(batch)
            tidied(journal, refusals=True, window=WINDOW, tidy=journal.tidy)
        really(work, batch, upto)

    monkeypatch.setattr(pieces, "_write", write_after_another)
    with pytest.raises(JournalInUse, match="let it end, then run this again"):
        tidied(journal, refusals=True, window=WINDOW, tidy=journal.tidy)
    journal.close()
    assert verify(path).is_sound


def test_a_file_with_tables_that_a_copy_would_lack_stays_as_it_is(path: Path) -> None:
    before = everything(path)
    with lmdb.open(str(path), max_dbs=6) as env:
        env.open_db(b"of a newer comity")
    (path / "mark").unlink()
    with pytest.raises(TooNew, match="of a newer comity"):
        shrink(path)
    assert everything(path) == before


def test_a_backup_is_not_copied_as_a_journal(path: Path) -> None:
    mark_backup(path)
    with pytest.raises(NotAJournal, match="is a backup"):
        shrink(path)


def test_a_copy_that_cannot_be_written_leaves_no_doubt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_copy: compact_copy.CompactCopy, _aside: Path) -> None:
        raise OutcomeUnknown("the disk failed")

    monkeypatch.setattr(compact_copy.CompactCopy, "_fill", fail)
    with pytest.raises(StorageFailed, match="was not changed"):
        shrink(path)
