"""Keys of a kind that no row can have: refused, where they would find nothing in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast
from uuid import UUID

import pytest
from pydantic import Field
from tests.readmodels.bench import Bench
from tests.readmodels.cards import CardAdded

from comity.engine import Event, Invalid, Recorded
from comity.readmodels import ReadModel, Row, Table, Totals, descending
from comity.readmodels.keys.family import alike, declared, family
from comity.readmodels.projecting.projection import CannotProject

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Column(StrEnum):
    """Text, by its values."""

    TODO = "todo"


class Size(IntEnum):
    """Numbers, by their values."""

    SMALL = 1


class Odd(Enum):
    """Values of two kinds."""

    TEXT = "a"
    NUMBER = 1


class Bare(Enum):
    """A value that no key can have."""

    ONE = object()


class TaskRow(Row):
    """With a field of each kind that a question may mistake."""

    board: str
    number: int
    due: datetime
    assignee: str | None = None
    column: Column = Column.TODO


class Tasks(ReadModel[CardAdded]):
    """Tasks, found in every way there is."""

    rows = Table(TaskRow, key=lambda row: (row.board, row.number))
    by_assignee = rows.index(lambda row: row.assignee)
    by_due = rows.index(lambda row: (row.board, descending(row.due)))
    by_column = rows.index(lambda row: row.column)
    by_length = rows.index(lambda row: len(row.board))
    per_board = rows.count(lambda row: row.board)
    points = rows.sum(lambda row: row.number, by=lambda row: row.board)
    votes = Totals(str, int)

    def project(self, event: CardAdded, at: Recorded[CardAdded]) -> None:
        """One of them; where the card is called `wrong`, by a mistaken look at the table."""
        if event.card == "wrong":
            cast("Any", self.rows).get(("b", "1"))
        self.rows.put(TaskRow(board="b", number=at.position, due=NOW, assignee="ann"))


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Bench[Tasks]]:
    bench = Bench(Tasks, tmp_path / "tasks")
    bench.take(CardAdded(card="a", title="A"))
    yield bench
    bench.close()


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda model: model.rows.get(("b", "1")), r"rows: expected a key of \(str, int\), got \(str,"),
    (lambda model: model.rows.get("b"), "got str: 'b'"),
    (lambda model: model.rows["b", 1.0], "got .str, float"),
    (lambda model: model.rows["b", True], "got .str, bool"),
    (lambda model: model.rows.get(("b",)), r"2 values, \(str, int\), got \('b',\).*prefix"),
    (lambda model: model.rows.get(("b", 1, 2)), "2 values"),
    (lambda model: model.rows.get(None), "2 values, .str, int., got None"),
    (lambda model: model.rows.exists((1, 1)), "got .int, int"),
    (lambda model: model.rows.get_many([("b", 1), ("b", "1")]), "got .str, str"),
    (lambda model: model.rows.prefix(5), "got .int,"),
    (lambda model: model.rows.since((b"b",)), "got .bytes,"),
    (lambda model: model.rows.between(("a", 1), ("b", "1")), "got .str, str"),
    (lambda model: model.by_assignee[7], "by_assignee: expected a key of str, got int: 7"),
    (lambda model: model.by_assignee["ann", 1], "got .str, int"),
    (lambda model: model.by_assignee.before(NOW), "got datetime"),
    (lambda model: model.by_assignee.get_many(["ann", 1]), "got int"),
    (lambda model: model.by_due["b", NOW], r"\(str, descending datetime\), got \(str, datetime\)"),
    (lambda model: model.by_due.after(("b", descending(NOW.date()))), "got .str, descending date"),
    (lambda model: model.by_due.starting("b"), "got str"),
    (lambda model: model.by_column[Size.SMALL], "expected a key of str, got int"),
    (lambda model: model.rows.where(assignee=7), "by_assignee: expected a key of str, got int"),
    (lambda model: model.rows.where(board="b", number="1"), "rows: expected a key of .str, int"),
    (lambda model: model.per_board[1], "per_board: expected a key of str, got int"),
    (lambda model: model.points["b", 1], "points: expected a key of str, got .str, int"),
    (lambda model: model.votes[1], "votes: expected a key of str, got int"),
]


@pytest.mark.parametrize(("ask", "says"), WRONG)
def test_a_question_with_a_key_that_no_row_can_have_is_refused(
    tasks: Bench[Tasks], ask: Callable[[Any], object], says: str
) -> None:
    with tasks.read() as model, pytest.raises(Invalid, match=says):
        ask(model)


def test_a_question_that_is_not_put_to_a_snapshot_yet_is_refused_as_well() -> None:
    with pytest.raises(Invalid, match="by_assignee: expected a key of str, got int"):
        cast("Any", Tasks).by_assignee[7]
    with pytest.raises(Invalid, match=r"rows: expected a key of \(str, int\), got \(str, str\)"):
        cast("Any", Tasks).rows["b", "1"]


RIGHT: list[Callable[[Tasks], object]] = [
    lambda model: model.rows["b", 1],
    lambda model: model.rows.get(("b", 2)) is None,
    lambda model: model.rows.prefix("b").list(),
    lambda model: model.by_assignee["ann"].list(),
    lambda model: model.by_due["b", descending(NOW)].list(),
    lambda model: model.by_due.prefix("b").list(),
    lambda model: model.by_column[Column.TODO].list(),
    lambda model: cast("Any", model.by_column)["todo"].list(),  # equal, and so the same key
    lambda model: cast("Any", model.by_assignee).since(None).list(),
    lambda model: model.by_length[1].list(),
    lambda model: model.rows.where(board="b").list(),
    lambda model: model.per_board["b"] == 1 and model.per_board["z"] == 0,
    lambda model: model.votes["z"] == 0,
]


@pytest.mark.parametrize("ask", RIGHT)
def test_a_question_with_a_key_that_a_row_may_have_is_answered(
    tasks: Bench[Tasks], ask: Callable[[Tasks], object]
) -> None:
    with tasks.read() as model:
        assert ask(model)


def test_a_computed_key_may_be_asked_for_with_anything(tasks: Bench[Tasks]) -> None:
    with tasks.read() as model:
        assert not cast("Any", model.by_length)["1"].list()


def test_a_mistaken_look_inside_project_stops_the_model_instead_of_finding_nothing(
    tasks: Bench[Tasks],
) -> None:
    with pytest.raises(CannotProject, match=r"expected a key of \(str, int\), got \(str, str\)"):
        tasks.take(CardAdded(card="wrong", title="W"))


class Text(str):
    """Some text."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("annotation", "expected", "values"),
    [
        (str, "str", ["a"]),
        (bool, "bool", [True]),
        (int, "int", [1]),
        (datetime, "datetime", [NOW]),
        (date, "date", [NOW.date()]),
        (Decimal, "Decimal", [Decimal(1)]),
        (UUID, "UUID", [UUID(int=1)]),
        (str | None, "str", ["a", None]),
        (Union[Annotated[str, Field(max_length=3)], None], "str", ["a", None]),  # noqa: UP007 - `|` is refused
        (Literal["a", "b"], "str", ["a"]),
        (Column, "str", [Column.TODO, "todo"]),
        (Size | None, "int", [Size.SMALL, None]),
        (tuple[str, int | None], "(str, int)", [("a", 1), ("a", None)]),
        (tuple[str], "(str,)", [("a",)]),
        # what may be of several kinds, or is not known, goes with everything
        (Text, "None", [Text("a")]),
        (str | int, "None", ["a", 1]),
        (Literal["a", 1], "None", ["a", 1]),
        (Odd, "None", list(Odd)),
        (Bare, "None", []),
        (tuple[str, ...], "None", [("a",), ("a", "b")]),
        (None, "None", [None]),
        (list[str], "None", []),
        (Event, "None", []),
    ],
)
def test_the_kind_of_a_fields_values_is_read_from_its_annotation(
    annotation: object, expected: str, values: list[object]
) -> None:
    assert declared(annotation) == expected
    assert all(alike(family(value), expected) for value in values)
