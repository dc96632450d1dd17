"""What a ledger stores: its origin, how far it is, and the keys that do not go on.

New fields are added at the end, with defaults: see `formats.grown`. docs/formats.md lists them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast

import msgpack

from comity.engine.formats import grown

ORIGIN: Final = b"origin"
PROGRESS: Final = b"progress"
LIVE: Final = b"live"
EPOCH: Final = b"epoch"
"""The epoch of the program that leads, in eight bytes: see `Lease`."""

WAITING: Final = "w"
PARKED: Final = "p"


class Origin(NamedTuple):
    """When a ledger was made, and where its outlet began. Stored as a map."""

    format: int
    outlet: str
    said: str
    """What the outlet's class said: "now", "beginning", or a position."""
    start: int
    """The position after which the outlet began."""
    created: int
    """In microseconds since 1970."""
    comity: str = ""
    """The version of comity that made the ledger."""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(self._asdict())

    @classmethod
    def unpack(cls, data: bytes) -> Origin:
        """Read a packed origin."""
        fields = cast("dict[str, Any]", msgpack.unpackb(data))
        return cls(**{name: fields[name] for name in cls._fields if name in fields})


class Progress(NamedTuple):
    """How far an outlet is: each wanted event up to `position` is delivered, waits or is parked."""

    position: int = 0
    microseconds: int = 0
    """The time of the record at this position, by which another journal is recognised."""
    ahead: tuple[int, ...] = ()
    """Positions after `position` whose events are delivered, wait or are parked, too."""
    delivered: int = 0
    given_up: int = 0
    waiting: int = 0
    """Events of keys that back off."""
    waiting_keys: int = 0
    parked: int = 0
    parked_keys: int = 0
    branch: str = ""
    """The newest branch of the journal, see `Lineage.noted`."""
    again: int = 0
    """How many deliveries since the last restore may repeat earlier ones, at most."""

    def pack(self) -> bytes:
        """As bytes; without the last two if the journal was never restored."""
        return msgpack.packb(tuple(self) if self.branch else tuple(self)[:-2])

    @classmethod
    def unpack(cls, data: bytes) -> Progress:
        """Read packed progress."""
        found = grown(cls, msgpack.unpackb(data))
        return found._replace(ahead=tuple(found.ahead))


class Live(NamedTuple):
    """What other programs are told about the one that delivers."""

    state: str = "following"
    """See `OutletState`; as of the last time that it has changed."""
    breaker: str = "closed"
    rests_until: int = 0
    """When the next probe is made, in microseconds since 1970; 0 if it does not rest."""
    error: str = ""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes | None) -> Live:
        """Read what was packed; None gives the beginning."""
        return cls() if data is None else grown(cls, msgpack.unpackb(data))


class LaneRow(NamedTuple):
    """A key whose events wait in the ledger, because its first one has failed."""

    key: str
    state: str
    """`WAITING` or `PARKED`."""
    tries: int
    """The failures of its first event that count."""
    attempts: int
    """How often its first event was tried."""
    due: int
    """When its first event is tried next, in microseconds since 1970."""
    since: int
    """When its first event failed for the first time."""
    error: str
    size: int
    """How many events wait."""
    first: int
    """The position of its first event."""
    first_time: int
    """When its first event was decided."""
    last: int
    """The position of its last event."""

    def pack(self) -> bytes:
        """As bytes."""
        return msgpack.packb(tuple(self))

    @classmethod
    def unpack(cls, data: bytes) -> LaneRow:
        """Read a packed row."""
        return grown(cls, msgpack.unpackb(data))


def digest_of(key: str) -> bytes:
    """What stands for a key, of any length, in the keys of tables."""
    return blake2b(key.encode(), digest_size=16).digest()


def eight(number: int) -> bytes:
    """A number as eight bytes that sort like it."""
    return max(0, number).to_bytes(8, "big")
