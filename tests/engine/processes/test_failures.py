"""What fails in a process fails one step of one instance, and says what and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import cast

import pytest
from tests.support.trips import (
    Hurried,
    Reserve,
    Stepped,
    Trip,
    TripEvent,
    Wanted,
    evolve,
    key,
    recorded,
    rooms,
    seats,
)

from comity.engine import (
    Answered,
    CheckFailed,
    Decider,
    End,
    Event,
    Heard,
    Invalid,
    Order,
    Process,
    ProcessFailed,
    Rang,
    Rejected,
    SetTimer,
    checked,
)
from comity.engine.processes.reaction import Reaction

Thing = TripEvent | Answered | Rang
WANTED = Wanted(trip="t1")
OTHER_SEATS = Decider("seats", set[str], seats.decide, seats.evolve)


def made(
    react: Callable[[Trip, Thing], Iterable[Reaction]], most: int = 1_000
) -> Stepped[Trip, TripEvent]:
    process = Process(
        "trip", Trip, key, evolve, react,
        starts=[Wanted], orders=[seats], most_steps=most, most_hops=3,
    )  # fmt: skip
    return Stepped(process)


def raising(error: Exception) -> Callable[[Trip, Thing], Iterable[Reaction]]:
    def react(state: Trip, thing: Thing) -> Iterable[Reaction]:
        state.done.append("spoilt")
        raise error

    return react


def giving(*given: object) -> Callable[[Trip, Thing], Iterable[Reaction]]:
    def react(state: Trip, thing: Thing) -> Iterable[Reaction]:
        return cast("tuple[Reaction, ...]", given)

    return react


def silent(state: Trip, thing: Thing) -> Iterable[Reaction]:
    return cast("Iterable[Reaction]", None)


def endless(state: Trip, thing: Thing) -> Iterator[Reaction]:
    while True:
        yield SetTimer("late", after=timedelta(1))


def unreasoned(state: Trip, thing: Thing) -> Iterator[Reaction]:
    yield End(cast("str", 5))


def misdirected(state: Trip, thing: Thing) -> Iterator[Reaction]:
    yield Order(seats, "", Reserve(trip="t1"))


@pytest.mark.parametrize(
    ("react", "said"),
    [
        (raising(KeyError("seat")), "trip/t1: react failed on Wanted: KeyError: 'seat'; nothing"),
        (raising(Rejected("no")), "trip/t1: react failed on Wanted: Rejected: no; nothing"),
        (giving("go"), "trip/t1: react gave 'go': expected Order, SetTimer, CancelTimer or End"),
        (silent, "TypeError: react returned None instead of a list: yield, or return ()"),
        (endless, "react gave more than 10,000 orders and timers on one event"),
        (giving(Order(rooms, "k", Reserve(trip="t1"))), "a decider that is not among its orders"),
        (giving(Order(OTHER_SEATS, "k", Reserve(trip="t1"))), "a decider that is not among its or"),
        (giving(SetTimer("late", after=timedelta.max)), "outside of the years 1 to 9999"),
        (unreasoned, "trip/t1: react failed on Wanted: Invalid: End: the reason is a str"),
        (misdirected, "trip/t1: react failed on Wanted: Invalid: an aggregate's key takes"),
    ],
)
def test_a_react_that_fails_says_so_and_spoils_nothing(
    react: Callable[[Trip, Thing], Iterable[Reaction]], said: str
) -> None:
    one = made(react)
    with pytest.raises(ProcessFailed, match=said):
        one.hear(WANTED, 7)
    assert (one.log, one.instance.state.done) == ([], [])


def test_an_evolve_that_fails_says_so() -> None:
    def forgetful(state: Trip, thing: Thing) -> Trip:
        return cast("Trip", None)

    one = Stepped(Process("trip", Trip, key, forgetful, giving(), starts=[Wanted]))
    with pytest.raises(
        ProcessFailed, match="evolve failed on Wanted: TypeError: evolve returned No"
    ):
        one.hear(WANTED, 7)


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ("*", r"trip: key gave '\*' for Wanted: it is reserved"),
        ("", "trip: key gave '' for Wanted: an aggregate's key takes 1 to 200 bytes"),
        (5, "trip: key gave 5 for Wanted: an aggregate's key is a str"),
    ],
)
def test_a_key_that_cannot_be_one_is_named(gives: object, said: str) -> None:
    def wrong(event: TripEvent) -> str:
        return cast("str", gives)

    process = Process("trip", Trip, wrong, evolve, giving(), starts=[Wanted])
    with pytest.raises(ProcessFailed, match=said):
        process.key_of(recorded(WANTED, 7))


def test_a_key_that_raises_is_named() -> None:
    def wrong(event: TripEvent) -> str:
        raise KeyError("trip")

    process = Process("trip", Trip, wrong, evolve, giving(), starts=[Wanted])
    with pytest.raises(ProcessFailed, match="trip: key failed on Wanted: KeyError: 'trip'"):
        process.hear(recorded(WANTED, 7))


def test_an_event_that_is_not_for_the_process_cannot_be_heard() -> None:
    class Foreign(Event):
        pass

    process = made(giving()).process
    assert process.key_of(recorded(Foreign(), 7)) is None
    assert process.key_of(recorded(Wanted(trip=""), 7)) is None
    with pytest.raises(Invalid, match="trip: it does not hear Foreign"):
        process.hear(recorded(Foreign(), 7))


# --- loops --------------------------------------------------------------------------------------


def always(state: Trip, thing: Thing) -> Iterator[Reaction]:
    yield Order(seats, "LH1", Reserve(trip="t1"))


def test_an_order_that_is_always_refused_and_given_again_is_a_loop() -> None:
    one = made(always, most=5)
    one.hear(WANTED, 7)
    for number in range(1, 5):
        one.answer(number, Rejected("full"))
    with pytest.raises(ProcessFailed, match="a loop: 5 of its steps followed each other"):
        one.answer(5, Rejected("full"))


def test_an_event_from_outside_ends_a_chain() -> None:
    one = made(always, most=2)
    for position in (7, 8, 9):
        one.hear(WANTED, position)
    assert [order.depth for order in one.orders] == [1, 1, 1]


def test_many_orders_side_by_side_are_no_loop() -> None:
    def react(state: Trip, thing: Thing) -> Iterator[Reaction]:
        for seat in range(20 if isinstance(thing, Wanted) else 1):
            if "Reserve" not in state.done[:20]:
                yield Order(seats, f"LH{seat}", Reserve(trip="t1"))

    one = made(react, most=2)
    one.hear(WANTED, 7)
    for number in range(1, 21):
        one.answer(number)
    assert one.instance.state.done == ["Reserve"] * 20


def test_processes_that_order_each_other_in_a_circle_are_a_loop() -> None:
    one = made(always)
    one.hear(WANTED, 7, hops=2)
    assert one.orders[0].hops == 3
    with pytest.raises(ProcessFailed, match="a loop: 3 orders of processes led to it"):
        one.hear(WANTED, 8, hops=3)


def test_a_timer_without_waiting_can_be_a_loop_and_one_that_waits_cannot() -> None:
    def react(state: Trip, thing: Thing) -> Iterator[Reaction]:
        waits = isinstance(thing, Hurried) or "hurry" in state.done
        yield SetTimer("tick", after=timedelta(seconds=10 if waits else -99))

    busy = made(react, most=3)
    busy.hear(WANTED, 7)
    for number in (1, 2):
        busy.ring("tick", number)
    with pytest.raises(ProcessFailed, match="a loop"):
        busy.ring("tick", 3)
    busy.hear(Hurried(trip="t1"), 60)
    for number in range(4, 24):
        busy.ring("tick", number)


def test_the_hops_of_an_order_are_those_of_what_led_to_it() -> None:
    def react(state: Trip, thing: Thing, heard: Heard) -> Iterator[Reaction]:
        yield Order(seats, f"{heard.hops}", Reserve(trip="t1"))
        yield End()

    process = Process("trip", Trip, key, evolve, react, starts=[Wanted], orders=[seats])
    one = Stepped(process)
    one.hear(WANTED, 7, hops=2)
    order = process.order_of(one.orders[0], "t1")
    assert order.metadata == {
        "comity.hops": "3", "comity.process": "trip/t1", "comity.order": "Reserve",
    }  # fmt: skip
    assert process.key_of(recorded(WANTED, 8)) == "t1"


@pytest.mark.parametrize("said", ["many", "-1", "9" * 10, "²"])
def test_hops_that_are_no_number_count_as_none(said: str) -> None:
    odd = recorded(WANTED, 7)._replace(metadata={"comity.hops": said})
    assert made(giving()).process.hear(odd).hops == 0


# --- checked mode ---------------------------------------------------------------------------------


def test_checked_mode_finds_a_react_that_depends_on_something_else() -> None:
    seats_left = iter(["LH1", "LH2", "LH3"])

    def react(state: Trip, thing: Thing) -> Iterator[Reaction]:
        yield Order(seats, next(seats_left), Reserve(trip="t1"))

    one = made(react)
    one.process.decider = checked(one.process.decider)
    with pytest.raises(CheckFailed, match="depends on something else than its arguments"):
        one.hear(WANTED, 7)
