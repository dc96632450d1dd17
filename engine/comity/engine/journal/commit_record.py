"""The binary form of a commit and of the records in it. `CommitWriter` and `LmdbReader` use it.

A commit is one value, stored under its number: a head, then its records one after the other,
each a frame and a msgpack payload. All numbers are big-endian, so that keys sort.

    head     format, number, position, record, events, records, time, digest, previous, CRC
    record   CRC, size, count, number, version, position, commit and offset of the previous one

Each record points back to the previous record of its aggregate. So the index needs one row for
a thousand versions (see `journal_index`), not one for each record.

What the checksums notice: a flipped bit (each record's CRC, the head's CRC); a record in the
wrong place (its CRC covers commit number and offset); a record exchanged for another version of
itself (the head's digest covers all its CRCs); a commit that is lost, or exchanged as a whole (a
head names its number and the CRC of the head before it).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent

FORMAT: Final = 2
"""The first byte of every commit. Whatever changes the layout below counts it up."""

HEAD: Final = struct.Struct(">BQQQIIqII")
LASTING: Final = 1 << 31
"""Added to the count of a record without events that belongs to its aggregate's chain."""
FRAME: Final = struct.Struct(">IIIQQQQI")
PLACE: Final = struct.Struct(">QI")
PLACED_FRAME: Final = struct.Struct(">QIIIQQQQI")
"""What a record's CRC covers before the payload: where it stands, and its frame without CRC."""
CRC: Final = struct.Struct(">I")
HEAD_BYTES: Final = HEAD.size + CRC.size


class Tip(NamedTuple):
    """An aggregate's newest record at some time."""

    version: int
    """The aggregate's version after it."""
    commit: int
    """The number of the commit that holds it; 0 when there is none."""
    offset: int
    """Where it begins in that commit, in bytes."""


NO_TIP: Final = Tip(0, 0, 0)


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


class Located(NamedTuple):
    """A record together with where it stands."""

    record: Record
    number: int
    """How many records are before it in the journal."""
    commit: int
    offset: int
    size: int
    """How many bytes it takes."""
    crc: int
    previous: int
    """The commit that holds its aggregate's record before it; 0 when it is the first."""
    back: int
    """Where that one begins there."""
    lasting: bool
    """Whether it belongs to its aggregate's chain, although it has no events."""

    @property
    def before(self) -> Tip:
        """The aggregate's tip before it."""
        return Tip(self.record.version, self.previous, self.back)


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
    format_, *fields = HEAD.unpack_from(commit)
    head = CommitHead._make((*fields, crc))
    if crc32(commit[: HEAD.size]) != crc or head.number != number or format_ != FORMAT:
        raise JournalDamaged(f"commit {number}: its head is not what was written")
    return head


def read_commit(
    number: int, commit: bytes | memoryview, last: CommitHead
) -> tuple[CommitHead, list[Located]]:
    """The head and the records of a commit; `last` is the head before it.

    Raises:
        JournalDamaged: a byte is not what was written, or it does not follow the one before it.
    """
    view = memoryview(commit)
    head = read_head(number, view)
    expected = (last.number + 1, last.last_position, last.last_record, last.crc)
    if (head.number, head.position, head.record, head.previous) != expected:
        raise JournalDamaged(f"commit {number} does not follow commit {last.number}")
    found = list(_records(head, view))
    records = [each.record for each in found]
    if len(found) != head.records or sum(len(each.events) for each in records) != head.events:
        raise JournalDamaged(f"commit {number} does not hold what its head says")
    return head, found


def _records(head: CommitHead, commit: memoryview) -> Iterator[Located]:
    offset, position, number, digest = HEAD_BYTES, head.position, head.record, 0
    while offset < len(commit):
        found = locate(head.number, offset, commit[offset:])
        if found.number != number or found.record.position != position:
            raise JournalDamaged(f"commit {head.number}, offset {offset}: a record is missing")
        yield found
        offset += found.size
        position += len(found.record.events)
        number += 1
        digest ^= found.crc
    if digest != head.digest:
        raise JournalDamaged(f"commit {head.number}: a record is not the one that was written")


def locate(commit: int, offset: int, stored: memoryview) -> Located:
    """Read the record that stands at this offset of this commit; `stored` begins with it.

    Raises:
        JournalDamaged: it is not what was written there.
    """
    try:
        crc, size, count, number, version, position, previous, back = FRAME.unpack_from(stored)
        size += FRAME.size
        if crc32(stored[CRC.size : size], crc32(PLACE.pack(commit, offset))) != crc:
            raise JournalDamaged(f"commit {commit}, offset {offset}: not what was written")
        aggregate, id_, events, time, note = unpackb(stored[FRAME.size : size], use_list=False)
        events = tuple(map(StoredEvent._make, events))
        record = Record(AggregateId._make(aggregate), version, position, id_, events, time, note)
    except (struct.error, ValueError, TypeError) as error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: cannot be read") from error
    lasting = count == LASTING
    return Located(record, number, commit, offset, size, crc, previous, back, lasting)


def frame_at(commit: int, offset: int, stored: memoryview) -> tuple[int, int, Tip]:
    """A record's size in bytes, its aggregate's version after it, and its tip before it.

    Unpacks nothing and checks nothing: `locate` does. `stored` is the whole commit.

    Raises:
        JournalDamaged: there is no room for a record.
    """
    try:
        _, size, count, _, version, _, previous, back = FRAME.unpack_from(stored, offset)
    except struct.error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: there is no record") from None
    return FRAME.size + size, version + count % LASTING, Tip(version, previous, back)
