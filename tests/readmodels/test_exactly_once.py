"""Whatever fails, and wherever: nothing of the batch is there, and the next try is as the first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast

import lmdb
import pytest
from tests.readmodels.bench import MAP, Bench, at, batch_of
from tests.readmodels.cards import (
    BoardCounted,
    CardAdded,
    CardEvent,
    CardGiven,
    CardMoved,
    CardNumbered,
    CardRekeyed,
    CardRemoved,
    CardRow,
    Cards,
    CardTagged,
    CardUpvoted,
    ColumnCleared,
    Fold,
    agree,
)

from comity.engine import Event, Invalid, Key, Recorded
from comity.engine.errors import ModelDamaged, NotUnique, StorageFailed, StorageFull, describe_error
from comity.readmodels import Query, ReadModel, Row, Table
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, Checkpoint

FIRST: list[CardEvent] = [
    CardAdded(card="a", title="A", owner="ann", tags=("x",), number=1),
    CardAdded(card="b", title="B", owner="bob", tags=("x", "y"), number=2),
    CardAdded(card="c", title="C"),
    CardUpvoted(card="a", votes=3),
]
SECOND: list[CardEvent] = [
    CardMoved(card="a", column="doing"),
    CardTagged(card="b", tags=("y", "z")),
    CardGiven(card="c", owner="ann"),
    BoardCounted(name="half"),
    CardRemoved(card="a"),
    CardNumbered(card="b", number=1),
    CardRekeyed(card="b", to="d"),
    CardUpvoted(card="a", votes=-3),
    CardAdded(card="e", title="E", owner="ann", number=2),
    BoardCounted(name="end"),
    ColumnCleared(column="todo"),
    CardAdded(card="f", title="F"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path_factory.mktemp("cards") / "cards")
    yield bench
    bench.close()


@pytest.fixture
def cards(made: Bench[Cards]) -> Bench[Cards]:
    made.wipe()
    made.take(*FIRST)
    return made


def fold(*events: CardEvent) -> Fold:
    folded = Fold()
    for event in events:
        assert folded.take(event, "b")
    return folded


def check_nothing_happened(bench: Bench[Cards], before: object) -> None:
    """All that is stored is as it was, and the second batch comes about as if nothing had been."""
    assert bench.everything() == before
    assert bench.checkpoint() == bench.projection.checkpoint
    bench.position = bench.projection.checkpoint.position
    bench.take(*SECOND)
    with bench.read() as model:
        assert model.position == len(FIRST) + len(SECOND)
        agree(model, fold(*FIRST, *SECOND))


# --- project, and what it is given ----------------------------------------------------------------


class Failure(Exception):
    """What `project` raises here."""


@pytest.mark.parametrize("number", range(len(SECOND)))
def test_an_error_at_any_event_leaves_nothing(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = cards.everything()
    project = Cards.project

    def fail(self: Cards, event: CardEvent, at: Recorded[CardEvent]) -> None:
        project(self, event, at)
        if event is SECOND[number]:
            raise Failure("no")

    with monkeypatch.context() as patch:
        patch.setattr(Cards, "project", fail)
        with pytest.raises(CannotProject, match=r"^Failure: no$") as failed:
            cards.take(*SECOND)
    assert failed.value.at is not None
    assert failed.value.at.event is SECOND[number]
    assert isinstance(failed.value.reason, Failure)
    check_nothing_happened(cards, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit])
def test_whatever_project_raises_is_a_failure_of_the_event(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    before = cards.everything()

    def fail(self: Cards, event: CardEvent, at: Recorded[CardEvent]) -> None:
        self.rows.delete(("b", "a"))
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Cards, "project", fail)
        with pytest.raises(CannotProject):
            cards.take(*SECOND)
    check_nothing_happened(cards, before)


@pytest.mark.parametrize("index", ["by_owner", "by_tag", "by_column", "by_title"])
@pytest.mark.parametrize("card", ["d", "e", "f"])
def test_an_error_of_an_index_leaves_nothing(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, index: str, card: str
) -> None:
    before = cards.everything()
    (found,) = [one for one in Cards.rows.indexes if one.name == index]
    keys = found.keys

    def fail(row: Row) -> object:
        if cast("CardRow", row).card == card:
            raise Failure(index)
        return keys(row)

    with monkeypatch.context() as patch:
        patch.setattr(found, "keys", fail)
        with pytest.raises(CannotProject, match=f"^Failure: {index}$"):
            cards.take(*SECOND)
    check_nothing_happened(cards, before)


LONG = "z" * 600
TOO_LONG = "a key of at most 500 bytes"

BAD: dict[str, tuple[list[CardEvent], str]] = {
    "a row that is too large": (
        [CardAdded(card="z", title="x", tags=("x" * 1_000_000,) * 20)],
        "CardRow takes .* bytes; the most is",
    ),
    "a key that is too long": ([CardAdded(card=LONG, title="")], TOO_LONG),
    "an index's key that is too long": ([CardAdded(card="z", title=LONG)], TOO_LONG),
    "one tag that is too long": ([CardAdded(card="z", title="", tags=("x", LONG))], TOO_LONG),
    "a group that is too long": ([CardAdded(card="z", title="", column=LONG)], TOO_LONG),
    "a total's key that is too long": ([CardUpvoted(card=LONG, votes=1)], TOO_LONG),
    "a key that is taken": (
        [CardAdded(card="z", title="", number=9), CardAdded(card="y", title="", number=9)],
        "another row has the key",
    ),
    "a row that is not there": ([CardMoved(card="z", column="x")], "no row with the key"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("place", [0, 5, len(SECOND)])
def test_what_cannot_be_stored_leaves_nothing(cards: Bench[Cards], what: str, place: int) -> None:
    before = cards.everything()
    events, said = BAD[what]
    with pytest.raises(CannotProject, match=said):
        cards.take(*SECOND[:place], *events, *SECOND[place:])
    check_nothing_happened(cards, before)


def test_what_failed_says_at_which_event_or_that_it_is_not_known(cards: Bench[Cards]) -> None:
    good = CardAdded(card="good", title="")
    late = CardAdded(card="late", title="z" * 600)
    early = CardAdded(card="e" * 600, title="")
    for events, expected in [
        ([good, late], None),
        ([late], late),
        ([good, early], early),
    ]:
        with pytest.raises(CannotProject) as failed:
            cards.take(*events)
        where = failed.value.at
        assert (where and where.event) == expected
        assert isinstance(failed.value.reason, Invalid)
        cards.position = cards.projection.checkpoint.position


def test_an_error_is_told_in_short() -> None:
    assert describe_error(KeyError("x")) == "KeyError: 'x'"
    assert describe_error(NotUnique("twice")) == "twice"
    assert len(describe_error(ValueError("x" * 10_000))) == 1_000


# --- project that goes on after an error ----------------------------------------------------------


class Done(Event):
    name: Key[str]


class ThingRow(Row):
    name: str
    size: int


def size_of(row: ThingRow) -> int:
    if row.size < 0:
        raise Failure("less than nothing")
    return row.size


class Careless(ReadModel[Done]):
    """Reads an index, and does not care whether that works."""

    rows = Table(ThingRow, key=lambda row: row.name)
    by_size = rows.index(size_of)
    by_name = rows.index(lambda row: row.name)

    def project(self, event: Done, at: Recorded) -> None:
        self.rows.put(ThingRow(name=event.name, size=-1 if event.name == "bad" else 1))
        with suppress(Exception):
            self.by_size[1].count()


@pytest.mark.parametrize("names", [["bad"], ["good", "bad"], ["bad", "good"]])
def test_project_cannot_go_on_over_an_index_that_was_not_written(
    tmp_path: Path, names: list[str]
) -> None:
    bench = Bench(Careless, tmp_path / "careless")
    with pytest.raises(CannotProject, match="less than nothing"):
        bench.take(*(Done(name=name) for name in names))
    assert bench.ask(lambda model: (len(model.rows), model.by_size.count())) == (0, 0)
    bench.take(Done(name="fine"))
    assert bench.ask(lambda model: (len(model.rows), model.by_size.count())) == (1, 1)
    bench.close()


class Placed(Event):
    name: Key[str]
    room: int
    seat: int
    was: str = ""


class PlaceRow(Row):
    name: str
    room: int
    seat: int


class Places(ReadModel[Placed]):
    """Leaves out what is not unique."""

    rows = Table(PlaceRow, key=lambda row: row.name)
    by_room = rows.unique(lambda row: row.room)
    by_seat = rows.unique(lambda row: row.seat)

    def project(self, event: Placed, at: Recorded) -> None:
        with suppress(NotUnique):
            if event.was:
                self.rows.update(event.was, name=event.name, room=event.room, seat=event.seat)
            else:
                self.rows.put(PlaceRow(name=event.name, room=event.room, seat=event.seat))


PLACES = [
    Placed(name="a", room=1, seat=1),
    Placed(name="b", room=2, seat=1),  # the seat is taken
    Placed(name="c", room=2, seat=2),
    Placed(name="c", room=3, seat=1, was="c"),  # the seat is taken
    Placed(name="d", room=3, seat=1, was="c"),  # the seat is taken
    Placed(name="e", room=2, seat=3),  # the room is taken
    Placed(name="f", room=3, seat=3),
]


@pytest.mark.parametrize("together", [1, 2, 3, len(PLACES)])
def test_a_row_that_one_unique_index_refuses_takes_no_key_of_another(
    tmp_path: Path, together: int
) -> None:
    bench = Bench(Places, tmp_path / "places")
    for first in range(0, len(PLACES), together):
        bench.take(*PLACES[first : first + together])
    rows = bench.ask(lambda model: model.rows.all().list())
    assert [(row.name, row.seat) for row in rows] == [("a", 1), ("c", 2), ("f", 3)]
    bench.close()


# --- storage --------------------------------------------------------------------------------------


def failing(number: int, error: Callable[[], Exception], patch: pytest.MonkeyPatch) -> list[int]:
    """Have the writing of this number fail; a list that holds how many there were."""
    counted = [0]

    def watch(name: str) -> None:
        real = getattr(Writing, name)

        def write(*arguments: Any, **more: Any) -> object:  # noqa: ANN401
            counted[0] += 1
            if counted[0] == number:
                raise error()
            return real(*arguments, **more)

        patch.setattr(Writing, name, write)

    for name in ("put", "put_all", "delete", "clear", "commit"):
        watch(name)
    return counted


ERRORS: dict[str, tuple[Callable[[], Exception], type[Exception]]] = {
    "full": (partial(lmdb.MapFullError, "full"), StorageFull),
    "failed": (partial(StorageFailed, "no"), StorageFailed),
    "unknown": (partial(lmdb.Error, "what"), StorageFailed),
    "damaged": (partial(lmdb.CorruptedError, "torn"), ModelDamaged),
}


def _forget(_: Environment) -> None:
    """It is not damaged in fact, and is used again."""


@pytest.mark.parametrize("kind", ERRORS)
def test_storage_that_fails_anywhere_leaves_nothing(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    error, expected = ERRORS[kind]
    before = cards.everything()
    number = 0
    while True:
        number += 1
        cards.position = len(FIRST)
        batch = cards.make(*SECOND)
        with monkeypatch.context() as patch:
            counted = failing(number, error, patch)
            patch.setattr(Environment, "note_damage", _forget)
            try:
                cards.projection.take(batch)
            except expected:
                assert counted == [number]
            else:
                break
        assert cards.everything() == before
        assert cards.checkpoint() == cards.projection.checkpoint
    assert number > 20, "each put, delete and commit is tried"
    with cards.read() as model:
        agree(model, fold(*FIRST, *SECOND))


def test_a_full_map_is_not_projects_fault_and_can_be_read(tmp_path: Path) -> None:
    bench = Bench(Cards, tmp_path / "small", size=1 << 18)
    taken = 0
    with pytest.raises(StorageFull):
        for _ in range(1_000):
            bench.take(*(CardAdded(card=f"{taken}", title="x" * 400) for _ in range(5)))
            taken += 1
    with bench.read() as model:
        assert len(model.rows) == taken > 3
        assert model.position == taken * 5
    bench.position = bench.projection.checkpoint.position
    with pytest.raises(StorageFull):
        bench.take(*(CardAdded(card=f"more {n}", title="x" * 400) for n in range(200)))
    bench.close()


# --- a batch that comes again ---------------------------------------------------------------------


def test_a_batch_that_was_taken_is_refused(cards: Bench[Cards]) -> None:
    batch = cards.make(*SECOND)
    cards.projection.take(batch)
    before = cards.everything()
    with pytest.raises(AssertionError, match="after position 16, got those after 4"):
        cards.projection.take(batch)
    with pytest.raises(AssertionError, match="after position 16, got those after 15"):
        cards.projection.take(batch_of(batch.events[-1:], 20))
    assert cards.everything() == before


def test_a_batch_that_leaves_something_out_is_refused(cards: Bench[Cards]) -> None:
    batch, before = cards.make(*SECOND), cards.everything()
    with pytest.raises(AssertionError, match="after position 4, got those after 5"):
        cards.projection.take(batch_of(batch.events[1:], batch.position))
    with pytest.raises(AssertionError, match="after position 4, got those after 15"):
        cards.projection.take(batch_of([], 16, after=15))
    check_nothing_happened(cards, before)


def test_so_it_is_after_opening_again(cards: Bench[Cards]) -> None:
    batch = cards.make(*SECOND)
    cards.projection.take(batch)
    cards.reopen()
    with pytest.raises(AssertionError, match="after position 16, got those after 4"):
        cards.projection.take(batch)


def test_an_empty_batch_moves_the_checkpoint_and_nothing_else(cards: Bench[Cards]) -> None:
    before = cards.everything()
    assert not cards.projection.take(batch_of([], 100, after=4))
    assert cards.ask(lambda model: model.position) == 100
    after = cards.everything()
    assert {name for name in after if after[name] != before[name]} == {META}


def test_the_checkpoint_says_how_far_and_whether_it_was_at_the_end(tmp_path: Path) -> None:
    bench = Bench(Cards, tmp_path / "cards")
    assert bench.checkpoint() == Checkpoint(0, 0, complete=False, commits=0)
    bench.projection.take(bench.make(*FIRST[:2], is_end=False))
    assert bench.checkpoint() == Checkpoint(2, 1_700_000_000_000_002, complete=False, commits=1)
    bench.projection.take(batch_of([], 9, after=2))
    assert bench.checkpoint() == Checkpoint(9, 1_700_000_000_000_002, complete=True, commits=2)
    bench.projection.take(batch_of([at(FIRST[2], 10)], 10, is_end=False))
    assert bench.checkpoint() == Checkpoint(10, 1_700_000_000_000_010, complete=True, commits=3)
    bench.close()


# --- a process that is killed ---------------------------------------------------------------------

KILLED = """
import sys
from pathlib import Path
from tests.readmodels.bench import Bench
from tests.readmodels.cards import Cards
from tests.readmodels.test_exactly_once import endless

