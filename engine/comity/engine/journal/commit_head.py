"""The head of a commit; it is the same in all formats. `LmdbReader` uses it.

A commit is one value, stored under its number: a head, then its records. Its format determines the
arrangement of the records (see `commit_layout`). All numbers are big-endian, so that keys sort.

    head     format, number, position, record, events, records, time, digest, previous, CRC

The head never changes, even if records get a new format. So a commit of a newer format can be told
from a damaged commit, and its place in the journal is known without reading its records.

The checksums detect:

- a flipped bit, by the CRC of each record and of the head;
- a record in the wrong place, because its CRC covers commit number and offset;
- a record that was replaced by another version of itself, because the head's digest covers all CRCs
  of its records;
- a commit that was lost or replaced, because a head holds its number and the previous head's CRC.

A commit from which records were dropped (`commit_thinned`) has another digest, and so another head.
After it stands what its head was. The next head names the CRC of that one.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.errors import JournalDamaged
from comity.engine.formats import THINNED

HEAD: Final = struct.Struct(">BQQQIIqII")
CRC: Final = struct.Struct(">I")
PLACE: Final = struct.Struct(">QI")
"""A record's place: the commit's number, and the record's offset in the commit."""
HEAD_BYTES: Final = HEAD.size + CRC.size
_ORIGIN: Final = struct.Struct(">BII")


class CommitHead(NamedTuple):
    """The fields of a head: a commit's number, place, size and checksums."""

    number: int
    """The commit's number: commits are counted from 1, without gaps."""
    position: int
    """The journal's position before this commit."""
    record: int
    """How many records the journal had before this commit."""
    events: int
    """How many events the commit holds."""
    records: int
    """How many records the commit holds."""
    time: int
    """When the last record was decided, in microseconds since 1970."""
    digest: int
    """The exclusive or of all its records' CRCs."""
    previous: int
    """The CRC of the previous commit's head."""
    crc: int
    """The CRC of the head that the commit was written with: the next commit's head names it."""

    @property
    def last_position(self) -> int:
        """The journal's position after this commit."""
        return self.position + self.events

    @property
    def last_record(self) -> int:
        """How many records the journal has after this commit."""
        return self.record + self.records


NO_COMMIT: Final = CommitHead(0, 0, 0, 0, 0, 0, 0, 0, 0)
"""The head before the first commit."""


class Origin(NamedTuple):
    """What differs in the head that a thinned commit was written with."""

    format: int
    digest: int
    crc: int


def commit_key(number: int) -> bytes:
    """Return the key of a commit."""
    return number.to_bytes(8)


def read_head(number: int, commit: memoryview | None) -> CommitHead:
    """Return the head of the commit that is stored under this number.

    Raises:
        JournalDamaged: there is no commit, or its head is not what was written.
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
    return head if commit[0] != THINNED else head._replace(crc=origin_of(head, commit).crc)


def origin_of(head: CommitHead, commit: memoryview) -> Origin:
    """Return what the head of a thinned commit was before.

    Raises:
        JournalDamaged: it is not what was written.
    """
    try:
        origin = Origin._make(_ORIGIN.unpack_from(commit, HEAD_BYTES))
    except struct.error:
        raise JournalDamaged(f"commit {head.number} ends after its head") from None
    fields = head._replace(digest=origin.digest)[:-1]
    if crc32(HEAD.pack(origin.format, *fields)) != origin.crc:
        raise JournalDamaged(f"commit {head.number}: its first head is not what was written")
    return origin
