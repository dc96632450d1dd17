"""Finds commits in a data file whose trees cannot be followed. `salvage` uses it.

A commit is known by its head: the CRC in it covers its number. All bytes of the file are searched
for heads, at 100 MB/s, since a page that is damaged, or is not in use any more, may hold one. So a
commit may be found several times, and several commits may have one number, if a commit failed and
another one got its number later. `chain` chooses among them.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.errors import JournalDamaged
from comity.engine.formats import THINNED
from comity.engine.journal.commit_head import CRC, HEAD, HEAD_BYTES, CommitHead, origin_of
from comity.engine.lmdb.data_tree import BIG, HEADER, LEAF, NODE

_OVERFLOW: Final = 0x04
_KEY: Final = 8
_FORMATS: Final = range(2, 64)
"""A newer comity may have written a commit: that it did is then told."""
_LIKE_A_HEAD: Final = re.compile(
    rb"(?=[\x02-\x3f]\x00\x00\x00.{5}\x00\x00\x00.{5}\x00\x00\x00.{5}\x00)", re.DOTALL
)
"""A format, and three numbers of 8 bytes which begin with zeros: no journal has 2**40 events."""
_COUNT: Final = struct.Struct("=I")
_CHUNK: Final = 256
"""So many pages are searched at a time."""
_LONGEST: Final = 16 << 20
"""The most bytes that a commit takes whose size is not known: its head tells where it ends."""


class Place(NamedTuple):
    """Where a commit is in the file."""

    number: int
    head: CommitHead | None
    """None: it is not what was written, and the number is that of the row."""
    at: int
    """Where in the file it begins."""
    size: int
    """How many bytes it takes, at most."""
    searched: bool
    """Whether it is not where LMDB puts a value, in a page that is as LMDB writes it."""
    format: int = 0
    """Its format; 0 without a head."""


def head_at(data: bytes, at: int) -> CommitHead | None:
    """Return the head of the commit that begins here; None if there is none."""
    if at + HEAD_BYTES > len(data) or data[at] not in _FORMATS:
        return None
    (crc,) = CRC.unpack_from(data, at + HEAD.size)
    if crc32(data[at : at + HEAD.size]) != crc:
        return None
    _, *fields = HEAD.unpack_from(data, at)
    head = CommitHead._make((*fields, crc))
    if data[at] != THINNED:
        return head
    try:  # the next commit names what its head was before
        return head._replace(crc=origin_of(head, memoryview(data)[at:]).crc)
    except JournalDamaged:
        return head


def find_commits(
    descriptor: int, page_size: int, told: Callable[[int, int], None]
) -> Iterator[Place]:
    """Search a file for commits."""
    size = os.fstat(descriptor).st_size
    step = _CHUNK * page_size
    for at in range(0, size, step):
        told(at, size)
        chunk = os.pread(descriptor, step, at)
        rows = {
            place.at: place
            for begin in range(0, len(chunk), page_size)
            for place in _in_page(chunk[begin : begin + page_size], at + begin, size)
        }
        for match in _LIKE_A_HEAD.finditer(chunk):
            if head := head_at(chunk, match.start()):
                begin = at + match.start()
                row = rows.get(begin)
                format_ = chunk[match.start()]
                if row is not None:
                    rows[begin] = row._replace(head=head, number=head.number, format=format_)
                else:
                    within = begin % page_size  # a small value stands in one page with its row
                    whole = within == HEADER.size
                    long = min(size - begin, _LONGEST) if whole else page_size - within
                    rows[begin] = Place(
                        head.number, head, begin, long, searched=True, format=format_
                    )
        yield from rows.values()


def _in_page(page: bytes, at: int, size: int) -> Iterator[Place]:
    """Give the places where LMDB has put values that may be commits."""
    if len(page) < HEADER.size:
        return
    said, _, flags, lower, upper = HEADER.unpack_from(page)
    if said * len(page) != at:
        return
    if flags == _OVERFLOW:
        count: int
        (count,) = _COUNT.unpack_from(page, HEADER.size - _COUNT.size)
        long = min(count * len(page), size - at, _LONGEST) - HEADER.size
        yield Place(0, None, at + HEADER.size, long, searched=False)
    elif flags == LEAF:
        for key, big, start, length in _rows(page, lower, upper):
            begin = at + start
            if big:
                begin = int.from_bytes(page[start : start + _KEY], "little") * len(page)
                begin += HEADER.size
            if begin < size:
                yield Place(int.from_bytes(key), None, begin, length, searched=False)


def _rows(page: bytes, lower: int, upper: int) -> Iterator[tuple[bytes, bool, int, int]]:
    """Give the rows of a leaf whose keys and values have the size of a commit's."""
    if not HEADER.size < lower <= upper <= len(page) or lower % 2:
        return
    for each in range(HEADER.size, lower, 2):
        offset = int.from_bytes(page[each : each + 2], "little")
        if not upper <= offset <= len(page) - NODE.size:
            return
        size, more, flags, key_size = NODE.unpack_from(page, offset)
        if key_size != _KEY or flags not in (0, BIG):
            return
        size |= more << 16
        start = offset + NODE.size + key_size
        if size > HEAD_BYTES and start + (_KEY if flags == BIG else size) <= len(page):
            yield page[start - key_size : start], flags == BIG, start, min(size, _LONGEST)
