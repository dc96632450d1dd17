"""Messages of several schema versions: upcasts, renamed fields, aliases, newer events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.making import make

from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Event,
    Fields,
    Invalid,
    Key,
    StoredAs,
    UnreadableEvent,
    Value,
    WiringError,
)
from comity.engine.journal.entry import Entry, records_of
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.merging.command_types import CommandTypes
from comity.engine.merging.decider import store
from comity.engine.messages import codec
from comity.engine.messages.message import Message

CARDS = AggregateId("cards", "c")
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def with_time(due: date) -> Fields:
    return {"due": datetime.combine(due, time(12), UTC)}


def split(due: datetime, costs: str, currency: str = "EUR") -> Fields:
    return {"due": due, "price": Decimal(costs), "currency": currency}


class Place(Value):
    number: Annotated[int, StoredAs("no")]
    street: str = ""


class Scheduled(Event):
    stored_as = "CardPlanned"
    aliases = ("CardDated",)
    schema_version = 3
    upcasts = {1: with_time, 2: split}
    readable_from = 2
    card: Key[str]
    title: Annotated[str, StoredAs("name")]
    due: datetime
    price: Decimal
    currency: str
    places: tuple[Place, ...] = ()


class Schedule(Command):
    stored_as = "Plan"
    aliases = ("PlanCard",)
    schema_version = 3
    upcasts = {1: with_time, 2: split}
    card: Key[str]
    title: Annotated[str, StoredAs("name")]
    due: datetime
    price: Decimal
    currency: str
    places: tuple[Place, ...] = ()


def decide(state: int, command: Schedule) -> Iterator[Scheduled]:
    yield Scheduled(**command.model_dump())


def evolve(state: int, event: Scheduled) -> int:
    return state + 1


cards = Decider("cards", int, decide, evolve)
EVENT = Scheduled(
    card="c",
    title="Pay",
    due=NOON,
    price=Decimal("2.50"),
    currency="EUR",
    places=(Place(number=1),),
)
COMMAND = Schedule(**EVENT.model_dump())
STORED = store(EVENT)
FIELDS = codec.unpack_fields(STORED.data)
OLDER: dict[int, dict[str, object]] = {
    1: {"card": "c", "name": "Pay", "due": "2027-03-01", "costs": "2.50", "places": ({"no": 1},)},
    2: {**FIELDS, "costs": "2.50"},
    3: FIELDS,
}
for _gone in ("price", "currency"):
    del OLDER[2][_gone]


# --- events of older schema versions --------------------------------------------------------------


@pytest.mark.parametrize("schema", OLDER)
@pytest.mark.parametrize("name", ["CardPlanned", "CardDated"])
def test_an_event_of_each_schema_version_and_name_becomes_todays(name: str, schema: int) -> None:
    fields = dict(OLDER[schema])
    assert cards.load(StoredEvent(name, schema, fields)) == EVENT
    assert fields == OLDER[schema]


def test_an_upcast_gets_a_default_or_the_field_that_was_stored() -> None:
    stored = StoredEvent("CardPlanned", 1, {**OLDER[1], "currency": "CHF"})
    assert cards.load(stored).currency == "CHF"


def test_a_later_upcast_gets_what_an_earlier_one_made_as_it_is() -> None:
    given: list[object] = []

    def first(size: int) -> Fields:
        return {"size": Decimal(size)}

    def second(size: Decimal) -> Fields:
        given.append(size)
        return {"size": size + 1}

    kind = make(Event, {"size": Decimal}, {"schema_version": 3, "upcasts": {1: first, 2: second}})
    event = loading(kind).load(StoredEvent("Made", 1, {"size": 4}))
    assert (given, vars(event)) == ([Decimal(4)], {"size": Decimal(5)})


def test_what_an_upcast_returns_replaces_a_field_that_it_did_not_take() -> None:
    def blank() -> Fields:
        return {"text": "new"}

    kind = make(Event, {"text": str}, {"schema_version": 2, "upcasts": {1: blank}})
    assert vars(loading(kind).load(StoredEvent("Made", 1, {"text": "old"}))) == {"text": "new"}


def test_an_upcast_that_would_end_the_program_is_a_mistake_of_the_class() -> None:
    def leaving() -> Fields:
        raise SystemExit(0)

    kind = make(Event, {"text": str}, {"schema_version": 2, "upcasts": {1: leaving}})
    with pytest.raises(UnreadableEvent, match=r"\(leaving\) raised SystemExit: 0"):
        loading(kind).load(StoredEvent("Made", 1, {"text": "old"}))


def test_an_upcast_may_name_a_renamed_field_by_either_name() -> None:
    def by_own() -> Fields:
        return {"title": "x"}

    def by_stored() -> Fields:
        return {"name": "x"}

    for upcast in (by_own, by_stored):
        kind = make(
            Event,
            {"title": Annotated[str, StoredAs("name")]},
            {"schema_version": 2, "upcasts": {1: upcast}},
        )
        assert vars(loading(kind).load(StoredEvent("Made", 1, {}))) == {"title": "x"}


def loading(kind: type[Event]) -> Decider[int, Schedule, Event]:
    def react(state: int, command: Schedule) -> tuple[Event, ...]:
        return ()

    def add(state: int, event: Event) -> int:
        return state

    add.__annotations__["event"] = kind
    return Decider("made", int, react, add)


def test_a_snapshot_that_was_made_by_another_upcast_is_not_used() -> None:
    def white() -> Fields:
        return {"colour": "white"}

    def black() -> Fields:
        return {"colour": "black"}

    schemas = [
        loading(
            make(Event, {"colour": str}, {"schema_version": 2, "upcasts": {1: upcast}})
        ).states.schema
        for upcast in (white, black, white)
    ]
    assert schemas[0] == schemas[2] != schemas[1]


# --- mistakes in a class --------------------------------------------------------------------------


def takes_a_list(x: list[int]) -> Fields:
    return {}


def takes_all(**x: int) -> Fields:
    return {}


def takes_by_place(x: int, /) -> Fields:
    return {}


def takes_a_wrong_default(x: int = "1") -> Fields:  # type: ignore[assignment] # pyright: ignore[reportArgumentType]
    return {}


def takes_anything(x: int) -> Fields:
    return {}


def takes_what_is_not_there(x: int) -> Fields:
    return {}


takes_anything.__annotations__.pop("x")
takes_what_is_not_there.__annotations__["x"] = "Nowhere"


async def waits() -> Fields:
    return {}


def yields() -> Iterator[Fields]:
    yield {}


def two(**said: object) -> dict[str, object]:
    return {"schema_version": 2, **said}


MISTAKES: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "no upcast": ({}, two(), r"no upcast from version 1: write upcasts = \{1: function\}"),
    "a gap": (
        {}, {"schema_version": 4, "upcasts": {1: with_time, 3: split}}, "no upcast from version 2"
    ),
    "an upcast to nowhere": (
        {}, two(upcasts={1: with_time, 2: split}), "2 is not a version before 2"
    ),
    "an upcast from version 0": ({}, two(upcasts={0: with_time}), "0 is not a version before 2"),
    "an upcast from a word": ({}, two(upcasts={"1": with_time}), "'1' is not a version before 2"),
    "an upcast at version 1": ({}, {"upcasts": {1: with_time}}, "1 is not a version before 1"),
    "upcasts in a list": ({}, two(upcasts=[with_time]), r"expected a dict such as \{1: function"),
    "no function": ({}, two(upcasts={1: "with_time"}), "expected a function from the old fields"),
    "a class": ({}, two(upcasts={1: dict}), "cannot be read at run time"),
    "a partial": ({}, two(upcasts={1: partial(with_time)}), "cannot be read at run time"),
    "an old upcast": ({}, two(upcast=staticmethod(with_time)), r"write upcasts = \{1: function"),
    "async": ({}, two(upcasts={1: waits}), "expected a function that returns a dict"),
    "a generator": ({}, two(upcasts={1: yields}), "without async and yield"),
    "a list": ({}, two(upcasts={1: takes_a_list}), r"\(takes_a_list\).x: list cannot be kept"),
    "all": ({}, two(upcasts={1: takes_all}), "x names no field"),
    "by place": ({}, two(upcasts={1: takes_by_place}), "x names no field"),
    "a default": ({}, two(upcasts={1: takes_a_wrong_default}), "default is not valid"),
    "no annotation": ({}, two(upcasts={1: takes_anything}), "annotate x with the type"),
    "a type that is not there": ({}, two(upcasts={1: takes_what_is_not_there}), "Nowhere"),
    "an alias that is no word": ({}, {"aliases": ("a b",)}, "Made.aliases: expected a word"),
    "an alias that is no text": ({}, {"aliases": (5,)}, "Made.aliases: expected a word"),
    "the own name": ({}, {"aliases": ("Made",)}, "'Made' is there twice, or is its stored name"),
    "an alias twice": ({}, {"aliases": ("A", "A")}, "'A' is there twice"),
    "one alias, not in a tuple": ({}, {"aliases": "Old"}, r"expected a tuple such as"),
    "two fields with one stored name": (
        {"a": Annotated[int, StoredAs("x")], "b": Annotated[int, StoredAs("x")]},
        {},
        "Made: a and b are both stored as x",
    ),
    "the name of another field": (
        {"a": Annotated[int, StoredAs("b")], "b": int}, {}, "Made: b and a are both stored as b"
    ),
    "two stored names": (
        {"a": Annotated[int, StoredAs("x"), StoredAs("y")]}, {}, "expected one StoredAs, got 2"
    ),
    "a stored name that is forgotten": (
        {"a": Annotated[int, StoredAs]}, {}, r"Made.a: expected StoredAs\('name'\) with"
    ),
    "a stored name that is no word": (
        {"a": Annotated[int, StoredAs("x y")]}, {}, r"Made.a: expected StoredAs\('name'\)"
    ),
    "a stored name inside of a type": (
        {"a": tuple[Annotated[int, StoredAs("x")], ...]}, {}, "StoredAs marks a whole field"
    ),
}  # fmt: skip


@pytest.mark.parametrize("base", [Event, Command])
@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_message_is_told_when_its_class_is_made(
    base: type[Message], case: str
) -> None:
    fields, said, why = MISTAKES[case]
    with pytest.raises(WiringError, match=why):
        make(base, fields, said)


@pytest.mark.parametrize("oldest", [0, 2, "1", True, 1.0])
def test_only_schema_versions_up_to_its_own_may_read_an_event(oldest: object) -> None:
    with pytest.raises(WiringError, match="expected a schema version up to 1"):
        make(Event, {}, {"readable_from": oldest})


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ({"stored_as": "A"}, {"stored_as": "A"}),
        ({"stored_as": "A"}, {"aliases": ("A",)}),
        ({"aliases": ("A",)}, {"aliases": ("A",)}),
    ],
)
def test_two_events_may_not_claim_one_stored_name(
    said: dict[str, object], other: dict[str, object]
) -> None:
    kind = make(Event, {}, said, "One") | make(Event, {}, other, "Two")
    with pytest.raises(WiringError, match="two of its message classes are called A; give one"):
        loading(kind)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


# --- renamed fields -------------------------------------------------------------------------------


def test_a_renamed_field_is_stored_under_its_old_name_also_in_nested_records() -> None:
    assert FIELDS["name"] == "Pay"
    assert FIELDS["places"] == ({"no": 1, "street": ""},)
    assert "title" not in FIELDS


def test_a_key_may_be_renamed_and_paths_have_its_own_name() -> None:
    kind = make(Event, {"card": Annotated[Key[str], StoredAs("id")], "done": bool})
    event = kind.model_validate({"card": "c", "done": True})
    assert codec.unpack_fields(store(event).data) == {"id": "c", "done": True}
    assert event.footprint() == (("card", "c", "done"),)


def test_a_renamed_field_is_read_with_and_without_the_stamp() -> None:
    assert STORED.stamp
    assert cards.load(STORED) == cards.load(STORED._replace(stamp=0)) == EVENT


def test_a_renamed_field_does_not_change_the_stamp() -> None:
    before = make(Event, {"name": str, "places": tuple[_Old, ...]})
    after = make(Event, {"title": Annotated[str, StoredAs("name")], "places": tuple[Place, ...]})
    assert before.__stamp__ == after.__stamp__ != 0
    old = before.model_validate({"name": "x", "places": (_Old(no=1, street="s"),)})
    assert vars(loading(after).load(store(old))) == {
        "title": "x",
        "places": (Place(number=1, street="s"),),
    }


class _Old(Value):
    no: int
    street: str = ""


def test_a_field_under_its_own_name_is_not_the_renamed_one() -> None:
    fields = {**FIELDS, "title": "Pay"}
    del fields["name"]
    with pytest.raises(UnreadableEvent, match="title is stored as name, and not as title"):
        cards.load(StoredEvent("CardPlanned", 3, fields))


# --- newer events ---------------------------------------------------------------------------------


def newer(schema: int, readable: int) -> StoredEvent:
    places = ({"no": 1, "street": "", "city": "Rome"},)
    return StoredEvent("CardPlanned", schema, {**FIELDS, "places": places, "more": 1}, 9, readable)


@pytest.mark.parametrize(("schema", "readable"), [(4, 1), (4, 3), (3, 3), (9, 2)])
def test_what_an_older_program_may_read_is_read_without_unknown_fields(
    schema: int, readable: int
) -> None:
    assert cards.load(newer(schema, readable)) == EVENT


@pytest.mark.parametrize(
    ("schema", "readable", "why"),
    [
        (4, 0, "schema version 4, by a newer program, and this program's Scheduled has version 3"),
        (4, 4, "run the newer program"),
        (3, 0, "Extra inputs are not permitted"),
    ],
)
def test_what_an_older_program_may_not_read_stops_it(schema: int, readable: int, why: str) -> None:
    with pytest.raises(UnreadableEvent, match=why):
        cards.load(newer(schema, readable))


def test_a_newer_event_without_a_field_of_the_older_program_stops_it() -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "due"}
    with pytest.raises(UnreadableEvent, match="due: Field required: run the newer program"):
        cards.load(StoredEvent("CardPlanned", 4, fields, 0, 3))


def test_from_which_version_on_an_event_is_readable_is_stored_only_if_it_is_said() -> None:
    assert STORED.readable == 2
    silent = STORED._replace(readable=0)
    for events in ((STORED,), (silent,), (silent, STORED)):
        turn = Turn.of(CARDS, 0, (Entry("id", events, 1, b""),))
        (record,) = records_of(CARDS, 0, 0, turn.entries)
        assert record.events == events
    packed = {len(Entry("id", (one,), 1, b"").pack()) for one in (STORED, silent)}
    assert max(packed) - min(packed) == 1


# --- commands -------------------------------------------------------------------------------------

JSON: dict[int, dict[str, object]] = {
    1: {**OLDER[1], "places": [{"no": 1}]},
    2: {"card": "c", "name": "Pay", "due": "2027-03-01T12:00:00Z", "costs": "2.50",
        "places": [{"no": 1}]},
    3: {"card": "c", "title": "Pay", "due": "2027-03-01T13:00:00+01:00", "price": "2.50",
        "currency": "EUR", "places": [{"number": 1, "street": ""}]},
}  # fmt: skip


@pytest.mark.parametrize("schema", JSON)
@pytest.mark.parametrize("name", ["Plan", "PlanCard"])
def test_a_command_of_each_schema_version_and_name_becomes_todays(name: str, schema: int) -> None:
    assert cards.read_command(name, schema, JSON[schema]) == COMMAND
    assert cards.load_command(name, schema, OLDER[schema]) == COMMAND


def reader(given: list[object]) -> CommandTypes[Command]:
    """What reads a command whose upcasts note what they are given."""

    def day_of(at: datetime) -> Fields:
        given.append(at)
        return {"day": at.date()}

    def loud(name: str) -> Fields:
        given.append(name)
        return {"title": name.upper()}

    def sized(name: str) -> Fields:
        return {"name": f"{name}!"}

    kind = make(
        Command,
        {"day": date, "title": Annotated[str, StoredAs("name")]},
        {"schema_version": 4, "upcasts": {1: day_of, 2: loud, 3: sized}},
    )
    return CommandTypes("made", [kind])


@pytest.mark.parametrize("name", ["name", "title"])
def test_an_upcast_of_a_command_gets_what_a_class_would_give_it(name: str) -> None:
    given: list[object] = []
    fields = {"at": "2027-03-01T00:30:00+02:00", name: "pay"}
    read = reader(given).read("Made", 1, fields)
    assert given == [datetime(2027, 2, 28, 22, 30, tzinfo=UTC), "pay"]
    assert vars(read) == {"day": date(2027, 2, 28), "title": "PAY!"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"at": "2027-03-01T00:30:00", "name": "pay"}, "at: Input should have timezone info"),
        ({"at": "2027-03-01T00:30:00Z", "name": "a", "title": "b"}, "title is given twice"),
    ],
)
def test_an_upcast_of_a_command_does_not_get_what_a_class_refuses(
    fields: dict[str, object], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        reader([]).read("Made", 1, fields)


PLACES = st.builds(Place, number=st.integers(-(1 << 63), (1 << 63) - 1))


@given(
    st.builds(
        Schedule,
        due=st.datetimes(timezones=st.just(UTC)),
        price=st.decimals(allow_nan=False, allow_infinity=False),
        places=st.lists(PLACES, max_size=3).map(tuple),
    )
)
def test_every_command_is_read_back_as_json_and_as_it_is_stored(command: Schedule) -> None:
    assert cards.read_command("Plan", 3, command.model_dump(mode="json")) == command
    assert cards.load_command("Plan", 3, codec.pack(command)) == command


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "an unknown name": (lambda: cards.read_command("Go", 1, {}), r"name of a command \(Plan, Pl"),
    "a newer version": (lambda: cards.read_command("Plan", 4, {}), "a newer program has sent this"),
    "version 0": (lambda: cards.read_command("Plan", 0, {}), "a schema version up to 3, got 0"),
    "a missing field": (
        lambda: cards.read_command("Plan", 3, {"card": "c"}), "title: Field required"
    ),
    "an unknown field": (
        lambda: cards.read_command("Plan", 3, {**JSON[3], "more": 1}), "more: Extra inputs"
    ),
    "both names of a field": (
        lambda: cards.read_command("Plan", 3, {**JSON[3], "name": "x"}), "title is given twice"
    ),
    "a number for a datetime": (
        lambda: cards.read_command("Plan", 3, {**JSON[3], "due": 5}), "due: Input should be a valid"
    ),
    "no time zone": (
        lambda: cards.read_command("Plan", 3, {**JSON[3], "due": "2027-03-01T12:00:00"}), "due: "
    ),
    "what JSON cannot give": (
        lambda: cards.read_command("Plan", 3, {**JSON[3], "due": NOON}), "as JSON gives it"
    ),
    "a missing field of an upcast": (
        lambda: cards.read_command("Plan", 1, {"card": "c"}), r"\(with_time\): due: Field required"
    ),
    "an upcast that raises": (
        lambda: cards.read_command("Plan", 2, {**JSON[2], "costs": "much"}), r"\(split\) raised"
    ),
    "stored fields that do not fit": (
        lambda: cards.load_command("Plan", 3, {**FIELDS, "name": 5}), "title: Input should be"
    ),
    "a stored date for a datetime": (
        lambda: cards.load_command("Plan", 3, {**FIELDS, "due": "2027-03-01"}),
        "Schedule: due: '2027-03-01' cannot be read as datetime",
    ),
    "stored fields that are damaged": (
        lambda: cards.load_command("Plan", 3, b"\xc1"), "not a stored message"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_command_that_cannot_be_read_says_why(case: str) -> None:
    call, why = WRONG[case]
    with pytest.raises(Invalid, match=why):
        call()


@pytest.mark.parametrize("fields", [[], None, "{}", 5])
def test_a_command_without_a_map_of_fields_is_refused(fields: object) -> None:
    with pytest.raises(Invalid, match="expected the fields of a command by name"):
        cards.read_command("Plan", 3, fields)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
