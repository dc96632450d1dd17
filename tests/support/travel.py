"""A journal with trips in it: a desk, seats, rooms, and the steps of the process `trip`.

The steps are sent one after the other on one thread, so each journal is the same, but for times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from tests.support.trips import Hurried, Wanted, rooms, seats, trip

from comity.actors import Domain
from comity.engine import AggregateId, Command, Decider, Event, Recorded, Refused
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.processes.commands import EndByHand, Install, ProcessCommand, Ring
from comity.engine.processes.events import INSTALLED, OrderGiven

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.processes.process import AnyProcess, ProcessType


class Ask(Command):
    trip: str
    seat: str = "LH1"
    touches = "desk"


class Hurry(Command):
    trip: str
    touches = "desk"


def decide_desk(asked: int, command: Ask | Hurry) -> Iterator[Wanted | Hurried]:
    match command:
        case Ask(trip=trip, seat=seat):
            yield Wanted(trip=trip, seat=seat)
        case Hurry(trip=trip):
            yield Hurried(trip=trip)


def evolve_desk(asked: int, event: Wanted | Hurried) -> int:
    return asked + 1


desk = Decider("desk", int, decide_desk, evolve_desk)


class Travel:
    """A domain whose process is stepped by hand; close it with `with`.

    Args:
        path: the journal.
        process: the process; its own decider is opened with it.
    """

    def __init__(self, path: Path, process: ProcessType = trip) -> None:
        self.journal = LmdbJournal.open(path)
        self.process = process = cast("AnyProcess", process)
        deciders = (desk, seats, rooms, process.decider)
        self.deciders = {one.name: cast("AnyDecider", one) for one in deciders}
        self.domain = Domain(self.journal, deciders=deciders, keep_commands=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.domain.close()

    def install(self, start: int = 0) -> None:
        """Keep where the process begins."""
        self.step(INSTALLED, Install(start=start))

    def ask(self, command: Ask | Hurry, at: str = "d1", *, heard: bool = True) -> list[OrderGiven]:
        """Send a command to a desk; the trip hears of it."""
        id_ = f"{type(command).__name__}-{command.trip}"
        self.domain.session("ann").aggregate(desk, at).do(command, id=id_)
        record = self.journal.find(id_)
        assert record is not None
        (event,) = recorded(self.deciders["desk"], record)
        return self.step(command.trip, self.process.hear(event)) if heard else []

    def events(self) -> list[Recorded[Event]]:
        """The events of the desks."""
        records = [one for one in self.journal.read_all() if one.aggregate.type == "desk"]
        return [event for one in records for event in recorded(self.deciders["desk"], one)]

    def version(self, key: str) -> int:
        """How many events an instance has."""
        return self.journal.version(AggregateId(self.process.name, key))

    def step(self, key: str, command: ProcessCommand) -> list[OrderGiven]:
        """Send a command to an instance; returns the orders that it gives."""
        receipt = self.domain.aggregate(self.process.decider, key).do(command)
        return [event for event in receipt.events if isinstance(event, OrderGiven)]

    def obey(self, key: str, orders: list[OrderGiven]) -> None:
        """Send the orders of an instance, and those that follow from their answers."""
        waiting = deque(orders)
        while waiting:
            given = waiting.popleft()
            order = self.process.order_of(given, key)
            target = self.domain.aggregate(self.deciders[given.type], order.aggregate.key)
            try:
                answer = target.do(order.command, id=order.id, metadata=order.metadata)
            except Refused as refusal:
                waiting += self.step(key, self.process.take_answer(given.number, refusal))
            else:
                waiting += self.step(key, self.process.take_answer(given.number, answer))


def travel(path: Path) -> None:
    """Write a journal with five trips.

    t1 and t2 are done, t3 is refused its seat, t4 waits for an answer, t5 ended by its timer, and
    t6 by hand.
    """
    with Travel(path) as one:
        one.install()
        for key in ("t1", "t2", "t3"):
            one.obey(key, one.ask(Ask(trip=key)))
        one.ask(Ask(trip="t4"), "d2")
        one.ask(Hurry(trip="t4"), "d2")
        one.ask(Ask(trip="t5", seat="LH2"), "d2")
        one.step("t5", Ring(name="late", number=1))
        one.ask(Ask(trip="t6", seat="LH2"), "d2")
        one.step("t6", EndByHand(reason="the guest is ill"))
