"""The gate judges planted changes: it accepts what is safe, and names what a change breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import pytest
from annotated_types import Ge, Len
from pydantic import AfterValidator, ConfigDict, Field
from tests.evolution.contract.domains import (
    MOVED,
    Program,
    board,
    command,
    event,
    value,
    with_commands,
    with_events,
    with_rows,
)

from comity.engine import Command, Event, Fields, Key, StoredAs, give_way, overwrite
from comity.evolution import Broken, check_contract, write_contract


class Change(NamedTuple):
    """A change from one program version to the next."""

    before: Program
    after: Program


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rainbow(Enum):
    CRIMSON = "red"
    BLUE = "blue"
    GREEN = "green"


def with_time(due: date) -> Fields:
    return {"due": datetime.combine(due, time(), UTC)}


def shortened(column: str) -> Fields:
    return {"column": column[:10]}


def failing_on_empty(column: str) -> Fields:
    return {"column": column[0]}


def nothing() -> Fields:
    return {}


def full(text: str) -> str:
    if not text:
        raise ValueError("expected a text")
    return text


def louder(text: str) -> str:
    return f"{text}!"


def without_note(note: str = "") -> Fields:
    return {}


def on_conflict(self: Command, clash: object, /) -> Command:
    return self


going_on = on_conflict  # so named, it is a rule of its class's own
moved, move = event("CardMoved"), command("MoveCard")
named = {"card": Key[str], "name": str}
titled = {"card": Key[str], "title": Annotated[str, StoredAs("name")]}
short = {"card": Key[str], "column": Annotated[str, Len(0, 10)]}
dated = {"card": Key[str], "due": date}
noted = {**MOVED, "note": (str, "")}
filled = {**MOVED, "column": Annotated[str, AfterValidator(full)]}
shouted = {**MOVED, "column": Annotated[str, AfterValidator(louder)]}
coloured = {"card": Key[str], "colour": Colour}
rows = {"card": str, "column": str}


sized = {"card": Key[str], "width": int, "height": int}
resized = {"height": int, "width": int, "card": Key[str]}


def priced(digits: int, places: int) -> dict[str, object]:
    amount = Annotated[Decimal, Field(max_digits=digits, decimal_places=places)]
    return {"card": Key[str], "price": amount}


FROM_TO = ("from/{source}", "to/{target}")


def swapped(touches: object) -> type[Event]:
    return event("CardsSwapped", {"source": str, "target": str}, touches=touches)


def swap(touches: object) -> type[Command]:
    return command("SwapCards", {"source": str, "target": str}, touches=touches)


def stepped(fields: dict[str, object], name: str = "Step") -> dict[str, object]:
    step: object = value(name, fields)
    return {"card": Key[str], "steps": tuple.__class_getitem__((step, ...))}


SAFE: dict[str, Callable[[], Change]] = {
    "a new event": lambda: Change(
        with_events(moved), with_events(moved, event("CardRenamed", named))
    ),
    "a new command": lambda: Change(
        with_commands(move), with_commands(move, command("RenameCard", named))
    ),
    "a new field with a default": lambda: Change(
        with_events(moved), with_events(event("CardMoved", noted))
    ),
    "a command's new field with a default": lambda: Change(
        with_commands(move), with_commands(command("MoveCard", noted))
    ),
    "a widened limit": lambda: Change(with_events(event("CardMoved", short)), with_events(moved)),
    "a renamed class that keeps its stored name": lambda: Change(
        with_events(moved), with_events(event("CardPut", stored_as="CardMoved"))
    ),
    "a renamed class that reads its old name": lambda: Change(
        with_events(moved), with_events(event("CardPut", aliases=("CardMoved",)))
    ),
    "a renamed field that keeps its stored name": lambda: Change(
        with_events(event("CardNamed", named)), with_events(event("CardNamed", titled))
    ),
    "a field that is renamed in command and event": lambda: Change(
        Program([board([event("CardNamed", named)], [command("NameCard", named)])]),
        Program([board([event("CardNamed", titled)], [command("NameCard", titled)])]),
    ),
    "a renamed command that reads its old name": lambda: Change(
        with_commands(move), with_commands(command("PutCard", aliases=("MoveCard",)))
    ),
    "a renamed command with a conflict rule of its own": lambda: Change(
        with_commands(command("MoveCard", on_conflict=going_on)),
        with_commands(command("PutCard", aliases=("MoveCard",), on_conflict=going_on)),
    ),
    "a changed shape with an upcast": lambda: Change(
        with_events(event("CardPlanned", dated)),
        with_events(
            event(
                "CardPlanned", {**dated, "due": datetime}, schema_version=2, upcasts={1: with_time}
            )
        ),
    ),
    "a command's changed shape with an upcast": lambda: Change(
        with_commands(command("PlanCard", dated)),
        with_commands(
            command(
                "PlanCard", {**dated, "due": datetime}, schema_version=2, upcasts={1: with_time}
            )
        ),
    ),
    "a tightened limit with an upcast": lambda: Change(
        with_events(moved),
        with_events(event("CardMoved", short, schema_version=2, upcasts={1: shortened})),
    ),
    "a field more, which programs of the version before leave out": lambda: Change(
        with_events(moved),
        with_events(
            event("CardMoved", noted, schema_version=2, upcasts={1: nothing}, readable_from=1)
        ),
    ),
    "a field that may be None now": lambda: Change(
        with_events(moved), with_events(event("CardMoved", {**MOVED, "column": str | None}))
    ),
    "another member of an Enum": lambda: Change(
        with_events(event("CardPainted", coloured)),
        with_events(event("CardPainted", {**coloured, "colour": Rainbow})),
    ),
    "a Literal of an Enum's values": lambda: Change(
        with_events(event("CardPainted", coloured)),
        with_events(event("CardPainted", {**coloured, "colour": Literal["red", "blue"]})),
    ),
    "a renamed class of a nested record": lambda: Change(
        with_events(event("CardPlanned", stepped({"text": str}))),
        with_events(event("CardPlanned", stepped({"text": str}, "Stage"))),
    ),
    "a nested record's new field with a default": lambda: Change(
        with_events(event("CardPlanned", stepped({"text": str}))),
        with_events(event("CardPlanned", stepped({"text": str, "done": (bool, False)}))),
    ),
    "a nested record's renamed field that keeps its stored name": lambda: Change(
        with_events(event("CardPlanned", stepped({"text": str}))),
        with_events(event("CardPlanned", stepped({"words": Annotated[str, StoredAs("text")]}))),
    ),
    "reordered fields": lambda: Change(
        with_events(moved), with_events(event("CardMoved", {"column": str, "card": Key[str]}))
    ),
    "reordered fields of an event and a command": lambda: Change(
        Program([board([event("CardSized", sized)], [command("SizeCard", sized)])]),
        Program([board([event("CardSized", resized)], [command("SizeCard", resized)])]),
    ),
    "reordered places": lambda: Change(
        Program([board([swapped(FROM_TO)], [swap(FROM_TO)])]),
        Program([board([swapped(FROM_TO[::-1])], [swap(FROM_TO[::-1])])]),
    ),
    "an alias that moves to a class that reads the same": lambda: Change(
        with_events(event("CardPut", aliases=("CardLaid",)), moved),
        with_events(event("CardPut"), event("CardMoved", aliases=("CardLaid",))),
    ),
    "a new read model": lambda: Change(Program(with_rows(rows).deciders), with_rows(rows)),
    "a row's new column": lambda: Change(with_rows(rows), with_rows({**rows, "note": (str, "")})),
    "a row's other limit": lambda: Change(
        with_rows(rows), with_rows({**rows, "column": Annotated[str, Len(1, 5)]})
    ),
    "a retired event": lambda: Change(
        with_events(moved, event("CardStarred", {"card": Key[str]})),
        with_events(moved, retired=["CardStarred"]),
    ),
    "another revision of the rules": lambda: Change(
        with_events(moved), with_events(moved, rules_revision="2027-03")
    ),
}

STORED, OLDER, CLIENTS = Broken.STORED_EVENTS, Broken.OLDER_PROGRAMS, Broken.OLDER_CLIENTS

BREAKING: dict[str, tuple[Broken, Callable[[], Change]]] = {
    "an event without a class": (
        STORED,
        lambda: Change(with_events(moved, event("CardRenamed", named)), with_events(moved)),
    ),
    "a renamed class": (
        STORED,
        lambda: Change(with_events(moved), with_events(event("CardPut"))),
    ),
    "an alias less": (
        STORED,
        lambda: Change(
            with_events(event("CardPut", aliases=("CardMoved",))), with_events(event("CardPut"))
        ),
    ),
    "a retired event that is forgotten": (
        STORED,
        lambda: Change(with_events(moved, retired=["CardStarred"]), with_events(moved)),
    ),
    "an event whose alias is not retired with it": (
        STORED,
        lambda: Change(
            with_events(moved, event("CardStarred", aliases=("CardLiked",))),
            with_events(moved, retired=["CardStarred"]),
        ),
    ),
    "a removed field": (
        STORED,
        lambda: Change(with_events(moved), with_events(event("CardMoved", {"card": Key[str]}))),
    ),
    "a renamed field": (
        STORED,
        lambda: Change(
            with_events(event("CardNamed", named)),
            with_events(event("CardNamed", {"card": Key[str], "title": str})),
        ),
    ),
    "a new field without a default": (
        STORED,
        lambda: Change(with_events(moved), with_events(event("CardMoved", {**MOVED, "note": str}))),
    ),
    "another type": (
        STORED,
        lambda: Change(
            with_events(event("CardPlanned", dated)),
            with_events(event("CardPlanned", {**dated, "due": datetime})),
        ),
    ),
    "another type that is stored alike": (
        STORED,
        lambda: Change(
            with_events(event("CardTimed", {"card": Key[str], "took": timedelta})),
            with_events(event("CardTimed", {"card": Key[str], "took": int})),
        ),
    ),
    "a tightened limit": (
        STORED,
        lambda: Change(with_events(moved), with_events(event("CardMoved", short))),
    ),
    "a new validator that refuses stored values": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(event("CardMoved", filled)),
        ),
    ),
    "a validator that changes stored values": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(event("CardMoved", shouted)),
        ),
    ),
    "a setting that strips stored texts": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(event("CardMoved", model_config=ConfigDict(str_strip_whitespace=True))),
        ),
    ),
    "a setting that limits all texts": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(event("CardMoved", model_config=ConfigDict(str_min_length=1))),
        ),
    ),
    "a member of an Enum less": (
        STORED,
        lambda: Change(
            with_events(event("CardPainted", {**coloured, "colour": Rainbow})),
            with_events(event("CardPainted", coloured)),
        ),
    ),
    "a nested record's field less": (
        STORED,
        lambda: Change(
            with_events(event("CardPlanned", stepped({"text": str, "done": bool}))),
            with_events(event("CardPlanned", stepped({"text": str}))),
        ),
    ),
    "a nested record's renamed field": (
        STORED,
        lambda: Change(
            with_events(event("CardPlanned", stepped({"text": str}))),
            with_events(event("CardPlanned", stepped({"words": str}))),
        ),
    ),
    "an upcast that fails on some values": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(event("CardMoved", schema_version=2, upcasts={1: failing_on_empty})),
        ),
    ),
    "a limit that is tightened with an upcast that forgets it": (
        STORED,
        lambda: Change(
            with_events(moved),
            with_events(
                event(
                    "CardMoved",
                    {**MOVED, "column": Annotated[str, Len(0, 5000)]},
                    schema_version=2,
                    upcasts={1: nothing},
                )
            ),
        ),
    ),
    "fewer digits before the point of an amount": (
        STORED,
        lambda: Change(
            with_events(event("CardPriced", priced(8, 2))),
            with_events(event("CardPriced", priced(8, 4))),
        ),
    ),
    "a retired event's name for another event": (
        STORED,
        lambda: Change(
            with_events(moved, retired=["CardStarred"]),
            with_events(moved, event("CardStarred", {"card": Key[str]})),
        ),
    ),
    "an alias that moves to a class that reads other fields": (
        STORED,
        lambda: Change(
            with_events(event("CardPut", aliases=("CardLaid",)), event("CardNamed", named)),
            with_events(event("CardPut"), event("CardNamed", named, aliases=("CardLaid",))),
        ),
    ),
    "a schema version that goes back": (
        STORED,
        lambda: Change(
            with_events(event("CardMoved", schema_version=2, upcasts={1: nothing})),
            with_events(moved),
        ),
    ),
    "a schema version that goes back, although it may be read": (
        STORED,
        lambda: Change(
            with_events(
                event("CardMoved", schema_version=2, upcasts={1: nothing}, readable_from=1)
            ),
            with_events(moved),
        ),
    ),
    "a decider less": (
        STORED,
        lambda: Change(Program([board(), board(name="team")]), Program([board()])),
    ),
    "a field less for programs that may read the event": (
        OLDER,
        lambda: Change(
            with_events(event("CardMoved", noted)),
            with_events(
                event("CardMoved", schema_version=2, upcasts={1: without_note}, readable_from=1)
            ),
        ),
    ),
    "another type for programs that may read the event": (
        OLDER,
        lambda: Change(
            with_events(event("CardPlanned", dated)),
            with_events(
                event(
                    "CardPlanned",
                    {**dated, "due": datetime},
                    schema_version=2,
                    upcasts={1: with_time},
                    readable_from=1,
                )
            ),
        ),
    ),
    "another name for programs that may read the event": (
        OLDER,
        lambda: Change(
            with_events(moved),
            with_events(event("CardPut", aliases=("CardMoved",), readable_from=1)),
        ),
    ),
    "older programs that may not read the event any more": (
        OLDER,
        lambda: Change(
            with_events(
                event("CardMoved", schema_version=2, upcasts={1: nothing}, readable_from=1)
            ),
            with_events(event("CardMoved", schema_version=2, upcasts={1: nothing})),
        ),
    ),
    "a command's limit that is tightened with an upcast that forgets it": (
        CLIENTS,
        lambda: Change(
            with_commands(command("NumberCard", {"card": Key[str], "number": int})),
            with_commands(
                command(
                    "NumberCard",
                    {"card": Key[str], "number": Annotated[int, Ge(-(10**6))]},
                    schema_version=2,
                    upcasts={1: nothing},
                )
            ),
        ),
    ),
    "a command's alias that moves to a class that reads other fields": (
        CLIENTS,
        lambda: Change(
            with_commands(command("PutCard", aliases=("LayCard",)), command("NameCard", named)),
            with_commands(command("PutCard"), command("NameCard", named, aliases=("LayCard",))),
        ),
    ),
    "a command without a class": (
        CLIENTS,
        lambda: Change(with_commands(move, command("NameCard", named)), with_commands(move)),
    ),
    "a command's new field without a default": (
        CLIENTS,
        lambda: Change(
            with_commands(move), with_commands(command("MoveCard", {**MOVED, "note": str}))
        ),
    ),
    "a command's default less": (
        CLIENTS,
        lambda: Change(
            with_commands(command("MoveCard", noted)),
            with_commands(command("MoveCard", {**MOVED, "note": str})),
        ),
    ),
    "a command's tightened limit": (
        CLIENTS,
        lambda: Change(
            with_commands(command("NumberCard", {"card": Key[str], "number": int})),
            with_commands(
                command("NumberCard", {"card": Key[str], "number": Annotated[int, Ge(1)]})
            ),
        ),
    ),
    "a command's upcast that fails on some values": (
        CLIENTS,
        lambda: Change(
            with_commands(move),
            with_commands(command("MoveCard", schema_version=2, upcasts={1: failing_on_empty})),
        ),
    ),
    "a command's schema version that goes back": (
        CLIENTS,
        lambda: Change(
            with_commands(command("MoveCard", schema_version=2, upcasts={1: nothing})),
            with_commands(move),
        ),
    ),
    "another conflict rule": (
        Broken.MERGING,
        lambda: Change(
            with_commands(command("MoveCard", on_conflict=overwrite)),
            with_commands(command("MoveCard", on_conflict=give_way)),
        ),
    ),
    "another footprint": (
        Broken.MERGING,
        lambda: Change(with_events(moved), with_events(event("CardMoved", touches="columns"))),
    ),
    "one of two places less": (
        Broken.MERGING,
        lambda: Change(
            Program([board([swapped(FROM_TO)], [swap(FROM_TO)])]),
            Program([board([swapped(FROM_TO[0])], [swap(FROM_TO)])]),
        ),
    ),
    "a field that is renamed in the event only": (
        Broken.MERGING,
        lambda: Change(
            Program([board([event("CardNamed", named)], [command("NameCard", named)])]),
            Program([board([event("CardNamed", titled)], [command("NameCard", named)])]),
        ),
    ),
    "a column less": (
        Broken.ROWS,
        lambda: Change(with_rows(rows), with_rows({"card": str})),
    ),
    "a column of another type": (
        Broken.ROWS,
        lambda: Change(with_rows(rows), with_rows({**rows, "column": int})),
    ),
    "another key": (
        Broken.ROWS,
        lambda: Change(with_rows(rows), with_rows(rows, key="column")),
    ),
    "a read model less": (
        Broken.ROWS,
        lambda: Change(with_rows(rows), Program(with_rows(rows).deciders)),
    ),
}


@pytest.mark.parametrize("name", SAFE)
def test_a_safe_change_is_accepted(name: str, tmp_path: Path) -> None:
    before, after = SAFE[name]()
    file = tmp_path / "contract.json"
    write_contract(file, *before)
    found = check_contract(file, *after)
    assert found.broken == ()
    write_contract(file, *after)
    assert check_contract(file, *after).differences == ()


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_named(name: str, tmp_path: Path) -> None:
    breaks, change = BREAKING[name]
    before, after = change()
    file = tmp_path / "contract.json"
    write_contract(file, *before)
    broken = check_contract(file, *after).broken
    assert {one.breaks for one in broken} == {breaks}
    assert all(one.remedy for one in broken)


WORDS: dict[str, tuple[Callable[[], Change], str]] = {
    "another default": (
        lambda: Change(
            with_events(event("CardMoved", noted)),
            with_events(event("CardMoved", {**noted, "note": (str, "none")})),
        ),
        "note: the default is 'none', and was ''; what was stored or sent without this field",
    ),
    "a default more": (
        lambda: Change(
            with_events(moved), with_events(event("CardMoved", {**MOVED, "column": (str, "todo")}))
        ),
        "column: it has a default now",
    ),
    "a wider limit": (
        lambda: Change(with_events(event("CardMoved", short)), with_events(moved)),
        "column: str, and str(max_length=10) before",
    ),
    "a validator more": (
        lambda: Change(
            with_events(moved),
            with_events(
                event("CardMoved", {**MOVED, "column": Annotated[str, AfterValidator(as_it_is)]})
            ),
        ),
        "column: its validators are as_it_is, and were none",
    ),
    "a nested field more": (
        lambda: Change(
            with_events(event("CardPlanned", {"card": Key[str], "step": step(text=str)})),
            with_events(
                event("CardPlanned", {"card": Key[str], "step": step(text=str, done=(bool, False))})
            ),
        ),
        "step.done is new: bool",
    ),
}


def as_it_is(text: str) -> str:
    return text


def step(**fields: object) -> object:
    return value("Step", fields)


@pytest.mark.parametrize("name", WORDS)
def test_a_safe_change_is_told_in_words(name: str, tmp_path: Path) -> None:
    change, words = WORDS[name]
    before, after = change()
    write_contract(tmp_path / "contract.json", *before)
    found = check_contract(tmp_path / "contract.json", *after)
    assert found.broken == ()
    assert any(one.said.startswith(words) for one in found.safe)
