"""A record in a commit of format 2, in bytes. `CommitWriter` writes it; `commit_layout` reads it.

Each record is a frame and a msgpack payload. The frame:

    frame    CRC, size, count, number, version, position, commit and offset of the previous one

Each record points back to the previous record of its aggregate. So the index needs one row for
a thousand versions (see `index`), not one for each record.

A newer comity may add fields at the end of a payload, and at the end of each event in it.
"""

from __future__ import annotations

import struct
from itertools import starmap
from typing import Final, NamedTuple
from zlib import crc32

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.formats import grown
from comity.engine.journal.commit_head import CRC
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent

LASTING: Final = 1 << 31
"""Added to the count of a lasting record, which has no events."""
FRAME: Final = struct.Struct(">IIIQQQQI")
PLACE: Final = struct.Struct(">QI")
PLACED_FRAME: Final = struct.Struct(">QIIIQQQQI")
"""A record's CRC covers this and the payload: the record's place, and its frame without CRC."""
_FIELDS: Final = 5
"""The number of fields in a payload."""


class Tip(NamedTuple):
    """The place of an aggregate's newest record at some time."""

    version: int
    """The aggregate's version after the record."""
    commit: int
    """The number of the record's commit; 0 if there is no record."""
    offset: int
    """The record's offset in that commit, in bytes."""


NO_TIP: Final = Tip(0, 0, 0)


class Located(NamedTuple):
    """A record with its place in the journal."""

    record: Record
    number: int
    """How many records of the journal come before this record."""
    commit: int
    offset: int
    size: int
    """The record's size in bytes."""
    crc: int
    previous: int
    """The commit of the aggregate's previous record; 0 if this record is the first."""
    back: int
    """The previous record's offset in that commit."""
    lasting: bool
    """Whether this is a lasting record."""

    @property
    def before(self) -> Tip:
        """The aggregate's tip before this record."""
        return Tip(self.record.version, self.previous, self.back)


def locate(commit: int, offset: int, stored: memoryview) -> Located:
    """Read the record at this offset of this commit; `stored` begins with the record.

    Raises:
        JournalDamaged: the record is not what was written there.
    """
    try:
        crc, size, count, number, version, position, previous, back = FRAME.unpack_from(stored)
        size += FRAME.size
        if crc32(stored[CRC.size : size], crc32(PLACE.pack(commit, offset))) != crc:
            raise JournalDamaged(f"commit {commit}, offset {offset}: not what was written")
        fields = unpackb(stored[FRAME.size : size], use_list=False)
        if len(fields) > _FIELDS:
            fields = fields[:_FIELDS]
        aggregate, id_, events, time, note = fields
        try:
            events = tuple(starmap(StoredEvent, events))  # without stamps
        except TypeError:  # a newer comity wrote them, with more fields
            events = tuple([grown(StoredEvent, event) for event in events])
        record = Record(AggregateId._make(aggregate), version, position, id_, events, time, note)
    except (struct.error, ValueError, TypeError) as error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: cannot be read") from error
    lasting = count == LASTING
    return Located(record, number, commit, offset, size, crc, previous, back, lasting)


def frame_at(commit: int, offset: int, stored: memoryview) -> tuple[int, int, Tip]:
    """Return a record's size in bytes, and its aggregate's version after it and tip before it.

    `stored` is the whole commit. This function unpacks nothing and checks nothing: `locate` does.

    Raises:
        JournalDamaged: the commit ends before the frame's end.
    """
    try:
        _, size, count, _, version, _, previous, back = FRAME.unpack_from(stored, offset)
    except struct.error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: there is no record") from None
    return FRAME.size + size, version + count % LASTING, Tip(version, previous, back)
