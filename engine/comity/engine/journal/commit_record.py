"""A record in a commit of format 2, in bytes. `commit_layout` reads it; nobody writes it now.

Each record is a frame and a msgpack payload. The frame:

    frame    CRC, size, count, number, version, position, commit and offset of the previous one

The payload is the list aggregate, command id, events, time, note; both the payload and each event
may have more fields at the end. An event's fields are packed bytes inside it.
"""

from __future__ import annotations

import struct
from typing import Final
from zlib import crc32

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.formats import grown
from comity.engine.journal.commit_head import CRC, PLACE
from comity.engine.journal.located import Frame, Located
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.tip import Tip

LASTING: Final = 1 << 31
"""Added to the count of a lasting record, which has no events."""
FRAME: Final = struct.Struct(">IIIQQQQI")
"""A record's CRC covers its place in the journal, its frame without CRC, and its payload."""
_FIELDS: Final = 5
"""The number of fields in a payload."""


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
        aggregate, id_, events, time, note = fields[:_FIELDS]
        events = tuple([grown(StoredEvent, event) for event in events])
        lasting = count == LASTING
        record = Record(
            AggregateId._make(aggregate), version, position, id_, events, time, note, lasting
        )
    except (struct.error, ValueError, TypeError) as error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: cannot be read") from error
    before = Tip(version, previous, back)
    return Located((record,), number, offset, size, crc, before, int(lasting))


def frame_at(commit: int, offset: int, stored: memoryview) -> Frame:
    """Return the frame at an offset of a commit; `stored` is the whole commit.

    This function unpacks nothing and checks nothing: `locate` does.

    Raises:
        JournalDamaged: the commit ends before the frame's end.
    """
    try:
        _, size, count, _, version, _, previous, back = FRAME.unpack_from(stored, offset)
    except struct.error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: there is no record") from None
    before = Tip(version, previous, back)
    return Frame(FRAME.size + size, version + count % LASTING, before, int(count == LASTING))
