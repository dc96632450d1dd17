"""The head of a commit: what it says of itself, in all formats alike. `LmdbReader` uses it.

A commit is one value, stored under its number: a head, then its records, which stand in it as its
format says (see `commit_layout`). All numbers are big-endian, so that keys sort.

    head     format, number, position, record, events, records, time, digest, previous, CRC

The head stays as it is, whatever becomes of the records: so a commit of a newer format is told
from a damaged one, and its place in the journal is known without reading it.

What the checksums notice: a flipped bit (each record's CRC, the head's CRC); a record in the
wrong place (its CRC covers commit number and offset); a record exchanged for another version of
itself (the head's digest covers all its CRCs); a commit that is lost, or exchanged as a whole (a
head names its number and the CRC of the head before it).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.errors import JournalDamaged

HEAD: Final = struct.Struct(">BQQQIIqII")
CRC: Final = struct.Struct(">I")
HEAD_BYTES: Final = HEAD.size + CRC.size


class CommitHead(NamedTuple):
    """What a commit says of itself."""

    number: int
    """Commits are counted from 1, without gaps."""
    position: int
    """The journal's position before it."""
    record: int
    """How many records the journal had before it."""
    events: int
    """How many events it holds."""
    records: int
    """How many records it holds."""
    time: int
    """When its last record was decided, in microseconds since 1970."""
    digest: int
    """All its records' CRCs, exclusive-ored."""
    previous: int
    """The CRC of the head before it."""
    crc: int

    @property
    def last_position(self) -> int:
        """The journal's position after it."""
        return self.position + self.events

    @property
    def last_record(self) -> int:
        """How many records the journal has after it."""
        return self.record + self.records


NO_COMMIT: Final = CommitHead(0, 0, 0, 0, 0, 0, 0, 0, 0)
"""What stands before the first commit."""


def commit_key(number: int) -> bytes:
    """The key that a commit is stored under."""
    return number.to_bytes(8)


def read_head(number: int, commit: memoryview | None) -> CommitHead:
    """The head of the commit that is stored under this number.

    Raises:
        JournalDamaged: there is none, or it is not the one that was written.
    """
    if commit is None:
        raise JournalDamaged(f"commit {number} is missing")
    if len(commit) < HEAD_BYTES:
        raise JournalDamaged(f"commit {number} takes {len(commit)} bytes, less than its head")
    (crc,) = CRC.unpack_from(commit, HEAD.size)
    _, *fields = HEAD.unpack_from(commit)
    head = CommitHead._make((*fields, crc))
    if crc32(commit[: HEAD.size]) != crc or head.number != number:
        raise JournalDamaged(f"commit {number}: its head is not what was written")
    return head
