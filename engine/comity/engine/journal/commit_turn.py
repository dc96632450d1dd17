"""A turn in a commit of format 3, in bytes. `CommitWriter` writes it; `commit_layout` reads it.

A turn is one record: a frame, and a msgpack payload. The frame:

    frame    CRC, size, events, records, lasting, number, version, position,
             commit and offset of the previous turn

The payload is the list aggregate, entries; the entries are as in `Turn.entries`. A newer comity
may add fields at the end of the payload, of each entry and of each event. An entry that was dropped
later is nil; only commits of format 4 have such entries (`commit_thinned`).

Each turn points back to the previous turn of its aggregate. So the index needs one row for a
thousand versions (see `index`), not one for each turn.
"""

from __future__ import annotations

import struct
from typing import Final
from zlib import crc32

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.journal.commit_head import CRC, PLACE
from comity.engine.journal.entry import records_from
from comity.engine.journal.located import Frame, Located
from comity.engine.journal.packing import packed
from comity.engine.journal.tip import Tip
from comity.engine.journal.turn import Turn

FRAME: Final = struct.Struct(">IIIHHQQQQI")
PLACED_FRAME: Final = struct.Struct(">QIIIHHQQQQI")
"""A turn's CRC covers this and the payload: the turn's place, and its frame without CRC."""
_TWO_FIELDS: Final = b"\x92"
"""Begins a msgpack list of two fields."""


def pack(
    turn: Turn, before: Tip, commit: int, offset: int, number: int, position: int
) -> tuple[int, bytes]:
    """Pack a turn to store it at an offset of a commit; return its CRC and its bytes.

    Args:
        turn: the turn.
        before: the aggregate's tip before the turn.
        commit: the commit's number.
        offset: where in the commit the turn begins.
        number: how many records the journal has before the turn.
        position: the journal's position before the turn.

    Raises what struct and msgpack raise.
    """
    payload = b"".join((_TWO_FIELDS, packed(turn.aggregate), turn.entries))
    frame = PLACED_FRAME.pack(
        commit, offset, len(payload), turn.events, len(turn.ids), turn.lasting, number,
        before.version, position, before.commit, before.offset,
    )  # fmt: skip
    crc = crc32(payload, crc32(frame))
    return crc, b"".join((crc.to_bytes(CRC.size), frame[PLACE.size :], payload))


def locate(commit: int, offset: int, stored: memoryview) -> Located:
    """Read the turn at this offset of this commit; `stored` begins with the turn.

    Raises:
        JournalDamaged: the turn is not what was written there.
    """
    try:
        crc, size, events, many, lasting, number, version, position, previous, back = (
            FRAME.unpack_from(stored)
        )
        size += FRAME.size
        if crc32(stored[CRC.size : size], crc32(PLACE.pack(commit, offset))) != crc:
            raise JournalDamaged(f"commit {commit}, offset {offset}: not what was written")
        aggregate, entries, *_ = unpackb(stored[FRAME.size : size], use_list=False)
        gaps: tuple[int, ...] = ()
        if None in entries:
            gaps = tuple([at for at, entry in enumerate(entries) if entry is None])
            entries = [entry for entry in entries if entry is not None]
        records = records_from(AggregateId._make(aggregate), version, position, entries)
    except (struct.error, ValueError, TypeError) as error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: cannot be read") from error
    if len(records) + len(gaps) != many or records[-1].last_version != version + events:
        raise JournalDamaged(f"commit {commit}, offset {offset}: its frame counts otherwise")
    before = Tip(version, previous, back)
    return Located(records, number, offset, size, crc, before, lasting, gaps)


def frame_at(commit: int, offset: int, stored: memoryview) -> Frame:
    """Return the frame at an offset of a commit; `stored` is the whole commit.

    This function unpacks nothing and checks nothing: `locate` does.

    Raises:
        JournalDamaged: the commit ends before the frame's end.
    """
    try:
        _, size, events, _, lasting, _, version, _, previous, back = FRAME.unpack_from(
            stored, offset
        )
    except struct.error:
        raise JournalDamaged(f"commit {commit}, offset {offset}: there is no turn") from None
    return Frame(FRAME.size + size, version + events, Tip(version, previous, back), lasting)
