"""Reads the pages of an LMDB data file without LMDB, which ends the process where one is wrong.

`lmdb_preflight` calls it before a file is mapped. The layout is that of LMDB 0.9 on 64 bits:

    page    number, pad, flags, lower, upper, then offsets of nodes; nodes fill it from its end
    node    low and high half of the data's size (or of a branch's child), flags, key size, key, data
    tree    pad, flags, depth, pages of three kinds, entries, root page

Pages 0 and 1 say which two trees are the newest state: the free pages, and the named tables. All
that is reached from there is looked at: each page is reached once, names itself, holds its nodes
without gap or overlap, in order and between its neighbours; each tree has what it says it has; and
each page is either in use or free. So LMDB finds every key that is there, and nothing else.

It reads 160 to 250 MB/s; `lmdb.verify`, which neither checks where a branch leads nor any content,
90 to 150.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Container
from functools import cache
from typing import Final, NamedTuple
from zlib import crc32

from comity.engine.seal import SOUND

MAGIC: Final = 0xBEEFC0DE
_VERSION: Final = 1
_HEADER: Final = struct.Struct("=QHHHH")
_META: Final = struct.Struct("=IIQQ")
_TREE: Final = struct.Struct("=IHHQQQQQ")
_META_END: Final = struct.Struct("=QQ")
_NODE: Final = struct.Struct("=HHHH")
_COUNT: Final = struct.Struct("=I")
_HEADER_BYTES: Final = 16
_META_BYTES: Final = _HEADER_BYTES + _META.size + 2 * _TREE.size + _META_END.size
_NODE_BYTES: Final = 8
_SIZES: Final = frozenset(1 << bits for bits in range(9, 16))
_NO_PAGE: Final = (1 << 64) - 1
_DEEPEST: Final = 32

_BRANCH, _LEAF, _OVERFLOW, _IS_META, _DIRTY, _SUBPAGE = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40
_BIG, _SUBTREE, _SEVERAL = 0x01, 0x02, 0x04
"""Of a node: its data stand on pages of their own; are a tree; are several values."""


class Wrong(Exception):
    """A page is not as LMDB writes it; the text says which and how."""


class Tree(NamedTuple):
    """What is said of a tree where its root is named."""

    pad: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int


class Meta(NamedTuple):
    """A state of the file: one of the two pages at its beginning."""

    number: int
    """Of the transaction that wrote it."""
    page_size: int
    free: Tree
    named: Tree
    last_page: int


def read_meta(start: bytes, page: int, at: int) -> Meta:
    """The meta page with this number, which stands at this offset of the file's beginning.

    Raises:
        Wrong: it is none.
    """
    if len(start) < at + _META_BYTES:
        raise Wrong(f"the file is cut short: meta page {page} is missing")
    number, _, flags, _, _ = _HEADER.unpack_from(start, at)
    magic, version, _, _ = _META.unpack_from(start, at + _HEADER_BYTES)
    trees = at + _HEADER_BYTES + _META.size
    free = Tree._make(_TREE.unpack_from(start, trees))
    named = Tree._make(_TREE.unpack_from(start, trees + _TREE.size))
    last, transaction = _META_END.unpack_from(start, trees + 2 * _TREE.size)
    if (magic, version, number, flags) != (MAGIC, _VERSION, page, _IS_META):
        raise Wrong(f"page {page} is no meta page of LMDB 0.9")
    if free.pad not in _SIZES:
        raise Wrong(f"meta page {page} claims pages of {free.pad} bytes")
    return Meta(transaction, free.pad, free, named, last)


def find_wrong(descriptor: int, unsealed: Container[bytes]) -> str:
    """What is wrong with the data file, in words; empty where nothing is.

    Args:
        unsealed: the tables whose values end with no checksum; those of all others are checked.
    """
    try:
        _Walk(descriptor, unsealed).walk()
    except (Wrong, struct.error) as error:
        return str(error)
    return ""


class _Found:
    """What a tree turns out to have."""

    def __init__(self) -> None:
        self.depth = self.branches = self.leaves = self.overflows = self.entries = 0
        self.of_values: tuple[int, int] = 0, 0
        """Branches and leaves of the trees that hold a key's several values."""


