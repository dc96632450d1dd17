"""The binary form of a commit and of the records in it. `LmdbJournal` and its index use it.

A commit is one value, stored under its number: a head, then its records one after the other,
each a frame and a msgpack payload. All numbers are big-endian, so that keys sort.

    head     format, number, position, record, events, records, time, digest, previous, CRC
    record   CRC, size, count, number, version, position, commit and offset of the previous one

Each record points back to the previous record of its aggregate. So the index needs one row for
a thousand versions (see `journal_index`), not one for each record.

What the checksums notice: a flipped bit (each record's CRC, the head's CRC); a record in the
wrong place (its CRC covers commit number and offset); a record exchanged for another version of
itself (the head's digest covers all its CRCs); a commit that is lost, or exchanged as a whole (a
head names its number and the CRC of the head before it).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

from msgpack import Packer, unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import Invalid, JournalDamaged
from comity.engine.journal import MAX_ID_BYTES, Appended, Entry, Record, StoredEvent

FORMAT: Final = 1
"""The first byte of every commit. Whatever changes the layout below counts it up."""

_CRC = struct.Struct(">I")
_HEAD = struct.Struct(">BQQQIIqII")
_FRAME = struct.Struct(">IIQQQQI")
_PLACE = struct.Struct(">QI")
_PLACED_FRAME = struct.Struct(_PLACE.format + _FRAME.format[1:])
_HEAD_BYTES = _HEAD.size + _CRC.size
_FRAME_BYTES = _CRC.size + _FRAME.size


class Tip(NamedTuple):
    """An aggregate's newest record at some time."""

    version: int
    """The aggregate's version after it."""
    commit: int
    """The number of the commit that holds it; 0 when there is none."""
    offset: int
    """Where it begins in that commit, in bytes."""


NO_TIP: Final = Tip(0, 0, 0)


class CommitHead(NamedTuple):
    """What a commit says of itself."""

    number: int
    """Commits are counted from 1, without gaps."""
    position: int
    """The journal's position before it."""
    record: int
    """How many records the journal had before it."""
    events: int
    """How many events it holds."""
    records: int
    """How many records it holds."""
    time: int
    """When its last record was decided, in microseconds since 1970."""
    digest: int
    """All its records' CRCs, exclusive-ored."""
    previous: int
    """The CRC of the head before it."""
    crc: int

    @property
    def last_position(self) -> int:
        """The journal's position after it."""
        return self.position + self.events

    @property
    def last_record(self) -> int:
        """How many records the journal has after it."""
        return self.record + self.records


NO_COMMIT: Final = CommitHead(0, 0, 0, 0, 0, 0, 0, 0, 0)
"""What stands before the first commit."""


class Located(NamedTuple):
    """A record together with where it stands."""

    record: Record
    number: int
    """How many records are before it in the journal."""
    commit: int
    offset: int
    size: int
    """How many bytes it takes."""
    before: Tip
    """Its aggregate's tip before it."""

    @property
    def last_version(self) -> int:
        """The aggregate's version after it."""
        return self.record.version + len(self.record.events)


class CommitWriter:
    """Packs entries into the commit that follows another one."""

    def __init__(self, last: CommitHead) -> None:
        self.number = last.number + 1
        self.position = last.last_position
        self.record = last.last_record
        self.offset = _HEAD_BYTES
        self._last = last
        self._packer = Packer()
        self._parts: list[bytes] = []
        self._digest = 0
        self._time = 0

    def add(self, entry: Entry, before: Tip) -> Appended:
        """Pack an entry that was decided where its aggregate stands.

        Raises:
            Invalid: there is something in it that cannot be stored; the commit is unchanged.
        """
        aggregate, version, command_id, events, time, note, _ = entry
        try:
            if not 1 <= len(command_id.encode()) <= MAX_ID_BYTES:
                raise Invalid(f"a command id takes 1 to {MAX_ID_BYTES} bytes, got {command_id!r}")
            payload = self._packer.pack((aggregate, command_id, events, time, note))
            frame = _PLACED_FRAME.pack(
                self.number,
                self.offset,
                len(payload),
                len(events),
                self.record,
                version,
                self.position,
                before.commit,
                before.offset,
            )
        except (ValueError, TypeError, OverflowError, AttributeError, struct.error) as error:
            raise Invalid(f"command {command_id!r} cannot be recorded: {error}") from error
        crc = crc32(payload, crc32(frame))
        self._digest ^= crc
        self._parts.append(crc.to_bytes(_CRC.size) + frame[_PLACE.size :] + payload)
        self._time = time
        self.offset += _FRAME_BYTES + len(payload)
        self.record += 1
        self.position += len(events)
        return Appended(version + len(events), self.position)

    def again(self, place: tuple[int, int, int]) -> Record:
        """The record that was added here: its number in the journal, the commit, the offset."""
        number, commit, offset = place
        part = self._parts[number - self._last.last_record]
        return locate(commit, offset, memoryview(part)).record

    def finish(self) -> tuple[CommitHead, bytes]:
        """The commit's head, and its bytes."""
        last = self._last
        fields = (
            self.number,
            last.last_position,
            last.last_record,
            self.position - last.last_position,
            len(self._parts),
            self._time,
            self._digest,
            last.crc,
        )
        head = _HEAD.pack(FORMAT, *fields)
        crc = crc32(head)
        return CommitHead(*fields, crc), b"".join((head, _CRC.pack(crc), *self._parts))


