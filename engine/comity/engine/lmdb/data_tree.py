"""Checks the trees of an LMDB data file, for `data_pages`, before LMDB maps the file.

    node    low and high half of the data's size (or of a branch's child), flags, key size, key,
            data
    tree    pad, flags, depth, pages of three kinds, entries, root page

The nodes of a page fill it from its end, without gaps. Their offsets are in the order of the keys.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple, Protocol
from zlib import crc32

from comity.engine.files.seal import SOUND

HEADER: Final = struct.Struct("=QHHHH")
"""A page's header: its number, pad, flags, and the lower and upper end of its free space."""
TREE: Final = struct.Struct("=IHHQQQQQ")
NODE: Final = struct.Struct("=HHHH")
NO_PAGE: Final = (1 << 64) - 1
DEEPEST: Final = 32

BRANCH: Final = 0x01
LEAF: Final = 0x02
_DIRTY, _WITHIN = 0x10, 0x40
BIG: Final = 0x01
_SUBTREE, _SEVERAL = 0x02, 0x04
"""Flags of a node: its data are on separate pages; are a tree; are several values."""


class Wrong(Exception):
    """A page is not as LMDB writes it; the text names the page and the fault."""


class Tree(NamedTuple):
    """The description of a tree, stored where its root is named."""

    pad: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int

    @property
    def has_several(self) -> bool:
        """Whether a key may have several values."""
        return self.flags == _SEVERAL


class Pages(Protocol):
    """The pages of a file."""

    def read(self, page: int) -> bytes:
        """Read a page.

        Raises:
            Wrong: the page was read before, or does not exist.
        """
        ...

    def read_big(self, page: int, size: int, *, whole: bool) -> tuple[int, bytes]:
        """Return how many pages a large value takes, and its bytes if `whole`, else b""."""
        ...


