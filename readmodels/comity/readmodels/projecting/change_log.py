"""The latest changes of a model's rows, kept in the model for who watches from another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgpack

from comity.engine.lmdb.span import Span
from comity.readmodels.tables.schema import CHANGES, META
from comity.readmodels.tables.workspace import RowChange

if TYPE_CHECKING:
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.storage.writing import Writing
    from comity.readmodels.tables.row import Row, RowCodec

_SINCE: Final = b"changes since"
MOST: Final = 64
"""So many batches are kept; who is further behind begins again from the rows."""
_MOST_BYTES: Final = 1 << 20
"""And of a larger batch nothing is."""

Codecs = Mapping[str, "RowCodec[Row]"]


class ChangeLog:
    """Writes the log, as part of each batch. Batches are told apart by their number, `commits`."""

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._kept: list[bytes] | None = None

    def write(self, writing: Writing, commit: int, changes: Sequence[RowChange] | None) -> None:
        """Add what this batch has changed; None: nobody has kept count."""
        handle = writing.handles[CHANGES]
        if self._kept is None:
            writing.clear(handle)
            self._kept = []
            _begin(writing, commit - 1)
        data = b"" if changes is None else self._pack(changes)
        if changes is None or len(data) > _MOST_BYTES:
            if self._kept:
                writing.clear(handle)
                self._kept = []
            _begin(writing, commit)
        elif changes:
            key = commit.to_bytes(8, "big")
            writing.put(handle, key, data)
            self._kept.append(key)
            if len(self._kept) > MOST:
                oldest = self._kept.pop(0)
                writing.delete(handle, oldest)
                _begin(writing, int.from_bytes(oldest, "big"))

    def forget(self) -> None:
        """The batch did not come about: begin the log again with the next one."""
        self._kept = None

    def _pack(self, changes: Sequence[RowChange]) -> bytes:
        return msgpack.packb(
            [
                (
                    table,
                    key,
                    *(None if row is None else self._codecs[table].pack(row) for row in rows),
                )
                for table, key, *rows in changes
            ]
        )


def changes_after(
    reading: Reading, commit: int, codecs: Codecs
) -> Iterator[Sequence[RowChange]] | None:
    """The changes of each batch after this one; None where the log begins later."""
    since = reading.get(reading.handles[META], _SINCE)
    if since is None or int.from_bytes(since, "big") > commit:
        return None
    span = Span((commit + 1).to_bytes(8, "big"), None)
    found = reading.entries(reading.handles[CHANGES], span, MOST + 1, after=None, backwards=False)
    return (_unpack(data, codecs) for _, data in found)


def _begin(writing: Writing, commit: int) -> None:
    writing.put(writing.handles[META], _SINCE, commit.to_bytes(8, "big"))


def _unpack(data: bytes, codecs: Codecs) -> Sequence[RowChange]:
    changes: list[RowChange] = []
    for table, key, was, became, *_ in msgpack.unpackb(data):
        if table not in codecs:  # the class that wrote it has more tables than the reader's
            continue
        unpack = codecs[table].unpack
        old, new = (None if row is None else unpack(row) for row in (was, became))
        changes.append(RowChange(table, key, old, new))
    return changes