bench = Bench(Cards, Path(sys.argv[1]))
print("open", flush=True)
while True:
    bench.take(*(endless(bench.position + n) for n in range(1, 8)))
"""


def endless(position: int) -> CardEvent:
    """Which event has this position, in a journal without an end."""
    card = f"c{position * 7 % 23}"
    events: Sequence[CardEvent] = [
        CardAdded(card=card, title=f"{position}", owner=f"o{position % 3}", tags=("x", card)),
        CardUpvoted(card=card, votes=1),
        CardAdded(card=card, title=f"{position}", column="doing"),
        CardRemoved(card=card),
        BoardCounted(name=card),
    ]
    return events[position % 5]


def test_a_process_that_is_killed_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "cards"
    Bench(Cards, path).close()
    reached = 0
    for seconds in (0.05, 0.11):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            sleep(seconds)
            until = monotonic() + 60
            while position_of(path) < reached + 70 and monotonic() < until:
                sleep(0.01)
            process.kill()
        reached = check_fold(path)
        assert reached % 7 == 0
        assert reached >= 70


def position_of(path: Path) -> int:
    """How far another process has come."""
    environment = Environment(path, Cards.schema.described.tables, map_size=MAP, read_only=True)
    try:
        with environment.reading() as reading:
            return Checkpoint.unpack(reading.get(environment.handles[META], CHECKPOINT)).position
    finally:
        environment.close()


def check_fold(path: Path) -> int:
    """The tables are what the events up to their position come to; which one that is."""
    bench = Bench(Cards, path)
    folded = Fold()
    for position in range(1, bench.position + 1):
        folded.take(endless(position), "b")
    with bench.read() as model:
        assert model.position == bench.position
        agree(model, folded)
    bench.close()
    return bench.position


def test_queries_of_project_end_with_their_batch(cards: Bench[Cards]) -> None:
    kept: list[Query[CardRow]] = []
    project = Cards.project

    def keep(self: Cards, event: CardEvent, at: Recorded[CardEvent]) -> None:
        kept.append(self.rows.all())
        project(self, event, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cards, "project", keep)
        cards.take(SECOND[0])
    with pytest.raises(Exception, match="closed"):
        kept[0].list()
