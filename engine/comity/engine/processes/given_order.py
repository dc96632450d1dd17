"""An order as it is sent: to whom, what, and with which id."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from comity.engine.aggregate_id import MAX_KEY_BYTES, AggregateId
from comity.engine.merging.command import Command
from comity.engine.merging.decider import AnyDecider
from comity.engine.processes.events import OrderGiven

HOPS: Final = "comity.hops"
"""The metadata that counts the orders of processes which led to a command."""
INSTANCE: Final = "comity.process"
"""The metadata with the instance that gave the order, such as `trip/t1`."""
ORDER: Final = "comity.order"
"""The metadata with the order's name."""


class GivenOrder(NamedTuple):
    """A command of a process, ready to be sent."""

    decider: AnyDecider
    """The process's decider of the aggregate's type."""
    aggregate: AggregateId
    command: Command
    id: str
    """The same each time for one order, and another one for each order."""
    metadata: Mapping[str, str]
    seen: int | None


def order_id(instance: AggregateId, number: int) -> str:
    """The command id of an instance's order: at most 200 bytes, whatever its key is."""
    id_ = f"{instance}/{number}"
    if len(id_.encode()) <= MAX_KEY_BYTES:
        return id_
    return f"{instance.type}#{sha256(instance.key.encode()).hexdigest()}/{number}"


def given_order(
    instance: AggregateId, given: OrderGiven, decider: AnyDecider, command: Command
) -> GivenOrder:
    """Return an order of an instance as it is to be sent."""
    return GivenOrder(
        decider, AggregateId(given.type, given.key), command, order_id(instance, given.number),
        {HOPS: str(given.hops), INSTANCE: str(instance), ORDER: given.name}, given.seen,
    )  # fmt: skip


def hops_of(metadata: Mapping[str, str]) -> int:
    """How many orders of processes led to a command; 0 if its metadata does not say it."""
    said = metadata.get(HOPS, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0  # noqa: PLR2004
