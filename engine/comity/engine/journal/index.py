"""The index of an LMDB journal: finds an aggregate's records, and a command id's record.

The index is written lazily. A `Tail` in memory holds the rows of the last few thousand records; it
is written, sorted, in the transaction of a later commit. A marker names the last commit that the
stored index covers. When a journal is opened, the tail is built again from the commits after it.

    streams  key: aggregate, block        value: the newest turn of that block of versions
    ids      key: segment, command id     value: the turn
    meta     "indexed": the marker

A block is 1,024 versions and not one: each turn points to the previous turn, so one row per
block is enough. Then 2,048 records of 10,000 aggregates touch 217 pages of the streams; with a row
for each turn they would touch almost 2,048 pages. Ids may be random, so they are kept in segments
of 32,768 records: then 2,048 records touch at most 280 pages, however many ids there are. A look-up
searches every segment, about 30 at a million ids; old segments are deleted completely. Every row
has a checksum. For a row of an id, the check of a whole file needs it: nothing else would notice an
id whose key was damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from comity.engine.aggregate_id import MAX_KEY_BYTES, AggregateId, check_key, check_type_name
from comity.engine.files.seal import CRC_BYTES, is_sealed, seal, sealed_rows, unseal
from comity.engine.journal.located import Located
from comity.engine.journal.tip import NO_TIP, Tip
from comity.engine.lmdb.transaction import Reading, Writing

STREAMS: Final = "streams"
IDS: Final = "ids"
META: Final = "meta"

FLUSH_RECORDS: Final = 2_048
"""The tail is written when it has so many records …"""
FLUSH_BYTES: Final = 64 << 20
"""… or so many bytes: at most these are read again when a journal is opened."""
BLOCK_BITS: Final = 10
SEGMENT: Final = 32_768

MARKER: Final = b"indexed"
"""The key of the marker in `meta`."""
_BLOCK_BYTES = 8
_SEGMENT_BYTES = 4
_U64 = struct.Struct(">Q")
_TIP = struct.Struct(">QQI")
_ID_PLACE = struct.Struct(">QQI")

IdPlace: TypeAlias = tuple[int, int, int]
"""The number in the journal of the turn's last record, the commit's number, the turn's offset."""

Rows: TypeAlias = list[tuple[bytes, bytes]]
"""Keys with their values; to be written they are sorted, and the values are sealed."""


class Tail:
    """The rows that the records after the marker add to the index."""

    def __init__(self) -> None:
        self.tips: dict[AggregateId, Tip] = {}
        self.ids: dict[str, IdPlace] = {}
        self.records = 0
        self.size = 0
        self._full: list[tuple[AggregateId, Tip]] = []
        """The last records of blocks that are complete."""

    def move(self, aggregate: AggregateId, before: Tip, after: Tip) -> None:
        """Note that a turn moved an aggregate's tip."""
        self.tips[aggregate] = after
        if before.version >> BLOCK_BITS != after.version >> BLOCK_BITS and before.commit:
            self._full.append((aggregate, before))

    def take(self, commit: int, found: Located) -> None:
        """Note a turn that was read from a commit."""
        ids = [record.command_id for record in found.records]
        self.note_ids(ids, found.number + len(found.gaps), commit, found.offset)
        if found.stays:
            after = Tip(found.last_version, commit, found.offset)
            self.move(found.records[0].aggregate, found.before, after)
        self.size += found.size

    def note_ids(self, ids: Sequence[str], number: int, commit: int, offset: int) -> None:
        """Note the command ids of a turn, whose first record has this number in the journal."""
        self.records += len(ids)
        place = number + len(ids) - 1, commit, offset
        for each in ids:
            self.ids[each] = place

    def extend(self, newer: Tail) -> None:
        """Add all rows of a newer tail."""
        self.ids.update(newer.ids)
        self._full += newer._full
        self.records += newer.records
        self.size += newer.size
        self.tips.update(newer.tips)

    def after(self, marker: int) -> Tail:
        """Return a tail of the commits after this marker."""
        rest = Tail()
        rest.tips = {each: tip for each, tip in self.tips.items() if tip.commit > marker}
        rest.ids = {each: place for each, place in self.ids.items() if place[1] > marker}
        rest._full = [(each, tip) for each, tip in self._full if tip.commit > marker]
        rest.records = len(rest.ids)
        rest.size = self.size * rest.records // max(1, self.records)  # about
        return rest

    def is_due(self) -> bool:
        """Return whether the tail should be written now."""
        return self.records >= FLUSH_RECORDS or self.size >= FLUSH_BYTES

    def rows(self) -> tuple[Rows, Rows]:
        """Return the rows for the streams, and the rows for the ids."""
        tips = (*self._full, *self.tips.items())
        return sealed_rows(stream_rows(tips)), sealed_rows(id_rows(self.ids))


