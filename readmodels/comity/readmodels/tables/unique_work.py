"""Collects the keys of a unique index that a batch takes and frees. Workspaces use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from comity.engine.errors import NotUnique

if TYPE_CHECKING:
    from comity.engine.lmdb.library import Handle
    from comity.readmodels.storage.writing import Writing
    from comity.readmodels.tables.any_table import AnyIndex
    from comity.readmodels.tables.row import Row

Keys: TypeAlias = tuple[set[bytes], set[bytes]]
"""The encoded keys of a row in an index, before and after a change."""


class UniqueWork:
    """The owner of each key of a unique index, including the changes that are not written."""

    def __init__(self, index: AnyIndex) -> None:
        self._index = index
        self._owners: dict[bytes, bytes | None] = {}

    def begin(self, writing: Writing) -> None:
        """Use this transaction from now on."""
        self._writing = writing
        self._handle: Handle = writing.handles[self._index.stored_as]

    def check(self, key: bytes, old: Row | None, new: Row | None) -> Keys | None:
        """The row's old and new keys, for `take`; None if they are the same. Changes nothing.

        Raises:
            NotUnique: another row has one of the new keys.
        """
        moved = self._index.moved(old, new)
        if moved is None:
            return None
        before, after = moved
        for entry in after - before:
            if self._owner(entry) not in (None, key):
                msg = (
                    f"{self._index.table.name}.{self._index.name}: another row has the key of "
                    f"{new!r:.300}; make the index not unique, or correct `project`"
                )
                raise NotUnique(msg)
        return moved

    def take(self, key: bytes, moved: Keys) -> None:
        """Give the new keys to the row with this primary key, and free the old ones."""
        before, after = moved
        self._owners.update(dict.fromkeys(before))
        self._owners.update(dict.fromkeys(after, key))

    def forget(self) -> None:
        """Begin again from what is stored."""
        self._owners.clear()

    def _owner(self, entry: bytes) -> bytes | None:
        if entry in self._owners:
            return self._owners[entry]
        return self._writing.get(self._handle, entry)
