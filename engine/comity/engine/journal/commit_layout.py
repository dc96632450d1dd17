"""The arrangement of turns in a commit: the commit's first byte, the format, names the layout.

`LmdbReader` reads commits of all formats, also if one journal holds several. To change how turns
are written, add a layout here, and do not change the existing layouts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from comity.engine import formats
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_record, commit_turn
from comity.engine.journal.commit_head import HEAD_BYTES, CommitHead, read_head
from comity.engine.journal.located import Frame, Located


class Layout(NamedTuple):
    """The two functions that read the turns of one format. Both raise `JournalDamaged`."""

    locate: Callable[[int, int, memoryview], Located]
    """Reads and checks a turn at a commit's number and an offset; the bytes begin with it."""
    frame_at: Callable[[int, int, memoryview], Frame]
    """Gives a turn's frame, unchecked. Takes the commit's number, the turn's offset, and the bytes
    of the whole commit."""


LAYOUTS: Final = {
    2: Layout(commit_record.locate, commit_record.frame_at),
    3: Layout(commit_turn.locate, commit_turn.frame_at),
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


def read_commit(
    number: int, commit: bytes | memoryview, last: CommitHead
) -> tuple[CommitHead, list[Located]]:
    """Read the head and the turns of a commit; `last` is the previous commit's head.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: a byte is not what was written, or the commit does not follow `last`.
    """
    view = memoryview(commit)
    head = read_head(number, view)
    expected = (last.number + 1, last.last_position, last.last_record, last.crc)
    if (head.number, head.position, head.record, head.previous) != expected:
        raise JournalDamaged(f"commit {number} does not follow commit {last.number}")
    return head, list(_turns(head, view))


def _turns(head: CommitHead, commit: memoryview) -> Iterator[Located]:
    locate = layout_of(head.number, commit).locate
    offset, position, number, digest = HEAD_BYTES, head.position, head.record, 0
    while offset < len(commit):
        found = locate(head.number, offset, commit[offset:])
        if found.number != number or found.records[0].position != position:
            raise JournalDamaged(f"commit {head.number}, offset {offset}: a turn is missing")
        yield found
        offset += found.size
        position = found.records[-1].last_position
        number += len(found.records)
        digest ^= found.crc
    if digest != head.digest:
        raise JournalDamaged(f"commit {head.number}: a turn is not the one that was written")
    if (number, position) != (head.last_record, head.last_position):
        raise JournalDamaged(f"commit {head.number} does not hold what its head says")
