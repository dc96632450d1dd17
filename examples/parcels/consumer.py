"""A consumer: each message becomes a command with its id, and is settled by the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from examples.parcels.broker import Broker, Message
from examples.parcels.domain import ParcelCommand, parcel
from pydantic import BaseModel, ConfigDict, JsonValue

from comity.actors import Domain
from comity.engine import Invalid
from comity.integration import Settled, settled

MOST_BODY = 64 << 10
"""The most bytes of a message."""


class Order(NamedTuple):
    """What a message asks for."""

    parcel: str
    command: ParcelCommand
    seen: int | None


class Body(BaseModel):
    """A message's body, in JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")

    parcel: str
    command: str
    schema_version: int
    fields: dict[str, JsonValue]
    seen: int | None = None


def read(body: bytes) -> Order:
    """Read a message's body.

    Raises:
        Invalid, ValidationError: it is none, and never will be.
    """
    if len(body) > MOST_BODY:
        raise Invalid(f"expected at most {MOST_BODY:,} bytes, got {len(body):,}")
    told = Body.model_validate_json(body)
    command = parcel.read_command(told.command, told.schema_version, told.fields)
    return Order(told.parcel, command, told.seen)


def written(key: str, command: ParcelCommand, seen: int | None = None) -> bytes:
    """The body of a message, as a carrier writes it."""
    fields = command.model_dump(mode="json")
    body = Body(
        parcel=key,
        command=command.stored_as,
        schema_version=command.schema_version,
        fields=fields,
        seen=seen,
    )
    return body.model_dump_json().encode()


class Consumer:
    """Takes messages from the broker until none is left.

    Args:
        domain: has the parcels.
        broker: has the messages.
        step: called before each step of a message; an example kills the consumer with it.
    """

    def __init__(
        self, domain: Domain, broker: Broker, step: Callable[[str], None] = lambda _: None
    ) -> None:
        self._domain = domain
        self._broker = broker
        self._step = step

    def run(self) -> None:
        while message := self._broker.take():
            self.consume(message)

    def consume(self, message: Message) -> None:
        """Handle one message. It is acknowledged after its answer is durable, and never before."""
        self._step("taken")
        error = self._handled(message)
        self._step("answered")
        match settled(error, attempt=message.deliveries):
            case Settled.ACK:
                self._broker.ack(message)
            case Settled.AGAIN:
                self._broker.again(message)
            case Settled.DEAD:
                self._broker.dead(message)

    def _handled(self, message: Message) -> Exception | None:
        try:
            order = read(message.body)
            handle = self._domain.aggregate(parcel, order.parcel)
            handle.do(order.command, order.seen, id=message.id)
        except Exception as error:
            return error
        return None
