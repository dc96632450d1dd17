"""The snapshots in an LMDB journal: the newest two of each aggregate, each in a sealed row.

A row begins with the snapshot's version. The older snapshot's key is the newer one's key and one
more byte. After the version comes msgpack; a newer comity may add fields at its end.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Final

from msgpack import packb, unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.files.seal import is_sealed, seal, unseal
from comity.engine.journal.index import aggregate_of, prefix
from comity.engine.journal.snapshot import Snapshot
from comity.engine.lmdb.transaction import Reading, Writing

SNAPSHOTS: Final = "snapshots"

_OLDER: Final = b"\1"
"""Ends the key of the older snapshot: no aggregate's key ends with this byte."""

_VERSION = struct.Struct(">Q")


def is_older(key: bytes) -> bool:
    """Return whether this is the key of an older snapshot; without its last byte, of the newer."""
    return key.endswith(_OLDER)


def pack_snapshot(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """Return a snapshot's key and its sealed value."""
    key = prefix(snapshot.aggregate)
    body = packb((snapshot.schema, snapshot.data))
    return key, seal(key, _VERSION.pack(snapshot.version) + body)


def keep_snapshot(txn: Writing, key: bytes, row: bytes, version: int) -> None:
    """Store a snapshot's row, unless a newer row is stored or its version is in the future.

    `version` is the aggregate's version. A stored row with a later version is damaged, and is
    replaced. Any other stored row with an earlier version becomes the older snapshot.
    """
    kept = txn.get(SNAPSHOTS, key)
    newest = 0 if kept is None else _version(kept)
    if _version(row) > version or _version(row) < newest <= version:
        return
    if kept is not None and newest < _version(row):
        with suppress(JournalDamaged):
            older = unseal(key, kept, "a snapshot")
            txn.put(SNAPSHOTS, key + _OLDER, seal(key + _OLDER, bytes(older)))
    txn.put(SNAPSHOTS, key, row)


def snapshot_row(txn: Reading, aggregate: AggregateId, upto: int) -> tuple[bytes, bytes] | None:
    """Return the key and the sealed row of an aggregate's newest snapshot, to copy it.

    None if there is none, or if it is later than version `upto` or damaged.
    """
    key = prefix(aggregate)
    sealed = txn.get(SNAPSHOTS, key)
    if sealed is None or _version(sealed) > upto or not is_sealed(key, sealed):
        return None
    return key, bytes(sealed)


def read_snapshot(txn: Reading, aggregate: AggregateId, upto: int) -> Snapshot | None:
    """Return the newest undamaged snapshot at version `upto` or earlier; None if there is none."""
    key = prefix(aggregate)
    for each in (key, key + _OLDER):
        sealed = txn.get(SNAPSHOTS, each)
        if sealed is None:
            return None
        if _version(sealed) <= upto and (found := _read(each, sealed)) is not None:
            return found
    return None


def snapshot_in(key: bytes, row: bytes) -> Snapshot:
    """Return the snapshot in a row, which is not sealed any more.

    Raises:
        ValueError, TypeError, struct.error: it is no such row.
    """
    schema, data, *_ = unpackb(row[_VERSION.size :])
    (version,) = _VERSION.unpack_from(row)
    return Snapshot(aggregate_of(key.removesuffix(_OLDER)), version, schema, data)


def _read(key: bytes, sealed: memoryview) -> Snapshot | None:
    """Return the snapshot in a row; None if the row is damaged: a snapshot can be made again."""
    try:
        return snapshot_in(key, unseal(key, sealed, "a snapshot"))
    except (JournalDamaged, ValueError, TypeError, struct.error):
        return None


def _version(row: bytes | memoryview) -> int:
    # Without a check of the checksum, which would have to read the whole snapshot.
    return int.from_bytes(row[: _VERSION.size])
