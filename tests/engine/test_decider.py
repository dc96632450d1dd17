"""Deciders: what wiring them up checks, and reading events that are older than their class."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeAlias, TypeVar, cast

import msgpack
import pytest
from tests.support.making import make
from tests.support.party import Invited, Party, Renamed, party
from typing_extensions import TypeAliasType

from comity.engine import (
    At,
    Command,
    Decider,
    Event,
    Fields,
    Key,
    Sent,
    UnreadableEvent,
    WiringError,
)
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.messages.state_codec import StateCodec

P = ParamSpec("P")
R = TypeVar("R")


class Add(Command):
    number: int


class Double(Command):
    pass


class Added(Event):
    number: int


class Doubled(Event):
    pass


SumCommand: TypeAlias = Add | Double

if TYPE_CHECKING:
    Elsewhere: TypeAlias = Added | Doubled


def decide(total: int, command: SumCommand) -> Iterator[Added | Doubled]:
    """What a command comes to."""
    match command:
        case Add(number=number):
            yield Added(number=number)
        case Double():
            yield Doubled()


def evolve(total: int, event: Annotated[Added | Doubled, "events"]) -> int:
    """The total after an event."""
    return total + event.number if isinstance(event, Added) else total * 2


total = Decider("total", int, decide, evolve)


def test_a_decider_knows_its_commands_and_events_from_the_annotations() -> None:
    assert total.commands == (Add, Double)
    assert total.events == (Added, Doubled)
    assert repr(total) == "Decider('total')"


def test_it_folds_events_into_a_state() -> None:
    events: list[Added | Doubled] = [Added(number=1), Doubled(), Added(number=3)]
    assert total.fold(total.initial(), events) == 5


def test_methods_may_decide_and_evolve() -> None:
    class Rules:
        def decide(self, total: int, command: SumCommand) -> Iterator[Added]:
            yield Added(number=total)

        def evolve(self, total: int, event: Added) -> int:
            return total + event.number

    rules = Rules()
    decider = Decider("total", int, rules.decide, rules.evolve)
    assert decider.commands == (Add, Double)
    assert decider.events == (Added,)


def test_one_class_alone_needs_no_union() -> None:
    def add(total: int, command: Add) -> tuple[Added]:
        return (Added(number=command.number),)

    def sum_up(total: int, event: Added) -> int:
        return total + event.number

    assert Decider("sum", int, add, sum_up).commands == (Add,)


Sums = TypeAliasType("Sums", SumCommand)


def test_an_alias_stands_for_its_union() -> None:
    decider = wired(command=Sums)
    assert decider.commands == (Add, Double)


# --- what they may be told


def decide_sent(total: int, command: Add, sent: Sent) -> tuple[Added]:
    return (Added(number=command.number + len(sent.who)),)


def evolve_at(total: int, event: Added, at: At | None = None) -> int:
    assert at is not None
    return total * 10 + at.version + at.time.year


class Rules:
    def decide(self, total: int, command: Add, /, sent: Sent) -> tuple[Added]:
        return decide_sent(total, command, sent)

    @staticmethod
    def evolve(total: int, event: Added, at: At) -> int:
        return evolve_at(total, event, at)


def logged(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        return function(*arguments, **named)

    return call


ASKING = [
    Decider("sum", int, decide_sent, evolve_at),
    Decider("sum", int, Rules().decide, Rules.evolve),
    Decider("sum", int, logged(decide_sent), logged(evolve_at)),
]
ASKING.append(Decider("sum", int, ASKING[0].decide, ASKING[0].evolve))


@pytest.mark.parametrize("asking", ASKING)
def test_functions_with_a_third_parameter_are_told(asking: Decider[int, Add, Added]) -> None:
    assert list(asking.decide(0, Add(number=1), Sent("ann"))) == [Added(number=4)]
    assert list(asking.decide(0, Add(number=1))) == [Added(number=1)]
    assert asking.evolve(0, Added(number=1), At(3)) == 1973
    assert asking.fold(0, [Added(number=1)] * 2, At(5)) == 19750 + 1976
    assert asking.takes_at


def test_what_nobody_would_be_told_is_refused() -> None:
    def by_name(total: int, command: Add, *, sent: Sent = Sent()) -> tuple[Added]:  # noqa: B008
        return decide_sent(total, command, sent)

    with pytest.raises(WiringError, match=r"or \(state, command, sent: Sent\)"):
        Decider("sum", int, by_name, evolve_at)


def test_functions_with_two_parameters_are_called_alike() -> None:
    assert list(total.decide(0, Add(number=1), Sent("ann"))) == [Added(number=1)]
    assert total.evolve(1, Added(number=1), At(7)) == 2
    assert not total.takes_at


def test_a_snapshot_is_of_no_use_once_evolve_is_told_more() -> None:
    def plain(total: int, event: Added) -> int:
        return total

    def told(total: int, event: Added, at: At) -> int:
        return total

    # Of a decorator only its own code can be seen, and that is the same for both.
    before, after = Decider("sum", int, add, logged(plain)), Decider("sum", int, add, logged(told))
    assert before.states.schema != after.states.schema


def add(total: int, command: Add) -> tuple[Added]:
    return (Added(number=command.number),)


# --- wiring mistakes


def wired(
    name: str = "total",
    initial: Callable[[], object] = int,
    command: object = Add,
    event: object = Added,
) -> Decider[object, Command, Event]:
    """A decider whose functions are annotated so."""

    def decide(state: object, command: Command) -> tuple[Event, ...]:
        return ()

    def evolve(state: object, event: Event) -> object:
        return state

    decide.__annotations__["command"] = command
    evolve.__annotations__["event"] = event
    return Decider(name, initial, decide, evolve)


MISTAKES: dict[str, tuple[dict[str, object], str]] = {
    "a name with a space": ({"name": "my board"}, "1 to 64 of a-z, 0-9, _ and -"),
    "a name that climbs": ({"name": "../board"}, "beginning with a letter; got '../board'"),
    "a state for its class": ({"initial": 5}, "pass the state's class, or a function without par"),
    "a state that takes arguments": ({"initial": Renamed}, r"initial\(\) raised ValidationError"),
    "the base class": ({"command": Command}, "decide: annotate .* Command classes; Command is not"),
    "events for commands": ({"command": Added}, "total: decide: .*; Added is not one"),
    "commands for events": ({"event": Add | Double}, "total: evolve: .*; Add is not one"),
    "a class of another kind": ({"command": Add | int}, "; int is not one"),
    "None among them": ({"event": Added | None}, "; NoneType is not one"),
    "a string that is nothing": ({"command": "Nowhere"}, "'Nowhere' is not defined.*TYPE_CHECKING"),
    "two events with one name": (
        {"event": Added | make(Event, {}, {}, "Added")},
        "two of its message classes are called Added; give one a stored_as",
    ),
    "two commands with one name": (
        {"command": Add | make(Command, {}, {}, "Add")},
        "two of its message classes are called Add; give one a stored_as",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_fails_when_the_decider_is_made(mistake: str) -> None:
    said, remedy = MISTAKES[mistake]
    with pytest.raises(WiringError, match=remedy):
        wired(**said)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - mistakes


def decide_at(total: int, command: Add, at: At) -> tuple[Added, ...]:
    return ()


def evolve_sent(total: int, event: Added | Doubled, sent: Sent) -> int:
    return total


def decide_bare(total: int, command: Add, sent) -> tuple[Added, ...]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return ()


def decide_default(total: int, command: Add, size: int = 1) -> tuple[Added, ...]:
    return ()


def decide_four(total: int, command: Add, sent: Sent, at: At) -> tuple[Added, ...]:
    return ()


def decide_keyword(total: int, command: Add, *, sent: Sent) -> tuple[Added, ...]:
    return ()


FORMS: dict[str, tuple[Callable[..., object], Callable[..., object]]] = {
    "a decide that is told of the event": (decide_at, evolve),
    "an evolve that is told of the command": (decide, evolve_sent),
    "a third parameter without an annotation": (decide_bare, evolve),
    "another third parameter, with a default": (decide_default, evolve),
    "four parameters": (decide_four, evolve),
    "a keyword that is needed": (decide_keyword, evolve),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_function_of_another_form_fails_when_the_decider_is_made(form: str) -> None:
    deciding = cast("Callable[[int, Add], tuple[Added]]", FORMS[form][0])
    evolving = cast("Callable[[int, Added], int]", FORMS[form][1])
    with pytest.raises(WiringError, match=r"^total: \w+: expected \(state, .*\), got \(total"):
        Decider("total", int, deciding, evolving)


def test_the_error_says_what_is_expected_and_what_was_given() -> None:
    expected = (
        "total: evolve: expected (state, event) or (state, event, at: At), "
        "got (total: 'int', event: 'Added | Doubled', sent: 'Sent')"
    )
    with pytest.raises(WiringError, match=re.escape(expected)):
        Decider("total", int, decide, evolve_sent)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a mistake


@pytest.mark.parametrize("function", [print, len, divmod, zip, type, 5], ids=repr)
def test_functions_without_annotations_are_refused(function: object) -> None:
    unannotated = cast("Callable[[int, Add], tuple[Added]]", function)
    with pytest.raises(WiringError, match=r"decide: .*annotate its second parameter with"):
        Decider("total", int, unannotated, evolve)


def test_an_import_for_checkers_only_is_not_there_when_it_is_needed() -> None:
    def evolve_later(total: int, event: Elsewhere) -> int:
        return total

    with pytest.raises(WiringError, match="imported outside of TYPE_CHECKING"):
        Decider("total", int, decide, evolve_later)


# --- stored events


def stored(name: str, schema: int = 1, **fields: object) -> StoredEvent:
    """An event as an older or newer program left it."""
    data = msgpack.packb(fields)
    assert data is not None
    return StoredEvent(name, schema, data)


def test_an_event_comes_back_from_what_is_stored() -> None:
    event = Invited(guest="g1", name="Ann")
    assert store(event)[:2] == ("Invited", 1)
    assert party.load(store(event)) == event


def in_cents(euros: Decimal) -> Fields:
    """Version 1 had euros."""
    return {"cents": round(euros * 100)}


def as_item(thing: str, cents: int) -> Fields:
    """Version 2 called the item a thing."""
    if cents == 13:
        raise KeyError("unlucky")
    return {"item": thing, "cents": cents}


class Priced(Event):
    item: Key[str]
    cents: int
    schema_version = 3
    upcasts = {1: in_cents, 2: as_item}
    stored_as = "ItemPriced"


class SetPrice(Command):
    item: Key[str]


def set_price(prices: dict[str, int], command: SetPrice) -> tuple[Priced, ...]:
    """Nothing comes of it."""
    return ()


def keep_price(prices: dict[str, int], event: Priced) -> dict[str, int]:
    """The prices after an event."""
    return prices | {event.item: event.cents}


prices: Decider[dict[str, int], SetPrice, Priced] = Decider("prices", dict, set_price, keep_price)


def test_an_older_event_is_brought_up_to_date_when_it_is_read() -> None:
    today = Priced(item="a", cents=250)
    assert prices.load(stored("ItemPriced", 1, thing="a", euros="2.50")) == today
    assert prices.load(stored("ItemPriced", 2, thing="a", cents=250)) == today
    assert prices.load(stored("ItemPriced", 3, item="a", cents=250)) == today


UNREADABLE: dict[str, tuple[StoredEvent, str]] = {
    "an unknown name": (stored("Renamed"), 'holds a Renamed.*stored_as = "Renamed" on it'),
    "a python path": (stored("os.system"), "no event class has that name"),
    "a newer schema": (stored("ItemPriced", 4, item="a"), "schema version 4, by a newer program"),
    "an upcast that fails": (
        stored("ItemPriced", 2, thing="a", cents=13),
        r"Priced\.upcasts\[2\] \(as_item\) raised KeyError",
    ),
    "a field that an upcast takes": (
        stored("ItemPriced", 1, euros="1"),
        r"do not fit Priced\.upcasts\[2\] \(as_item\): thing: Field required",
    ),
    "a field of another type than the upcast says": (
        stored("ItemPriced", 1, thing="a", euros=None),
        r"do not fit Priced\.upcasts\[1\] \(in_cents\)",
    ),
    "fields that do not fit": (
        stored("ItemPriced", 3, item=5, cents=1),
        r"do not fit Priced.* write upcasts = {3: function}",
    ),
    "no fields": (StoredEvent("ItemPriced", 3, b"\xc1"), "not a stored message"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_event_that_cannot_be_read_says_why(case: str) -> None:
    unreadable, why = UNREADABLE[case]
    with pytest.raises(UnreadableEvent, match=why):
        prices.load(unreadable)


def test_a_renamed_class_reads_what_was_stored_under_its_old_name() -> None:
    event = make(Event, {"x": int}, {"stored_as": "Before"}, "After")
    decider = wired(event=event)
    assert decider.load(stored("Before", 1, x=1)) == event.model_validate({"x": 1})


def test_evolving_a_party_changes_it_in_place() -> None:
    state = Party()
    assert party.evolve(state, Invited(guest="g1", name="Ann")) is state


# --- what would go wrong in silence ---------------------------------------------------------------


class Book(Command):
    room: Key[str]
    hour: Key[int]


class Booked(Event):
    hour: Key[int]
    room: Key[str]


class BookedSo(Event):
    hour: Key[int]
    room: Key[str]
    touches = "room/{room}/hour/{hour}"


def empty() -> dict[str, str]:
    return {}


def test_two_messages_with_the_same_keys_in_another_order_are_refused() -> None:
    def decide(state: dict[str, str], command: Book) -> Iterator[Booked]:
        yield Booked(hour=command.hour, room=command.room)

    def evolve(state: dict[str, str], event: Booked) -> dict[str, str]:
        return state

    with pytest.raises(WiringError, match=r"Book has the keys room, hour .* Booked has hour, room"):
        Decider("rooms", empty, decide, evolve)


def test_the_same_keys_in_another_order_are_right_where_the_paths_are_said() -> None:
    def decide(state: dict[str, str], command: Book) -> Iterator[BookedSo]:
        yield BookedSo(hour=command.hour, room=command.room)

    def evolve(state: dict[str, str], event: BookedSo) -> dict[str, str]:
        return state

    assert Decider("rooms", empty, decide, evolve).events == (BookedSo,)


def test_an_evolve_that_forgets_to_return_the_state_is_told_so() -> None:
    def decide(state: dict[str, str], command: Book) -> Iterator[BookedSo]:
        yield BookedSo(hour=command.hour, room=command.room)

    def evolve(state: dict[str, str], event: BookedSo) -> dict[str, str]:
        state["a"] = "b"
        return cast("dict[str, str]", None)

    rooms = Decider("rooms", empty, decide, evolve)
    with pytest.raises(TypeError, match="evolve returned None instead of the state"):
        rooms.evolve({}, BookedSo(hour=1, room="a"))


def test_a_state_that_cannot_be_kept_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    codec = StateCodec(dict[tuple[str, int], str], empty, 1)
    assert codec.pack({("a", 1): "x"}) is None
    assert codec.pack({("a", 2): "y"}) is None
    assert len(caplog.records) == 1
    assert "no snapshots are kept" in caplog.text