class _Walk:
    """One way through a file."""

    def __init__(self, descriptor: int, unsealed: Container[bytes]) -> None:
        self._file = descriptor
        self._size = os.fstat(descriptor).st_size
        self._unsealed = unsealed
        self._meta = self._newest()
        self._page_size = self._meta.page_size
        pages = self._meta.last_page + 1
        if pages * self._page_size > self._size + (1 << 32):  # free pages may be beyond the end
            raise Wrong(f"page {pages - 1} is far beyond the file's end")
        self._used = bytearray(pages)
        self._free: list[tuple[int, bytes]] = []

    def walk(self) -> None:
        """Look at everything.

        Raises:
            Wrong: something is.
        """
        self._tree("the free pages", self._meta.free, checked=False, is_free=True)
        named: list[tuple[bytes, Tree]] = []
        self._tree("the tables", self._meta.named, checked=False, named=named)
        for name, tree in named:
            if tree.flags & ~_SEVERAL:
                raise Wrong(f"table {name!r} has flags {tree.flags:#x}")
            self._tree(f"table {name.decode(errors='replace')}", tree, name not in self._unsealed)
        self._check_free()

    def _newest(self) -> Meta:
        start = os.pread(self._file, max(_SIZES) + _META_BYTES, 0)
        first = read_meta(start, 0, 0)
        second = read_meta(start, 1, first.page_size)
        if first.page_size != second.page_size:
            raise Wrong("the meta pages name different page sizes")
        old, new = sorted((first, second), key=lambda meta: meta.number)
        # Transactions write the two in turn, so the page of the one before the newest is there.
        if first.number % 2 or (second.number and not second.number % 2):
            raise Wrong(f"the meta pages hold {first.number} and {second.number}: one is exchanged")
        if new.number - old.number != 1 and new.number:
            raise Wrong(f"state {new.number} follows {old.number}: the newest one is lost")
        return new

    # --- trees --------------------------------------------------------------------------------

    def _tree(
        self,
        name: str,
        tree: Tree,
        checked: bool,
        *,
        is_free: bool = False,
        named: list[tuple[bytes, Tree]] | None = None,
        key: bytes = b"",
    ) -> _Found:
        """Walk through a tree; with a `key`, one of that key's several values."""
        found = _Found()
        if tree.root != _NO_PAGE:
            walk = _TreeWalk(self, name, tree, found, checked, is_free, named, key)
            walk.page(tree.root, 1, None, None)
        branches, leaves = found.of_values
        # LMDB before 0.9.36 did not count the pages of several values.
        if not (
            found.branches <= tree.branches <= found.branches + branches
            and found.leaves <= tree.leaves <= found.leaves + leaves
            and (found.overflows, found.entries, found.depth)
            == (tree.overflows, tree.entries, tree.depth)
        ):
            raise Wrong(f"{name}: there are {found.entries} entries, or pages, of {tree.entries}")
        return found

    def use(self, page: int, name: str) -> None:
        """Note that a page is reached."""
        if not 2 <= page < len(self._used) or self._used[page]:
            raise Wrong(f"{name}: page {page} cannot be reached from there")
        self._used[page] = 1

    def read(self, page: int, name: str) -> bytes:
        """The bytes of a page that is reached for the first time."""
        self.use(page, name)
        data = os.pread(self._file, self._page_size, page * self._page_size)
        if len(data) < self._page_size:
            raise Wrong(f"the file is cut short: page {page}, of {name}, is missing")
        return data

    def read_big(self, page: int, size: int, name: str, *, whole: bool) -> tuple[int, bytes]:
        """How many pages a large value takes, and, where `whole` is wanted, its bytes."""
        count = (_HEADER_BYTES - 1 + size) // self._page_size + 1
        head = self.read(page, name)
        number, _, flags, _, _ = _HEADER.unpack_from(head)
        (said,) = _COUNT.unpack_from(head, 12)
        if (number, flags, said) != (page, _OVERFLOW, count):
            raise Wrong(f"{name}: page {page} does not begin a value of {size} bytes")
        for each in range(page + 1, page + count):
            self.use(each, name)
        start = page * self._page_size
        if start + count * self._page_size > self._size:
            raise Wrong(f"the file is cut short within page {page}, of {name}")
        return count, os.pread(self._file, size, start + _HEADER_BYTES) if whole else b""

    def list_free(self, transaction: int, pages: bytes) -> None:
        """Note the pages that a transaction has left."""
        if not 1 <= transaction <= self._meta.number:
            raise Wrong(f"transaction {transaction} has not been yet and leaves free pages")
        self._free.append((transaction, pages))

    def _check_free(self) -> None:
        used = self._used
        for transaction, data in self._free:
            pages = array("Q")
            pages.frombytes(data[: len(data) & ~7])
            count, *numbers = pages
            if len(data) != 8 * len(pages) or count != len(numbers):
                raise Wrong(f"the list of free pages of {transaction} is not one")
            for page in numbers:
                if not 2 <= page < len(used) or used[page]:
                    raise Wrong(f"page {page} is free, and in use, or free twice")
                used[page] = 1
        if used.count(1) != len(used) - 2:
            raise Wrong("there are pages which are neither in use nor free")


