"""`laws(...)`: which tests it makes, the values that it draws, and how wrong use is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, cast
from uuid import UUID

import pytest
from annotated_types import Ge, Len
from examples.board.domain import Board, Upvote, board
from examples.board.read_models import Cards
from examples.incident_desk.domain import incident
from hypothesis import strategies as st
from pydantic import StringConstraints
from tests.testing.planted import BUGS, ColouredCardAdded

from comity.engine import Command, Decider, Event, Fields, Key, Rejected, Value, WiringError
from comity.engine.merging.decider import AnyDecider
from comity.evolution.contract.making import Strategies
from comity.testing import LawBroken, laws
from comity.testing.proving.laws import laws_of
from comity.testing.proving.subject import Samples, Subject


def check(
    decider: object, name: str, strategies: Strategies | None = None, samples: Samples | None = None
) -> None:
    """Check one law of a domain."""
    subject = Subject(
        cast("AnyDecider", decider), (), strategies or {}, samples or {}, None, (), 0.3
    )
    (law,) = [one for one in laws_of(subject) if one.name == name]
    law.check(subject, law)


def names_of(decider: object) -> set[str]:
    """The laws of a domain."""
    subject = Subject(cast("AnyDecider", decider), [Cards], {}, {}, None, ())
    return {law.name for law in laws_of(subject)}


def test_only_laws_that_are_about_the_domain_become_tests() -> None:
    transform, upcasts = "transform-converges-for-two", "upcasts-are-total"
    assert names_of(board) & {transform, upcasts, "Cards-in-any-batches"} == {
        "Cards-in-any-batches"
    }
    assert transform in names_of(BUGS["a transform that does not converge"].decider)
    assert upcasts in names_of(BUGS["a partial upcast"].decider)


# --- records that the first change makes --------------------------------------------------------


class NameBook(Command):
    book: Key[str]
    title: Annotated[str, Len(1)]


class LendBook(Command):
    book: Key[str]
    reader: str


class BookNamed(Event):
    book: Key[str]
    title: str


class BookLent(Event):
    book: Key[str]
    reader: str


@dataclass
class Book:
    title: str = "untitled"
    reader: str = ""


Books = dict[str, Book]


def decide_books(_books: Books, command: NameBook | LendBook) -> Iterator[BookNamed | BookLent]:
    if isinstance(command, NameBook):
        yield BookNamed(book=command.book, title=command.title)
    else:
        yield BookLent(book=command.book, reader=command.reader)


def evolve_books(books: Books, event: BookNamed | BookLent) -> Books:
    book = books.setdefault(event.book, Book())
    if isinstance(event, BookNamed):
        book.title = event.title
    else:
        book.reader = event.reader
    return books


def evolve_only_titles(books: Books, event: BookNamed | BookLent) -> Books:
    if isinstance(event, BookNamed):
        return books | {event.book: Book(event.title)}
    return evolve_books(books, event)


def test_the_first_values_of_a_new_record_are_nobodys_change() -> None:
    """Two people make the record, each with a change of another field."""
    readers: Strategies = {"reader": st.sampled_from(["ann", "bob"])}
    check(Decider("books", Books, decide_books, evolve_books), "no-change-is-lost", readers)


def test_a_change_that_makes_the_record_anew_is_found() -> None:
    with pytest.raises(LawBroken, match="did cannot be seen: a/"):
        check(Decider("books", Books, decide_books, evolve_only_titles), "no-change-is-lost")


# --- drawn values ---------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Part(Value):
    name: str
    size: Annotated[int, Ge(100)]


class Everything(Command):
    key: Key[str]
    flag: bool
    number: float
    data: bytes
    moment: datetime
    day: date
    hour: time
    long: timedelta
    id: UUID
    price: Annotated[Decimal, Ge(Decimal(5))]
    colour: Colour
    mode: Literal["fast", "slow"]
    maybe: int | None
    part: Part
    parts: Annotated[tuple[Part, ...], Len(1, 3)]
    pair: tuple[int, str]
    words: frozenset[str]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-\d\d$")]
    named: Annotated[str, Len(30, 40)]
    usual: int = 7


class Done(Event):
    key: Key[str]


@dataclass
class Keys:
    keys: dict[str, int] = field(default_factory=dict[str, int])


def decide_everything(keys: Keys, command: Everything) -> Iterator[Done]:
    yield Done(key=command.key)


def evolve_everything(keys: Keys, event: Done) -> Keys:
    keys.keys[event.key] = keys.keys.get(event.key, 0) + 1
    return keys


everything = Decider("everything", Keys, decide_everything, evolve_everything)


def test_every_type_of_field_is_drawn_within_its_limits() -> None:
    check(everything, "everything-comes-up")


class Open(Command):
    door: Key[str]
    password: str


class Opened(Event):
    door: Key[str]


def decide_doors(keys: Keys, command: Open) -> Iterator[Opened]:
    if command.password != "sesame":  # noqa: S105 - of a door
        raise Rejected("wrong password")
    yield Opened(door=command.door)


def evolve_doors(keys: Keys, event: Opened) -> Keys:
    keys.keys[event.door] = 1
    return keys


doors = Decider("doors", Keys, decide_doors, evolve_doors)
SESAME: Strategies = {"password": st.just("sesame")}


def test_a_command_that_is_never_accepted_is_told_with_its_refusal() -> None:
    with pytest.raises(LawBroken) as told:
        check(doors, "everything-comes-up")
    assert "none was accepted of Open (refused: wrong password), Opened." in str(told.value)


@pytest.mark.parametrize(
    "strategies",
    [
        SESAME,
        {str: st.just("sesame")},
        {Open: st.builds(Open, door=st.sampled_from("ab"), password=st.just("sesame"))},
    ],
    ids=["by field", "by type", "by class"],
)
def test_values_can_be_given(strategies: Strategies) -> None:
    check(doors, "everything-comes-up", strategies)


# --- faults besides those that are planted --------------------------------------------------------


def test_an_evolve_that_fails_is_told_with_its_steps() -> None:
    def evolve(keys: Keys, event: Opened) -> Keys:
        if event.door in keys.keys:
            raise KeyError(event.door)
        return evolve_doors(keys, event)

    with pytest.raises(LawBroken, match=r"evolve raised KeyError: '.*' on Opened") as told:
        check(Decider("doors", Keys, decide_doors, evolve), "evolve-is-deterministic", SESAME)
    assert len(told.value.steps) == 2


def test_a_decide_that_remembers_is_found() -> None:
    asked: list[str] = []

    def decide(keys: Keys, command: Open) -> Iterator[Opened]:
        asked.append(command.door)
        if len(asked) % 2:
            yield Opened(door=command.door)

    decider = Decider("doors", Keys, decide, evolve_doors)
    with pytest.raises(LawBroken, match="on the same state gave"):
        check(decider, "decide-changes-nothing", SESAME)


def test_an_evolve_with_a_memory_of_its_own_is_found() -> None:
    seen: list[str] = []

    def evolve(keys: Keys, event: Opened) -> Keys:
        seen.append(event.door)
        keys.keys[event.door] = len(seen)
        return keys

    decider = Decider("doors", Keys, decide_doors, evolve)
    with pytest.raises(LawBroken, match="The same events gave two states"):
        check(decider, "evolve-is-deterministic", SESAME)


def test_a_missing_sample_of_an_old_event_is_told() -> None:
    bug = BUGS["a partial upcast"]
    with pytest.raises(LawBroken, match=r"has no fields of version 2: give those of a stored"):
        check(bug.decider, bug.law, samples={ColouredCardAdded: {1: [first_with_column()]}})


def in_cents(euros: str) -> Fields:
    return {"cents": round(float(euros) * 100)}


class Pay(Command):
    cents: int
    schema_version = 2
    upcasts = {1: in_cents}


class Paid(Event):
    cents: int


def pay(sum_: int, command: Pay) -> Iterator[Paid]:
    yield Paid(cents=command.cents)


def paid(sum_: int, event: Paid) -> int:
    return sum_ + event.cents


def test_old_commands_are_read_from_samples_too() -> None:
    till = Decider("till", int, pay, paid)
    check(till, "upcasts-are-total", samples={Pay: {1: [{"euros": "2.50"}]}})
    with pytest.raises(LawBroken, match=r"Pay has schema version 2, and the test has no fields"):
        check(till, "upcasts-are-total")
    with pytest.raises(LawBroken, match=r"stored Pay .*(\n.*)*in_cents\) raised ValueError"):
        check(till, "upcasts-are-total", samples={Pay: {1: [{"euros": "much"}]}})


def first_with_column() -> dict[str, object]:
    return {"card": "c1", "number": 1, "title": "Pay", "column": "todo"}


# --- wrong use ------------------------------------------------------------------------------------


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(WiringError, match="no message has a field 'colum'; the fields are assig"):
        laws(board, strategies={"colum": st.just("todo")})
    with pytest.raises(WiringError, match="expected a Decider"):
        laws(cast("Decider[Board, Upvote, Done]", Board))
    with pytest.raises(WiringError, match="models are classes that inherit from ReadModel"):
        laws(board, models=[cast("type[Cards]", Board)])
    with pytest.raises(WiringError, match=r"overwrites: .*Open.* is not a command of board"):
        laws(board, overwrites=[cast("type[Upvote]", Open)])


def test_a_model_of_other_events_is_named() -> None:
    subject = Subject(cast("AnyDecider", incident), [Cards], {}, {}, None, ())
    law = laws_of(subject)[-1]
    with pytest.raises(WiringError, match="Cards projects no event of incident"):
        law.check(subject, law)


def test_what_differs_can_be_left_out() -> None:
    def evolve(keys: Keys, event: Opened) -> Keys:
        keys.keys = {event.door: 1}  # the last one
        return keys

    decider = Decider("doors", Keys, decide_doors, evolve)
    name = "merged-commands-commute"
    with pytest.raises(LawBroken):
        check(decider, name, SESAME)
    subject = Subject(
        cast("AnyDecider", decider), (), SESAME, {}, lambda state: len(cast("Keys", state).keys), ()
    )
    (law,) = [one for one in laws_of(subject) if one.name == name]
    law.check(subject, law)
