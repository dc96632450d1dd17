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
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from comity.engine.lmdb.data_tree import HEADER, TREE, FreePages, Names, Table, Tree, Wrong

MAGIC: Final = 0xBEEFC0DE
_VERSION: Final = 1
_META: Final = struct.Struct("=IIQQ")
_META_END: Final = struct.Struct("=QQ")
_COUNT: Final = struct.Struct("=I")
META_BYTES: Final = HEADER.size + _META.size + 2 * TREE.size + _META_END.size
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
    state: Meta | None = None,
) -> str:
    """Return the first fault of an open data file, in words; empty if there is none.

    Args:
        descriptor: the file.
        unsealed: the tables whose values do not end with their checksums.
        told: called now and then with the number of bytes that are checked, and of all.
        state: the state to check, whose pages a read transaction holds; by default the newest one,
            and then nobody may write the file meanwhile.
    """
    try:
        _look(descriptor, unsealed, told, newest_state(descriptor) if state is None else state)
    except (Wrong, struct.error) as error:
        return str(error)
    return ""


def _look(
    descriptor: int, unsealed: Container[bytes], told: Callable[[int, int], None], meta: Meta
) -> None:
    file = PageFile(descriptor, meta, told)
    free = FreePages(file, meta.free)
    free.walk()
    names = Names(file, meta.named)
    names.walk()
    for name, tree in names.trees:
        if tree.flags and not tree.has_several:
            raise Wrong(f"table {name!r} has flags {tree.flags:#x}")
        Table(file, name, tree, sealed=name not in unsealed).walk()
    file.check_free(free.left)


def newest_state(descriptor: int) -> Meta:
    """Return the newest state that the first two pages of a data file name.

    Raises:
        Wrong: one of them is not as LMDB writes it, or they do not belong together.
    """
    start = os.pread(descriptor, max(_SIZES) + META_BYTES, 0)
    first = read_state(start, 0, 0)
    second = read_state(start, 1, first.page_size)
    if first.page_size != second.page_size:
        raise Wrong("the first two pages name different sizes of pages")
    # Transactions write the two pages in turn, so the other page is of the previous transaction.
    old, new = sorted((first, second), key=lambda meta: meta.number)
    in_turn = first.number % 2 == 0 and (second.number % 2 or second.number == 0)
    if not in_turn or new.number - old.number > 1:
        raise Wrong(f"the first two pages are of states {first.number} and {second.number}")
    return new


def states(descriptor: int) -> Iterator[Meta]:
    """Give the states that the first two pages name, as far as each is sound in itself."""
    start = os.pread(descriptor, max(_SIZES) + META_BYTES, 0)
    for page, size in ((0, 0), *((1, each) for each in sorted(_SIZES))):
        with suppress(Wrong):
            found = read_state(start, page, size)
            if not page or found.page_size == size:
                yield found


def read_state(start: bytes, page: int, at: int) -> Meta:
    """Return the state that page 0 or 1 names; `start` is the begin of the file.

    Raises:
        Wrong: the page is not as LMDB writes it.
    """
    if len(start) < at + META_BYTES:
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
    if (free.flags, named.flags, named.pad) != (_NUMBERS, 0, 0):
        raise Wrong(f"page {page} has flags {free.flags:#x} and {named.flags:#x}, {named.pad:#x}")
    if free.pad not in _SIZES or last + 1 < _METAS:
        raise Wrong(f"page {page} claims pages of {free.pad} bytes, the last of them {last}")
    return Meta(transaction, free.pad, free, named, last)


class PageFile:
    """The pages of a state of a file, with a note of those that were reached.

    Raises:
        Wrong: the state has more pages than any file of this size.
    """

    def __init__(self, descriptor: int, meta: Meta, told: Callable[[int, int], None]) -> None:
        self._file = descriptor
        self._told = told
        self._done = 0
        self._page_size = meta.page_size
        self._newest = meta.number
        self._size = os.fstat(descriptor).st_size
        pages = meta.last_page + 1
        if pages * self._page_size > self._size + (1 << 32):  # free pages may be beyond the end
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

    def check_free(self, left: Sequence[tuple[int, bytes]]) -> None:
        """Check that the pages freed by transactions are exactly the pages not in use.

        Raises:
            Wrong: a page is both, or neither.
        """
        for transaction, data in left:
            pages = array("Q", data[: len(data) & ~7])
            if not 1 <= transaction <= self._newest or len(data) % 8 or not pages:
                raise Wrong(f"state {transaction} left no list of free pages")
            if pages[0] != len(pages) - 1:
                raise Wrong(f"state {transaction} left {len(pages) - 1} pages, and not {pages[0]}")
            for page in pages[1:]:
                self._reach(page)
        if self._reached.count(1) != len(self._reached) - _METAS:
            raise Wrong("some pages are neither in use nor free")

    @property
    def pages(self) -> int:
        """How many pages were reached."""
        return self._done

    def _reach(self, page: int) -> None:
        if not _METAS <= page < len(self._reached) or self._reached[page]:
            raise Wrong(f"page {page} is in use twice, or in use and free, or is not there")
        self._reached[page] = 1
        self._done += 1
        if self._done % _OFTEN == 0:
            self._told(self._done * self._page_size, len(self._reached) * self._page_size)
