"""How a generation stands: its checkpoint, and why it stands still, as its tables keep it.

Both grow at their end, by fields with defaults: see `formats.grown`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgpack

from comity.engine.formats import grown

CHECKPOINT: Final = b"checkpoint"
DESCRIBED: Final = b"described"
STOPPED: Final = b"stopped"


class Checkpoint(NamedTuple):
    """How far a model is: the fold of the journal's events up to here."""

    position: int = 0
    microseconds: int = 0
    """When the last of these events was decided, since 1970."""
    complete: bool = False
    """Whether it has ever reached the end of the journal: before that it is being built."""
    commits: int = 0
    """How often this generation was written to."""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes | None) -> Checkpoint:
        """Again; nothing is the beginning."""
        return cls() if data is None else grown(cls, msgpack.unpackb(data))


class Stopped(NamedTuple):
    """Where and why a model stands."""

    position: int
    """The event that it could not take; the last that it has, where the next cannot be read."""
    aggregate: str
    """Whose event; empty where that is not known."""
    version: int
    event: str
    error: str
    """What `project` raised."""
    microseconds: int
    """Since when, since 1970."""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes | None) -> Stopped | None:
        """Again; None where it does not stand."""
        return None if data is None else grown(cls, msgpack.unpackb(data))

    def sentence(self) -> str:
        """`stopped at position 17, CardRenamed of board/sprint-42 (version 3): KeyError: 'c1'`."""
        if not self.aggregate:
            return f"stopped after position {self.position}: {self.error}"
        return (
            f"stopped at position {self.position}, {self.event} of {self.aggregate} "
            f"(version {self.version}): {self.error}"
        )
