"""Where everything is in the file `board`: a head, flags by slot, then the slots.

`BoardFile` and `Board.look` use it. Any program may have written anything into the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from mmap import mmap
from typing import Final

from comity.engine.files.boot import boot
from comity.engine.formats import BOARD
from comity.engine.sharing.sharer import Sharer

SLOTS: Final = 1_024
NOBODY: Final = bytes(SLOTS)
"""The flags of all slots, if none is set."""

NAME: Final = b"comity board "
HEAD_BYTES: Final = 4_096
USED: Final = slice(HEAD_BYTES, HEAD_BYTES + SLOTS)
WANTS: Final = slice(HEAD_BYTES + SLOTS, HEAD_BYTES + 2 * SLOTS)
WAITS: Final = slice(HEAD_BYTES + 2 * SLOTS, HEAD_BYTES + 3 * SLOTS)
FIRST_SLOT: Final = 8_192
SLOT: Final = 256
NUMBERS: Final = SLOT // 8
SIZE: Final = FIRST_SLOT + SLOTS * SLOT

_BELL: Final = 80
_HOST, _PROGRAM = slice(96, 136), slice(136, SLOT)


class Number(IntEnum):
    """The numbers of a slot, by their place in it. Each has 64 bits."""

    PID = 0
    NAMESPACE = 1
    SINCE = 2
    BEAT = 3
    COMMITS = 4
    EVENTS = 5
    STALE = 6
    WAITS_SINCE = 7
    HOLDS_SINCE = 8


def head() -> bytes:
    """The head of a board of this comity, on this boot of this machine."""
    return NAME + b"%d\n" % BOARD + boot().encode()[:200] + b"\n"


def place(slot: int) -> slice:
    """Where a slot is."""
    at = FIRST_SLOT + slot * SLOT
    return slice(at, at + SLOT)


def bell(slot: int, wish: int = 0) -> int:
    """Where the word is on which a slot's process sleeps; after it, there is one for each wish."""
    return FIRST_SLOT + slot * SLOT + _BELL + 4 * wish


def filled(board: mmap | bytes) -> Iterator[int]:
    """The slots that are or were in use."""
    used = board[USED].rstrip(b"\0")
    return (slot for slot, is_used in enumerate(used) if is_used)


def pack_slot(host: str, program: str, numbers: dict[Number, int]) -> bytes:
    """A slot with these texts and numbers, and without news for its bell."""
    one = bytearray(SLOT)
    struct.pack_into(f"={len(Number)}Q", one, 0, *(numbers.get(each, 0) for each in Number))
    one[_HOST], one[_PROGRAM] = _padded(host, _HOST), _padded(program, _PROGRAM)
    return bytes(one)


def read_slot(board: mmap | bytes, slot: int) -> Sharer:
    """What a slot says."""
    one = board[place(slot)]
    numbers = struct.unpack_from(f"={len(Number)}Q", one)
    said = {number.name.lower(): value for number, value in zip(Number, numbers, strict=True)}
    return Sharer(slot=slot, host=_text(one[_HOST]), program=_text(one[_PROGRAM]), **said)


def _padded(text: str, where: slice) -> bytes:
    most = where.stop - where.start
    return text.encode(errors="replace")[:most].ljust(most, b"\0")


def _text(field: bytes) -> str:
    text = field.rstrip(b"\0").decode(errors="replace")
    return text if text and text.isprintable() else "?"
