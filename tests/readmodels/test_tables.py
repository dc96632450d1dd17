"""Tables: putting, finding and changing rows, in `project` and in snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from pydantic import ValidationError, create_model
from tests.readmodels.bench import Bench
from tests.readmodels.cards import CardAdded, CardRemoved, CardRenamed, CardRow, Cards

from comity.engine import AggregateId, Event, Invalid, Key, Recorded
from comity.engine.errors import NoSuchRow, NotUnique, ReadModelError
from comity.engine.lmdb.library import Handle
from comity.engine.lmdb.span import Entry
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.keys.encoding import encode
from comity.readmodels.projecting.projection import CannotProject
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.row import RowCodec


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    bench.take(CardAdded(card="a", title="A"), CardAdded(card="c", title="C"))
    bench.take(CardAdded(card="b", title="B"))
    yield bench
    bench.close()


def row(card: str) -> CardRow:
    return CardRow(board="b", card=card, title=card.upper())


# --- in a snapshot --------------------------------------------------------------------------------


def test_a_row_is_found_by_its_key(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        assert model.rows["b", "a"] == model.rows.get(("b", "a")) == row("a")


def test_a_row_that_is_not_there_is_none_or_an_error(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        assert model.rows.get(("b", "z")) is None
        with pytest.raises(NoSuchRow, match=r"rows has no row with the key \('b', 'z'\)"):
            model.rows["b", "z"]


def test_many_rows_are_found_in_the_order_of_their_keys_as_asked(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        found = model.rows.get_many([("b", "c"), ("b", "z"), ("b", "a"), ("b", "c")])
    assert found == [row("c"), None, row("a"), row("c")]


def test_whether_a_row_is_there(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        assert model.rows.exists(("b", "a"))
        assert ("b", "a") in model.rows
        assert ("b", "z") not in model.rows


def test_rows_are_counted_and_have_a_first_and_a_last(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        assert len(model.rows) == model.rows.count() == 3
        assert (model.rows.first(), model.rows.last()) == (row("a"), row("c"))


def test_an_empty_table_is_there_all_the_same(tmp_path: Path) -> None:
    bench = Bench(Cards, tmp_path / "empty")
    with bench.read() as model:
        assert model.rows
        assert len(model.rows) == 0
        assert model.rows.first() is model.rows.last() is None
        assert model.rows.all().list() == model.rows.get_many([]) == []
        assert not model.rows.all().exists()
    bench.close()


def test_a_row_comes_back_as_it_was_put(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        found = model.rows["b", "a"]
    assert found == row("a")
    assert (type(found), hash(found), repr(found)) == (CardRow, hash(row("a")), repr(row("a")))
    assert found.model_copy(update={"title": "Z"}).title == "Z"
    with pytest.raises(ValidationError):
        found.model_copy(update={"title": 5})
    with pytest.raises(ValidationError):
        setattr(found, "title", "x")  # noqa: B010 - a frozen row takes no assignment


CHANGES: list[Callable[[Cards], object]] = [
    lambda model: model.rows.put(row("z")),
    lambda model: model.rows.update(("b", "a"), title="z"),
    lambda model: model.rows.delete(("b", "a")),
]


@pytest.mark.parametrize("change", CHANGES)
def test_rows_are_changed_in_project_alone(
    cards: Bench[Cards], change: Callable[[Cards], object]
) -> None:
    with cards.read() as model, pytest.raises(ReadModelError, match="only `project` can"):
        change(model)


# --- in project -----------------------------------------------------------------------------------


class Asked(Event):
    """Has `project` do what the test says, so many times."""

    name: Key[str]


class PlaceRow(Row):
    key: str
    seat: int = 0
    guest: str | None = None


Doing: TypeAlias = Callable[["Places"], object]


class Places(ReadModel[Asked]):
    rows = Table(PlaceRow, key=lambda row: row.key)
    by_guest = rows.index(lambda row: row.guest)
    by_seat = rows.unique(lambda row: row.seat)
    seats = rows.sum(lambda row: row.seat, by=lambda row: row.guest)

    doing: list[Doing] = []
    saw: list[object] = []

    def project(self, event: Asked, at: Recorded) -> None:
        self.saw.append(self.doing.pop(0)(self))


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Bench[Places]]:
    bench = Bench(Places, tmp_path / "places")
    Places.doing.clear()
    Places.saw.clear()
    yield bench
    bench.close()


def do(bench: Bench[Places], *doing: Doing) -> list[object]:
    """Take one batch of events of which each does one of these; what each saw."""
    Places.doing[:] = doing
    Places.saw.clear()
    bench.take(*(Asked(name="x") for _ in doing))
    return [*Places.saw]


def put(key: str, seat: int, guest: str | None = None) -> Doing:
    return lambda model: model.rows.put(PlaceRow(key=key, seat=seat, guest=guest))


def everything(model: Places) -> list[tuple[str, int, str | None]]:
    return [(row.key, row.seat, row.guest) for row in model.rows.all()]


def test_project_sees_what_the_batch_has_changed_so_far(places: Bench[Places]) -> None:
    do(places, put("a", 1, "ann"), put("b", 2, "ann"))

    def look(model: Places) -> object:
        return (
            everything(model),
            [row.key for row in model.by_guest["ann"]],
            [row.key for row in model.by_guest.all().reversed()],
            model.rows.get_many(["c", "b"])[0],
            "b" in model.rows,
            model.rows.exists("a"),
            len(model.rows),
            model.by_seat.get(2),
            model.rows.before("b").count(),
            dict(model.seats.items()),
            model.seats["ann"],
            len(model.seats),
            model.seats.total(),
        )

    def clear(model: Places) -> object:
        return model.rows.delete("b")

    c = PlaceRow(key="c", seat=3, guest="bob")
    assert do(places, put("c", 3, "bob"), look, clear, look, put("b", 2), look)[1::2] == [
        (
            [("a", 1, "ann"), ("b", 2, "ann"), ("c", 3, "bob")],
            ["a", "b"],
            ["c", "b", "a"],
            c,
            True,
            True,
            3,
            PlaceRow(key="b", seat=2, guest="ann"),
            1,
            {"ann": 3, "bob": 3},
            3,
            2,
            6,
        ),
        (
            [("a", 1, "ann"), ("c", 3, "bob")],
            ["a"],
            ["c", "a"],
            c,
            False,
            True,
            2,
            None,
            1,
            {"ann": 1, "bob": 3},
            1,
            2,
            4,
        ),
        (
            [("a", 1, "ann"), ("b", 2, None), ("c", 3, "bob")],
            ["a"],
            ["c", "a"],
            c,
            True,
            True,
            3,
            PlaceRow(key="b", seat=2),
            1,
            {"ann": 1, "bob": 3},
            1,
            2,
            4,
        ),
    ]


LOOKS: list[Doing] = [
    lambda model: len(model.seats),
    lambda model: model.seats["ann"],
    lambda model: model.seats.total(),
    lambda model: len(dict(model.seats.items())),
]


@pytest.mark.parametrize("look", LOOKS)
def test_each_figure_alone_sees_the_batch(places: Bench[Places], look: Doing) -> None:
    assert do(places, put("a", 1, "ann"), look) == [None, 1]


def test_put_replaces_the_row_with_its_key(places: Bench[Places]) -> None:
    do(places, put("a", 1), put("a", 2))
    do(places, put("a", 3, "ann"))
    assert places.ask(everything) == [("a", 3, "ann")]


def test_update_changes_the_fields_that_it_names_and_gives_the_row(places: Bench[Places]) -> None:
    do(places, put("a", 1, "ann"))
    assert do(places, lambda model: model.rows.update("a", seat=2)) == [
        PlaceRow(key="a", seat=2, guest="ann")
    ]
    assert places.ask(everything) == [("a", 2, "ann")]


def test_update_may_change_the_key(places: Bench[Places]) -> None:
    do(places, put("a", 1, "ann"))
    do(places, lambda model: model.rows.update("a", key="b"))
    with places.read() as model:
        assert everything(model) == [("b", 1, "ann")]
        assert [row.key for row in model.by_guest["ann"]] == ["b"]
        assert model.by_seat.get(1) == PlaceRow(key="b", seat=1, guest="ann")
        assert model.seats["ann"] == 1


def test_update_to_the_key_of_another_row_replaces_that(places: Bench[Places]) -> None:
    do(places, put("a", 1, "ann"), put("b", 2, "bob"))
    do(places, lambda model: model.rows.update("a", key="b"))
    with places.read() as model:
        assert everything(model) == [("b", 1, "ann")]
        assert dict(model.seats.items()) == {"ann": 1}
        assert model.by_seat.get(2) is None


def test_an_update_that_is_refused_changes_nothing_even_if_project_goes_on(
    places: Bench[Places],
) -> None:
    def try_to(**fields: object) -> Doing:
        def update(model: Places) -> object:
            try:
                return model.rows.update("a", **fields)
            except (NotUnique, Invalid, ValidationError) as error:
                return type(error)

        return update

    do(places, put("a", 1), put("b", 2))
    saw = do(
        places, try_to(key="c", seat=2), try_to(key="x" * 600), try_to(seat="1"), try_to(sea=1)
    )
    assert saw == [NotUnique, Invalid, ValidationError, ValidationError]
    with places.read() as model:
        assert everything(model) == [("a", 1, None), ("b", 2, None)]
        assert [model.by_seat.get(seat) for seat in (1, 2)] == model.rows.get_many(["a", "b"])


def test_what_is_not_there_cannot_be_updated(places: Bench[Places]) -> None:
    with pytest.raises(CannotProject, match="rows has no row with the key 'a'"):
        do(places, lambda model: model.rows.update("a", seat=2))


def test_delete_says_whether_there_was_such_a_row(places: Bench[Places]) -> None:
    do(places, put("a", 1))
    delete: Doing = lambda model: model.rows.delete("a")  # noqa: E731
    assert do(places, delete, delete) == [True, False]
    assert do(places, delete) == [False]
    assert places.ask(everything) == []


def test_what_is_put_and_deleted_in_one_batch_was_never_there(places: Bench[Places]) -> None:
    do(places, put("a", 1, "ann"), lambda model: model.rows.delete("a"))
    assert set(
        map(len, (rows for name, rows in places.everything().items() if "~" not in name))
    ) == {0}


def test_only_rows_of_the_tables_class_are_put(places: Bench[Places]) -> None:
    class Larger(PlaceRow):
        more: int = 0

    def put_wrong(model: Places, wrong: object) -> None:
        model.rows.put(cast("PlaceRow", wrong))

    for wrong in (Larger(key="a"), row("a"), None, {"key": "a"}):
        with pytest.raises(CannotProject, match="rows: expected a PlaceRow, got"):
            do(places, partial(put_wrong, wrong=wrong))


def test_rows_may_be_deleted_while_they_are_read(places: Bench[Places]) -> None:
    do(places, *(put(f"{n:03}", n) for n in range(400)))

    def clear(model: Places) -> None:
        for one in model.rows.since("100"):
            model.rows.delete(one.key)

    do(places, clear)
    assert places.ask(lambda model: len(model.rows)) == 100


def test_project_finds_what_an_earlier_batch_has_put(places: Bench[Places]) -> None:
    do(places, put("a", 1))
    places.reopen()
    assert do(places, lambda model: model.rows["a"].seat) == [1]


def test_more_rows_than_are_kept_in_memory_are_no_matter(
    places: Bench[Places], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.readmodels.tables.table_work.CACHED", 3)
    for n in range(10):
        do(places, put(f"{n}", n, "ann"), put(f"{n + 10}", n + 10, f"{n}"))

    def give(model: Places) -> None:
        for n in range(10):
            model.rows.update(f"{n}", guest="bob")

    do(places, give)
    with places.read() as model:
        assert model.by_guest["bob"].count() == 10
        assert (model.seats["bob"], model.seats["ann"]) == (45, 0)


def test_tables_know_neither_clock_nor_each_other(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="other"), aggregate=AggregateId("board", "other"))
    cards.take(CardRenamed(card="a", title="Z"), CardRemoved(card="b"))
    with cards.read() as model:
        assert [(row.board, row.title) for row in model.rows.all()] == [
            ("b", "Z"),
            ("b", "C"),
            ("other", "other"),
        ]


# --- kinds of keys and rows -----------------------------------------------------------------------


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Placed(Event):
    size: Key[int]


class SizeRow(Row):
    size: Size
    self: int = 0


class Sizes(ReadModel[Placed]):
    rows = Table(SizeRow, key=lambda row: row.size)

    def project(self, event: Placed, at: Recorded) -> None:
        self.rows.put(SizeRow(size=Size(event.size)))
        self.rows.update(Size(event.size), self=7)


def test_an_enum_may_be_a_key_and_any_word_a_column(tmp_path: Path) -> None:
    bench = Bench(Sizes, tmp_path / "sizes")
    bench.take(Placed(size=2), Placed(size=1))
    with bench.read() as model:
        assert [row.size for row in model.rows.all()] == [Size.SMALL, Size.LARGE]
        assert model.rows[Size.LARGE] == SizeRow(size=Size.LARGE, self=7)
        assert model.rows.where(size=Size.SMALL).count() == 1
    bench.close()


class NothingRow(Row):
    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


class Nothing(ReadModel[Asked]):
    rows = Table(NothingRow, key=lambda row: repr(row)[:0])
    by_nothing = rows.index(lambda row: repr(row)[:1])

    def project(self, event: Asked, at: Recorded) -> None:
        if event.name == "put":
            self.rows.put(NothingRow())
        else:
            self.rows.delete("")


def test_a_row_may_be_false_and_without_columns(tmp_path: Path) -> None:
    bench = Bench(Nothing, tmp_path / "nothing")
    assert [change[2:] for change in bench.take(Asked(name="put"))] == [(None, NothingRow())]
    with bench.read() as model:
        assert model.rows.all().list() == [NothingRow()]
        assert model.rows.first() == NothingRow()
        assert model.rows.all().exists()
        assert model.by_nothing["N"].count() == 1
        assert "" in model.rows
    assert [change[2:] for change in bench.take(Asked(name=""))] == [(NothingRow(), None)]
    assert bench.ask(lambda model: model.by_nothing.count()) == 0
    bench.close()


def test_a_table_is_not_iterated_without_saying_so(cards: Bench[Cards]) -> None:
    with cards.read() as model:
        tables: list[Any] = [model.rows, model.by_owner, Cards.rows, Cards.by_owner]
        for table in tables:
            with pytest.raises(TypeError, match=r"not (a container or )?iterable"):
                iter(table)
        for table in tables[1:]:
            with pytest.raises(TypeError, match=r"not (a container or )?iterable"):
                assert "ann" in table


NAMES = ["it's", 'a"b', "a}\nraise SystemExit", "\\", "{kind}", "column_1", "put", "class", "é"]


def test_a_columns_name_is_never_run_whatever_it_is() -> None:
    fields: dict[str, Any] = dict.fromkeys(NAMES, (int, ...))
    kind = create_model("Odd", __base__=Row, **fields)
    row = kind(**{name: place for place, name in enumerate(NAMES)})
    codec = RowCodec(kind)
    assert codec.unpack(codec.pack(row)) == row


# --- what is written ------------------------------------------------------------------------------


class Toggled(Event):
    """Puts a value into a column; several values, one after the other."""

    key: Key[str]
    values: tuple[int | bool, ...]


class ToggleRow(Row):
    """A column in which 1 and True may stand."""

    key: str
    value: int | bool


class Toggles(ReadModel[Toggled]):
    """Keeps the last value."""

    rows = Table(ToggleRow, key=lambda row: row.key)
    by_value = rows.index(lambda row: row.value)
    per_value = rows.count(lambda row: row.value)

    def project(self, event: Toggled, at: Recorded[Toggled]) -> None:
        """Put the first, and update it with the others."""
        for value in event.values:
            if self.rows.get(event.key) is None:
                self.rows.put(ToggleRow(key=event.key, value=value))
            else:
                self.rows.update(event.key, value=value)


def test_a_row_that_changes_and_changes_back_in_a_batch_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(Toggles, tmp_path / "toggles")
    bench.take(Toggled(key="a", values=(1,)), Toggled(key="b", values=(2,)))
    put: list[object] = []
    real = Writing.put_all

    def watch(writing: Writing, handle: Handle, entries: Sequence[Entry]) -> None:
        put.extend(entries)
        real(writing, handle, entries)

    monkeypatch.setattr(Writing, "put_all", watch)
    told = bench.take(Toggled(key="a", values=(5, 1)), Toggled(key="b", values=(2,)))
    assert (list(told), put) == ([], [])
    told = bench.take(Toggled(key="a", values=(1, True)))
    assert [change.key for change in told] == [encode("a")]
    assert len(put) == 3, "the row, its entry and its count"
    with bench.read() as model:
        assert model.rows["a"].value is True
        assert [row.key for row in model.by_value[True]] == ["a"]
        assert model.by_value[1].count() == 0
        assert dict(model.per_value.items()) == {True: 1, 2: 1}
    bench.close()
