"""A commit of format 4, in bytes: one that was written in format 3, and from which records without
events were dropped later. `engine/compacting` writes it; `commit_layout` reads it.

    head     as in all formats; its digest is that of the turns that are left
    origin   format, digest and CRC of the head that the commit was written with; how many turns are
             left
    table    for each of these: its offset in the commit as it was written, and where it is now
    CRC      of origin and table
    turns    as in format 3; an entry that was dropped is nil

A thinned commit takes the place of the commit that it was: it has the same number, the next head
names the same CRC, and every turn is found at the offset that it had. So neither the index, nor the
turns that point back, nor a backup differ. What is gone leaves gaps in the numbers of records.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias
from zlib import crc32

from comity.engine.errors import JournalDamaged
from comity.engine.formats import THINNED
from comity.engine.journal import commit_turn
from comity.engine.journal.commit_head import CRC, HEAD, HEAD_BYTES, PLACE, Origin
from comity.engine.journal.located import Frame

ORIGIN: Final = struct.Struct(">BIII")
_ENTRY: Final = struct.Struct(">II")
_TABLE: Final = HEAD_BYTES + ORIGIN.size
_COUNT: Final = struct.Struct(">I")
_COUNT_AT: Final = _TABLE - _COUNT.size

Places: TypeAlias = list[tuple[int, int]]
"""Of each turn its offset when the commit was written, and where it is now."""


def pack(
    number: int, fields: tuple[int, ...], origin: Origin, turns: list[tuple[int, bytes]]
) -> bytes:
    """Pack a thinned commit.

    Args:
        number: the commit's number.
        fields: its head's fields, without the format.
        origin: what its head was before it was thinned.
        turns: the turns that are left, each with its offset when the commit was written.
    """
    digest, places, at = 0, list[bytes](), _TABLE + _ENTRY.size * len(turns) + CRC.size
    for offset, turn in turns:
        digest ^= int.from_bytes(turn[: CRC.size])
        places.append(_ENTRY.pack(offset, at))
        at += len(turn)
    head = HEAD.pack(THINNED, *fields[:-2], digest, fields[-1])
    table = b"".join((ORIGIN.pack(*origin, len(turns)), *places))
    check = CRC.pack(crc32(table, crc32(PLACE.pack(number, 0))))
    return b"".join((head, CRC.pack(crc32(head)), table, check, *(turn for _, turn in turns)))


def places(number: int, commit: memoryview) -> tuple[Places, int]:
    """Return where the commit's turns are, and where the first one should be.

    Raises:
        JournalDamaged: the table is not what was written.
    """
    try:
        (many,) = _COUNT.unpack_from(commit, _COUNT_AT)
        end = _TABLE + _ENTRY.size * many
        (crc,) = CRC.unpack_from(commit, end)
    except struct.error:
        raise JournalDamaged(f"commit {number} ends before its turns") from None
    if crc32(commit[HEAD_BYTES:end], crc32(PLACE.pack(number, 0))) != crc:
        raise JournalDamaged(f"commit {number}: its table of turns is not what was written")
    return list(_ENTRY.iter_unpack(commit[_TABLE:end])), end + CRC.size


def start_of(number: int, offset: int, commit: memoryview) -> int:
    """Return where the turn is that was written at this offset; -1 if it was dropped.

    The table is not checked: a turn is only what was written at this offset if `locate` says so.

    Raises:
        JournalDamaged: the commit ends before its turns.
    """
    try:
        (high,) = _COUNT.unpack_from(commit, _COUNT_AT)
        low = 0
        while low < high:
            middle = (low + high) // 2
            found, start = _ENTRY.unpack_from(commit, _TABLE + _ENTRY.size * middle)
            if found == offset:
                return int(start)
            if found < offset:
                low = middle + 1
            else:
                high = middle
    except struct.error:
        raise JournalDamaged(f"commit {number} ends before its turns") from None
    return -1


def frame_at(commit: int, offset: int, stored: memoryview) -> Frame:
    """Return the frame of the turn that was written at an offset; see `commit_turn.frame_at`.

    Raises:
        JournalDamaged: there is no such turn: only records are dropped that nothing points to.
    """
    start = start_of(commit, offset, stored)
    if start < 0:
        raise JournalDamaged(f"commit {commit}, offset {offset}: there is no turn any more")
    return commit_turn.frame_at(commit, start, stored)
