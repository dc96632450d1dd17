"""Mistakes in a process are found when it is made, and the text says what to write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.trips import (
    Hurried,
    Reserve,
    Trip,
    TripEvent,
    Wanted,
    evolve,
    key,
    react,
    rooms,
    seats,
    trip,
)

from comity.engine import (
    Answered,
    At,
    Decider,
    End,
    Event,
    Heard,
    Invalid,
    Order,
    Process,
    Rang,
    WiringError,
)

if TYPE_CHECKING:
    Elsewhere = Wanted

Thing = TripEvent | Answered | Rang


class Foreign(Event):
    pass


class Named(Event):
    stored_as = "Wanted"


def made(**changed: object) -> Process[Trip, TripEvent]:
    """The trip, with some arguments changed."""
    usual: dict[str, object] = {
        "name": "trip", "initial": Trip, "key": key, "evolve": evolve, "react": react,
        "starts": [Wanted], "orders": [seats, rooms],
    }  # fmt: skip
    make = cast("Callable[..., Process[Trip, TripEvent]]", Process)
    return make(**{**usual, **changed})


def bare(event: object) -> str:
    return "t1"


del bare.__annotations__["event"]


def key_of_command(event: Reserve) -> str:
    return event.trip


def key_elsewhere(event: Elsewhere) -> str:
    return event.trip


def key_of_namesakes(event: Wanted | Named) -> str:
    return "t1"


def key_with_at(event: TripEvent, at: At) -> str:
    return event.trip


def key_with_three(event: TripEvent, heard: Heard, more: int) -> str:
    return event.trip


async def key_later(event: TripEvent) -> str:
    return event.trip


def evolve_without_rang(state: Trip, thing: TripEvent | Answered) -> Trip:
    return state


def evolve_foreign(state: Trip, thing: Thing | Foreign) -> Trip:
    return state


async def evolve_later(state: Trip, thing: Thing) -> Trip:
    return state


def react_without_hurried(state: Trip, thing: Wanted | Answered | Rang) -> Iterator[End]:
    yield End()


async def react_later(state: Trip, thing: Thing) -> AsyncIterator[End]:
    yield End()


def react_with_at(state: Trip, thing: Thing, heard: At) -> Iterator[End]:
    yield End()


class Uncopied:
    def __deepcopy__(self, memo: object) -> Uncopied:
        raise RuntimeError("only one")


def no_state() -> Trip:
    raise OSError("no disk")


NAMESAKE = Decider("trip", set[str], seats.decide, seats.evolve)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "Trip"}, "a process's name is .*a-z.*got 'Trip'"),
        ({"initial": no_state}, r"trip: initial: expected .* raised OSError \(no disk\)"),
        ({"initial": Uncopied}, r"trip: initial: .*copy.deepcopy raised RuntimeError \(only one\)"),
        ({"key": bare}, "trip: key: annotate its first parameter"),
        ({"key": key_of_command}, "trip: key: annotate .*; Reserve is not one"),
        ({"key": key_elsewhere}, "'Elsewhere' is not defined.*outside of TYPE_CHECKING"),
        ({"key": key_of_namesakes}, "two of its event classes are called Wanted; give one a"),
        (
            {"key": key_with_at},
            r"trip: key: expected \(event\) or \(event, heard: Heard\), got .*At",
        ),
        ({"key": key_with_three}, r"trip: key: expected \(event\) or \(event, heard: Heard\), got"),
        ({"key": key_later}, "trip: key: expected a plain function, got an async one"),
        ({"key": 5}, "trip: key: expected a function"),
        ({"evolve": evolve_without_rang}, "trip: evolve: it lacks Rang: annotate its second"),
        ({"evolve": evolve_foreign}, "trip: evolve: key does not take Foreign: annotate"),
        ({"evolve": evolve_later}, "trip: evolve: expected a plain function, got an async one"),
        ({"react": react_without_hurried}, "trip: react: it lacks Hurried: annotate"),
        ({"react": react_later}, "trip: react: expected a plain function, got an async one"),
        ({"react": partial(react_later)}, "trip: react: expected a plain function"),
        ({"react": react_with_at}, r"trip: react: expected \(state, thing\) or \(state, thing, h"),
        ({"starts": []}, r"trip: starts: expected .*\(Hurried, Wanted\), got none"),
        ({"starts": [Foreign]}, r"trip: starts: expected .*\(Hurried, Wanted\), got Foreign"),
        ({"starts": Wanted}, "trip: starts: expected a list"),
        ({"orders": seats}, r"trip: orders: expected a list of deciders, got Decider\('seats'\)"),
        ({"orders": [trip]}, r"trip: orders: expected a list of deciders, got Process\('trip'\)"),
        ({"orders": [trip.decider]}, "got the decider of the process trip in it: only comity"),
        ({"orders": [seats, seats]}, "trip: orders: .* two that are called seats"),
        ({"orders": [NAMESAKE]}, "trip: orders has a decider of the same name"),
        ({"start": "today"}, 'trip: start: expected "now", "beginning" or .*, got \'today\''),
        ({"start": -1}, "trip: start: expected .*, got -1"),
        ({"start": True}, "trip: start: expected .*, got True"),
        ({"retired": "Wanted"}, "trip: retired: expected a list of names, got 'Wanted'"),
        ({"retired": ["Wanted"]}, "trip: retired: Wanted is the name of one of its event classes"),
        ({"most_steps": 0}, "trip: most_steps: expected a whole number, 1 or more, got 0"),
        ({"most_hops": 1.5}, "trip: most_hops: expected a whole number, 1 or more, got 1.5"),
    ],
)
def test_a_mistake_is_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(WiringError, match=said):
        made(**changed)


def test_every_function_may_ask_where_a_thing_comes_from() -> None:
    def key(event: TripEvent, heard: Heard) -> str:
        return heard.aggregate.key

    def evolve(state: Trip, thing: Thing, heard: Heard) -> Trip:
        return state

    def react(state: Trip, thing: Thing, heard: Heard) -> Iterator[End]:
        yield End()

    assert made(key=key, evolve=evolve, react=react).events == (Wanted, Hurried)


make_order = cast("Callable[..., Order]", Order)
RESERVE = Reserve(trip="t1")


@pytest.mark.parametrize(
    ("order", "named", "said"),
    [
        ((trip, "k", RESERVE), {}, "Order: expected a decider first, such as flights, got Process"),
        ((seats, "", RESERVE), {}, "an aggregate's key takes 1 to 200 bytes"),
        ((seats, "k", Wanted(trip="t1")), {}, "is not a command of seats; it has Cancel, Reserve"),
        ((seats, "k", RESERVE), {"name": "x" * 201}, "an order's name takes 1 to 200 bytes"),
        ((seats, "k", RESERVE), {"seen": -1}, "Order: seen: expected a whole number"),
    ],
)
def test_an_order_that_cannot_be_is_refused_where_it_is_made(
    order: tuple[object, ...], named: dict[str, object], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        make_order(*order, **named)


@pytest.mark.parametrize("reason", [3, None, "\ud800"])
def test_the_reason_of_an_end_is_a_text(reason: object) -> None:
    with pytest.raises(Invalid, match="End: the reason is a str"):
        End(cast("str", reason))
