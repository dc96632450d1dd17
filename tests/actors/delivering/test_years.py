"""Outlets of programs that change: a parked event's class is gone. And clocks that are set."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from tests.actors.delivering.posts import LastingJournal, Office, Posts

from comity.actors import Delivery, Domain, Outlet
from comity.engine import Command, Decider, Event, OutletError
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime

HOUR = 3_600.0


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


class Put(Command):
    name: str


class Kept(Event):
    name: str


class Gone(Event):
    name: str


def decide(count: int, command: Put) -> Iterator[Kept | Gone]:
    yield Gone(name=command.name)
    yield Kept(name=command.name)


def count(count: int, event: Kept | Gone) -> int:
    return count + 1


def decide_today(count: int, command: Put) -> Iterator[Kept]:
    yield Kept(name=command.name)


def count_today(count: int, event: Kept) -> int:
    return count + 1


boxes = Decider("box", int, decide, count)
boxes_today = Decider("box", int, decide_today, count_today)


class Mails(Outlet[Kept | Gone]):
    start = "beginning"
    tries = 1

    def deliver(self, event: Kept | Gone, at: Delivery[Kept | Gone]) -> None:
        raise ValueError("the service does not answer")


class MailsToday(Outlet[Kept]):
    start = "beginning"
    stored_as = "Mails"

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def deliver(self, event: Kept, at: Delivery[Kept]) -> None:
        self.sent.append((event.name, at.version))


@pytest.fixture
def runtime() -> SimulatedRuntime:
    return SimulatedRuntime()


@pytest.fixture
def mails() -> MailsToday:
    return MailsToday()


@pytest.fixture
def today(runtime: SimulatedRuntime, mails: MailsToday) -> Domain:
    """A program without the class of an event that an older one has parked."""
    journal = LastingJournal()
    old = Domain(journal, deciders=[boxes], outlets=[Mails()], runtime=runtime)
    old.aggregate(boxes, "a").do(Put(name="a"))
    assert runtime.wait_until(lambda: old.outlets()[0].parked == 2)
    old.close()
    return Domain(journal, deciders=[boxes_today], outlets=[mails], runtime=runtime)


def test_a_parked_event_whose_class_is_gone_stays_parked_and_says_so(
    today: Domain, mails: MailsToday
) -> None:
    handle = today.outlet(mails)
    assert [one.event for one in handle.parked()] == ["Gone", "Kept"]
    with pytest.raises(OutletError, match=r"box/a stays parked: .*Gone"):
        handle.try_again("box/a")
    assert handle.try_again() == 0
    assert len(handle.parked()) == 2


def test_it_can_be_given_up_and_those_behind_it_are_delivered(
    today: Domain, mails: MailsToday, runtime: SimulatedRuntime
) -> None:
    handle = today.outlet(mails)
    assert handle.give_up("box/a", handle.parked()[0].position) == 1
    handle.try_again("box/a")
    assert runtime.wait_until(lambda: mails.sent == [("a", 2)])


def test_other_keys_are_delivered(
    today: Domain, mails: MailsToday, runtime: SimulatedRuntime
) -> None:
    today.aggregate(boxes_today, "b").do(Put(name="b"))
    assert runtime.wait_until(lambda: mails.sent == [("b", 1)])


def test_an_event_that_cannot_be_read_stops_the_outlet_before_it_and_nothing_else(
    runtime: SimulatedRuntime, mails: MailsToday
) -> None:
    journal = LastingJournal()
    with Domain(journal, deciders=[boxes], runtime=runtime) as old:
        old.aggregate(boxes, "a").do(Put(name="a"))
    with Domain(journal, deciders=[boxes_today], outlets=[mails], runtime=runtime) as today:
        today.aggregate(boxes_today, "b").do(Put(name="b"))
        assert runtime.wait_until(lambda: today.outlets()[0].state == "stopped")
        assert "the journal holds a Gone" in today.outlets()[0].error
        assert mails.sent == []
    retired = Decider("box", int, decide_today, count_today, retired=["Gone"])
    with Domain(journal, deciders=[retired], outlets=[mails], runtime=runtime):
        assert runtime.wait_until(lambda: mails.sent == [("a", 2), ("b", 1)])


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_a_clock_that_is_set_delays_no_key_for_long(seconds: float) -> None:
    outlet = Posts()
    outlet.fails = lambda at: at.attempt == 1
    office = Office(outlet)
    office.stamp("a")
    office.wait(lambda: office.handle.status().waiting == 1)
    office.runtime.ahead += seconds
    office.wait(lambda: outlet.of("a") == [1], 2 * outlet.back_off[1])
    office.stamp("a")
    office.wait(lambda: outlet.of("a") == [1, 2], 2 * outlet.back_off[1])


def test_a_clock_that_was_set_back_while_nothing_ran_delays_no_key_for_long() -> None:
    office = Office()
    office.outlet.fails = lambda _: True
    office.stamp("a")
    office.wait(lambda: office.handle.status().waiting == 1)
    office.domain.close()
    office.runtime.ahead -= HOUR
    office.outlet.fails = lambda _: False
    office.open()
    office.wait(lambda: office.outlet.of("a") == [1], 4 * office.outlet.back_off[1])
