"""Reads the rows of a table from an LMDB data file without LMDB, and goes on behind damaged pages.

`verifying` uses it. It checks what `data_tree` checks; but where that ends with the first fault,
this tells it, leaves out what cannot be read, and goes on with the next page or row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias
from zlib import crc32

from comity.engine.files.seal import CRC_BYTES, SOUND
from comity.engine.lmdb.data_tree import (
    BIG,
    BRANCH,
    DEEPEST,
    HEADER,
    LEAF,
    NO_PAGE,
    NODE,
    Pages,
    Tree,
    TreeWalk,
    Wrong,
    offsets,
)

Row: TypeAlias = tuple[bytes, bytes]
"""A key and its value, without the checksum at its end."""

Told: TypeAlias = Callable[[int, str], None]
"""Is called with each fault: the number of the page, and what is wrong there."""

_PAGE_NUMBER: Final = 8


class RowReader(TreeWalk):
    """Reads a table whose keys have one value each.

    Args:
        pages: the pages of the file.
        name: the table's name, for the faults.
        tree: the table's tree.
        sealed: whether the values end with the checksum of `seal`.
        told: called with each fault.
    """

    def __init__(self, pages: Pages, name: str, tree: Tree, told: Told, *, sealed: bool) -> None:
        super().__init__(pages, f"table {name}", tree)
        self.sealed = sealed
        self.faults = 0
        """How many faults were told: rows may be missing if there are some."""
        self.page = 0
        """The leaf whose rows were given last."""
        self._told = told

    def rows(self) -> Iterator[list[Row]]:
        """Read the rows in the order of their keys, those of a leaf at a time."""
        tree = self._tree
        if tree.flags:
            self._tell(0, f"{self._name} has flags {tree.flags:#x}")
        elif tree.root != NO_PAGE:
            yield from self._below(tree.root, 1, None, None)
        counted: tuple[int, ...] = self.branches, self.leaves, self.overflows, self.entries
        if not self.faults and counted != tree[3:7]:
            self._tell(0, f"{self._name} has {self.entries} entries, or pages, not {tree.entries}")

    def _tell(self, page: int, what: str) -> None:
        self.faults += 1
        self._told(page, what)

    def _below(
        self, number: int, depth: int, low: bytes | None, high: bytes | None
    ) -> Iterator[list[Row]]:
        try:
            rows, children = self._read(number, depth, low, high)
        except Wrong as error:
            self._tell(number, str(error))
            return
        if rows:
            self.page = number
            yield rows
        for child, first, end in children:
            yield from self._below(child, depth + 1, first, end)

    def _read(
        self, number: int, depth: int, low: bytes | None, high: bytes | None
    ) -> tuple[list[Row], Sequence[tuple[int, bytes | None, bytes | None]]]:
        """Return the rows of a leaf, or the children of a branch with their bounds."""
        page = self._pages.read(number)
        said, _, flags, lower, upper = HEADER.unpack_from(page)
        if said != number:
            raise Wrong(f"{self._name} has page {number}, which calls itself {said}")
        if flags == LEAF and depth == self._tree.depth:
            self.leaves += 1
            return self._leaf_rows(page, number, lower, upper, low, high), ()
        if flags == BRANCH and depth < min(DEEPEST, self._tree.depth):
            self.branches += 1
            return [], self._children(page, lower, upper, low, high)
        raise Wrong(f"{self._name} has page {number}, with flags {flags:#x}")

    def _leaf_rows(
        self,
        page: bytes,
        number: int,
        lower: int,
        upper: int,
        low: bytes | None,
        high: bytes | None,
    ) -> list[Row]:
        """Return the sound rows of a leaf."""
        unpack, sealed, full = NODE.unpack_from, self.sealed, len(page)
        keys: list[bytes] = []
        rows: list[Row] = []
        filled = 0
        for offset in offsets(page, lower, upper):
            if not upper <= offset <= full - NODE.size:
                raise Wrong(f"{self._name} has an entry outside of its page {number}")
            size, more, flags, key_size = unpack(page, offset)
            size |= more << 16
            data = offset + NODE.size + key_size
            end = data + (_PAGE_NUMBER if flags == BIG else size)
            if end > full or flags not in (0, BIG):
                raise Wrong(f"{self._name} has an entry outside of its page {number}")
            filled += end - offset + 1 & ~1
            key, value = page[data - key_size : data], page[data:end]
            keys.append(key)
            if flags:
                found = self._big(number, key, value, size)
                if found is None:
                    continue
                value = found
            if not sealed:
                rows.append((key, value))
            elif crc32(value, crc32(key)) == SOUND:
                rows.append((key, value[:-CRC_BYTES]))
            else:
                self._tell(number, f"{self._name} has another value of {key!r} than was written")
        self.entries += len(keys)
        if (
            filled != full - upper
            or any(map(bytes.__le__, keys[1:], keys))
            or (low is not None and keys[0] < low)
            or (high is not None and keys[-1] >= high)
        ):
            raise Wrong(f"{self._name} has entries near {keys[0]!r} that are not in order")
        return rows

    def _big(self, number: int, key: bytes, data: bytes, size: int) -> bytes | None:
        try:
            count, value = self._pages.read_big(int.from_bytes(data, "little"), size, whole=True)
        except Wrong as error:
            self._tell(
                number, f"{self._name} has a large value of {key!r} that is not whole: {error}"
            )
            return None
        self.overflows += count
        return value


def exhaust(reader: RowReader) -> None:
    """Read a table only to find its faults."""
    for _ in reader.rows():
        pass
