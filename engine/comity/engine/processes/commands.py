"""The commands of an instance of a process. The runner sends them; each may come twice, or late.

They are sent without a session, on the newest version.
"""

from __future__ import annotations

from typing import TypeAlias

from comity.engine.merging.command import Command
from comity.engine.merging.refusals import Scalar
from comity.engine.merging.report import Outcome
from comity.engine.processes.events import Copied


class Install(Command):
    """Keep where the process begins, if nothing is kept yet. Only for the stream `*`."""

    start: int
    touches = "process"


class Hear(Copied, Command):
    """Hear an event. It changes nothing if the instance has heard it, or a later one."""

    to: str
    """The instance."""
    touches = "process"


class TakeAnswer(Command):
    """Take the answer to an order. It changes nothing if the order is not open."""

    number: int
    outcome: Outcome
    code: str = ""
    reason: str = ""
    fields: tuple[tuple[str, Scalar], ...] = ()
    version: int = 0
    position: int = 0
    touches = "process"


class Ring(Command):
    """Ring a timer. It changes nothing if the timer was cancelled, replaced, or has rung."""

    name: str
    number: int
    touches = "process"


class EndByHand(Command):
    """End the instance, and give up its open orders. It changes nothing if nothing is left."""

    reason: str = ""
    upto: int = 0
    """The position up to which events are given up that it has not heard, such as one that it
    cannot hear."""
    touches = "process"


ProcessCommand: TypeAlias = Install | Hear | TakeAnswer | Ring | EndByHand
