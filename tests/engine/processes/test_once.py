"""Whatever comes twice, late or in another order: it counts once, and a replay gives the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.trips import Hurried, Stepped, Trip, TripEvent, Wanted, trip

from comity.engine import At, Rejected
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessHeard,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.instance import Instance


@dataclass(frozen=True)
class Position:
    at: int
    wanted: bool


@dataclass(frozen=True)
class Number:
    order: int
    refused: bool


@dataclass(frozen=True)
class Timer:
    number: int


@dataclass(frozen=True)
class ByHand:
    pass


Thing: TypeAlias = Position | Number | Timer | ByHand

THINGS = st.one_of(
    st.builds(Position, st.integers(1, 12), st.booleans()),
    st.builds(Number, st.integers(1, 8), st.booleans()),
    st.builds(Timer, st.integers(1, 6)),
    st.builds(ByHand),
)


def tell(one: Stepped[Trip, TripEvent], thing: Thing) -> int:
    """Let it hear the thing; return how many events that gave."""
    match thing:
        case Position(at=at, wanted=wanted):
            return len(one.hear(Wanted(trip="t1") if wanted else Hurried(trip="t1"), at))
        case Number(order=order, refused=refused):
            return len(one.answer(order, Rejected("full") if refused else None))
        case Timer(number=number):
            return len(one.ring("late", number))
        case ByHand():
            return len(one.end("enough"))


def replayed(one: Stepped[Trip, TripEvent]) -> Instance[Trip]:
    """The instance from its history alone, half of it from a snapshot."""
    decider = trip.decider
    instance, half = decider.initial(), len(one.log) // 2
    for version, event in enumerate(one.log, 1):
        if version == half:
            data = decider.states.pack(instance)
            assert data is not None
            instance = decider.states.unpack(data) or decider.initial()
        at = At(version, 0, aggregate=one.id)
        instance = decider.replay(instance, event, at)
    return instance


@settings(max_examples=150)
@given(st.lists(THINGS, max_size=25))
def test_a_replay_gives_the_same_instance(things: list[Thing]) -> None:
    one = Stepped(trip)
    for thing in things:
        tell(one, thing)
    assert replayed(one) == one.instance


@settings(max_examples=150)
@given(st.lists(THINGS, max_size=25))
def test_what_comes_twice_changes_nothing(things: list[Thing]) -> None:
    one = Stepped(trip)
    for number, thing in enumerate(things):
        tell(one, thing)
        for earlier in things[: number + 1]:
            if not isinstance(earlier, ByHand) and _had_effect(one, earlier):
                assert tell(one, earlier) == 0


def _had_effect(one: Stepped[Trip, TripEvent], thing: Thing) -> bool:
    """Whether its history shows that this came."""
    match thing:
        case Position(at=at):
            return any(
                isinstance(event, ProcessHeard) and event.position == at for event in one.log
            )
        case Number(order=order):
            return any(
                isinstance(event, OrderAnswered) and event.number == order for event in one.log
            )
        case Timer(number=number):
            return any(isinstance(event, TimerRang) and event.number == number for event in one.log)
        case ByHand():
            return False


@settings(max_examples=150)
@given(st.lists(THINGS, max_size=25))
def test_no_number_is_given_twice_and_each_is_answered_at_most_once(things: list[Thing]) -> None:
    one = Stepped(trip)
    for thing in things:
        tell(one, thing)
    for kind in (OrderGiven, OrderAnswered, TimerSet, TimerRang):
        numbers = [event.number for event in one.log if isinstance(event, kind)]
        assert len(numbers) == len(set(numbers))
    positions = [event.position for event in one.log if isinstance(event, ProcessHeard)]
    assert positions == sorted(set(positions))
