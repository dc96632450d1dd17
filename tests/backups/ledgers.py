"""A domain with an outlet, for the tests of backups: numbers that are counted, and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.actors.shelf import until

from comity.actors import Delivery, Domain, Outlet
from comity.engine import Command, Decider, Event


class Count(Command):
    """Count a number."""

    number: int


class Counted(Event):
    """A number was counted."""

    number: int
    commutes = True


def decide(total: int, command: Count) -> Iterator[Counted]:
    """Count it."""
    yield Counted(number=command.number)


def evolve(total: int, event: Counted) -> int:
    """Add it."""
    return total + event.number


counter = Decider("counter", int, decide, evolve)


class Told(Outlet[Counted]):
    """Notes the positions that it has delivered; fails at the numbers that it was told."""

    start = "beginning"
    tries = 1

    def __init__(self, failing: Sequence[int] = ()) -> None:
        self.positions: list[int] = []
        self._failing = failing

    def deliver(self, event: Counted, at: Delivery[Counted]) -> None:
        """Note the position."""
        if event.number in self._failing:
            raise ValueError(f"no {event.number}")
        self.positions.append(at.position)


def opened(path: Path, *outlets: Told) -> Domain:
    """The domain, with these outlets."""
    return Domain.open(path, deciders=[counter], outlets=outlets)


def count(domain: Domain, *numbers: int, key: str = "c") -> None:
    """Count numbers; each command has the id of its number."""
    for number in numbers:
        domain.aggregate(counter, key).send(Count(number=number), id=f"{key}-{number}").result(60)


def wait_until_told(domain: Domain, position: int) -> None:
    """Wait until the outlet has delivered up to there; closing the domain then keeps that."""
    assert until(lambda: domain.outlet(Told).status().position == position)
