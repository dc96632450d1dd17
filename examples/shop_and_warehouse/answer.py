"""What the receiver answers to an event, and what the answer means to the sender."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from comity.engine import Busy, ComityError, Event, Receipt, Refused
from comity.engine.text import told
from comity.integration import Settled, settled

DONE = frozenset({200, 201, 409})
"""The statuses after which the sender need not send the event again; 409 is an answer, too."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    text: str
    headers: Mapping[str, str] = {}


def taken(receipt: Receipt[Event], before: int) -> Answer:
    """201 for new events; 200 if there are none: a second copy, or nothing was to be done.

    Args:
        receipt: the answer to the command.
        before: the aggregate's version before it was sent.
    """
    return Answer(201 if receipt.version > before else 200, receipt.outcome)


def not_taken(error: Exception) -> Answer:
    """409 for a refusal, 422 for an event that can never be taken; else 503: send it again."""
    match settled(error):
        case Settled.ACK:
            return Answer(409, error.reason if isinstance(error, Refused) else "")
        case Settled.DEAD:
            return Answer(422, told(error))
        case Settled.AGAIN:
            seconds = error.retry_after if isinstance(error, Busy) else 1.0
            status = 503 if isinstance(error, (ComityError, OSError)) else 500
            headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
            return Answer(status, "not now; send it again with the same id", headers)
