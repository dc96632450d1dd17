"""An instance of a process: the user's state, and what makes each thing take effect once.

It is the state of the internal decider, and is stored in snapshots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import ConfigDict

S = TypeVar("S")

_BYTES_AS_TEXT: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
"""Snapshots are JSON, which has no bytes."""


class Chain(NamedTuple):
    """How long the chain of causes is that led to a step. Loops end by it."""

    hops: int = 0
    """How many orders of processes led to it, one through the other."""
    depth: int = 0
    """How many steps of this instance led to it since the last thing from outside."""


@dataclass(slots=True)
class OpenOrder:
    """An order that has no answer yet."""

    __pydantic_config__ = _BYTES_AS_TEXT

    name: str
    type: str
    key: str
    command: str
    schema: int
    data: bytes
    hops: int
    depth: int


@dataclass(slots=True)
class OpenTimer:
    """A timer that is set."""

    number: int
    due: datetime
    hops: int
    depth: int


@dataclass
class Instance(Generic[S]):
    """The state of one instance, or of the stream `*`."""

    state: S
    """What the domain's `evolve` makes."""
    key: str = ""
    running: bool = False
    """Whether it has begun, and has not ended."""
    reason: str = ""
    """Why it ended."""
    heard: int = 0
    """The position of the last event that it has heard."""
    orders: dict[int, OpenOrder] = field(default_factory=dict[int, OpenOrder])
    """The orders that have no answer yet, by number."""
    timers: dict[str, OpenTimer] = field(default_factory=dict[str, OpenTimer])
    """The timers that are set, by name."""
    ordered: int = 0
    """The number of its last order."""
    timed: int = 0
    """The number of its last timer."""
    before: int = 0
    """The number of the last order before it began; answers to these and earlier ones are kept,
    and not told."""
    start: int | None = None
    """Where the process begins; only in the stream `*`."""