def stream_rows(tips: Iterable[tuple[AggregateId, Tip]]) -> Rows:
    """Return the rows of these tips, not sorted and not sealed."""
    pack = _TIP.pack
    return [(_block_key(_start(aggregate), tip.version), pack(*tip)) for aggregate, tip in tips]


def id_rows(ids: Mapping[str, IdPlace]) -> Rows:
    """Return the rows of these command ids, not sorted and not sealed."""
    pack = _ID_PLACE.pack
    return [
        ((place[0] // SEGMENT).to_bytes(_SEGMENT_BYTES) + each.encode(), pack(*place))
        for each, place in ids.items()
    ]


def prefix(aggregate: AggregateId) -> bytes:
    """Return the prefix of the keys of an aggregate's rows; prefixes sort like aggregates.

    NUL ends the type's name and the key. A NUL within the key is followed by the byte 255, and a
    block's number never begins with 255, so a prefix is never ambiguous.

    Raises:
        Invalid: the type's name or the key cannot be stored.
    """
    check_type_name(aggregate.type)
    check_key(aggregate.key)
    return _start(aggregate)


def id_in(key: bytes, value: bytes) -> tuple[str, IdPlace]:
    """Return the command id of a row of ids, and its place.

    Raises:
        ValueError, struct.error: it is no such row.
    """
    number, commit, offset = _ID_PLACE.unpack_from(value)
    return key[_SEGMENT_BYTES:].decode(), (number, commit, offset)


def segment_of(key: bytes) -> int:
    """Return the segment of a row of ids."""
    return int.from_bytes(key[:_SEGMENT_BYTES])


def tip_in(key: bytes, value: bytes) -> tuple[AggregateId, Tip]:
    """Return the aggregate of a row of streams, and its tip.

    Raises:
        ValueError, struct.error: it is no such row.
    """
    return _aggregate(key), Tip(*_TIP.unpack_from(value))


def aggregate_of(start: bytes) -> AggregateId:
    """Return the aggregate whose rows begin with this prefix.

    Raises:
        UnicodeDecodeError: it is no such prefix.
    """
    type_, _, rest = start[:-1].partition(b"\0")
    return AggregateId(type_.decode(), rest.replace(b"\0\xff", b"\0").decode())


def first_row(aggregate: AggregateId) -> bytes:
    """Return where the rows of an aggregate begin, or would begin; its key may be empty."""
    return _start(aggregate)


def _start(aggregate: AggregateId) -> bytes:
    type_, key = aggregate
    if "\0" in key:
        return type_.encode() + b"\0" + key.encode().replace(b"\0", b"\0\xff") + b"\0"
    return f"{type_}\0{key}\0".encode()


def read_marker(txn: Reading) -> int:
    """Return the number of the last commit that the stored index covers; 0 without an index."""
    sealed = txn.get(META, MARKER)
    if sealed is None:
        return 0
    return int.from_bytes(unseal(MARKER, sealed, "the index's marker")[: _U64.size])


def write_rows(txn: Writing, streams: Rows, ids: Rows, marker: int) -> None:
    """Store a tail's rows, and `marker`, the last commit that the index then covers."""
    txn.put_all(STREAMS, streams)
    txn.put_all(IDS, ids)
    txn.put(META, MARKER, seal(MARKER, _U64.pack(marker)))


def find_missing(txn: Reading, table: str, rows: Rows) -> bytes | None:
    """Return the key of a row that is not stored, or stored with an earlier place; None if all are.

    A later place is no fault: later commits have replaced the row.
    """
    for key, row in rows:
        stored = txn.get(table, key)
        if stored is None or not is_sealed(key, stored):
            return key
        if bytes(stored) != row and bytes(stored[:-CRC_BYTES]) < row[:-CRC_BYTES]:
            return key
    return None


def newest_tip(txn: Reading, aggregate: AggregateId) -> Tip:
    """Return the aggregate's last stored tip; `NO_TIP` if there is none."""
    start = prefix(aggregate)
    rows = txn.around(STREAMS, start + b"\xff")
    for row in rows:
        if row[0][:-_BLOCK_BYTES] == start:
            return _read_tip(*row)
    # A row with a damaged key is found here under another key; its checksum fails. Without
    # this check its aggregate would be taken for a new one.
    for row in rows:
        _read_tip(*row)
    return NO_TIP


def tip_from(txn: Reading, aggregate: AggregateId, version: int) -> Tip:
    """Return the first stored tip at this version or later; `NO_TIP` if there is none."""
    start = prefix(aggregate)
    for key, value in txn.rows(STREAMS, _block_key(start, version)):
        if key[:-_BLOCK_BYTES] != start:
            break
        if (tip := _read_tip(key, value)).version >= version:
            return tip
    return NO_TIP


def stored_tips(
    txn: Reading, start: bytes, limit: int
) -> tuple[list[tuple[AggregateId, Tip]], bytes | None]:
    """Return the last tips of at most `limit` aggregates, and the next start; None at the end."""
    found: list[tuple[AggregateId, Tip]] = []
    for key, value in txn.rows(STREAMS, start):
        tip, aggregate = _read_tip(key, value), _aggregate(key)
        if found and found[-1][0] == aggregate:
            found.pop()
        elif len(found) == limit:
            return found, key
        found.append((aggregate, tip))
    return found, None


def find_id(txn: Reading, command_id: str, oldest: int, records: int) -> IdPlace | None:
    """Return the place of a command id's record, if its segment holds `oldest` or is newer."""
    try:
        id_ = command_id.encode()
    except UnicodeEncodeError:
        return None
    if not 1 <= len(id_) <= MAX_KEY_BYTES:
        return None
    for segment in range(records // SEGMENT, oldest // SEGMENT - 1, -1):
        key = segment.to_bytes(_SEGMENT_BYTES) + id_
        row = txn.get(IDS, key)
        if row is not None:
            number, commit, offset = _ID_PLACE.unpack_from(unseal(key, row, "a command id's row"))
            return number, commit, offset
    return None


def first_segment(txn: Reading) -> int | None:
    """Return the oldest stored segment of ids; None without ids."""
    return next((segment_of(key) for key, _ in txn.rows(IDS)), None)


def drop_segment(txn: Writing, segment: int, limit: int) -> int:
    """Delete at most `limit` ids of a segment; return how many were deleted."""
    return txn.delete(IDS, segment.to_bytes(_SEGMENT_BYTES), limit)


def _block_key(start: bytes, version: int) -> bytes:
    return start + (version >> BLOCK_BITS).to_bytes(_BLOCK_BYTES)


def _read_tip(key: bytes, sealed: memoryview) -> Tip:
    return Tip(*_TIP.unpack_from(unseal(key, sealed, "an aggregate's row")))


def _aggregate(key: bytes) -> AggregateId:
    return aggregate_of(key[:-_BLOCK_BYTES])
