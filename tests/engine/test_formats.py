"""What only a newer comity can read is told from damage; what it has added is passed over."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import lmdb
import msgpack
import pytest
from tests.golden.files import TODAY, load_rows
from tests.golden.history import NOTES, ONE, TWO, make_journal
from tests.golden.rewriting import newer, rewritten, with_commits

from comity.engine import Outcome, formats
from comity.engine.errors import ComityError, JournalDamaged, JournalError, NotAJournal, TooNew
from comity.engine.files.seal import seal
from comity.engine.formats import grown
from comity.engine.history.note import Note
from comity.engine.journal import commit_turn
from comity.engine.journal.commit_head import CRC, HEAD_BYTES, PLACE
from comity.engine.journal.commit_layout import LAYOUTS, Layout
from comity.engine.journal.commit_turn import FRAME
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, new_format, pack_format
from comity.engine.journal.journal_folder import TABLES
from comity.engine.journal.lmdb_journal import LmdbJournal, UnsafeWarning
from comity.engine.journal.located import Located
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.testing.contract.making import A, C, data, turn

NEWER: Final = max(LAYOUTS) + 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


# --- the format record ----------------------------------------------------------------------------


def refused(path: Path, error: type[ComityError], row: bytes) -> str:
    """What is said of a journal with this format record, which stays as it is."""
    rows = [(table, key, row if key == FORMAT_KEY else value) for table, key, value in golden()]
    make_journal(path, rows)
    before = (path / "data.mdb").read_bytes()
    for read_only in (True, False):
        with pytest.raises(error) as raised:
            LmdbJournal.open(path, read_only=read_only)
    assert (path / "data.mdb").read_bytes() == before
    return str(raised.value)


def golden() -> list[tuple[str, bytes, bytes]]:
    return load_rows(TODAY)


def test_a_journal_of_a_newer_format_is_not_read(path: Path) -> None:
    newer = new_format()._replace(format=formats.JOURNAL + 1, comity="7.1")
    said = refused(path, TooNew, pack_format(newer))
    assert said == (
        f"this journal has format {formats.JOURNAL + 1}; this is comity {formats.own_version()}, "
        f"which reads format {formats.JOURNAL}: use comity 7.1 or newer"
    )


def test_a_journal_of_the_first_format_is_not_read(path: Path) -> None:
    said = refused(path, NotAJournal, pack_format(new_format()._replace(format=1)))
    assert "has format 1, of an early comity" in said
    assert "read it with the comity that made it" in said


def test_a_journal_that_needs_what_is_not_known_is_not_read(path: Path) -> None:
    needs = {"sealed-events": "7.1", "shards": "7.0"}
    said = refused(path, TooNew, pack_format(new_format()._replace(needs=needs)))
    assert "needs sealed-events (since comity 7.1), shards (since comity 7.0)" in said


def test_a_journal_that_needs_what_is_known_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "NEEDS", {"turns": "0.1.0", "shards": "7.0"})
    keep(path, new_format()._replace(needs={"shards": "7.0"}))
    assert reopened(path).needs == {"shards": "7.0"}


def test_a_journal_needs_turns_from_its_first_commit_on(path: Path) -> None:
    keep(path, new_format())
    assert reopened(path).needs == {}
    journal = LmdbJournal.open(path)
    journal.append([turn(C, 0, b"x")])
    journal.close()
    assert reopened(path).needs == {"turns": "0.1.0"}


def test_what_a_journal_merely_has_is_passed_over(path: Path) -> None:
    keep(path, new_format()._replace(has={"statistics": "7.1"}))
    assert reopened(path).has == {"statistics": "7.1"}


def test_fields_of_a_newer_comity_stay_where_the_record_is_written_anew(path: Path) -> None:
    keep(path, new_format()._replace(more={"writers": 3, "more": [1]}))
    with pytest.warns(UnsafeWarning):
        LmdbJournal.open(path, unsafe_no_fsync=True).close()
    found = reopened(path)
    assert (found.more, found.fsync) == ({"writers": 3, "more": [1]}, False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"format": "2"},
        {"format": 2, "library": "py-lmdb"},
        {**new_format()._asdict(), "needs": ["turns"]},
        [2, "py-lmdb"],
        2,
    ],
)
def test_a_record_that_is_none_is_damage(path: Path, fields: object) -> None:
    row = seal(FORMAT_KEY, msgpack.packb(fields))
    assert "does not hold what it should" in refused(path, JournalDamaged, row)


def keep(path: Path, record: JournalFormat) -> None:
    """A journal that says this of itself."""
    row = pack_format(record)
    make_journal(
        path,
        [(table, key, row if key == FORMAT_KEY else value) for table, key, value in golden()],
    )


def reopened(path: Path) -> JournalFormat:
    journal = LmdbJournal.open(path)
    found = journal.format
    journal.close()
    return found


def test_a_table_of_a_newer_comity_is_passed_over(path: Path) -> None:
    LmdbJournal.open(path).close()
    with lmdb.open(str(path), max_dbs=len(TABLES) + 1) as env:
        handle = env.open_db(b"statistics")
        with env.begin(write=True) as txn:
            txn.put(b"key", seal(b"key", b"value"), db=handle)
    journal = LmdbJournal.open(path)
    journal.append([turn(A, 0, b"1")])
    journal.close()
    with lmdb.open(str(path), max_dbs=len(TABLES) + 1) as env, env.begin() as txn:
        assert txn.get(b"key", db=env.open_db(b"statistics", txn)) == seal(b"key", b"value")


# --- commits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_commit_of_a_newer_format_is_told_from_damage_when_a_journal_opens(
    path: Path, number: int
) -> None:
    with_commits(path, newer(number), indexed=False)
    with pytest.raises(TooNew) as raised:
        LmdbJournal.open(path)
    assert str(raised.value) == (
        f"commit {number} has format {NEWER}; this is comity {formats.own_version()}, which reads "
        f"formats up to {max(LAYOUTS)}: use the newer comity that wrote it"
    )


def test_a_commit_of_a_newer_format_in_the_middle_hides_nothing_else(path: Path) -> None:
    with_commits(path, newer(2))
    journal = LmdbJournal.open(path)
    assert len(data(journal.read(TWO))) == 1
    assert data(journal.read(ONE, after=4))
    assert journal.version(ONE) == 5
    assert journal.find("applied") is not None
    for asked in (
        lambda: list(journal.read_backwards(ONE)),
        lambda: list(journal.read(ONE)),
        lambda: list(journal.read_all()),
        lambda: journal.find("merged"),
    ):
        with pytest.raises(TooNew, match="commit 2 has format"):
            asked()
    journal.close()


def test_a_format_that_is_a_flipped_bit_is_damage(path: Path) -> None:
    rows = golden()
    (at,) = [place for place, row in enumerate(rows) if row[:2] == ("commits", (2).to_bytes(8))]
    table, key, value = rows[at]
    rows[at] = (table, key, bytes([NEWER]) + value[1:])
    make_journal(path, rows)
    journal = LmdbJournal.open(path)
    for asked in (
        lambda: list(journal.read(ONE)),
        lambda: list(journal.read_all()),
        lambda: journal.find("merged"),
    ):
        with pytest.raises(JournalDamaged, match="commit 2"):
            asked()
    journal.close()


def masked(at: int, records: bytes) -> bytes:
    """Records as a later format might have them: payloads are masked, checksums cover that."""
    made, offset = bytearray(), 0
    while offset < len(records):
        size = FRAME.unpack_from(records, offset)[1]
        frame = records[offset : offset + FRAME.size]
        body = bytes(byte ^ 0xFF for byte in records[offset + FRAME.size :][:size])
        placed = PLACE.pack(at, HEAD_BYTES + offset)
        made += CRC.pack(crc32(body, crc32(placed + frame[CRC.size :]))) + frame[CRC.size :] + body
        offset += FRAME.size + size
    return bytes(made)


def locate_masked(commit: int, offset: int, stored: memoryview) -> Located:
    """Reads such a record."""
    crc, size, *_ = FRAME.unpack_from(stored)
    stored = stored[: FRAME.size + size]
    if crc32(stored[CRC.size :], crc32(PLACE.pack(commit, offset))) != crc:
        raise JournalDamaged("not what was written")
    plain = stored[: FRAME.size].tobytes() + bytes(byte ^ 0xFF for byte in stored[FRAME.size :])
    sound = crc32(plain[CRC.size :], crc32(PLACE.pack(commit, offset)))
    found = commit_turn.locate(commit, offset, memoryview(CRC.pack(sound) + plain[CRC.size :]))
    return found._replace(crc=crc)


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("numbers", [{1}, {2}, {3, 4}, {2, 4}, {1, 2, 3, 4}])
def test_commits_of_several_formats_stand_in_one_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, numbers: set[int], indexed: bool
) -> None:
    monkeypatch.setitem(LAYOUTS, NEWER, Layout(locate_masked, commit_turn.frame_at, FRAME.size))
    mixed, plain = tmp_path / "mixed", tmp_path / "plain"
    make_journal(plain, golden())

    def change(number: int, records: bytes) -> tuple[int, bytes]:
        if number not in numbers:
            return formats.COMMIT, records
        return NEWER, masked(number, records)

    with_commits(mixed, change, indexed=indexed)
    assert gone_on(mixed) == gone_on(plain)
    assert gone_on(mixed, 1) == gone_on(plain, 1)  # opened again, after another commit


def gone_on(path: Path, version: int = 0) -> list[object]:
    """What a journal says after another commit."""
    journal = LmdbJournal.open(path)
    journal.append([turn(C, version, b"on", command_id=f"on {version}")])
    said: list[object] = [
        list(journal.read_all()),
        *(list(journal.read(each)) for each in (ONE, TWO, C)),
        *(list(journal.read_backwards(each)) for each in (ONE, TWO, C)),
        [journal.find(each) for each in ("applied", "merged", "rebased", "rejected", "on 0")],
        journal.lasting(ONE),
        journal.figures()[:3],
    ]
    journal.close()
    return said


# --- records and what is in them ------------------------------------------------------------------


def test_fields_that_records_and_events_do_not_have_yet_are_passed_over(path: Path) -> None:
    def grow(number: int, records: bytes) -> tuple[int, bytes]:
        made, offset = bytearray(), 0
        while offset < len(records):
            _, size, *frame = FRAME.unpack_from(records, offset)
            body = records[offset + FRAME.size :][:size]
            aggregate, entries = msgpack.unpackb(body)
            entries = [
                [
                    id_,
                    time,
                    [[*event, 0, {"sealed": True}] for event in events],
                    note,
                    False,
                    "more",
                ]
                for id_, time, events, note in entries
            ]
            body = msgpack.packb((aggregate, entries, 7, "more"))
            placed = PLACE.pack(number, HEAD_BYTES + len(made))
            bare = FRAME.pack(0, len(body), *frame)[CRC.size :]
            made += CRC.pack(crc32(body, crc32(placed + bare))) + bare + body
            offset += FRAME.size + size
        return formats.COMMIT, bytes(made)

    rows = [row for row in golden() if row[0] == "commits" and row[1] == (1).to_bytes(8)]
    (grown_commit,) = rewritten([rows[0][2]], grow)
    meta = [row for row in golden() if row[1] == FORMAT_KEY]
    make_journal(path, [("commits", (1).to_bytes(8), grown_commit), *meta])
    journal = LmdbJournal.open(path)
    (record,) = journal.read(ONE)
    assert [type(event) for event in record.events] == [StoredEvent, StoredEvent]
    assert Note.unpack(record.note).who == "ann"
    journal.close()


def test_a_snapshot_may_have_more_fields_and_another_form_of_it_is_none(path: Path) -> None:
    key = b"board\0a\0"
    LmdbJournal.open(path).close()
    for body, found in (
        (("hash", b"state", 5), Snapshot(A, 1, "hash", b"state")),
        ((7,), None),
        ({"schema": "hash"}, None),
    ):
        with lmdb.open(str(path), max_dbs=len(TABLES)) as env, env.begin(write=True) as txn:
            row = struct.pack(">Q", 1) + msgpack.packb(body)
            txn.put(key, seal(key, row), db=env.open_db(b"snapshots", txn))
        journal = LmdbJournal.open(path)
        if not journal.version(A):
            journal.append([turn(A, 0, b"1")])
        assert journal.snapshot(A) == found
        journal.close()


every_note = pytest.mark.parametrize("name", sorted(NOTES))


@every_note
def test_a_note_with_more_fields_is_read_without_them(name: str) -> None:
    fields = msgpack.unpackb(NOTES[name], use_list=False)
    fields += (None,) * (len(Note._fields) - len(fields))
    assert Note.unpack(msgpack.packb((*fields, {"rules": 7}, None))) == Note.unpack(NOTES[name])


@every_note
def test_a_report_and_a_refusal_with_more_fields_are_read_without_them(name: str) -> None:
    fields = msgpack.unpackb(NOTES[name])
    *head, report, refusal = fields[:9]
    if report:
        own, version, unseen, changes, *rest = report
        changes = [*changes, "more"] if changes else changes
        report = [own, version, unseen, changes, *rest, "more"]
    refusal = refusal and [*refusal, "more"]
    data = msgpack.packb((*head, report, refusal, *fields[9:]))
    assert Note.unpack(data) == Note.unpack(NOTES[name])


def test_a_note_with_fewer_fields_has_nothing_there() -> None:
    fields = msgpack.unpackb(NOTES["applied"], use_list=False)
    for left in range(7, 10):
        assert Note.unpack(msgpack.packb(fields[:left])) == Note.unpack(NOTES["applied"])
    for left in range(7):
        with pytest.raises(JournalDamaged):
            Note.unpack(msgpack.packb(fields[:left]))


@every_note
def test_a_note_that_was_cut_is_damage(name: str) -> None:
    for left in range(len(NOTES[name])):
        with pytest.raises(JournalDamaged):
            Note.unpack(NOTES[name][:left])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((2, "ann", "s"), "note has form 2"),
        (("ann", "s", 3, "Seat", None, "deferred", None), "outcome is deferred"),
        (("ann", "s", 3, "Seat", None, "merged", None, (2, "x")), "merge report has form 2"),
        (
            ("ann", "s", 3, "Seat", None, "merged", None,
             (("deferred", "Seat", "ann", 3), 1, 1, (), None, None, None, None)),
            "outcome is deferred",
        ),
    ],
)  # fmt: skip
def test_a_note_of_a_newer_comity_is_told_from_damage(
    fields: tuple[object, ...], said: str
) -> None:
    with pytest.raises(TooNew, match=said):
        Note.unpack(msgpack.packb(fields))


def test_the_outcomes_that_are_known_are_named() -> None:
    data = msgpack.packb(("", "", 3, "Seat", None, "deferred", None))
    with pytest.raises(TooNew, match=", ".join(Outcome)):
        Note.unpack(data)


# --- how forms grow -------------------------------------------------------------------------------


class Grown(NamedTuple):
    one: int
    two: str = "two"
    three: str = "three"


@pytest.mark.parametrize(
    ("stored", "record"),
    [
        ([1], Grown(1)),
        ([1, "b"], Grown(1, "b")),
        ((1, "b", "c"), Grown(1, "b", "c")),
        ([1, "b", "c", "d", 5], Grown(1, "b", "c")),
    ],
)
def test_fields_beyond_are_left_out_and_missing_ones_have_defaults(
    stored: list[object], record: Grown
) -> None:
    assert grown(Grown, stored) == record


def test_a_field_without_a_default_must_be_there() -> None:
    with pytest.raises(TypeError):
        grown(Grown, [])


def test_a_newer_form_is_an_error_of_the_journal() -> None:
    assert issubclass(TooNew, JournalError)
    assert not issubclass(TooNew, JournalDamaged)