def commit_key(number: int) -> bytes:
    """The key that a commit is stored under."""
    return number.to_bytes(8)


def read_head(number: int, commit: memoryview | None) -> CommitHead:
    """The head of the commit that is stored under this number.

    Raises:
        JournalDamaged: there is none, or it is not the one that was written.
    """
    if commit is None:
        raise JournalDamaged(f"commit {number} is missing")
    if len(commit) < _HEAD_BYTES:
        raise JournalDamaged(f"commit {number} takes {len(commit)} bytes, less than its head")
    (crc,) = _CRC.unpack_from(commit, _HEAD.size)
    format_, *fields = _HEAD.unpack_from(commit)
    head = CommitHead._make((*fields, crc))
    if crc32(commit[: _HEAD.size]) != crc or head.number != number or format_ != FORMAT:
        raise JournalDamaged(f"commit {number}: its head is not what was written")
    return head


def read_commit(
    number: int, commit: bytes | memoryview, last: CommitHead
) -> tuple[CommitHead, list[Located]]:
    """The head and the records of a commit; `last` is the head before it.

    Raises:
        JournalDamaged: a byte is not what was written, or it does not follow the one before it.
    """
    view = memoryview(commit)
    head = read_head(number, view)
    expected = (last.number + 1, last.last_position, last.last_record, last.crc)
    if (head.number, head.position, head.record, head.previous) != expected:
        raise JournalDamaged(f"commit {number} does not follow commit {last.number}")
    found = list(_records(head, view))
    records = [each.record for each in found]
    if len(found) != head.records or sum(len(each.events) for each in records) != head.events:
        raise JournalDamaged(f"commit {number} does not hold what its head says")
    return head, found


def _records(head: CommitHead, commit: memoryview) -> Iterator[Located]:
    offset, position, digest = _HEAD_BYTES, head.position, 0
    number = head.record
    while offset < len(commit):
        found = locate(head.number, offset, commit[offset:])
        if (found.number, found.record.position) != (number, position):
            raise JournalDamaged(f"commit {head.number}, offset {offset}: a record is missing")
        yield found
        digest ^= _CRC.unpack_from(commit, offset)[0]
        offset += found.size
        position += len(found.record.events)
        number += 1
    if digest != head.digest:
        raise JournalDamaged(f"commit {head.number}: a record is not the one that was written")


class Frame(NamedTuple):
    """What can be read of a record without unpacking it. Not checked: `locate` does that."""

    size: int
    """How many bytes the record takes, this frame included."""
    last_version: int
    """The aggregate's version after it."""
    before: Tip
    """The aggregate's tip before it."""


def read_frame(number: int, offset: int, commit: memoryview) -> Frame:
    """The frame of the record at this offset of a commit.

    Raises:
        JournalDamaged: there is no room for one.
    """
    try:
        size, count, _, version, _, previous, back = _FRAME.unpack_from(commit, offset + _CRC.size)
    except struct.error:
        raise JournalDamaged(f"commit {number}, offset {offset}: there is no record") from None
    return Frame(_FRAME_BYTES + size, version + count, Tip(version, previous, back))


def locate(number: int, offset: int, stored: memoryview) -> Located:
    """Read the record that stands at this offset of this commit; `stored` begins with it.

    Raises:
        JournalDamaged: it is not what was written there.
    """
    where = f"commit {number}, offset {offset}"
    try:
        (crc,) = _CRC.unpack_from(stored)
        size, count, record, version, position, previous, back = _FRAME.unpack_from(stored, 4)
        payload = stored[_FRAME_BYTES : _FRAME_BYTES + size]
        covered = crc32(stored[_CRC.size : _FRAME_BYTES], crc32(_PLACE.pack(number, offset)))
        if crc32(payload, covered) != crc:
            raise JournalDamaged(f"{where}: the record is not what was written")
        aggregate, command_id, events, time, note = unpackb(payload, use_list=False)
        found = Record(
            AggregateId._make(aggregate),
            version,
            position,
            command_id,
            tuple(map(StoredEvent._make, events)),
            time,
            note,
        )
    except (struct.error, ValueError, TypeError) as error:
        raise JournalDamaged(f"{where}: the record cannot be read: {error}") from error
    if len(found.events) != count:
        raise JournalDamaged(f"{where}: the record does not hold what its frame says")
    before = Tip(version, previous, back)
    return Located(found, record, number, offset, _FRAME_BYTES + size, before)
