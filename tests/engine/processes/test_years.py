"""A process that changes over the years: its events, its orders, its state and its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from tests.support.trips import Reserve, Stepped, decide_seats, evolve_seats, recorded

from comity.engine import (
    Answered,
    At,
    Command,
    Decider,
    End,
    Event,
    Fields,
    Order,
    Process,
    ProcessFailed,
    Rang,
    UnreadableEvent,
    UnreadableOrder,
)
from comity.engine.merging.decider import AggregateType
from comity.engine.processes.events import OrderGiven, ProcessEvent, ProcessHeard
from comity.engine.processes.instance import Instance


class Asked(Event):
    trip: str
    seat: str


class More(Event):
    trip: str


def to_place(seat: str) -> Fields:
    return {"place": f"seat {seat}"}


class Wished(Event):
    trip: str
    place: str
    stored_as = "Asked"
    schema_version = 2
    upcasts = {1: to_place}


class Book(Command):
    trip: str


class Renamed(Command):
    trip: str
    aliases = ("Reserve",)


def to_upper(trip: str) -> Fields:
    return {"trip": trip.upper()}


class Upcast(Command):
    trip: str
    stored_as = "Reserve"
    schema_version = 2
    upcasts = {1: to_upper}


@dataclass
class Trip:
    told: list[str] = field(default_factory=list[str])


seats = Decider("seats", set[str], decide_seats, evolve_seats)


def key(event: Asked | More) -> str:
    return event.trip


def evolve(trip: Trip, thing: Asked | More | Answered | Rang) -> Trip:
    trip.told.append(repr(thing) if isinstance(thing, Event) else "answer")
    return trip


def react(trip: Trip, thing: Asked | More | Answered | Rang) -> Iterator[Order | End]:
    match thing:
        case Asked(trip=id, seat=seat):
            yield Order(seats, seat, Reserve(trip=id))
        case _:
            pass


old = Process("trip", Trip, key, evolve, react, starts=[Asked], orders=[seats])


@pytest.fixture
def history() -> list[ProcessEvent]:
    """What a trip has heard, in the program of then."""
    one = Stepped(old)
    one.hear(Asked(trip="t1", seat="LH1"), 7)
    one.hear(More(trip="t1"), 8)
    return one.log


def replay(process: Process[Trip, Event], log: list[ProcessEvent]) -> Instance[Trip]:
    instance = process.decider.initial()
    for version, event in enumerate(log, 1):
        instance = process.decider.replay(instance, event, At(version, 0))
    return instance


make = cast("Callable[..., Process[Trip, Event]]", Process)


def test_an_event_that_was_heard_is_upcast_to_the_class_of_today(
    history: list[ProcessEvent],
) -> None:
    def key(event: Wished | More) -> str:
        return event.trip

    def evolve(trip: Trip, thing: Wished | More | Answered | Rang) -> Trip:
        trip.told.append(thing.place if isinstance(thing, Wished) else "")
        return trip

    def react(trip: Trip, thing: Wished | More | Answered | Rang) -> Iterator[End]:
        raise AssertionError("a replay never reacts")

    new = make("trip", Trip, key, evolve, react, starts=[Wished])
    assert replay(new, history).state.told == ["seat LH1", ""]


def without_more(**changed: object) -> Process[Trip, Event]:
    """The process of a program that has no class More any more."""

    def key(event: Asked) -> str:
        return event.trip

    def evolve(trip: Trip, thing: Asked | Answered | Rang) -> Trip:
        trip.told.append(repr(thing) if isinstance(thing, Event) else "answer")
        return trip

    def react(trip: Trip, thing: Asked | Answered | Rang) -> Iterator[End]:
        yield End()

    usual: dict[str, object] = {"starts": [Asked], "orders": [seats]}
    return make("trip", Trip, key, evolve, react, **{**usual, **changed})


def test_an_event_whose_class_is_gone_is_named(history: list[ProcessEvent]) -> None:
    with pytest.raises(UnreadableEvent, match="trip: the journal holds a More, and no event class"):
        replay(without_more(), history)


def test_a_retired_event_changes_nothing(history: list[ProcessEvent]) -> None:
    assert len(replay(without_more(retired=["More"]), history).state.told) == 1


def test_an_event_that_is_retired_while_it_waits_is_heard_and_changes_nothing() -> None:
    new = without_more(retired=["More"])
    one = Stepped(new)
    one.hear(Asked(trip="t1", seat="LH1"), 7)
    one.instance.running = True
    waiting = old.hear(recorded(More(trip="t1"), 8))
    assert [type(event) for event in one.send(waiting)] == [ProcessHeard]
    assert len(one.instance.state.told) == 1


def test_an_event_that_waits_and_has_no_class_any_more_fails_one_step() -> None:
    one = Stepped(without_more())
    with pytest.raises(ProcessFailed, match="trip/t1: trip: the journal holds a More"):
        one.send(old.hear(recorded(More(trip="t1"), 8)))


def other_seats(command: type[Command]) -> AggregateType:
    """Seats that have one command of another class."""

    def decide(taken: set[str], command: Command) -> Iterator[Asked]:
        yield from ()

    def evolve_seats(taken: set[str], event: Asked) -> set[str]:
        return taken

    decide.__annotations__["command"] = command
    return Decider("seats", set[str], decide, evolve_seats)


def given_order(history: list[ProcessEvent]) -> OrderGiven:
    return next(event for event in history if isinstance(event, OrderGiven))


def test_an_order_whose_decider_is_gone_is_named(history: list[ProcessEvent]) -> None:
    with pytest.raises(
        UnreadableOrder, match="it has ordered Reserve of seats, and that is not am"
    ):
        without_more(orders=[]).order_of(given_order(history), "t1")


def test_an_order_whose_command_is_gone_is_named(history: list[ProcessEvent]) -> None:
    process = without_more(orders=[other_seats(Book)])
    with pytest.raises(UnreadableOrder, match="which cannot be read any more: seats: expected the"):
        process.order_of(given_order(history), "t1")


def test_an_order_is_read_by_the_class_that_has_its_name_as_an_alias(
    history: list[ProcessEvent],
) -> None:
    process = without_more(orders=[other_seats(Renamed)])
    order = process.order_of(given_order(history), "t1")
    assert (order.command, order.id) == (Renamed(trip="t1"), "trip/t1/1")


def test_ids_of_orders_fit_whatever_the_key_is(history: list[ProcessEvent]) -> None:
    given = given_order(history)
    ids = [old.order_of(given, key * 200).id for key in ("x", "y")]
    ids += [old.order_of(given.model_copy(update={"number": 2}), "x" * 200).id]
    assert len({*ids}) == 3
    assert all(len(id_.encode()) <= 200 for id_ in ids)


# --- snapshots ------------------------------------------------------------------------------------


def test_a_snapshot_has_the_state_and_all_that_is_open() -> None:
    one = Stepped(old)
    one.hear(Asked(trip="t1", seat="LH1"), 7)
    data = old.decider.states.pack(one.instance)
    assert data is not None
    assert old.decider.states.unpack(data) == one.instance


def test_another_evolve_revision_or_state_makes_snapshots_anew() -> None:
    @dataclass
    class Wider(Trip):
        more: int = 0

    def evolve_otherwise(trip: Trip, thing: Asked | More | Answered | Rang) -> Trip:
        trip.told.append("thing")
        return trip

    same = make("trip", Trip, key, evolve, react, starts=[Asked], orders=[seats])
    others = [
        make("trip", Trip, key, evolve, react, starts=[Asked], orders=[other_seats(Upcast)]),
        make("trip", Wider, key, evolve, react, starts=[Asked], orders=[seats]),
        make("trip", Trip, key, evolve_otherwise, react, starts=[Asked], orders=[seats]),
        make("trip", Trip, key, evolve, react, starts=[Asked], orders=[seats], revision=2),
        without_more(retired=["More"]),
    ]
    hashes = {each.decider.states.schema for each in others}
    assert same.decider.states.schema == old.decider.states.schema not in hashes
    assert len(hashes) == 5
