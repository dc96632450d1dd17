"""A small message broker in memory, which delivers at least once, and in any order.

It stands for JetStream, RabbitMQ, Kafka or SQS. What a consumer takes stays in flight until it is
acknowledged; if the consumer dies, it comes again.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import NamedTuple


class Message(NamedTuple):
    """A message, as a consumer gets it."""

    id: str
    body: bytes
    deliveries: int
    """How often it was delivered, with this time."""


class Broker:
    """Holds messages until they are acknowledged.

    Args:
        seed: decides the order, and which messages are delivered twice.
        twice: the part of all acknowledgements that get lost, so that the message comes again.
        shuffled: among how many waiting messages the next one is drawn.
    """

    def __init__(self, seed: int = 1, *, twice: float = 0.1, shuffled: int = 20) -> None:
        self._dice = Random(seed)
        self._twice = twice
        self._shuffled = shuffled
        self._waiting: deque[Message] = deque()
        self._in_flight: list[Message] = []
        self.dead_letters: list[Message] = []
        """What no consumer could ever handle; a person looks at it."""
        self.acknowledged = 0
        self.delivered = 0

    def publish(self, id: str, body: bytes) -> None:
        self._waiting.append(Message(id, body, 0))

    def take(self) -> Message | None:
        """The next message; None if all are settled."""
        if not self._waiting:
            return None
        drawn = self._dice.randrange(min(self._shuffled, len(self._waiting)))
        self._waiting.rotate(-drawn)
        message = self._waiting.popleft()
        self._waiting.rotate(drawn)
        message = message._replace(deliveries=message.deliveries + 1)
        self._in_flight.append(message)
        self.delivered += 1
        return message

    def ack(self, message: Message) -> None:
        self._in_flight.remove(message)
        if self._dice.random() < self._twice:
            self._waiting.append(message)
        else:
            self.acknowledged += 1

    def again(self, message: Message) -> None:
        self._in_flight.remove(message)
        self._waiting.append(message)

    def dead(self, message: Message) -> None:
        self._in_flight.remove(message)
        self.dead_letters.append(message)

    def consumer_died(self) -> None:
        """Let all that is in flight come again."""
        self._waiting.extend(self._in_flight)
        self._in_flight.clear()
