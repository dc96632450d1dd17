"""Small domains of two program versions: what a change of a domain is, in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Union, cast

from tests.support.making import make

from comity.engine import Command, Decider, Event, Key, Recorded, Value
from comity.engine.merging.decider import AnyDecider
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.tables.read_model import AnyReadModel

Fields = Mapping[str, object]


class Program(NamedTuple):
    """A version of a program: what `comity contract` is given."""

    deciders: Sequence[AnyDecider]
    models: Sequence[type[AnyReadModel]] = ()


def event(name: str, fields: Fields | None = None, **said: object) -> type[Event]:
    """An event class; a field of a tuple has a default: `{"note": (str, "")}`."""
    return make(Event, *_apart(fields or MOVED, said), name)


def command(name: str, fields: Fields | None = None, **said: object) -> type[Command]:
    return make(Command, *_apart(fields or MOVED, said), name)


def value(name: str, fields: Fields) -> type[Value]:
    return make(Value, *_apart(fields, {}), name)


def row(fields: Fields) -> type[Row]:
    return make(Row, *_apart(fields, {}), "CardRow")


def _apart(fields: Fields, said: Fields) -> tuple[dict[str, object], dict[str, object]]:
    types, defaults = dict(fields), dict[str, object]()
    for name, field in fields.items():
        if isinstance(field, tuple):
            types[name], defaults[name] = cast("tuple[object, object]", field)
    return types, {**defaults, **said}


MOVED: Fields = {"card": Key[str], "column": str}


class Board(NamedTuple):
    """A state that nothing changes."""


def board(
    events: Iterable[type[Event]] = (),
    commands: Iterable[type[Command]] = (),
    name: str = "board",
    rules_revision: str = "",
    retired: Sequence[str] = (),
) -> AnyDecider:
    """A decider of these classes; CardMoved and MoveCard where none are given."""

    def decide(state: Board, command: Command) -> Iterable[Event]:
        return ()

    def evolve(state: Board, event: Event) -> Board:
        return state

    decide.__annotations__["command"] = _union(tuple(commands) or (command("MoveCard"),))
    evolve.__annotations__["event"] = _union(tuple(events) or (event("CardMoved"),))
    made = Decider(name, Board, decide, evolve, rules_revision=rules_revision, retired=retired)
    return cast("AnyDecider", made)


def _union(kinds: tuple[object, ...]) -> object:
    return Union[kinds]  # noqa: UP007 - built, not written


def with_events(
    *events: type[Event], rules_revision: str = "", retired: Sequence[str] = ()
) -> Program:
    return Program([board(events, rules_revision=rules_revision, retired=retired)])


def with_commands(*commands: type[Command]) -> Program:
    return Program([board((), commands)])


KEYS: Mapping[str, Callable[[Any], object]] = {
    "card": lambda row: row.card,
    "column": lambda row: row.column,
}


class CardMoved(Event):
    card: Key[str]
    column: str


def with_rows(fields: Fields, key: str = "card") -> Program:
    """A read model with rows of these fields, found by one of them."""

    class Cards(ReadModel[CardMoved]):
        rows = Table(row(fields), key=KEYS[key])

        def project(self, event: CardMoved, at: Recorded[CardMoved]) -> None:
            """Nothing: only the rows' columns matter."""

    return Program([board([CardMoved])], [Cards])
