"""A command that is sent again is known, though its class has changed since; another one is not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Annotated, ClassVar, NewType
from uuid import UUID

import msgpack
import pytest
from pydantic import Field
from tests.support.making import make

from comity.engine import Command, Fields, Key, Outcome, StoredAs, Value
from comity.engine.history.digest import digest, same
from comity.engine.history.note import Note

DUE = datetime(2027, 3, 1, tzinfo=UTC)


class Plan(Command):
    card: Key[str]
    due: datetime
    title: str = "untitled"


def noted(command: Command, *, checked: bool = True) -> Note:
    """Return the note of a command whose sender gave its id, or did not."""
    checksum = digest(command) if checked else None
    schema = command.schema_version if checked else None
    name = command.stored_as
    return Note("ann", "", None, name, checksum, Outcome.APPLIED, {}, None, None, None, schema)


FIRST = Plan(card="c1", due=DUE)
NOTE = noted(FIRST)


def test_a_command_that_is_sent_again_is_the_same() -> None:
    assert same(Plan(card="c1", due=DUE), NOTE)
    assert same(Plan(card="c1", due=DUE, title="untitled"), NOTE)


@pytest.mark.parametrize(
    "other",
    [
        Plan(card="c2", due=DUE),
        Plan(card="c1", due=DUE + timedelta(microseconds=1)),
        Plan(card="c1", due=DUE, title="titled"),
    ],
)
def test_a_command_with_another_field_is_another(other: Command) -> None:
    assert not same(other, NOTE)


def test_without_a_digest_only_the_name_counts() -> None:
    note = noted(FIRST, checked=False)
    assert same(Plan(card="c2", due=DUE), note)
    assert not same(Drop(card="c1"), note)


class Drop(Command):
    card: Key[str]


# --- classes that have changed ----------------------------------------------------------------


class Schedule(Command):
    """Renamed, as are its fields; they stand in another order, and there is one more."""

    stored_as = "Plan"
    title: str = "untitled"
    when: Annotated[datetime, StoredAs("due")]
    which: Annotated[Key[str], StoredAs("card")]
    color: str = "white"


class Book(Command):
    """It is sent under a name of its own, and still reads what was sent under the old one."""

    stored_as = "BookCard"
    aliases = ("Plan",)
    card: Key[str]
    due: datetime
    title: str = "untitled"


@pytest.mark.parametrize(
    ("again", "other"),
    [
        (Schedule(which="c1", when=DUE), Schedule(which="c1", when=DUE, color="red")),
        (Book(card="c1", due=DUE), Book(card="c2", due=DUE)),
    ],
)
def test_a_retry_survives_renamed_classes_and_fields_and_a_new_default(
    again: Command, other: Command
) -> None:
    assert same(again, NOTE)
    assert not same(other, NOTE)


def test_a_class_that_has_the_old_name_of_another_one_is_another_command() -> None:
    fields = {"card": Key[str], "due": datetime, "title": str}
    other = make(Command, fields, {"stored_as": "PlanNext", "title": "untitled"}, "Plan")
    assert not same(other.model_validate({"card": "c1", "due": DUE}), NOTE)


def test_a_new_field_with_a_value_of_its_own_each_time_does_not_matter() -> None:
    numbers = count()

    def nonce() -> UUID:
        return UUID(int=next(numbers))

    class Traced(Plan):
        stored_as = "Plan"
        trace: UUID = Field(default_factory=nonce)

    assert same(Traced(card="c1", due=DUE), NOTE)
    assert same(Traced(card="c1", due=DUE), noted(Traced(card="c1", due=DUE)))
    assert not same(Traced(card="c1", due=DUE, trace=UUID(int=7)), NOTE)


def nothing_new() -> Fields:
    return {}


def test_a_retry_of_another_schema_version_is_known_by_its_name() -> None:
    class Later(Command):
        stored_as = "Plan"
        schema_version = 2
        upcasts: ClassVar = {1: nothing_new}
        card: Key[str]

    assert same(Later(card="another"), NOTE)
    assert not same(Drop(card="another"), NOTE)


class Place(Value):
    street: str


class WiderPlace(Value):
    street: str
    floor: int = 0


def moving(place: type[Value], **given: object) -> Command:
    """Return a command with nested records of this class."""

    class Move(Command):
        to: place  # type: ignore[valid-type]
        over: tuple[place, ...] = ()  # type: ignore[valid-type]
        back: place | None = None  # type: ignore[valid-type]

    some = place.model_validate({"street": "Main", **given})
    return Move(to=some, over=(some, some), back=some)


def test_a_nested_record_may_gain_a_field_with_a_default() -> None:
    note = noted(moving(Place))
    assert same(moving(WiderPlace), note)
    assert same(moving(WiderPlace, floor=0), note)
    assert not same(moving(WiderPlace, floor=1), note)


Home = NewType("Home", Place)
WiderHome = NewType("WiderHome", WiderPlace)


def test_a_nested_record_may_have_a_name_of_its_own() -> None:
    def moving_to(home: object, place: Value) -> Command:
        kind = make(Command, {"to": home}, name="Move")
        return kind.model_validate({"to": place})

    note = noted(moving_to(Home, Place(street="Main")))
    assert same(moving_to(WiderHome, WiderPlace(street="Main")), note)


def test_a_field_may_get_a_default_beside_others_that_are_new() -> None:
    class Strict(Value):
        street: str

    class Easy(Value):
        street: str = "Main"
        floor: int = 0

    def titling(to: Value, given: str = "untitled", **said: object) -> Command:
        kind = make(Command, {"to": type(to), "title": str}, said, "Title")
        return kind.model_validate({"to": to, "title": given})

    for street in ("Main", "Side"):
        note = noted(titling(Strict(street=street)))
        assert same(titling(Easy(street=street)), note)
        assert same(titling(Easy(street=street), title="untitled"), note)
        assert not same(titling(Easy(street="Elm")), note)
        assert not same(titling(Easy(street=street, floor=1)), note)
        assert not same(titling(Easy(street=street), "titled"), note)


def test_a_default_of_another_type_is_another_value() -> None:
    class Set(Command):
        to: int | bool = True

    assert not same(Set(to=1), noted(Set()))


# --- notes of an older comity -------------------------------------------------------------------


def old(name: str) -> Note:
    """Return the note of the first command with the digest that an older comity computed."""
    due = int(DUE.timestamp()) * 1_000_000
    fields = {"card": "c1", "due": due, "title": "untitled"}
    checksum = zlib.crc32(msgpack.packb(fields), zlib.crc32(name.encode()))
    return Note("ann", "", None, name, checksum, Outcome.APPLIED, {}, None, None, None)


class Named(Command):
    """It had no stored name when the older comity noted its class's name."""

    stored_as = "plan-card"
    card: Key[str]
    due: datetime
    title: str = "untitled"


@pytest.mark.parametrize(("kind", "name"), [(Plan, "Plan"), (Book, "Plan"), (Named, "Named")])
def test_the_digest_of_an_older_note_is_understood(kind: Callable[..., Command], name: str) -> None:
    assert same(kind(card="c1", due=DUE), old(name))
    assert not same(kind(card="c2", due=DUE), old(name))
