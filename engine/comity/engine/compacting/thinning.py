"""Writes a commit anew without some of its records that have no events; see `commit_thinned`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

from msgpack import Unpacker

from comity.engine import formats
from comity.engine.errors import JournalInUse
from comity.engine.journal import commit_thinned
from comity.engine.journal.commit_head import (
    CRC,
    HEAD,
    HEAD_BYTES,
    PLACE,
    Origin,
    origin_of,
    read_head,
)
from comity.engine.journal.commit_layout import check_turns, layout_of
from comity.engine.journal.commit_turn import FRAME

_TIME, _EVENTS, _LASTING = 1, 2, 4
"""Where an entry has these; see `entry`."""
_NIL: Final = b"\xc0"
"""An entry that was dropped."""
_THINNABLE: Final = (formats.COMMIT, formats.THINNED)


class Thinned(NamedTuple):
    """A commit without some of its records."""

    commit: bytes
    dropped: int


def thinned(
    number: int, commit: bytes | memoryview, drop: Callable[[int, int], bool]
) -> Thinned | None:
    """Return the commit without the records without events that `drop` chooses.

    Lasting records stay, since later decisions read them.

    Args:
        number: the commit's number.
        commit: its bytes.
        drop: gets how many records come before a record in the journal, and its time.

    Returns:
        None if there are none, or if the commit would not be shorter.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: a byte is not what was written.
    """
    view = memoryview(commit)
    head, layout = read_head(number, view), layout_of(number, view)
    if view[0] not in _THINNABLE or head.events == head.records == 1:
        return None
    check_turns(head, view, layout)
    turns, dropped = list[tuple[int, bytes]](), 0
    for offset, turn in _turns(number, view):
        left, less = _without(number, offset, turn, drop)
        dropped += less
        if left is not None:
            turns.append((offset, left))
    if not dropped:
        return None
    is_thinned = view[0] == formats.THINNED
    origin = origin_of(head, view) if is_thinned else Origin(view[0], head.digest, head.crc)
    _, *fields = HEAD.unpack_from(view)
    made = commit_thinned.pack(number, tuple(fields), origin, turns)
    return Thinned(made, dropped) if len(made) < len(view) else None


def _turns(number: int, commit: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Give the turns, each with the offset at which it was written."""
    if commit[0] == formats.THINNED:
        places, _ = commit_thinned.places(number, commit)
    else:
        places, at = list[tuple[int, int]](), HEAD_BYTES
        while at < len(commit):
            places.append((at, at))
            at += _size(commit, at)
    for offset, start in places:
        yield offset, commit[start : start + _size(commit, start)]


def _size(commit: memoryview, start: int) -> int:
    return FRAME.size + int.from_bytes(commit[start + CRC.size : start + 2 * CRC.size])


def _without(
    number: int, offset: int, turn: memoryview, drop: Callable[[int, int], bool]
) -> tuple[bytes | None, int]:
    """Return what is left of a turn, None for nothing; and how many of its records are not."""
    _, _, events, many, lasting, first, *_ = FRAME.unpack_from(turn)
    if many == 1 and (events or lasting):  # most turns: they need not be unpacked
        return bytes(turn), 0
    stored = bytes(turn[FRAME.size :])
    parts, left, dropped = list[bytes](), 0, 0
    for at, (entry, packed) in enumerate(_entries(stored, parts)):
        if entry is not None and _is_bare(entry) and drop(first + at, entry[_TIME]):
            dropped += 1
            parts.append(_NIL)
        else:
            left += entry is not None
            parts.append(packed)
    if not dropped:
        return bytes(turn), 0
    return _again(number, offset, turn, b"".join(parts)) if left else None, dropped


def _entries(stored: bytes, parts: list[bytes]) -> Iterator[tuple[Any, bytes]]:
    """Give the entries of a turn, each with its bytes; `parts` gets what is around them."""
    unpacker = Unpacker(use_list=False)
    unpacker.feed(stored)
    unpacker.read_array_header()
    unpacker.skip()  # the aggregate
    many, end = unpacker.read_array_header(), unpacker.tell()
    parts.append(stored[:end])
    for _ in range(many):
        start, entry, end = end, unpacker.unpack(), unpacker.tell()
        yield entry, stored[start:end]
    parts.append(stored[end:])


def _is_bare(entry: Sequence[Any]) -> bool:
    """Whether an entry neither has events nor is a lasting record."""
    return not entry[_EVENTS] and not (len(entry) > _LASTING and entry[_LASTING])


def _again(number: int, offset: int, turn: memoryview, payload: bytes) -> bytes:
    """Make a turn with another payload, and all checksums right."""
    _, _, *fields = FRAME.unpack_from(turn)
    frame = FRAME.pack(0, len(payload), *fields)[CRC.size :]
    crc = crc32(payload, crc32(frame, crc32(PLACE.pack(number, offset))))
    return b"".join((crc.to_bytes(CRC.size), frame, payload))


def check_same(number: int, before: memoryview, found: memoryview | None) -> None:
    """Check that a commit has not changed since it was read.

    Raises:
        JournalInUse: a second `compact` has changed it: no other program changes one.
    """
    if found is None or found[:HEAD_BYTES] != before[:HEAD_BYTES]:
        raise JournalInUse(
            f"another program compacts this journal, too, and has changed commit {number:,}: let "
            "it end, then run this again; what was done so far stays done"
        )
