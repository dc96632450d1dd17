"""Events as tables, for analysis."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from tests.evolution.exported import note, numbered, written
from tests.evolution.migrations import write

from comity.actors import Domain
from comity.engine import AggregateId, Command, Decider, Event, Invalid, WiringError
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.evolution import export_events
from comity.evolution.exporting import arrow

pytestmark = pytest.mark.filterwarnings("ignore::comity.engine.journal.lmdb_journal.UnsafeWarning")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with merges, refusals and dropped commands."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    write(path)
    return path


def table(path: Path, form: str, *fields: str) -> bytes:
    """The table of a journal."""
    stream = BytesIO()
    export_events(path, stream, form=form, fields=fields)
    return stream.getvalue()


def odd(path: Path, *data: dict[str, object]) -> None:
    """A journal of events with these fields."""
    records = [
        Record(
            AggregateId("count", f"c{at}"), 0, 0, f"i{at}", (StoredEvent("A", 1, one),), 0, note()
        )
        for at, one in enumerate(data)
    ]
    written(path, records)


def test_each_event_has_a_row(old: Path) -> None:
    rows = [json.loads(line) for line in table(old, "jsonl").splitlines()]
    records = [one.record for one in numbered(old)]
    assert [row["position"] for row in rows] == list(range(1, 13))
    first, record = rows[0], records[0]
    assert datetime.fromisoformat(first.pop("time")).timestamp() == record.time / 1e6
    assert first == {
        "position": 1, "type": "board", "key": "b1", "version": 1, "event": "CardAdded",
        "schema": 1, "who": "ann", "session": "ann-b1", "command": "AddCard",
        "command_id": "b1-1", "outcome": "applied", "metadata": {},
        "fields": {"card": "c1", "number": 1, "title": "Pay", "column": "todo"},
    }  # fmt: skip


def test_a_table_of_values_separated_by_commas(old: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(table(old, "csv", "card", "number:int").decode())))
    assert [(row["position"], row["event"], row["card"], row["number"]) for row in rows[:3]] == [
        ("1", "CardAdded", "c1", "1"),
        ("2", "CardAdded", "c2", "2"),
        ("3", "CardRenamed", "c1", ""),
    ]
    whole = list(csv.DictReader(io.StringIO(table(old, "csv").decode())))
    assert json.loads(whole[0]["fields"])["title"] == "Pay"


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.ndjson.gz"])
def test_the_name_of_the_file_says_the_format(old: Path, tmp_path: Path, name: str) -> None:
    done = export_events(old, tmp_path / name)
    assert (done.events, done.position, done.columns[0]) == (12, 12, "position")
    data = (tmp_path / name).read_bytes()
    data = gzip.decompress(data) if name.endswith(".gz") else data
    assert data.startswith(b"position," if ".csv" in name else b'{"position":1,')


def test_a_part(old: Path) -> None:
    stream = BytesIO()
    until = datetime(2020, 1, 1, tzinfo=UTC)
    assert export_events(old, stream, until=until).events == 0
    assert export_events(old, stream, types=["count"]).events == 0


def test_hostile_values_stay_in_their_row_and_column(tmp_path: Path) -> None:
    values = ['a,"b"\n=1+1', "\x1b[2J\u2028", b"\xff", float("nan"), {"$x": 1}]
    odd(tmp_path / "odd.db", *[dict[str, object](v=one) for one in values])
    rows = list(
        csv.reader(io.StringIO(table(tmp_path / "odd.db", "csv", "v").decode(), newline=""))
    )
    assert [row[-1] for row in rows[1:]] == [
        values[0], values[1], '{"$bytes":"/w=="}', '{"$float":"nan"}', '{"$map":[["$x",1]]}',
    ]  # fmt: skip
    lines = table(tmp_path / "odd.db", "jsonl").decode().splitlines()
    assert len(lines) == 5
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize(
    ("field", "value"),
    [("v:int", "x"), ("v:int", True), ("v:int", 1 << 63), ("v:float", "x"), ("v:bool", 1),
     ("v:time", "soon"), ("v:time", "2026-11-30T12:00:00")],
)  # fmt: skip
def test_a_field_of_another_kind_is_named(tmp_path: Path, field: str, value: object) -> None:
    odd(tmp_path / "odd.db", {"v": None}, {}, {"v": value})
    with pytest.raises(Invalid, match=r"position 3, A: v is .* choose the field as text or json"):
        table(tmp_path / "odd.db", "jsonl", field)


def test_wrong_choices_are_refused(old: Path, tmp_path: Path) -> None:
    for fields in (["a:b"], [":int"], ["a", "a:int"], "card"):
        with pytest.raises(WiringError):
            export_events(old, BytesIO(), fields=fields)
    with pytest.raises(WiringError, match="expected one of jsonl, csv, parquet, arrow"):
        export_events(old, BytesIO(), form="xls")
    with pytest.raises(WiringError, match="does not say its format"):
        export_events(old, tmp_path / "table")
    assert list(tmp_path.iterdir()) == []


def test_a_field_that_is_called_as_a_column(old: Path) -> None:
    (row, *_) = [json.loads(line) for line in table(old, "jsonl", "key", "title").splitlines()]
    assert (row["key"], row["field_key"], row["title"]) == ("b1", None, "Pay")


# With today's classes.


class Pay(Command):
    amount: Decimal
    due: datetime
    stub: bytes


class Paid(Event):
    amount: Decimal
    due: datetime
    stub: bytes


def decide(total: Decimal, command: Pay) -> Iterator[Paid]:
    yield Paid(**dict(command))


def evolve(total: Decimal, event: Paid) -> Decimal:
    return total + event.amount


till = Decider("till", Decimal, decide, evolve)
DUE = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def paid(tmp_path: Path) -> Path:
    path = tmp_path / "till.db"
    with Domain.open(path, deciders=[till]) as domain:
        pay = Pay(amount=Decimal("1.10"), due=DUE, stub=b"\xff")
        domain.aggregate(till, "t").do(pay, seen=None)
    return path


def test_todays_classes_say_what_a_field_is(paid: Path) -> None:
    stream = BytesIO()
    export_events(paid, stream, deciders=[till], fields=["amount", "due:time"])
    (row,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (row["amount"], row["due"]) == ("1.10", "2026-12-01T12:00:00Z")
    stream = BytesIO()
    export_events(paid, stream, deciders=[till])
    (row,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert row["fields"] == {"amount": "1.10", "due": "2026-12-01T12:00:00Z", "stub": "_w=="}


def test_a_stored_time_is_one_without_classes(paid: Path) -> None:
    (row,) = [json.loads(line) for line in table(paid, "jsonl", "due:time").splitlines()]
    assert row["due"] == "2026-12-01T12:00:00Z"


# Arrow and Parquet.


def test_without_the_package_it_says_how_to_install_it(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(WiringError, match=r"pip install 'comity\[arrow\]'"):
        export_events(old, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_arrow_has_the_same_rows(old: Path, tmp_path: Path, form: str) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    file = tmp_path / f"t.{form}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrow, "_BATCH", 5)
        done = export_events(old, file, fields=["card", "number:int"])
    if form == "parquet":
        found = pyarrow.parquet.read_table(file)
    else:
        found = pyarrow.ipc.open_file(file).read_all()
    assert tuple(found.schema.names) == done.columns
    assert str(found.schema.field("time").type) == "timestamp[us, tz=UTC]"
    lines = [json.loads(one) for one in table(old, "jsonl", "card", "number:int").splitlines()]
    rows = found.to_pylist()
    for row in rows:
        row["time"] = row["time"].isoformat().replace("+00:00", "Z")
        row["metadata"] = json.loads(row["metadata"])
    assert rows == lines


def test_a_value_that_arrow_cannot_take_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    records = [
        Record(AggregateId("count", "c"), 0, 0, "i", (StoredEvent("A", 1 << 63, {}),), 0, note())
    ]
    written(tmp_path / "odd.db", records)
    with pytest.raises(Invalid, match="Arrow cannot take a value"):
        export_events(tmp_path / "odd.db", tmp_path / "t.arrow")
    assert not (tmp_path / "t.arrow").exists()
