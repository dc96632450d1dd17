"""Events from elsewhere come into a journal through a function, once each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.evolution.exported import exported, numbered
from tests.evolution.migrations import same, write
from tests.evolution.test_migrating_resumed import stopping

from comity.actors import Domain
from comity.engine import AggregateId, Command, Decider, Event, NotAJournal, WiringError
from comity.engine.history.note import Note
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Turn
from comity.evolution import (
    ExportDamaged,
    ImportedCommand,
    ImportFailed,
    import_events,
    import_journal,
    migrate,
)
from comity.evolution.exporting import appending


class Place(Command):
    order: str
    item: str


class Placed(Event):
    order: str
    item: str


class Other(Event):
    order: str


@dataclass
class Desk:
    items: dict[str, str] = field(default_factory=dict[str, str])


def decide(desk: Desk, command: Place) -> Iterator[Placed]:
    yield Placed(order=command.order, item=command.item)


def evolve(desk: Desk, event: Placed) -> Desk:
    if event.item == "poison":
        raise ValueError("no such item")
    desk.items[event.order] = event.item
    return desk


desk = Decider("desk", Desk, decide, evolve)
BERLIN = AggregateId("desk", "berlin")
Row = dict[str, Any]


def row(order: int, **changes: object) -> Row:
    """A row from elsewhere."""
    return {
        "shop": "berlin", "number": f"o{order}", "item": f"item {order}",
        "at": f"2020-01-01T00:{order:02}:00Z", "clerk": "ann", **changes,
    }  # fmt: skip


def lines(*rows: object) -> BytesIO:
    """Lines of JSON."""
    return BytesIO(b"".join([json.dumps(one).encode() + b"\n" for one in rows]))


def order(row: Row) -> Iterator[ImportedCommand]:
    """What a row means."""
    if row["item"] == "nothing":
        return
    yield ImportedCommand(
        aggregate=AggregateId("desk", row["shop"]),
        events=[Placed(order=row["number"], item=row["item"])],
        id=f"old/{row['number']}",
        time=datetime.fromisoformat(row["at"]),
        who=row["clerk"],
    )


def items(path: Path, key: str = "berlin") -> dict[str, str]:
    """What a desk has."""
    with Domain.open(path, deciders=[desk]) as domain:
        return domain.aggregate(desk, key).look().state.items


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is."""
    return tmp_path / "new.db"


# What is imported.


def test_rows_become_commands_with_their_events(new: Path) -> None:
    done = import_events(lines(row(1), row(2, item="nothing"), row(3)), new, order, deciders=[desk])
    assert (done.complete, done.rows, done.left_out) == (True, 3, 1)
    assert (done.commands, done.events, done.repeated) == (2, 2, 0)
    first, second = [one.record for one in numbered(new)]
    assert (first.command_id, first.version, second.version) == ("old/o1", 0, 1)
    assert first.time == datetime(2020, 1, 1, 0, 1, tzinfo=UTC).timestamp() * 1e6
    found = Note.unpack(first.note)
    assert (found.who, found.command, found.outcome) == ("ann", "Import", "applied")
    assert found.metadata == {"comity.line": "1"}
    assert items(new) == {"o1": "item 1", "o3": "item 3"}


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.csv.gz"])
def test_a_table_is_read_by_its_columns(new: Path, tmp_path: Path, name: str) -> None:
    between = "\t" if "tsv" in name else ","
    text = "shop,number,item,at,clerk\nberlin,o1,\"a\n'lamp'\",2020-01-01T00:01:00Z,ann\n\n"
    data = ("\ufeff" + text.replace(",", between)).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    import_events(tmp_path / name, new, order, deciders=[desk])
    assert items(new) == {"o1": "a\n'lamp'"}


def test_rows_may_be_of_any_iterable(new: Path) -> None:
    assert import_events([row(1), row(2)], new, order, deciders=[desk]).commands == 2
    with pytest.raises(ImportFailed, match="row 2: order raised KeyError: 'item'"):
        import_events(iter([row(1), {}]), new, order, deciders=[desk])


