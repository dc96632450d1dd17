"""A record in a commit of format 2, in bytes. `CommitWriter` writes it; `commit_layout` reads it.

Records stand one after the other, each a frame and a msgpack payload:

    record   CRC, size, count, number, version, position, commit and offset of the previous one

Each record points back to the previous record of its aggregate. So the index needs one row for
a thousand versions (see `journal_index`), not one for each record.

A payload may have more fields than are known here, at its end, and so may each event in it.
"""

from __future__ import annotations

import struct
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
"""Added to the count of a record without events that belongs to its aggregate's chain."""
FRAME: Final = struct.Struct(">IIIQQQQI")
PLACE: Final = struct.Struct(">QI")
PLACED_FRAME: Final = struct.Struct(">QIIIQQQQI")
"""What a record's CRC covers before the payload: where it stands, and its frame without CRC."""
_FIELDS: Final = 5
"""Those of a payload."""


class Tip(NamedTuple):
    """An aggregate's newest record at some time."""

    version: int
    """The aggregate's version after it."""
    commit: int
    """The number of the commit that holds it; 0 when there is none."""
    offset: int
    """Where it begins in that commit, in bytes."""


NO_TIP: Final = Tip(0, 0, 0)


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
        fields = unpackb(stored[FRAME.size : size], use_list=False)
        if len(fields) > _FIELDS:
            fields = fields[:_FIELDS]
        aggregate, id_, events, time, note = fields
        try:
            events = tuple(map(StoredEvent._make, events))
        except TypeError:  # of a newer comity, with more fields
            events = tuple([grown(StoredEvent, event) for event in events])
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
