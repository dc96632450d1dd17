"""A generation's stored state: its checkpoint, and why it has stopped.

Add new fields to both at the end, with defaults: see `formats.grown`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgpack

from comity.engine.formats import grown

CHECKPOINT: Final = b"checkpoint"
DESCRIBED: Final = b"described"
STOPPED: Final = b"stopped"


class Checkpoint(NamedTuple):
    """How far a model is: it includes the journal's events up to `position`."""

    position: int = 0
    microseconds: int = 0
    """The time of the last of these events, in microseconds since 1970."""
    complete: bool = False
    """Whether it has ever reached the end of the journal; until then it is being built."""
    commits: int = 0
    """How many batches were written to this generation."""
    branch: str = ""
    """The newest branch of the journal, see `Lineage.noted`."""

    def pack(self) -> bytes:
        """As bytes; without the branch if it is the first one."""
        return msgpack.packb(tuple(self) if self.branch else tuple(self)[:-1])

    @classmethod
    def unpack(cls, data: bytes | None) -> Checkpoint:
        """Read a packed checkpoint; None gives the beginning."""
        return cls() if data is None else grown(cls, msgpack.unpackb(data))


class Stopped(NamedTuple):
    """Where and why a model has stopped."""

    position: int
    """The position of the event that failed; if it could not be read, the position before it."""
    aggregate: str
    """The aggregate of the event; empty if not known."""
    version: int
    event: str
    error: str
    """The error that `project` raised."""
    microseconds: int
    """The time when it stopped, in microseconds since 1970."""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes | None) -> Stopped | None:
        """Read a packed stop; None if the model has not stopped."""
        return None if data is None else grown(cls, msgpack.unpackb(data))

    def sentence(self) -> str:
        """`stopped at position 17, CardRenamed of board/sprint-42 (version 3): KeyError: 'c1'`."""
        if not self.aggregate:
            return f"stopped after position {self.position}: {self.error}"
        return (
            f"stopped at position {self.position}, {self.event} of {self.aggregate} "
            f"(version {self.version}): {self.error}"
        )
