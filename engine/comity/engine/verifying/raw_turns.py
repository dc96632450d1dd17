"""Reads the sound turns of a commit, also behind those that are not. `salvage` uses it."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine import formats
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_thinned, commit_turn
from comity.engine.journal.commit_head import CRC, HEAD_BYTES, PLACE, CommitHead
from comity.engine.journal.commit_layout import LAYOUTS, Layout
from comity.engine.journal.entry import Entry, pack_list
from comity.engine.journal.event_kind import kinds_in
from comity.engine.journal.located import Located
from comity.engine.journal.packing import packed
from comity.engine.journal.turn import Turn

_START: Final = struct.Struct(">II")
_TURNS: Final = 3
_TWO_FIELDS: Final = 0x92
_FAR: Final = 4 << 20
"""So many bytes are searched for the next turn."""


class RawTurn(NamedTuple):
    """A turn of a commit, with its packed entries."""

    commit: int
    located: Located
    entries: bytes

    def turn(self) -> Turn:
        """Return it as it is appended."""
        records = self.located.records
        return Turn(
            records[0].aggregate,
            self.located.before.version,
            self.entries,
            tuple([record.command_id for record in records]),
            self.located.last_version - self.located.before.version,
            records[-1].time,
            lasting=self.located.lasting,
            kinds=kinds_in(records),
        )


def sound_turns(
    number: int, stored: bytes, head: CommitHead | None, format_: int
) -> Iterator[RawTurn]:
    """Give the turns of a commit that are what was written, in order.

    Args:
        number: the commit's number.
        stored: its bytes; more may follow.
        head: its head; None if that is not what was written.
        format_: its format, as its head says it.

    Raises:
        TooNew: a newer comity wrote it.
    """
    layout = LAYOUTS.get(format_)
    if layout is None:
        known = f"formats up to {max(LAYOUTS)}"
        raise formats.too_new(f"commit {number} has format {format_}", known)
    view, offset = memoryview(stored), HEAD_BYTES
    left = head.records if head else -1
    if layout.thinned and (places := _places(number, stored)) is not None:
        yield from _turns_left(number, stored, places)
        return
    while left and offset < len(stored):
        if not _is_sound(number, stored, offset, layout):
            found = _next_sound(number, stored, offset + 1, layout)
            if found is None:
                return
            offset = found
        try:
            turn = layout.locate(number, offset, view[offset:])
        except JournalDamaged:  # its checksum is right: it is no turn, but looks like one
            offset += 1
            continue
        end = offset + turn.size
        yield RawTurn(number, turn, _entries(turn, stored[offset:end], whole=format_ == _TURNS))
        offset += turn.size
        left -= len(turn.records)


def has_all_left(number: int, stored: bytes, turns: Container[int]) -> bool:
    """Whether these are all offsets of turns that a thinned commit has."""
    places = _places(number, stored)
    return places is not None and all(offset in turns for offset, _ in places)


def _places(number: int, stored: bytes) -> commit_thinned.Places | None:
    """Return where the turns of a thinned commit are; None if its table cannot be read."""
    try:
        return commit_thinned.places(number, memoryview(stored))[0]
    except JournalDamaged:
        return None


def _turns_left(number: int, stored: bytes, places: commit_thinned.Places) -> Iterator[RawTurn]:
    """Give the sound turns of a thinned commit. Each is checked with the offset that it had."""
    view = memoryview(stored)
    for offset, start in places:
        with suppress(JournalDamaged):
            turn = commit_turn.locate(number, offset, view[start:])
            end = start + turn.size
            yield RawTurn(number, turn, _entries(turn, stored[start:end], whole=not turn.gaps))


def _is_sound(number: int, stored: bytes, offset: int, layout: Layout) -> bool:
    if offset + layout.frame > len(stored):
        return False
    crc: int
    size: int
    crc, size = _START.unpack_from(stored, offset)
    end = offset + layout.frame + size
    return (
        end <= len(stored)
        and crc32(stored[offset + CRC.size : end], crc32(PLACE.pack(number, offset))) == crc
    )


def _next_sound(number: int, stored: bytes, offset: int, layout: Layout) -> int | None:
    """Search the next turn, byte by byte: about 1 s for a megabyte."""
    unpack, longest = _START.unpack_from, len(stored) - layout.frame
    for each in range(offset, min(longest, offset + _FAR)):
        if unpack(stored, each)[1] <= longest - each and _is_sound(number, stored, each, layout):
            return each
    return None


def _entries(turn: Located, stored: bytes, *, whole: bool) -> bytes:
    """Return the packed entries of a turn, as they are stored if its bytes have them `whole`."""
    if whole:
        payload = stored[commit_turn.FRAME.size :]
        name = packed(turn.records[0].aggregate)
        if payload[:1] == bytes([_TWO_FIELDS]) and payload[1 : 1 + len(name)] == name:
            return payload[1 + len(name) :]
    return pack_list(
        [
            Entry(one.command_id, one.events, one.time, one.note, lasting=one.lasting).pack()
            for one in turn.records
        ]
    )
