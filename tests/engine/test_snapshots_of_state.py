"""States as snapshots: they come back equal or not at all, and only to the code that made them."""

from __future__ import annotations

import subprocess
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, Field, PrivateAttr

from comity.engine import Value
from comity.engine.messages.state_codec import StateCodec


def evolve(state: object, event: object) -> object:
    """What the schema covers."""
    return state


class Kind(Enum):
    TALL = "tall"


class Point(Value):
    x: int


class Board(BaseModel):
    titles: dict[str, str] = {}
    points: list[Point] = []


@dataclass
class Card:
    title: str
    voters: set[str] = field(default_factory=set[str])
    place: tuple[int, int] = (0, 0)
    due: datetime | None = None


@dataclass
class Deck:
    cards: dict[str, Card] = field(default_factory=dict[str, Card])
    prices: dict[int, Decimal] = field(default_factory=dict[int, Decimal])


class Opaque:
    """Pydantic cannot describe it."""


@dataclass
class Anything:
    value: Any = None


def codec(kind: type[object], revision: int = 1) -> StateCodec[object]:
    return StateCodec(kind, evolve, revision)


@pytest.mark.parametrize(
    "state",
    [
        Board(titles={"a": "A"}, points=[Point(x=1)]),
        Deck({"c": Card("t", {"ann", "bob"}, (1, 2), datetime(2020, 1, 1, tzinfo=UTC))}),
        Deck(prices={1: Decimal("1.50")}),
        {"a": 1},
        (1, "a"),
        5,
        Anything([1, "a", None]),
    ],
    ids=lambda state: type(state).__name__,
)
def test_a_state_comes_back_equal(state: object) -> None:
    states = codec(type(state))
    data = states.pack(state)
    assert data is not None
    assert states.unpack(data) == state


class Moody:
    """It cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not today")

    __hash__ = None  # type: ignore[assignment]  # as Python has it for such a class


def itself() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    "state",
    [
        Opaque(),
        Anything((1, 2)),
        Anything({1, 2}),
        Anything(Card("x")),
        Anything(float("nan")),
        Anything(float("inf")),
        Anything(b"\xff"),
        Anything({(1, 2): 3}),
        Anything(Moody()),
        Anything(itself()),
        Card(title=5),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a bug in evolve
    ],
    ids=["opaque", "tuple", "set", "object", "nan", "inf", "bytes", "keys", "moody", "loop", "bug"],
)
def test_a_state_that_would_not_come_back_equal_is_not_packed(state: object) -> None:
    assert codec(type(state)).pack(state) is None


@dataclass
class Shelf:
    books: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    newest: list[str] = field(default_factory=list[str])
    kind: Kind = Kind.TALL
    points: tuple[Point, ...] = ()


@dataclass(eq=False)
class Named:
    """Equal where it has the same name; its count is not taken from a snapshot."""

    name: str = ""
    count: int = field(default=0, init=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]  # as Python has it for such a class


class Hiding(BaseModel):
    """The same, with fields that no snapshot has."""

    name: str = ""
    hidden: int = Field(default=0, exclude=True)
    _private: int = PrivateAttr(default=0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hiding) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]  # as Python has it for such a class


@dataclass
class Names:
    names: list[Named] = field(default_factory=list[Named])


def counted() -> Named:
    named = Named("a")
    named.count = 1
    return named


def private() -> Hiding:
    hiding = Hiding()
    hiding._private = 1  # pyright: ignore[reportPrivateUsage]
    return hiding


@pytest.mark.parametrize(
    "state",
    [counted(), Names([counted()]), Hiding(hidden=1), private()],
    ids=["field", "deep", "excluded", "private"],
)
def test_what_the_state_leaves_out_when_it_is_compared_must_come_back_too(state: object) -> None:
    assert codec(type(state)).pack(state) is None
    assert codec(type(state)).pack(type(state)()) is not None


ONE_LIST = ["a"]


@pytest.mark.parametrize(
    "state",
    [
        Shelf(defaultdict(list, a=["b"])),
        Shelf(Counter()),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a dict all the same
        Shelf({"a": ONE_LIST}, ONE_LIST),
        [1, 1.0, True],
    ],
    ids=["defaultdict", "counter", "two names for one list", "fine"],
)
def test_a_state_comes_back_as_it_is_or_not_at_all(state: object) -> None:
    """One that is equal and of other types goes on otherwise after a restart."""
    fine = not isinstance(state, Shelf)
    assert (codec(type(state)).pack(state) is not None) is fine


def test_what_cannot_be_changed_may_have_two_names() -> None:
    point = Point(x=2)
    assert codec(Shelf).pack(Shelf({"a": ["b"]}, ["b"], Kind.TALL, (point, point))) is not None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"cards": {"c": {}}}', b"\xff"])
def test_bytes_that_do_not_fit_give_no_state(data: bytes) -> None:
    assert codec(Deck).unpack(data) is None


def test_a_state_that_pydantic_cannot_describe_gives_none_either() -> None:
    assert codec(Opaque).unpack(b"{}") is None


# --- the schema


def source(code: str) -> Callable[..., object]:
    """The function that this source makes."""
    space: dict[str, object] = {}
    exec(code, space)  # noqa: S102 - the same name, other code
    made = space["evolve"]
    assert isinstance(made, types.FunctionType)
    return made


EVOLVE = "def evolve(state, event):\n    return state + 1"
OTHERS = {
    "a constant": "def evolve(state, event):\n    return state + 2",
    "an operator": "def evolve(state, event):\n    return state - 1",
    "a name": "def evolve(state, event):\n    return state + event.y",
    "an inner function": "def evolve(state, event):\n    return (lambda: state + 1)()",
}


@pytest.mark.parametrize("change", OTHERS)
def test_another_evolve_is_another_schema(change: str) -> None:
    before = StateCodec(int, source(EVOLVE), 1).schema
    assert StateCodec(int, source(OTHERS[change]), 1).schema != before


def test_the_inside_of_an_inner_function_counts_and_nothing_else_of_it() -> None:
    one, two = (f"def evolve(s, e):\n    return (lambda: s + {n})()" for n in (1, 2))
    schemas = [StateCodec(int, source(code), 1).schema for code in (one, two, one)]
    assert schemas[0] == schemas[2] != schemas[1]


def test_a_callable_without_code_of_its_own_is_told_apart_by_the_revision_alone() -> None:
    one, two = StateCodec(int, max, 1), StateCodec(int, min, 1)
    assert one.schema == two.schema != StateCodec(int, max, 2).schema


def test_comments_and_layout_do_not_count() -> None:
    commented = "def evolve(state, event):\n    # counts\n\n    return state + 1"
    assert StateCodec(int, source(commented), 1).schema == StateCodec(int, source(EVOLVE), 1).schema


def test_other_fields_and_another_revision_are_another_schema() -> None:
    assert len({codec(Board).schema, codec(Card).schema, codec(Board, 2).schema}) == 3


SCHEMA_OF_ANOTHER_PROCESS = """
from comity.engine.messages.state_codec import StateCodec
def evolve(state, event):
    return state if event in {"a", "b", "c", "d", "e"} else state + 1
print(StateCodec(int, evolve, 1).schema)
"""


def test_every_process_finds_the_same_schema() -> None:
    schemas = {
        subprocess.run(
            [sys.executable, "-c", SCHEMA_OF_ANOTHER_PROCESS],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(schemas) == 1