class TreeWalk:
    """A walk through a tree, from the root down and from left to right."""

    turned = False
    """Whether keys are little-endian numbers."""
    plain = False
    """Whether a node without flags is a key and its value, and needs no `node`."""
    sealed = False
    """Whether values end with the checksum of `seal`."""

    def __init__(self, pages: Pages, name: str, tree: Tree) -> None:
        self._pages = pages
        self._name = name
        self._tree = tree
        self.depth = 0
        self.branches: int = 0
        self.leaves: int = 0
        self.overflows: int = 0
        self.entries: int = 0
        self.within = 0, 0
        """Branches and leaves of the trees that hold several values of a key."""

    def walk(self) -> None:
        """Check the whole tree.

        Raises:
            Wrong: the tree is not as LMDB writes it.
        """
        tree = self._tree
        if tree.root != NO_PAGE:
            self._page(tree.root, 1, None, None)
        branches, leaves = self.within  # LMDB before 0.9.36 did not count these
        if not (
            self.branches <= tree.branches <= self.branches + branches
            and self.leaves <= tree.leaves <= self.leaves + leaves
            and (self.depth, self.overflows, self.entries)
            == (tree.depth, tree.overflows, tree.entries)
        ):
            raise self._wrong(f"has {self.entries} entries, or pages, and not {tree.entries}")

    def node(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """Check a node that is not plain. Subclasses override this; here it raises `Wrong`."""
        raise self._wrong(f"has an entry of {len(data)} or {size} bytes, {key!r}, flags {flags:#x}")

    def _wrong(self, what: str) -> Wrong:
        return Wrong(f"{self._name} {what}")

    def _page(self, number: int, depth: int, low: bytes | None, high: bytes | None) -> None:
        """Check a page and all pages below it; keys are from `low` on and before `high`."""
        page = self._pages.read(number)
        said, _, flags, lower, upper = HEADER.unpack_from(page)
        if said != number:
            raise self._wrong(f"has page {number}, which calls itself {said}")
        if flags == LEAF and self.depth in (0, depth):
            self.leaves += 1
            self.depth = depth
            self._leaf(page, lower, upper, low, high)
        elif flags == BRANCH and depth < DEEPEST:
            self.branches += 1
            for child, first, end in self._children(page, lower, upper, low, high):
                self._page(child, depth + 1, first, end)
        else:
            raise self._wrong(f"has page {number}, with flags {flags:#x}, at depth {depth}")

    def _children(
        self, page: bytes, lower: int, upper: int, low: bytes | None, high: bytes | None
    ) -> Sequence[tuple[int, bytes | None, bytes | None]]:
        """Return the children of a branch, each with the bounds of its keys."""
        children: list[int] = []
        bounds: list[bytes | None] = []
        filled = 0
        for offset in offsets(page, lower, upper):
            first, second, third, size = NODE.unpack_from(page, offset)
            end = offset + NODE.size + size
            if not upper <= offset < end <= len(page):
                raise self._wrong("has a branch outside of its page")
            filled += end - offset + 1 & ~1
            children.append(first | second << 16 | third << 32)
            key = page[end - size : end]
            bounds.append(key[::-1] if self.turned else key)
        bounds[0] = low  # the first child's key has no meaning
        bounds.append(high)
        inner = [bound for bound in bounds if bound is not None]
        if filled != len(page) - upper or inner != sorted(set(inner)):
            raise self._wrong("has branches that are not in order")
        return list(zip(children, bounds, bounds[1:], strict=False))

    def _leaf(
        self, page: bytes, lower: int, upper: int, low: bytes | None, high: bytes | None
    ) -> None:
        unpack, plain, sealed, turned = NODE.unpack_from, self.plain, self.sealed, self.turned
        keys: list[bytes] = []
        filled, full = 0, len(page)
        for offset in offsets(page, lower, upper):
            if not upper <= offset <= full - NODE.size:
                raise self._wrong("has an entry outside of its page")
            size, more, flags, key_size = unpack(page, offset)
            size |= more << 16
            data = offset + NODE.size + key_size
            end = data + (8 if flags == BIG else size)
            if end > full:
                raise self._wrong("has an entry outside of its page")
            filled += end - offset + 1 & ~1
            key = page[data - key_size : data]
            keys.append(key[::-1] if turned else key)
            if flags or not plain:
                self.node(flags, key, page[data:end], size)
            elif sealed and crc32(page[data:end], crc32(key)) != SOUND:
                raise self._wrong(f"has another value of {key!r} than was written")
            else:
                self.entries += 1
        if (
            filled != full - upper
            or any(map(bytes.__le__, keys[1:], keys))
            or (low is not None and keys[0] < low)
            or (high is not None and keys[-1] >= high)
        ):
            raise self._wrong(f"has entries near {keys[0]!r} that are not in order, or overlap")


class FreePages(TreeWalk):
    """The tree of free pages: for each transaction, the pages that it freed."""

    turned = True

    def __init__(self, pages: Pages, tree: Tree) -> None:
        super().__init__(pages, "the list of free pages", tree)
        self.left: list[tuple[int, bytes]] = []

    def node(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """Note a transaction and its list of pages."""
        if flags not in (0, BIG) or len(key) != 8:  # noqa: PLR2004 - bytes of a number
            super().node(flags, key, data, size)
        if flags:
            count, data = self._pages.read_big(int.from_bytes(data, "little"), size, whole=True)
            self.overflows += count
        self.entries += 1
        self.left.append((int.from_bytes(key, "little"), data))


class Names(TreeWalk):
    """The tree of named tables."""

    def __init__(self, pages: Pages, tree: Tree) -> None:
        super().__init__(pages, "the list of tables", tree)
        self.trees: list[tuple[bytes, Tree]] = []

    def node(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """Note a table's name and its tree."""
        if flags != _SUBTREE or size != TREE.size:
            super().node(flags, key, data, size)
        tree = Tree._make(TREE.unpack(data))
        if tree.pad:  # it is for values of one size, which no table has
            raise self._wrong(f"has a tree {key!r} for values of {tree.pad} bytes")
        self.entries += 1
        self.trees.append((key, tree))


class Table(TreeWalk):
    """A table's tree: each key has one value, or several."""

    plain = True

    def __init__(self, pages: Pages, name: bytes, tree: Tree, *, sealed: bool) -> None:
        super().__init__(pages, f"table {name.decode(errors='replace')}", tree)
        self.sealed = sealed

    def node(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """Check a large value, or several values of a key."""
        several = self._tree.has_several
        if flags == BIG and not several:
            page = int.from_bytes(data, "little")
            count, value = self._pages.read_big(page, size, whole=self.sealed)
            if self.sealed and crc32(value, crc32(key)) != SOUND:
                raise self._wrong(f"has another value of {key!r} than was written")
            self.overflows += count
            self.entries += 1
        elif flags == _SEVERAL and several and size >= HEADER.size:
            values = Values(self._pages, self._name, NO_TREE, key, sealed=self.sealed)
            values.within_a_page(data)
            self.entries += values.entries
        elif flags == _SEVERAL | _SUBTREE and several and size == TREE.size:
            tree = Tree._make(TREE.unpack(data))
            values = Values(self._pages, self._name, tree, key, sealed=self.sealed)
            values.walk()
            self.entries += values.entries
            branches, leaves = self.within
            self.within = branches + values.branches, leaves + values.leaves
        else:
            super().node(flags, key, data, size)


class Values(TreeWalk):
    """The tree of several values of a key; there each value is a key."""

    def __init__(self, pages: Pages, name: str, tree: Tree, key: bytes, *, sealed: bool) -> None:
        super().__init__(pages, name, tree)
        self._crc = crc32(key) if sealed else None
        if tree.flags:
            super().node(tree.flags, key, b"", 0)

    def within_a_page(self, page: bytes) -> None:
        """Check a few values, which are on a page inside the page."""
        _, _, flags, lower, upper = HEADER.unpack_from(page)
        if flags & ~_DIRTY != LEAF | _WITHIN:
            raise self._wrong(f"has several values with flags {flags:#x}")
        self._leaf(page, lower, upper, None, None)

    def node(self, flags: int, key: bytes, data: bytes, size: int) -> None:
        """Check one value."""
        if flags or size or (self._crc is not None and crc32(key, self._crc) != SOUND):
            super().node(flags, key, data, size)
        self.entries += 1


NO_TREE: Final = Tree(0, 0, 0, 0, 0, 0, 0, NO_PAGE)


@cache
def _shorts(count: int) -> struct.Struct:
    return struct.Struct(f"={count}H")


def offsets(page: bytes, lower: int, upper: int) -> tuple[int, ...]:
    """Return the offsets of a page's nodes, at least one."""
    if not HEADER.size < lower <= upper <= len(page) or lower % 2:
        raise Wrong(f"a page has room from {lower} to {upper}, of {len(page)}")
    return _shorts((lower - HEADER.size) // 2).unpack_from(page, HEADER.size)
