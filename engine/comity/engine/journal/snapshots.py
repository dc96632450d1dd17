"""The snapshots in an LMDB journal: one row for each aggregate, sealed, its version in front.

What follows the version is msgpack, and may have more fields than are known here, at its end.
"""

from __future__ import annotations

import struct
from typing import Final

from msgpack import packb, unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.index import prefix
from comity.engine.journal.snapshot import Snapshot
from comity.engine.lmdb.transaction import Reading, Writing

SNAPSHOTS: Final = "snapshots"

_VERSION = struct.Struct(">Q")


def pack_snapshot(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """The key and the sealed value of a snapshot."""
    key = prefix(snapshot.aggregate)
    body = packb((snapshot.schema, snapshot.data))
    return key, seal(key, _VERSION.pack(snapshot.version) + body)


def keep_snapshot(txn: Writing, key: bytes, row: bytes, version: int) -> None:
    """Store a snapshot's row, unless a newer one is kept or it is not of the past.

    `version` is the aggregate's. A kept row that claims a later one is damaged, and gives way.
    """
    kept = txn.get(SNAPSHOTS, key)
    oldest = 0 if kept is None else _version(kept)
    if _version(row) <= version and (oldest <= _version(row) or oldest > version):
        txn.put(SNAPSHOTS, key, row)


def read_snapshot(txn: Reading, aggregate: AggregateId) -> Snapshot | None:
    """The snapshot that is kept; none if it is damaged, since it can be made again."""
    key = prefix(aggregate)
    sealed = txn.get(SNAPSHOTS, key)
    if sealed is None:
        return None
    try:
        row = unseal(key, sealed, "a snapshot")
        schema, data, *_ = unpackb(row[_VERSION.size :])
        (version,) = _VERSION.unpack_from(row)
        return Snapshot(aggregate, version, schema, data)
    except (JournalDamaged, ValueError, TypeError, struct.error):
        return None


def _version(row: bytes | memoryview) -> int:
    # Unchecked: to check it, all of a snapshot would have to be read.
    return int.from_bytes(row[: _VERSION.size])
