"""`salvage`: all that can be read of a damaged journal is in the new one, or aside; and told."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import lmdb
import pytest
from msgpack import packb, unpackb
from tests.crash.harm import HARMS
from tests.engine.verifying.made import LONG, PAGE, Pages, event, long_turn
from tests.engine.verifying.original import Original, check, kept, put_aside
from tests.engine.verifying.test_verify import change, edit, lose, often

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged, NotAJournal, TooNew
from comity.engine.files.seal import seal
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.verifying.pace import Stopped
from comity.engine.verifying.salvage import salvage
from comity.engine.verifying.verify import verify

__all__ = ["often"]


@pytest.fixture(scope="session")
def original(made: Path) -> Original:
    return Original(made)


def wipe(path: Path, wanted: bytes) -> None:
    """Replace bytes by zeros, wherever they stand."""
    data = (path / "data.mdb").read_bytes()
    (path / "data.mdb").write_bytes(data.replace(wanted, bytes(len(wanted))))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def test_of_a_sound_journal_everything_is_there(path: Path, new: Path, original: Original) -> None:
    found = salvage(path, new)
    assert (found.complete, found.lost, found.harmed, found.cut) == (True, (), (), ())
    assert (found.commits, found.records, found.position) == (84, 4_176, 5_040)
    assert (found.same_position, found.aside) == (5_040, None)
    assert check(original, path, new) == ""
    assert verify(new).is_sound


def test_records_are_the_same_to_the_byte(path: Path, new: Path) -> None:
    salvage(path, new)
    one = LmdbJournal.open(path, read_only=True)
    other = LmdbJournal.open(new, read_only=True)
    assert list(one.read_every()) == list(other.read_every())
    assert one.kinds() == other.kinds()
    one.close()
    other.close()


def test_the_damaged_journal_is_not_changed(path: Path, new: Path) -> None:
    change(path, Pages(path / "data.mdb").kinds["commits"][0] * PAGE, bytes(PAGE))
    before = {each.name: each.read_bytes() for each in path.iterdir()}
    salvage(path, new)
    assert {each.name: each.read_bytes() for each in path.iterdir()} == before


def test_the_new_journal_is_a_branch_of_the_old_one(path: Path, new: Path) -> None:
    edit(path, "commits", lose(lambda number: number == 29))
    found = salvage(path, new)
    old, journal = LmdbJournal.open(path, read_only=True), LmdbJournal.open(new)
    lineage, before = journal.lineage(), old.lineage()
    old.close()
    journal.close()
    assert (lineage.id, lineage.branch) == (before.id, found.branch)
    assert lineage.restores[-1].position == found.same_position
    assert lineage.lost(before.branch, found.same_position) == 0
    assert lineage.lost(before.branch, found.same_position + 7) == 7


def test_an_aggregate_is_kept_up_to_its_gap_and_the_rest_is_aside(
    path: Path, new: Path, original: Original
) -> None:
    edit(path, "commits", lose(lambda number: number == 29))
    [lost] = [one for one in original.turns if one.commit == 30]
    wipe(path, lost.stored[:40])  # the pages of the row are free, and still there
    wipe(path, original.heads[30])
    found = salvage(path, new)
    assert [(one.first, one.last) for one in found.lost] == [(30, 30)]
    assert (found.records_lost, found.events_lost) == (1, 60)
    [cut] = found.cut
    assert (cut.aggregate, cut.kept, cut.missing, cut.known) == ("board/long", 540, 600, 1_680)
    assert (cut.aside, found.records_aside, found.events_aside) == (18, 18, 1_080)
    assert len(put_aside(new)) == 18
    assert check(original, path, new) == ""
    journal = LmdbJournal.open(new)
    assert journal.version(LONG) == 540
    journal.append([long_turn(9_999_999, 540)])
    journal.close()


def test_a_damaged_head_loses_nothing(path: Path, new: Path, original: Original) -> None:
    wipe(path, original.heads[30])
    found = salvage(path, new)
    assert (found.complete, found.lost, found.cut, found.records) == (True, (), (), 4_176)
    assert [(one.number, one.lost) for one in found.harmed] == [(30, None)]
    assert kept(new).keys() == {turn.aggregate for turn in original.turns}


def test_a_torn_copy_beside_a_sound_one_does_not_matter(
    path: Path, new: Path, original: Original
) -> None:
    """Its row leads to where a page of garbage begins now; the commit stands elsewhere, too."""
    data = (path / "data.mdb").read_bytes()
    at = data.index(original.heads[44]) // PAGE * PAGE
    size = int.from_bytes(data[at + 12 : at + 16], "little") * PAGE
    with (path / "data.mdb").open("ab") as file:
        file.write(data[at : at + size])
    change(path, at, b"\1" * PAGE)
    assert salvage(path, new).complete
    assert check(original, path, new) == ""


def test_of_a_harmed_commit_the_sound_turns_are_read(
    path: Path, new: Path, original: Original
) -> None:
    data = (path / "data.mdb").read_bytes()
    turn = next(one for one in original.turns if one.commit == 44 and one.offset > 4_000)
    at = data.index(turn.stored)
    change(path, at + 4, b"\xff\xff\xff\xff")  # its size: the next turn must be searched
    found = salvage(path, new)
    [harmed] = found.harmed
    assert (harmed.number, harmed.lost) == (44, len(turn.ids))
    assert (found.records_lost, found.lost) == (len(turn.ids), ())
    assert [one.aggregate for one in found.cut] == [turn.aggregate]
    assert sorted(found.ids_lost) == sorted(turn.ids)
    assert check(original, path, new) == ""


def test_what_the_index_knows_of_lost_commits_is_told(
    path: Path, new: Path, original: Original
) -> None:
    for turn in original.turns:
        if turn.commit in (83, 84):  # the last ones
            wipe(path, turn.stored[:40])
            wipe(path, original.heads[turn.commit])
    found = salvage(path, new)
    assert [(one.first, one.last, one.records) for one in found.lost] == [(83, 84, None)]
    cut = {one.aggregate: one for one in found.cut}
    assert len(cut) == 120
    assert (cut["board/long"].kept, cut["board/long"].known) == (1_620, 1_680)
    assert set(found.ids_lost) == {
        id_ for turn in original.turns if turn.commit in (83, 84) for id_ in turn.ids
    }


@pytest.mark.parametrize(
    "kind", ["first", "free list", "names", "branch", "commits", "streams", "ids", "meta"]
)
def test_without_any_page_of_a_kind_all_that_can_be_read_is_there(
    path: Path, new: Path, original: Original, kind: str
) -> None:
    for page in Pages(path / "data.mdb").kinds[kind]:
        change(path, page * PAGE, bytes(PAGE))
    found = salvage(path, new)
    assert check(original, path, new) == ""
    assert found.named == (kind not in ("first", "names", "meta"))
    assert verify(new).is_sound


@pytest.mark.parametrize("harm", HARMS)
def test_after_each_kind_of_damage_all_that_can_be_read_is_there(
    made: Path, tmp_path: Path, original: Original, harm: str
) -> None:
    for seed in range(1, 2):
        copy = Path(shutil.copytree(made, tmp_path / f"{seed}"))
        HARMS[harm](copy / "data.mdb", random.Random(seed))
        try:
            salvage(copy, tmp_path / f"new{seed}")
        except JournalDamaged:
            assert original.readable(copy / "data.mdb") == []
        else:
            assert check(original, copy, tmp_path / f"new{seed}") == "", (harm, seed)


def test_a_text_that_looks_like_a_commit_is_none(path: Path, new: Path, original: Original) -> None:
    forged = original.heads[40] + b"".join(one.stored for one in original.turns if one.commit == 40)
    head = bytearray(forged[:53])
    head[1:9] = (85).to_bytes(8)
    journal = LmdbJournal.open(path)
    text = StoredEvent("Said", 1, packb(bytes(head) + forged[53:]), 7, 0)
    journal.append([Turn.of(AggregateId("board", "evil"), 0, [Entry("evil", (text,), 5, None)])])
    journal.close()
    for kind in ("first", "commits"):
        for page in Pages(path / "data.mdb").kinds[kind][:1]:
            change(path, page * PAGE, bytes(PAGE))
    salvage(path, new)
    found = kept(new)
    assert found["board/evil"] == ["evil"]
    assert event(1).name == "Named"


def test_beside_a_domain_that_writes_it_reads_one_state(path: Path, new: Path) -> None:
    journal = LmdbJournal.open(path)
    figures = journal.figures()

    def write() -> bool:
        version = journal.version(LONG)
        journal.append([long_turn(5_000_000 + version, version)])
        return False

    try:
        found = salvage(path, new, stop=write)
    finally:
        journal.close()
    assert (found.complete, found.commits >= figures.commits) == (True, True)


# --- what is refused ------------------------------------------------------------------------------


def test_nothing_is_overwritten(path: Path, new: Path) -> None:
    new.mkdir()
    (new / "file").write_text("mine")
    for place in (new, path, path / "inside", path.parent):
        with pytest.raises(NotAJournal):
            salvage(path, place)
    assert [each.name for each in new.iterdir()] == ["file"]
    (new / "file").unlink()
    assert salvage(path, new).complete


def test_where_nothing_can_be_read_there_is_no_new_journal(path: Path, new: Path) -> None:
    size = (path / "data.mdb").stat().st_size
    for content in (b"", bytes(size), os.urandom(size // 8)):
        (path / "data.mdb").write_bytes(content)
        with pytest.raises(JournalDamaged, match=r"no commit of .* can be read"):
            salvage(path, new)
    assert [each.name for each in new.parent.iterdir()] == [path.name]


def test_a_newer_comity_is_asked_for(path: Path, new: Path) -> None:
    def newer(txn: lmdb.Transaction[bytes]) -> None:
        changed = packb({**unpackb(txn.get(b"format", b"")[:-4]), "needs": {"magic": "9.0"}})
        txn.put(b"format", seal(b"format", changed))

    edit(path, "meta", newer)
    with pytest.raises(TooNew, match="magic"):
        salvage(path, new)
    (path / "unfinished").touch()
    with pytest.raises(NotAJournal, match="unfinished"):
        salvage(path, new)


@pytest.mark.usefixtures("often")
def test_stopped_or_killed_it_leaves_no_journal(path: Path, new: Path) -> None:
    calls = iter(range(1_000_000))
    with pytest.raises(Stopped):
        salvage(path, new, stop=lambda: next(calls) > 30)
    assert [each.name for each in new.parent.iterdir()] == [path.name]


def test_the_lines_aside_tell_what_was_lost(path: Path, new: Path, original: Original) -> None:
    wipe(path, original.heads[30])
    change(path, Pages(path / "data.mdb").kinds["commits"][0] * PAGE, bytes(PAGE))
    salvage(path, new)
    rows = [json.loads(line) for line in (new / "aside.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} <= {"turn", "snapshot", "lost command"}
    turn = next(row for row in rows if row["kind"] == "turn")
    assert turn["records"][0]["events"][0]["event"] in ("Moved", "Named")
