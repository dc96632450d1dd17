"""A day of messages about parcels, with duplicates, wrong order, poison and killed consumers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from examples.parcels.broker import Broker
from examples.parcels.consumer import Consumer, written
from examples.parcels.domain import (
    ChangeAddress,
    Charge,
    HandOver,
    ParcelCommand,
    RecordScan,
    parcel,
)

from comity.actors import Domain

PLACES = ("Lyon", "Dijon", "Basel", "Ulm", "Linz", "Wien")
FEE = 250
"""Cents."""
POISON = (b"\xff\xfe", b"[]", b"{", b'{"parcel": "p1", "command": "Explode", "fields": {}}')


class Killed(BaseException):
    """The consumer was killed in the middle of its work."""


class Told(NamedTuple):
    """What came of the messages."""

    published: int
    delivered: int
    killed: int
    acknowledged: int
    dead: int
    sent: Counter[str]
    """The commands that were sent, by name."""
    recorded: Counter[str]
    """The events that they had, by name."""
    fees: int
    """What all parcels owe, in cents."""

    @property
    def exact(self) -> bool:
        """Whether each message was settled, and had its effect once."""
        sent, recorded = self.sent, self.recorded
        return (
            self.acknowledged + self.dead == self.published
            and recorded["Scanned"] == sent["RecordScan"]
            and recorded["HandedOver"] == sent["HandOver"]
            and recorded["Charged"] == sent["Charge"]
            and self.fees == FEE * sent["Charge"]
        )


def play(domain: Domain, *, parcels: int = 50, seed: int = 1, kills: float = 0.02) -> Told:
    """Let carriers publish messages, and consumers handle them, until all are settled."""
    dice, broker = Random(seed), Broker(seed)
    messages = list(_messages(parcels))
    for number, (key, command, seen) in enumerate(messages):
        broker.publish(f"carrier {number}", written(key, command, seen))
    for number, body in enumerate(POISON):
        broker.publish(f"poison {number}", body)

    def step(_: str) -> None:
        if dice.random() < kills:
            raise Killed

    killed = 0
    while True:
        try:
            Consumer(domain, broker, step).run()
            break
        except Killed:
            killed += 1
            broker.consumer_died()
    return _told(domain, broker, messages, parcels, killed)


def _messages(parcels: int) -> Iterator[tuple[str, ParcelCommand, int | None]]:
    for number in range(parcels):
        key = f"p{number}"
        for scan, place in enumerate(PLACES, 1):
            yield key, RecordScan(scan=scan, place=place), None
        # Two people in the depot change the address; both have seen a parcel without events.
        yield key, ChangeAddress(address="Ring 1, Wien"), 0
        yield key, ChangeAddress(address="Ring 2, Wien"), 0
        for _ in range(3):
            yield key, Charge(cents=FEE), None
        yield key, HandOver(to="Ann"), None


def _told(
    domain: Domain,
    broker: Broker,
    messages: list[tuple[str, ParcelCommand, int | None]],
    parcels: int,
    killed: int,
) -> Told:
    handles = [domain.aggregate(parcel, f"p{number}") for number in range(parcels)]
    recorded = [at for handle in handles for at in domain.history(handle)]
    return Told(
        published=len(messages) + len(POISON),
        delivered=broker.delivered,
        killed=killed,
        acknowledged=broker.acknowledged,
        dead=len(broker.dead_letters),
        sent=Counter(command.stored_as for _, command, _ in messages),
        recorded=Counter(at.event.stored_as for at in recorded),
        fees=sum(handle.look().state.fees for handle in handles),
    )
