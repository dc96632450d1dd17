"""A log of a model's newest changes, stored in the model for watches in other processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgpack

from comity.engine.lmdb.span import Span
from comity.readmodels.tables.row_change import RowChange
from comity.readmodels.tables.schema import CHANGES, META

if TYPE_CHECKING:
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.storage.writing import Writing
    from comity.readmodels.tables.row import Row, RowCodec

_SINCE: Final = b"changes since"
MOST: Final = 64
"""How many batches the log keeps; a reader that is further behind resets its watches."""
_MOST_BYTES: Final = 1 << 20
"""The most bytes of a batch in the log; a larger batch starts the log again."""
_MOST_ROWS: Final = 16_384
"""The most changed rows of a batch in the log; more would hardly take fewer bytes than that."""

Codecs = Mapping[str, "RowCodec[Row]"]


class ChangeLog:
    """Writes the log as part of each batch. A batch is identified by its number, `commits`."""

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._kept: list[bytes] | None = None

    def write(self, writing: Writing, commit: int, changes: Sequence[RowChange] | None) -> None:
        """Add the changes of this batch; None means that they were not recorded."""
        handle = writing.handles[CHANGES]
        if self._kept is None:
            writing.clear(handle)
            self._kept = []
            _begin(writing, commit - 1)
        if changes is not None and len(changes) > _MOST_ROWS:
            changes = None
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
        """Start the log again with the next batch, because this one failed."""
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
    """The changes of each batch after this one; None if the log starts later."""
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
        if table not in codecs:  # the writer's class has more tables than the reader's
            continue
        unpack = codecs[table].unpack
        old, new = (None if row is None else unpack(row) for row in (was, became))
        changes.append(RowChange(table, key, old, new))
    return changes