def test_the_records_of_an_export_are_rows(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    write(old)

    def titles(record: Row) -> Iterator[ImportedCommand]:
        for number, event in enumerate(record["events"]):
            if event["name"] == "CardAdded":
                yield ImportedCommand(
                    aggregate=AggregateId("desk", record["key"]),
                    events=[Placed(order=event["data"]["card"], item=event["data"]["title"])],
                    id=f"{record['id']}/{number}",
                    time=datetime.fromisoformat(record["time"]),
                )

    found = exported(old)
    done = import_events(BytesIO(b"".join(found)), new, titles, deciders=[desk])
    assert (done.rows, done.commands) == (20, 6)
    assert items(new, "b1") == {"c1": "Pay", "c2": "Ship", "c3": "Rest"}
    with pytest.raises(ExportDamaged, match="line 4"):
        damaged = BytesIO(b"".join(found[:3] + found[4:]))
        import_events(damaged, tmp_path / "other.db", titles, deciders=[desk])


# Once each.


def test_it_may_be_repeated_and_goes_on(new: Path) -> None:
    import_events(lines(row(1), row(2)), new, order, deciders=[desk])
    done = import_events(lines(row(1), row(2), row(3)), new, order, deciders=[desk])
    assert (done.commands, done.repeated) == (1, 2)
    assert len(numbered(new)) == 3


def test_ids_that_the_journal_has_forgotten_are_known_all_the_same(new: Path) -> None:
    old, late = row(1), row(2, at="2020-06-01T00:00:00Z")  # months later than the window
    import_events(lines(old, late), new, order, deciders=[desk])
    journal = LmdbJournal.open(new, read_only=True)
    assert journal.find("old/o1") is None
    journal.close()
    assert import_events(lines(old, late), new, order, deciders=[desk]).repeated == 2


def test_a_row_that_is_there_twice_is_imported_once(new: Path) -> None:
    done = import_events(lines(row(1), row(1)), new, order, deciders=[desk])
    assert (done.commands, done.repeated) == (1, 1)


def test_it_adds_to_a_journal_with_commands(new: Path) -> None:
    with Domain.open(new, deciders=[desk]) as domain:
        domain.aggregate(desk, "hamburg").do(Place(order="h1", item="a bed"), seen=None)
    done = import_events(lines(row(1), row(2)), new, order, deciders=[desk])
    assert done.commands == 2
    assert items(new, "hamburg") == {"h1": "a bed"}
    assert items(new) == {"o1": "item 1", "o2": "item 2"}


def test_another_program_may_add_meanwhile(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_events(lines(row(1)), new, order, deciders=[desk])
    monkeypatch.setattr(appending, "_BATCH", 2)
    append, late = LmdbJournal.append, [row(2, at="2020-01-01T00:01:30Z", number="late")]

    def others(journal: LmdbJournal, turns: Sequence[Turn]) -> list[Result]:
        if late:
            theirs = appending.Appending(journal, {"desk": desk})  # type: ignore[dict-item]
            (command,) = order(late.pop())
            theirs.add("theirs", 1, command)
            theirs.flush()
        return append(journal, turns)

    monkeypatch.setattr(LmdbJournal, "append", others)
    rows = [row(at) for at in range(1, 6)]
    done = import_events(lines(*rows), new, order, deciders=[desk])
    assert (done.commands, done.repeated) == (4, 1)
    assert [one.record.command_id for one in numbered(new)] == [
        "old/o1", "old/late", "old/o2", "old/o3", "old/o4", "old/o5",
    ]  # fmt: skip


def test_a_stopped_import_goes_on_and_is_not_opened(new: Path) -> None:
    rows = [row(1, number=f"n{at}") for at in range(300)]
    done = import_events(lines(*rows), new, order, deciders=[desk], stop=stopping(2))
    assert (done.complete, done.commands) == (False, 192)
    with pytest.raises(NotAJournal, match="unfinished copy"):
        Domain.open(new, deciders=[desk])
    again = import_events(lines(*rows), new, order, deciders=[desk])
    assert (again.complete, again.commands, again.repeated) == (True, 108, 192)
    assert len(items(new)) == 300


def test_unfinished_copies_of_other_commands_are_left_alone(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    write(old, commands=200)
    migrate(old, new, same, stop=stopping(3))
    with pytest.raises(ImportFailed, match="unfinished copy of another journal"):
        import_events(lines(row(1)), new, order, deciders=[desk])
    other = tmp_path / "other.db"
    rows = [row(1, number=f"n{at}") for at in range(300)]
    import_events(lines(*rows), other, order, deciders=[desk], stop=stopping(2))
    with pytest.raises(ImportFailed, match="it was another file"):
        import_journal(BytesIO(b"".join(exported(old))), other)


# What is wrong.


def given(**changes: object) -> Callable[[Row], list[ImportedCommand]]:
    """A function that gives a command with these changes."""

    def function(row: Row) -> list[ImportedCommand]:
        (command,) = order(row)
        return [replace(command, **changes)]  # type: ignore[arg-type]

    return function


def raising(row: Row) -> list[ImportedCommand]:
    """Fail."""
    raise ZeroDivisionError("division by zero")


def three(row: Row) -> list[Any]:
    """Give something else."""
    return [3]


def nothing(row: Row) -> None:
    """Leave a row out."""


WRONG: list[tuple[Callable[[Row], Iterable[Any] | None], str]] = [
    (raising, r"raised ZeroDivisionError: division by zero \(test_importing_events.py"),
    (three, "gave 3; it gives a list of ImportedCommand"),
    (given(aggregate=("desk", "b")), "expected an AggregateId"),
    (given(aggregate=AggregateId("till", "b")), "no decider is called 'till'; there are desk"),
    (given(aggregate=AggregateId("desk", "")), "an aggregate's key"),
    (given(events=[]), "has no events: leave it out"),
    (given(events=[Other(order="o")]), "expected an event of desk, got Other.*it has Placed"),
    (given(events=[Placed(order="o", item="poison")]), "evolve raised ValueError: no such item"),
    (given(id=""), "a command id"),
    (given(id=7), "a command id"),
    (given(who=None), "expected a text, got None"),
    (given(metadata={"a": 1}), "metadata: expected texts"),
    (given(time=datetime.min), "expected a datetime with a zone"),  # noqa: DTZ901
    (given(time=datetime.now(UTC) + timedelta(days=1)), "is in the future"),
    (given(version=5), "is for version 5 of desk/berlin, which is at version 1"),
    (given(time=datetime(2019, 1, 1, tzinfo=UTC)), "an event before it is later"),
    (given(id="old/o1"), "has command 'old/o1' already, with other events"),
    (given(id="old/o1", aggregate=AggregateId("desk", "b")), "is used already, for desk/berlin"),
]


@pytest.mark.parametrize("function", [one for one, _ in WRONG], ids=[said for _, said in WRONG])
def test_a_row_that_cannot_be_imported_is_named(
    new: Path, function: Callable[[Row], Iterable[ImportedCommand] | None]
) -> None:
    said = next(said for one, said in WRONG if one is function)

    def first_right(row: Row) -> Iterable[ImportedCommand] | None:
        return order(row) if row["number"] == "o1" else function(row)

    with pytest.raises(ImportFailed, match=f"line 2: .*{said}"):
        import_events(lines(row(1), row(2)), new, first_right, deciders=[desk])
    assert (new / "unfinished").exists()
    assert import_events(lines(row(1)), new, order, deciders=[desk]).complete


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nul\n", "line 2: it is not JSON"),
        (b'{"a": NaN}\n', "line 2: JSON has no NaN"),
        (b'{"a": 1, "a": 2}\n', "line 2: it has the key 'a' twice"),
        (b'{"a": "\xff"}\n', "line 2: it is not UTF-8"),
        (b"[" * 100_000 + b"\n", "line 2: it is nested too deeply"),
    ],
)
def test_a_line_that_is_no_row_is_named(new: Path, data: bytes, said: str) -> None:
    first = lines(row(1)).getvalue()
    with pytest.raises(ImportFailed, match=said):
        import_events(BytesIO(first + data), new, order, deciders=[desk])
    assert [one.record.command_id for one in numbered(new)] == ["old/o1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1\n", "line 2: it has 1 columns, and the first line has 2"),
        ("a,b\n1,2,3\n", "line 2: it has 3 columns"),
        ("a,a\n1,2\n", "line 1: two columns have the same name"),
        ('a,b\n"1,2\n', "line 3: it is no line of such a table"),
    ],
)
def test_a_table_with_a_wrong_line(new: Path, text: str, said: str) -> None:
    with pytest.raises(ImportFailed, match=said):
        import_events(BytesIO(text.encode()), new, nothing, deciders=[desk], separator=",")


def test_wrong_arguments_make_nothing(new: Path) -> None:
    with pytest.raises(WiringError):
        import_events(lines(), new, order, deciders=[])
    with pytest.raises(WiringError):
        import_events(lines(), new, 3, deciders=[desk])  # type: ignore[arg-type]
    with pytest.raises(WiringError):
        import_events(3, new, order, deciders=[desk])  # type: ignore[arg-type]
    assert not new.exists()
