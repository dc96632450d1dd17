"""A journal is exported and imported: the same records come back, whatever they hold."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from unicodedata import category

import pytest
from examples.board.domain import AddCard, board
from hypothesis import given, settings
from hypothesis import strategies as st
from msgpack import ExtType, Timestamp, packb
from tests.evolution.exported import (
    RECORDS,
    VALUES,
    exported,
    note,
    numbered,
    unsealed,
    written,
)
from tests.evolution.migrations import write

from comity.actors import Domain
from comity.engine import AggregateId, Invalid, NotAJournal, WiringError
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.lineage import Lineage
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.evolution import TransferProgress, export_journal, import_journal
from comity.evolution.exporting import whole_file
from comity.evolution.exporting.exact_json import dumps, loads
from comity.evolution.exporting.record_line import essence, line_of, numbered_of

pytestmark = pytest.mark.filterwarnings("ignore::comity.engine.journal.lmdb_journal.UnsafeWarning")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with merges, refusals, dropped commands and lasting records."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    write(path)
    return path


# Values and lines.


@given(VALUES)
def test_every_value_comes_back_from_json(value: object) -> None:
    line = dumps(value)
    assert packb(loads(line)) == packb(value)
    json.loads(line, parse_constant=pytest.fail)
    assert len(line.splitlines()) == 1
    assert not any(category(one) in {"Cc", "Zl", "Zp"} for one in line)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"\x00\xff", '{"$bytes":"AP8="}'),
        (packb({"a": 1}), '{"$packed":{"a":1}}'),
        (float("nan"), '{"$float":"nan"}'),
        (float("-inf"), '{"$float":"-inf"}'),
        ({"$a": 1}, '{"$map":[["$a",1]]}'),
        ({"$a": 1, "b": 2}, '{"$a":1,"b":2}'),
        ({b"k": 1}, '{"$map":[[{"$bytes":"aw=="},1]]}'),
        (ExtType(5, b"x"), '{"$ext":[5,"eA=="]}'),
        (Timestamp(1, 5), '{"$ext":[-1,"AAAAFAAAAAE="]}'),
        ("größe \x9b", '"größe \\u009b"'),
        ("\x7f", '"\\u007f"'),
        (2**64 - 1, "18446744073709551615"),
        (-0.0, "-0.0"),
    ],
)
def test_what_json_lacks_has_an_escape(value: object, line: str) -> None:
    assert dumps(value) == line
    assert packb(loads(line)) == packb(value)


@pytest.mark.parametrize("levels", [50, 150, 1_000])
def test_what_is_nested_deeply_comes_back(levels: int) -> None:
    value: object = 1
    for _ in range(levels):
        value = [value]
    line = dumps({"a": value, "b": 2})
    assert packb(loads(line)) == packb({"a": value, "b": 2})
    assert line.endswith(',"b":2}')


def test_messages_in_messages_in_messages_do_not_end_it() -> None:
    value = b"\xc0"
    for _ in range(5_000):
        value = b"\x81\xa1a\xc6" + len(value).to_bytes(4) + value
    assert loads(dumps({"a": value})) == {"a": value}


@pytest.mark.parametrize(
    "line",
    [
        "", "nul", '{"a":1,"a":2}', '{"a":NaN}', '{"$bytes":"?"}', '{"$bytes":3}',
        '{"$float":"x"}', '{"$map":[[1,2],[1,3]]}', '{"$map":[[[],2]]}', '{"$map":3}',
        '{"$ext":[5]}', '{"$ext":[300,"eA=="]}', '{"$msgpack":"wQ=="}', '{"$later":1}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        loads(line)


@settings(max_examples=40)
@given(st.integers(1, 1 << 40), RECORDS)
def test_every_record_comes_back_from_its_line(number: int, record: Record) -> None:
    found = numbered_of(line_of(number, record))
    assert found.number == number
    assert essence(found.record) == essence(record)


def test_a_line_says_who_when_what_and_how(old: Path) -> None:
    head, first, *_, end = unsealed(exported(old))
    journal = LmdbJournal.open(old, read_only=True)
    lineage, record = journal.lineage(), next(journal.read_every()).record
    journal.close()
    assert head.pop("made")
    assert head == {
        "comity": "export", "format": 1, "version": "0.1.0", "records": 20,
        "lineage": {"id": lineage.id, "restores": []},
    }  # fmt: skip
    assert datetime.fromisoformat(str(first.pop("time"))).timestamp() == record.time / 1e6
    assert first == {
        "record": 1, "type": "board", "key": "b1", "version": 0, "position": 0, "id": "b1-1",
        "events": [
            {
                "name": "CardAdded", "schema": 1, "stamp": record.events[0].stamp,
                "data": {"card": "c1", "number": 1, "title": "Pay", "column": "todo"},
            }
        ],
        "note": {
            "who": "ann", "session": "ann-b1", "seen": 0, "command": "AddCard",
            "digest": Note.unpack(record.note).digest, "outcome": "applied", "schema": 1,
        },
    }  # fmt: skip
    assert end == {"end": "export", "records": 20, "events": 12, "position": 12}


# Journals.


def test_an_import_is_the_same_journal_record_by_record(old: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "old.jsonl", tmp_path / "new.db"
    done = export_journal(old, file)
    assert (done.records, done.events, done.position, done.is_whole) == (20, 12, 12, True)
    assert done.bytes == file.stat().st_size
    imported = import_journal(file, new)
    assert (imported.complete, imported.records, imported.events) == (True, 20, 12)
    assert numbered(new) == numbered(old)
    assert not (tmp_path / "old.jsonl.unfinished").exists()


def test_an_imported_domain_goes_on(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    import_journal(BytesIO(b"".join(exported(old))), new)
    with Domain.open(old, deciders=[board]) as was, Domain.open(new, deciders=[board]) as domain:
        looked = domain.aggregate(board, "b1").look()
        assert looked == was.aggregate(board, "b1").look()
        again = domain.session("ann", id="ann-b1").aggregate(board, "b1")
        first = AddCard(card="c1", number=1, title="Pay")
        assert again.send(first, seen=0, id="b1-1").result(20).version == 1  # the same receipt


def test_an_import_has_the_name_and_a_new_branch(old: Path, tmp_path: Path) -> None:
    new, third = tmp_path / "new.db", tmp_path / "third.db"
    first = import_journal(BytesIO(b"".join(exported(old))), new).lineage
    again = import_journal(BytesIO(b"".join(exported(new))), third).lineage
    journal = LmdbJournal.open(third, read_only=True)
    assert journal.lineage() == again
    journal.close()
    (branch,) = first.restores
    assert (branch.position, branch.record) == (12, 20)
    assert again == Lineage(first.id, (branch, again.restores[1]))
    assert again.lost(first.id, 15) == 3  # an outlet that delivered more of the original


@settings(max_examples=10)
@given(st.lists(RECORDS, max_size=3))
def test_arbitrary_records_come_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    written(folder / "old.db", records)
    import_journal(BytesIO(b"".join(exported(folder / "old.db"))), folder / "new.db")
    before, after = numbered(folder / "old.db"), numbered(folder / "new.db")
    assert [(one.number, essence(one.record)) for one in after] == [
        (one.number, essence(one.record)) for one in before
    ]


def test_an_empty_journal_comes_back(tmp_path: Path) -> None:
    written(tmp_path / "old.db", [])
    done = import_journal(BytesIO(b"".join(exported(tmp_path / "old.db"))), tmp_path / "new.db")
    assert (done.complete, done.records) == (True, 0)
    assert numbered(tmp_path / "new.db") == []


def test_what_is_recorded_meanwhile_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.evolution.exporting.transfer_progress._SECONDS", 0)
    journal, file = MemoryJournal(), tmp_path / "old.jsonl"
    aggregate = AggregateId("board", "b")

    told: list[int] = []

    def record(progress: object = None) -> None:
        version = journal.version(aggregate)
        told.append(version)
        entries = [Entry(f"c{version}", (StoredEvent("A", 1, {}),), 0, note())]
        journal.append([Turn.of(aggregate, version, entries)])

    for _ in range(200):
        record()
    done = export_journal(Here(journal), file, progress=record)
    assert (done.records, len(told)) == (200, 203)
    assert import_journal(file, tmp_path / "new.db").records == 200


class Here:
    """Opens a journal that is open."""

    path = None

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def open(self, *, read_only: bool = False) -> MemoryJournal:
        """Give it."""
        return self._journal


# Files.


def test_a_name_that_ends_with_gz_is_compressed(old: Path, tmp_path: Path) -> None:
    plain, packed = tmp_path / "old.jsonl", tmp_path / "old.jsonl.gz"
    done = export_journal(old, plain)
    assert export_journal(old, packed).bytes == done.bytes
    assert packed.stat().st_size < plain.stat().st_size / 3
    with gzip.open(packed) as stream:
        assert stream.read().splitlines()[1:] != []
    assert import_journal(packed, tmp_path / "new.db").records == 20
    with packed.open("rb") as stream:
        assert import_journal(stream, tmp_path / "other.db").records == 20


def test_a_file_is_replaced_only_on_purpose(old: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("precious")
    with pytest.raises(WiringError, match="exists: give another name"):
        export_journal(old, file)
    assert file.read_text() == "precious"
    export_journal(old, file, replace=True)
    assert file.read_text().startswith('{"comity":"export"')


def test_it_is_not_written_into_a_journal_or_over_a_directory(old: Path, tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="inside the journal"):
        export_journal(old, old / "data.mdb", replace=True)
    with pytest.raises(WiringError, match="inside the journal"):
        export_journal(old, old)
    with pytest.raises(WiringError, match="is a directory"):
        export_journal(old, tmp_path, replace=True)
    assert len(numbered(old)) == 20


def test_a_failed_export_leaves_nothing_and_the_old_file(old: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("precious")

    def interrupt(progress: TransferProgress) -> None:
        raise KeyboardInterrupt

    big = tmp_path / "big.db"
    write(big, commands=300)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("comity.evolution.exporting.transfer_progress._SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            export_journal(big, file, replace=True, progress=interrupt)
    assert file.read_text() == "precious"
    assert not (tmp_path / "old.jsonl.unfinished").exists()


def test_a_leftover_of_a_crash_is_begun_anew(old: Path, tmp_path: Path) -> None:
    file, left = tmp_path / "old.jsonl", tmp_path / "old.jsonl.unfinished"
    left.write_text("x" * 100_000)
    export_journal(old, file)
    assert not left.exists()
    assert import_journal(file, tmp_path / "new.db").records == 20


def test_two_exports_do_not_write_one_file(old: Path, tmp_path: Path) -> None:
    with (
        whole_file.written(tmp_path / "f"),
        pytest.raises(WiringError, match="another program is writing"),
    ):
        export_journal(old, tmp_path / "f")
    assert (tmp_path / "f").exists()


def test_there_must_be_a_journal(tmp_path: Path) -> None:
    with pytest.raises(NotAJournal):
        export_journal(tmp_path / "none.db", tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


# A part.


def test_a_part_says_that_it_is_one(old: Path) -> None:
    stream = BytesIO()
    since = datetime(2020, 1, 1, tzinfo=UTC)
    done = export_journal(old, stream, since=since, types=["board"])
    assert not done.is_whole
    head, *records, _ = unsealed(stream.getvalue().splitlines())
    assert head["only"] == {"since": "2020-01-01T00:00:00Z", "types": ["board"]}
    assert len(records) == 20


def test_a_part_has_the_wanted_records_with_their_numbers(tmp_path: Path) -> None:
    path, second = tmp_path / "old.db", 1_000_000
    records = [
        Record(AggregateId(kind, "k"), 0, 0, f"c{at}", (), at * second, note())
        for at, kind in enumerate(["board", "count", "board", "board"])
    ]
    written(path, records)
    stream = BytesIO()
    upto = datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC)
    done = export_journal(path, stream, until=upto, types=["board"])
    _, *found, end = unsealed(stream.getvalue().splitlines())
    assert [one["record"] for one in found] == [1, 3]
    assert (done.records, end["records"]) == (2, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
        {"types": ["B!"]},
        {"types": "board"},
        {"until": 3},
    ],
)
def test_a_wrong_choice_is_refused(old: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(WiringError):
        export_journal(old, BytesIO(), **wrong)  # type: ignore[arg-type]
