"""One journal and ten programs: each changes the domain, and reads what all before it wrote.

All programs stay open, as in a deploy that never ends. After each change it is checked which older
programs go on reading, and that the others stop with words and lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, TypeAlias, Union

import pytest
from pydantic import Field

from comity.actors import Aggregate, Domain
from comity.engine import (
    Command,
    Decider,
    Event,
    Fields,
    Key,
    RetiredEvent,
    StoredAs,
    UnreadableEvent,
    Value,
)
from comity.engine.journal.memory_journal import MemoryJournal

Cards: TypeAlias = dict[str, dict[str, object]]
Board: TypeAlias = Decider[Cards, Command, Event]


def program(ways: Mapping[type[Command], type[Event]], retired: tuple[str, ...] = ()) -> Board:
    """A program: each command gives one event with its fields, and a card has the newest ones."""

    def decide(cards: Cards, command: Command) -> Iterator[Event]:
        yield ways[type(command)](**dict(command))

    def evolve(cards: Cards, event: Event) -> Cards:
        fields = dict(event)
        cards.setdefault(str(fields.pop("card")), {}).update(fields)
        return cards

    decide.__annotations__["command"] = Union[tuple(ways)]  # noqa: UP007 - built, not written
    evolve.__annotations__["event"] = Union[tuple(ways.values())]  # noqa: UP007
    return Decider("board", dict, decide, evolve, retired=retired)


class One:
    class Plan(Command):
        card: Key[str]
        name: str
        due: date

    class Planned(Event):
        card: Key[str]
        name: str
        due: date

    class Star(Command):
        card: Key[str]
        stars: int

    class Starred(Event):
        card: Key[str]
        stars: int


class Two:
    """A new field with a default; programs that do not know it may go on."""

    class Plan(Command):
        card: Key[str]
        name: str
        due: date
        urgent: bool = False

    class Planned(Event):
        readable_from = 1
        card: Key[str]
        name: str
        due: date
        urgent: bool = False


class Three:
    """New names of the classes, and of a field."""

    class Schedule(Command):
        stored_as = "Plan"
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: date
        urgent: bool = False

    class Scheduled(Event):
        stored_as = "Planned"
        readable_from = 1
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: date
        urgent: bool = False


def at_noon(due: date) -> Fields:
    return {"due": datetime.combine(due, time(12), UTC)}


class Four:
    """The due date has a time: another type, which no older program can read."""

    class Schedule(Command):
        stored_as = "Plan"
        schema_version = 2
        upcasts = {1: at_noon}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False

    class Scheduled(Event):
        stored_as = "Planned"
        schema_version = 2
        upcasts = {1: at_noon}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False


class Five:
    """Cards can be copied from another board, with an event of their own."""

    class Copy(Command):
        card: Key[str]
        title: str
        due: datetime

    class Copied(Event):
        schema_version = 2
        upcasts = {1: at_noon}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime


class Six:
    """A copied card is a scheduled one: two classes become one. Stars are given up."""

    class Scheduled(Event):
        stored_as = "Planned"
        aliases = ("Copied",)
        schema_version = 2
        upcasts = {1: at_noon}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False


class Cost(Value):
    amount: Decimal
    currency: str = "EUR"


def for_nothing() -> Fields:
    return {"cost": Cost(amount=Decimal(0))}


class Seven:
    """Every card has a cost; older programs may go on without it."""

    class Schedule(Command):
        stored_as = "Plan"
        schema_version = 3
        upcasts = {1: at_noon, 2: for_nothing}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False
        cost: Cost

    class Scheduled(Event):
        stored_as = "Planned"
        aliases = ("Copied",)
        schema_version = 3
        upcasts = {1: at_noon, 2: for_nothing}
        readable_from = 2
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False
        cost: Cost


class Price(Value):
    value: Annotated[Decimal, StoredAs("amount")]
    currency: str = "EUR"
    per_hour: bool = False


def free() -> Fields:
    return {"cost": Price(value=Decimal(0))}


class Eight:
    """The nested record gets another name, a renamed field and a new one."""

    class Schedule(Command):
        stored_as = "Plan"
        schema_version = 3
        upcasts = {1: at_noon, 2: free}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False
        price: Annotated[Price, StoredAs("cost")]

    class Scheduled(Event):
        stored_as = "Planned"
        aliases = ("Copied",)
        schema_version = 3
        upcasts = {1: at_noon, 2: free}
        readable_from = 2
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        urgent: bool = False
        price: Annotated[Price, StoredAs("cost")]


def cut(name: str) -> Fields:
    return {"name": name[:20]}


class Nine:
    """A tighter limit: titles of at most 20 letters."""

    class Scheduled(Event):
        stored_as = "Planned"
        aliases = ("Copied",)
        schema_version = 4
        upcasts = {1: at_noon, 2: free, 3: cut}
        readable_from = 2
        card: Key[str]
        title: Annotated[str, StoredAs("name"), Field(max_length=20)]
        due: datetime
        urgent: bool = False
        price: Annotated[Price, StoredAs("cost")]


def level(*, urgent: bool = False) -> Fields:
    return {"level": 3 if urgent else 1}


class Ten:
    """Levels instead of urgent cards. No older program can read them."""

    class Schedule(Command):
        stored_as = "Plan"
        schema_version = 4
        upcasts = {1: at_noon, 2: free, 3: level}
        card: Key[str]
        title: Annotated[str, StoredAs("name")]
        due: datetime
        price: Annotated[Price, StoredAs("cost")]
        level: int

    class Scheduled(Event):
        stored_as = "Planned"
        aliases = ("Copied",)
        schema_version = 5
        upcasts = {1: at_noon, 2: free, 3: cut, 4: level}
        card: Key[str]
        title: Annotated[str, StoredAs("name"), Field(max_length=20)]
        due: datetime
        price: Annotated[Price, StoredAs("cost")]
        level: int


STARS: dict[type[Command], type[Event]] = {One.Star: One.Starred}
PROGRAMS: list[Board] = [
    program({One.Plan: One.Planned, **STARS}),
    program({Two.Plan: Two.Planned, **STARS}),
    program({Three.Schedule: Three.Scheduled, **STARS}),
    program({Four.Schedule: Four.Scheduled, **STARS}),
    program({Four.Schedule: Four.Scheduled, Five.Copy: Five.Copied, **STARS}),
    program({Four.Schedule: Six.Scheduled}, retired=("Starred",)),
    program({Seven.Schedule: Seven.Scheduled}, retired=("Starred",)),
    program({Eight.Schedule: Eight.Scheduled}, retired=("Starred",)),
    program({Eight.Schedule: Nine.Scheduled}, retired=("Starred",)),
    program({Ten.Schedule: Ten.Scheduled}, retired=("Starred",)),
]

DAY, NOON = date(2027, 3, 1), datetime(2027, 3, 1, 12, tzinfo=UTC)
EVENING = datetime(2027, 3, 1, 18, tzinfo=UTC)
FREE, NINE = Price(value=Decimal(0)), Price(value=Decimal(9))
HOURLY = Price(value=Decimal(9), per_hour=True)
PAY: list[list[Command]] = [
    [One.Plan(card="c", name="Pay", due=DAY), One.Star(card="c", stars=2)],
    [Two.Plan(card="c", name="Pay", due=DAY, urgent=True)],
    [Three.Schedule(card="c", title="Pay", due=DAY)],
    [Four.Schedule(card="c", title="Pay", due=EVENING)],
    [Five.Copy(card="c", title="Pay", due=EVENING)],
    [Four.Schedule(card="c", title="Pay the bill of the whole year", due=EVENING)],
    [Seven.Schedule(card="c", title="Pay", due=EVENING, cost=Cost(amount=Decimal(9)))],
    [
        Eight.Schedule(
            card="c", title="Pay", due=EVENING, price=Price(value=Decimal(9), per_hour=True)
        )
    ],
    [Eight.Schedule(card="c", title="Pay", due=EVENING, price=NINE)],
    [Ten.Schedule(card="c", title="Pay", due=EVENING, price=NINE, level=2)],
]
"""What is sent to each program; it writes to a board of its own."""

READERS: list[range] = [
    range(1, 11),  # the first events: for ever
    range(1, 11),  # a new field that older programs may leave out
    range(1, 11),  # new names: they go on under the old ones
    range(4, 11),  # another type of a field
    range(5, 11),  # an event of its own, later an alias
    range(4, 11),
    range(4, 11),  # a cost that older programs may leave out
    range(4, 11),  # a new field of a nested record, which they may leave out
    range(4, 11),  # a limit: what fits it, fits the older ones
    range(10, 11),  # levels
]
"""The programs that can read the board of each program."""

TODAY: list[dict[str, object]] = [
    {"title": "Pay", "due": NOON, "price": FREE, "level": 1},
    {"title": "Pay", "due": NOON, "price": FREE, "level": 3},
    {"title": "Pay", "due": NOON, "price": FREE, "level": 1},
    {"title": "Pay", "due": EVENING, "price": FREE, "level": 1},
    {"title": "Pay", "due": EVENING, "price": FREE, "level": 1},
    {"title": "Pay the bill of the ", "due": EVENING, "price": FREE, "level": 1},
    {"title": "Pay", "due": EVENING, "price": NINE, "level": 1},
    {"title": "Pay", "due": EVENING, "price": HOURLY, "level": 1},
    {"title": "Pay", "due": EVENING, "price": NINE, "level": 1},
    {"title": "Pay", "due": EVENING, "price": NINE, "level": 2},
]
"""How the last program reads the card on each board."""


@pytest.fixture
def domains() -> Iterator[list[Domain]]:
    """The domains of all programs, open at once on one journal."""
    journal = MemoryJournal()
    with ExitStack() as stack:
        yield [stack.enter_context(Domain(journal, deciders=[one])) for one in PROGRAMS]


def of(domains: list[Domain], program: int, writer: int) -> Aggregate[Cards, Command, Event]:
    """The board that one program has written, in another one."""
    return domains[program - 1].aggregate(PROGRAMS[program - 1], f"by-{writer}")


def test_ten_programs_work_on_one_journal_at_once(domains: list[Domain]) -> None:
    for writer, commands in enumerate(PAY, 1):
        for command in commands:
            of(domains, writer, writer).do(command, id=f"{writer}-{command.stored_as}")

        for program in range(1, 11):
            board = of(domains, program, writer)
            if program in READERS[writer - 1]:
                assert list(board.look().state) == ["c"]
            else:
                with pytest.raises(UnreadableEvent):
                    board.look()

    for writer, today in enumerate(TODAY, 1):  # what the last program makes of it
        assert of(domains, 10, writer).look().state["c"] == today

    # The stars are still in the history, and count as a version.
    first = of(domains, 10, 1)
    assert first.look().version == 2
    star = [at.event for at in domains[9].history(first)][1]
    assert isinstance(star, RetiredEvent)
    assert star.fields == {"card": "c", "stars": 2}

    # A client of the first program goes on, and so does a retry in today's words.
    sent = {"card": "d", "name": "Call", "due": "2027-03-01"}
    command = PROGRAMS[9].read_command("Plan", 1, sent)
    assert command == Ten.Schedule(card="d", title="Call", due=NOON, price=FREE, level=1)
    assert first.do(command, id="d").version == 3
    again = Ten.Schedule(card="c", title="Pay", due=NOON, price=FREE, level=1)
    assert first.do(again, id="1-Plan").version == 1

    # It wrote to the first board, so the first programs are stopped there, and lose nothing.
    with pytest.raises(UnreadableEvent, match=r"by a newer program.*run the newer program"):
        of(domains, 1, 1).look()
    with pytest.raises(UnreadableEvent):
        of(domains, 1, 1).do(One.Plan(card="e", name="x", due=DAY))
    assert first.look().version == 3
    assert domains[0].version(of(domains, 1, 1)) == 3
