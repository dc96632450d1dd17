"""What becomes of a message from a broker, once its command is answered. Consumers use it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ValidationError

from comity.engine import (
    ComityError,
    DeciderFailed,
    Invalid,
    Refused,
    WiringError,
)
from comity.engine.arguments import check_whole


class Settled(StrEnum):
    """What to tell the broker about a message."""

    ACK = "ack"
    """Acknowledge it: the command has its final answer, and the answer is durable."""
    AGAIN = "again"
    """Let it come again later: the command took no effect, or nobody knows whether it did."""
    DEAD = "dead"
    """Put it aside for a person: it will fail each time."""


def settled(error: BaseException | None, *, attempt: int = 1, most: int = 10) -> Settled:
    """Say what to tell the broker about a message.

    Call it once the command is answered, and never before: an acknowledged message does not come
    again. A message that comes again is harmless if its command has its id.

    | answer | result |
    | --- | --- |
    | a receipt (`error` is None) | ack |
    | `Refused`: a rule said no, which is an answer | ack |
    | `Invalid`, pydantic's `ValidationError`: it can never be read | dead |
    | a bug: `DeciderFailed`, `WiringError`, other errors | again; dead after `most` attempts |
    | all others: `Busy`, `StorageFailed`, `OutcomeUnknown`, `TimeoutError`, ... | again |

    An outage may last for hours; its attempts are not counted. So do not let the broker count
    them either: let it deliver without end, and pass its number of deliveries as `attempt`.

    Args:
        error: what reading the message or sending the command raised; None if nothing.
        attempt: how often the message was delivered, from 1.
        most: how often to try a message that meets a bug.

    Raises:
        Invalid: `attempt` or `most` is not a number from 1.

    Example:
        try:
            stock.do(command, id=message.id)
            error = None
        except Exception as raised:
            error = raised
        if settled(error, attempt=message.deliveries) is Settled.ACK:
            message.ack()
    """
    check_whole(attempt, "attempt", 1)
    check_whole(most, "most", 1)
    match error:
        case None | Refused():
            return Settled.ACK
        case Invalid() | ValidationError():
            return Settled.DEAD
        case DeciderFailed() | WiringError():
            return Settled.DEAD if attempt >= most else Settled.AGAIN
        case ComityError() | OSError():  # TimeoutError is an OSError
            return Settled.AGAIN
        case Exception():
            return Settled.DEAD if attempt >= most else Settled.AGAIN
        case _:  # the consumer is being stopped
            return Settled.AGAIN
