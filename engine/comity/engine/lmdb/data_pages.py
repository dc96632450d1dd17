"""Checks an LMDB data file without LMDB, which ends the process if a page is not what it wrote.

`preflight` calls it before a file is mapped. Pages 0 and 1 name the two trees of the newest state:
the free pages, and the named tables. The check follows both trees and proves:

- each page is reached once, and holds its own number;
- the nodes of a page fill it without gap or overlap, in order, within the bounds of its parent;
- each tree has as many pages and entries as its description says;
- values match their checksums;
- each page is either in use or free.

LMDB relies on all this; after the check it finds exactly the keys that are in the file.

The check reads 160 to 250 MB/s. `lmdb.verify` reads 90 to 150 MB/s, and checks neither values nor
where a branch leads. The layout is that of LMDB 0.9 on 64 bits.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Callable, Container, Sequence
from typing import Final, NamedTuple

from comity.engine.lmdb.data_tree import HEADER, TREE, FreePages, Names, Table, Tree, Wrong

MAGIC: Final = 0xBEEFC0DE
_VERSION: Final = 1
_META: Final = struct.Struct("=IIQQ")
_META_END: Final = struct.Struct("=QQ")
_COUNT: Final = struct.Struct("=I")
_META_BYTES: Final = HEADER.size + _META.size + 2 * TREE.size + _META_END.size
_METAS: Final = 2
_SIZES: Final = frozenset(1 << bits for bits in range(9, 16))
_OFTEN: Final = 1_024
"""Pages between two calls of `told`: some 20 ms."""
_OVERFLOW, _IS_META = 0x04, 0x08
_NUMBERS: Final = 0x08
"""The flag of a tree whose keys are numbers, such as the tree of free pages."""


class Meta(NamedTuple):
    """A state of the file, from one of its first two pages."""

    number: int
    """The number of the transaction that wrote the page."""
    page_size: int
    free: Tree
    named: Tree
    last_page: int


def find_wrong(
    descriptor: int,
    unsealed: Container[bytes],
    told: Callable[[int, int], None] = lambda _done, _of: None,
) -> str:
    """Return the first fault of an open data file, in words; empty if there is none.

    The values of all tables end with their checksums, except in the `unsealed` tables. `told` is
    called now and then with the number of bytes that are checked, and of all.
    """
    try:
        _look(descriptor, unsealed, told)
    except (Wrong, struct.error) as error:
        return str(error)
    return ""


def _look(descriptor: int, unsealed: Container[bytes], told: Callable[[int, int], None]) -> None:
    meta = _newest(descriptor)
    file = _File(descriptor, meta.page_size, meta.last_page + 1, told)
    free = FreePages(file, meta.free)
    free.walk()
    names = Names(file, meta.named)
    names.walk()
    for name, tree in names.trees:
        if tree.flags and not tree.has_several:
            raise Wrong(f"table {name!r} has flags {tree.flags:#x}")
        Table(file, name, tree, sealed=name not in unsealed).walk()
    file.check_free(free.left, meta.number)


def _newest(descriptor: int) -> Meta:
    start = os.pread(descriptor, max(_SIZES) + _META_BYTES, 0)
    first = _read_meta(start, 0, 0)
    second = _read_meta(start, 1, first.page_size)
    if first.page_size != second.page_size:
        raise Wrong("the first two pages name different sizes of pages")
    # Transactions write the two pages in turn, so the other page is of the previous transaction.
    old, new = sorted((first, second), key=lambda meta: meta.number)
    in_turn = first.number % 2 == 0 and (second.number % 2 or second.number == 0)
    if not in_turn or new.number - old.number > 1:
        raise Wrong(f"the first two pages are of states {first.number} and {second.number}")
    return new


def _read_meta(start: bytes, page: int, at: int) -> Meta:
    if len(start) < at + _META_BYTES:
        raise Wrong(f"the file is cut short in page {page}")
    number, _, flags, _, _ = HEADER.unpack_from(start, at)
    magic, version, _, _ = _META.unpack_from(start, at + HEADER.size)
    trees = at + HEADER.size + _META.size
    free = Tree._make(TREE.unpack_from(start, trees))
    named = Tree._make(TREE.unpack_from(start, trees + TREE.size))
    last, transaction = _META_END.unpack_from(start, trees + 2 * TREE.size)
    if (magic, version, number, flags) != (MAGIC, _VERSION, page, _IS_META):
        raise Wrong(f"page {page} is not what LMDB 0.9 begins a file with")
    # With other flags LMDB would map the file over other memory, or misread the list of tables.
    if (free.flags, named.flags) != (_NUMBERS, 0):
        raise Wrong(f"page {page} has flags {free.flags:#x} and {named.flags:#x}")
    if free.pad not in _SIZES or last + 1 < _METAS:
        raise Wrong(f"page {page} claims pages of {free.pad} bytes, the last of them {last}")
    return Meta(transaction, free.pad, free, named, last)


class _File:
    """The pages of a file, with a note of those that were reached."""

    def __init__(
        self, descriptor: int, page_size: int, pages: int, told: Callable[[int, int], None]
    ) -> None:
        self._file = descriptor
        self._told = told
        self._done = 0
        self._page_size = page_size
        self._size = os.fstat(descriptor).st_size
        if pages * page_size > self._size + (1 << 32):  # free pages may be beyond the end
            raise Wrong(f"page {pages - 1} is far beyond the end of the file")
        self._reached = bytearray(pages)

    def read(self, page: int) -> bytes:
        """See `Pages.read`."""
        self._reach(page)
        data = os.pread(self._file, self._page_size, page * self._page_size)
        if len(data) < self._page_size:
            raise Wrong(f"the file is cut short: page {page} is missing")
        return data

    def read_big(self, page: int, size: int, *, whole: bool) -> tuple[int, bytes]:
        """See `Pages.read_big`."""
        count = (HEADER.size - 1 + size) // self._page_size + 1
        head = self.read(page)
        number, _, flags, _, _ = HEADER.unpack_from(head)
        (said,) = _COUNT.unpack_from(head, HEADER.size - _COUNT.size)
        if (number, flags, said) != (page, _OVERFLOW, count):
            raise Wrong(f"page {page} does not begin a value of {size} bytes")
        for each in range(page + 1, page + count):
            self._reach(each)
        start = page * self._page_size
        if start + count * self._page_size > self._size:
            raise Wrong(f"the file is cut short after page {page}")
        return count, os.pread(self._file, size, start + HEADER.size) if whole else b""

    def check_free(self, left: Sequence[tuple[int, bytes]], newest: int) -> None:
        """Check that the pages freed by transactions are exactly the pages not in use."""
        for transaction, data in left:
            pages = array("Q", data[: len(data) & ~7])
            if not 1 <= transaction <= newest or len(data) % 8 or not pages:
                raise Wrong(f"state {transaction} left no list of free pages")
            if pages[0] != len(pages) - 1:
                raise Wrong(f"state {transaction} left {len(pages) - 1} pages, and not {pages[0]}")
            for page in pages[1:]:
                self._reach(page)
        if self._reached.count(1) != len(self._reached) - _METAS:
            raise Wrong("some pages are neither in use nor free")

    def _reach(self, page: int) -> None:
        if not _METAS <= page < len(self._reached) or self._reached[page]:
            raise Wrong(f"page {page} is in use twice, or in use and free, or is not there")
        self._reached[page] = 1
        self._done += 1
        if self._done % _OFTEN == 0:
            self._told(self._done * self._page_size, len(self._reached) * self._page_size)
