"""The arrangement of turns in a commit: the commit's first byte, the format, names the layout.

`LmdbReader` reads commits of all formats, also if one journal holds several. To change how turns
are written, add a layout here, and do not change the existing layouts.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine import formats
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_record, commit_thinned, commit_turn
from comity.engine.journal.commit_head import CRC, HEAD_BYTES, PLACE, CommitHead, read_head
from comity.engine.journal.located import Frame, Located

_START: Final = struct.Struct(">II")
"""How the frames of all formats begin: the turn's CRC, and the size of its payload."""


class Layout(NamedTuple):
    """How the turns of one format are read. Both functions raise `JournalDamaged`."""

    locate: Callable[[int, int, memoryview], Located]
    """Reads and checks a turn at a commit's number and an offset; the bytes begin with it."""
    frame_at: Callable[[int, int, memoryview], Frame]
    """Gives a turn's frame, unchecked. Takes the commit's number, the turn's offset, and the bytes
    of the whole commit."""
    frame: int
    """The size of a frame, which begins with the turn's CRC and the size of the rest."""
    thinned: bool = False
    """Whether turns were dropped: then `commit_thinned` says where the others are."""

    def start(self, number: int, offset: int, commit: memoryview) -> int:
        """Return where the turn is that was written at this offset; -1 if it was dropped."""
        return commit_thinned.start_of(number, offset, commit) if self.thinned else offset


LAYOUTS: Final = {
    2: Layout(commit_record.locate, commit_record.frame_at, commit_record.FRAME.size),
    formats.COMMIT: Layout(commit_turn.locate, commit_turn.frame_at, commit_turn.FRAME.size),
    formats.THINNED: Layout(
        commit_turn.locate, commit_thinned.frame_at, commit_turn.FRAME.size, thinned=True
    ),
}
"""The layouts of all formats that can be read."""


def layout_of(number: int, commit: memoryview) -> Layout:
    """Return the layout of the commit that is stored under this number.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: the head is not what was written.
    """
    layout = LAYOUTS.get(commit[0]) if commit else None
    if layout is None:
        read_head(number, commit)  # raises if the format is a flipped bit
        known = f"formats up to {max(LAYOUTS)}"
        raise formats.too_new(f"commit {number} has format {commit[0]}", known)
    return layout


def head_after(number: int, commit: memoryview, last: CommitHead) -> CommitHead:
    """Read the head of the commit that follows `last`.

    Raises:
        JournalDamaged: the head is not what was written, or the commit does not follow `last`.
    """
    head = read_head(number, commit)
    expected = (last.number + 1, last.last_position, last.last_record, last.crc)
    if (head.number, head.position, head.record, head.previous) != expected:
        raise JournalDamaged(f"commit {number} does not follow commit {last.number}")
    return head


def read_commit(
    number: int, commit: bytes | memoryview, last: CommitHead
) -> tuple[CommitHead, Iterator[Located]]:
    """Read the head and the turns of a commit; `last` is the previous commit's head.

    All checksums are checked before the first turn is given; the turns are unpacked one by one.
    So the garbage collector does not go through the objects of a whole commit.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: a byte is not what was written, or the commit does not follow `last`.
    """
    view = memoryview(commit)
    head = head_after(number, view, last)
    layout = layout_of(number, view)
    places = check_turns(head, view, layout)
    if layout.thinned:
        return head, turns_left(head, view, layout, places)
    return head, _turns(head, view, layout)


def check_turns(head: CommitHead, commit: memoryview, layout: Layout) -> commit_thinned.Places:
    """Check the checksums of all turns, and unpack nothing.

    Returns:
        Where the turns of a thinned commit are; nothing for others, whose turns follow each other.

    Raises:
        JournalDamaged: a byte is not what was written.
    """
    if layout.thinned:
        return _check_left(head, commit, layout)
    number, digest, end = head.number, 0, HEAD_BYTES
    while end < len(commit):
        offset = end
        try:
            crc, size = _START.unpack_from(commit, offset)
        except struct.error:
            raise JournalDamaged(f"commit {number}, offset {offset}: cannot be read") from None
        end += layout.frame + size
        if crc32(commit[offset + CRC.size : end], crc32(PLACE.pack(number, offset))) != crc:
            raise JournalDamaged(f"commit {number}, offset {offset}: not what was written")
        digest ^= crc
    if digest != head.digest:
        raise JournalDamaged(f"commit {number}: a turn is not the one that was written")
    return []


def _check_left(head: CommitHead, commit: memoryview, layout: Layout) -> commit_thinned.Places:
    number, digest = head.number, 0
    places, end = commit_thinned.places(number, commit)
    for offset, start in places:
        if start != end or end + layout.frame > len(commit):
            raise JournalDamaged(f"commit {number}, offset {offset}: is not where it should be")
        crc, size = _START.unpack_from(commit, start)
        end += layout.frame + size
        if crc32(commit[start + CRC.size : end], crc32(PLACE.pack(number, offset))) != crc:
            raise JournalDamaged(f"commit {number}, offset {offset}: not what was written")
        digest ^= crc
    if digest != head.digest or end != len(commit):
        raise JournalDamaged(f"commit {number}: a turn is not the one that was written")
    return places


def _turns(head: CommitHead, commit: memoryview, layout: Layout) -> Iterator[Located]:
    offset, position, number = HEAD_BYTES, head.position, head.record
    while offset < len(commit):
        found = layout.locate(head.number, offset, commit[offset:])
        if found.number != number or found.records[0].position != position:
            raise JournalDamaged(f"commit {head.number}, offset {offset}: a turn is missing")
        yield found
        offset += found.size
        position = found.records[-1].last_position
        number += len(found.records)
    if (number, position) != (head.last_record, head.last_position):
        raise JournalDamaged(f"commit {head.number} does not hold what its head says")


def turns_left(
    head: CommitHead, commit: memoryview, layout: Layout, places: commit_thinned.Places
) -> Iterator[Located]:
    """Give the turns of a thinned commit, whose events are all there; `places` says where they are.

    Raises:
        JournalDamaged: they are not what the head says.
    """
    position, number = head.position, head.record
    for offset, start in places:
        found = layout.locate(head.number, offset, commit[start:])
        if found.number < number or found.records[0].position != position:
            raise JournalDamaged(f"commit {head.number}, offset {offset}: a turn is missing")
        yield found
        position = found.records[-1].last_position
        number = found.number + found.many
    if number > head.last_record or position != head.last_position:
        raise JournalDamaged(f"commit {head.number} does not hold what its head says")