class _TreeWalk:
    """One way through a tree, from its root down and from the left to the right."""

    def __init__(
        self,
        file: _Walk,
        name: str,
        tree: Tree,
        found: _Found,
        checked: bool,
        is_free: bool,
        named: list[tuple[bytes, Tree]] | None,
        key: bytes,
    ) -> None:
        self._file = file
        self._name = name
        self._found = found
        self._checked = checked
        self._is_free = is_free
        self._named = named
        self._several = bool(tree.flags & _SEVERAL)
        self._crc = crc32(key)
        self._of_key = bool(key)
        """The keys of this tree are the values of a key."""

    def page(self, number: int, depth: int, low: bytes | None, high: bytes | None) -> None:
        """Look at a page whose keys are from `low` on and before `high`, and all below it."""
        page = self._file.read(number, self._name)
        said, _, flags, lower, upper = _HEADER.unpack_from(page)
        if said != number:
            raise Wrong(f"{self._name}: page {number} calls itself {said}")
        found = self._found
        if flags == _LEAF:
            found.leaves += 1
            if found.depth not in (0, depth):
                raise Wrong(f"{self._name}: page {number} is at depth {depth}")
            found.depth = depth
            self._leaf(page, number, lower, upper, low, high)
        elif flags == _BRANCH and depth < _DEEPEST:
            found.branches += 1
            for child, first, end in self._children(page, number, lower, upper, low, high):
                self.page(child, depth + 1, first, end)
        else:
            raise Wrong(f"{self._name}: page {number} has flags {flags:#x} at depth {depth}")

    def _children(
        self,
        page: bytes,
        number: int,
        lower: int,
        upper: int,
        low: bytes | None,
        high: bytes | None,
    ) -> list[tuple[int, bytes | None, bytes | None]]:
        """The children of a branch, each with the keys that bound it."""
        children: list[int] = []
        keys: list[bytes | None] = []
        filled = 0
        for offset in _offsets(page, number, lower, upper, len(page)):
            first, second, third, size = _NODE.unpack_from(page, offset)
            end = offset + _NODE_BYTES + size
            if offset < upper or end > len(page):
                raise Wrong(f"{self._name}: page {number} has a node outside")
            filled += end - offset + 1 & ~1
            children.append(first | second << 16 | third << 32)
            keys.append(page[end - size : end])
        keys[0] = low  # the first one's own key means nothing
        inner = keys[1:]
        if self._is_free:
            ordered = sorted({_number(key) for key in inner if key is not None})
            in_order = [_number(key) for key in inner if key is not None] == ordered
        else:
            in_order = all(a is None or b is None or a < b for a, b in zip(keys, [*inner, high]))
        if not in_order or filled != len(page) - upper:
            raise Wrong(f"{self._name}: the branches of page {number} are not in order")
        return list(zip(children, keys, [*inner, high], strict=True))

    def _leaf(
        self,
        page: bytes,
        number: int,
        lower: int,
        upper: int,
        low: bytes | None,
        high: bytes | None,
    ) -> None:
        node, header = _NODE.unpack_from, _NODE_BYTES
        plain = self._checked and not self._of_key
        of_key, crc = self._of_key, self._crc
        last, end_of_page, filled = low, len(page), 0
        may_equal = low is not None
        for offset in _offsets(page, number, lower, upper, end_of_page):
            if offset < upper or offset + header > end_of_page:
                raise Wrong(f"{self._name}: page {number} has a node outside")
            size, more, flags, key_size = node(page, offset)
            start = offset + header
            data = start + key_size
            size |= more << 16
            end = data + (8 if flags == _BIG else size)
            if end > end_of_page:
                raise Wrong(f"{self._name}: page {number} has a node outside")
            filled += end - offset + 1 & ~1
            key = page[start:data]
            if not flags:
                if plain:
                    if crc32(page[data:end], crc32(key)) != SOUND:
                        raise Wrong(f"{self._name}: {key!r} has another value than was written")
                elif of_key and self._checked and crc32(key, crc) != SOUND:
                    raise Wrong(f"{self._name}: one of several values is not what was written")
            if last is not None and not self._is_free and not last < key:
                if not (may_equal and last == key):
                    raise Wrong(f"{self._name}: the keys of page {number} are not in order")
            may_equal = False
            last = key
            if flags or self._is_free or self._named is not None:
                self._special(flags, key, page[data:end], size)
            else:
                self._found.entries += 1
        if last is not None and high is not None and not self._is_free and not last < high:
            raise Wrong(f"{self._name}: the keys of page {number} belong to the next one")
        if filled != end_of_page - upper:
            raise Wrong(f"{self._name}: the nodes of page {number} leave gaps, or overlap")

    def _special(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """A node that is more than a key and its value."""
        found, file = self._found, self._file
        if flags == _BIG and not self._several and self._named is None:
            whole = self._is_free or self._checked
            count, value = file.read_big(
                int.from_bytes(data, "little"), size, self._name, whole=whole
            )
            found.overflows += count
            found.entries += 1
            if self._is_free:
                file.list_free(_number(key), value)
            elif self._checked and crc32(value, crc32(key)) != SOUND:
                raise Wrong(f"{self._name}: {key!r} has another value than was written")
        elif flags == 0 and self._is_free:
            found.entries += 1
            file.list_free(_number(key), data)
        elif flags == _SUBTREE and self._named is not None and len(data) == _TREE.size:
            found.entries += 1
            self._named.append((key, Tree._make(_TREE.unpack(data))))
        elif flags == _SEVERAL and self._several:
            found.entries += self._values(key, data)
        elif flags == _SEVERAL | _SUBTREE and self._several and len(data) == _TREE.size:
            tree = Tree._make(_TREE.unpack(data))
            if tree.flags or not key:
                raise Wrong(f"{self._name}: the values of {key!r} have flags {tree.flags:#x}")
            below = file._tree(self._name, tree, self._checked, key=key)
            branches, leaves = found.of_values
            found.of_values = branches + below.branches, leaves + below.leaves
            found.entries += below.entries
        else:
            raise Wrong(f"{self._name}: the entry of {key!r} has flags {flags:#x}")

    def _values(self, key: bytes, page: bytes) -> int:
        """Several values of a key, on a page within a page; how many they are."""
        _, _, flags, lower, upper = _HEADER.unpack_from(page)
        if flags & ~_DIRTY != _LEAF | _SUBPAGE:
            raise Wrong(f"{self._name}: the values of {key!r} have flags {flags:#x}")
        last, crc, count, filled = b"", crc32(key), 0, 0
        for offset in _offsets(page, 0, lower, upper, len(page)):
            if offset < upper or offset + _NODE_BYTES > len(page):
                raise Wrong(f"{self._name}: a value of {key!r} is outside")
            more, rest, kind, size = _NODE.unpack_from(page, offset)
            end = offset + _NODE_BYTES + size
            value = page[end - size : end]
            if end > len(page) or more or rest or kind or value <= last:
                raise Wrong(f"{self._name}: the values of {key!r} are not in order")
            if self._checked and crc32(value, crc) != SOUND:
                raise Wrong(f"{self._name}: a value of {key!r} is not what was written")
            last = value
            count += 1
            filled += end - offset + 1 & ~1
        if filled != len(page) - upper:
            raise Wrong(f"{self._name}: the values of {key!r} leave gaps, or overlap")
        return count


@cache
def _shorts(count: int) -> struct.Struct:
    return struct.Struct(f"={count}H")


def _offsets(page: bytes, number: int, lower: int, upper: int, size: int) -> tuple[int, ...]:
    """Where the nodes of a page begin."""
    if not _HEADER_BYTES < lower <= upper <= size or lower % 2:
        raise Wrong(f"page {number} has room from {lower} to {upper}")
    return _shorts((lower - _HEADER_BYTES) // 2).unpack_from(page, _HEADER_BYTES)


def _number(key: bytes) -> int:
    if len(key) != 8:
        raise Wrong(f"the free pages have an entry {key!r}")
    return int.from_bytes(key, "little")
