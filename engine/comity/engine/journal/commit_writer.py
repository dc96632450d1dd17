"""Packs the turns of one `append` into a commit. `LmdbJournal` uses it.

All packing and all checksums are done here, before the write transaction begins: so LMDB's lock
is held only for a copy and a flush.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from zlib import crc32

from msgpack import Packer

from comity.engine import formats
from comity.engine.aggregate_id import AggregateId, check_key, check_type_name
from comity.engine.errors import Invalid
from comity.engine.journal.commit_head import CRC, HEAD, HEAD_BYTES, CommitHead
from comity.engine.journal.commit_record import LASTING, PLACE, PLACED_FRAME, Tip, locate
from comity.engine.journal.index import Tail
from comity.engine.journal.record import Record
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import MAX_ID_BYTES, Entry, Turn


class CommitWriter:
    """A commit that is being made, to follow the commit `last`."""

    def __init__(self, last: CommitHead) -> None:
        self.added = Tail()
        """The rows that its records add to the index."""
        self._last = last
        self._number = last.number + 1
        self._first_record = self._record = last.last_record
        self._first_position = self._position = last.last_position
        self._offset = HEAD_BYTES
        self._digest = 0
        self._time = 0
        self._parts: list[bytes] = []
        self._lasting: dict[AggregateId, tuple[int, bool]] = {}
        """For each aggregate: its lasting records here, and whether they follow an event here."""
        self._pack = Packer().pack

    def add(self, turn: Turn, before: Tip) -> Stored:
        """Pack a turn that was decided at `before`, its aggregate's tip.

        Raises:
            Invalid: a part of the turn cannot be stored; do not use the commit any more.
        """
        aggregate = turn.aggregate
        if not before.commit:
            check_type_name(aggregate.type)
            check_key(aggregate.key)
        lasting, fresh = 0, False
        for entry in turn.entries:
            offset = self._add(aggregate, entry, before)
            if entry.events:
                lasting, fresh = 0, True
            elif entry.lasting:
                lasting += 1
            else:
                continue
            tip = Tip(before.version + len(entry.events), self._number, offset)
            self.added.move(aggregate, before, tip)
            before = tip
        if fresh:
            self._lasting[aggregate] = lasting, True
        elif lasting:
            earlier, fresh = self._lasting.get(aggregate, (0, False))
            self._lasting[aggregate] = earlier + lasting, fresh
        return Stored(before.version, self._position)

    def _add(self, aggregate: AggregateId, entry: Entry, before: Tip) -> int:
        """Pack an entry; return its offset in the commit."""
        command_id, events, time, note, _, lasting = entry
        number, offset = self._number, self._offset
        try:
            id_bytes = len(command_id.encode())
            unstamped = [event[:3] for event in events]  # format 2 has no place for stamps
            payload = self._pack((aggregate, command_id, unstamped, time, note))
            frame = PLACED_FRAME.pack(
                number,
                offset,
                len(payload),
                len(events) or lasting * LASTING,
                self._record,
                before.version,
                self._position,
                before.commit,
                before.offset,
            )
        except (ValueError, TypeError, OverflowError, AttributeError, struct.error) as error:
            raise Invalid(f"command {command_id!r} cannot be recorded: {error}") from error
        if not 1 <= id_bytes <= MAX_ID_BYTES:
            raise Invalid(f"a command id takes 1 to {MAX_ID_BYTES} bytes, got {command_id!r}")
        crc = crc32(payload, crc32(frame))
        part = crc.to_bytes(CRC.size) + frame[PLACE.size :] + payload
        self._parts.append(part)
        self.added.ids[command_id] = (self._record, number, offset)
        self._digest ^= crc
        self._time = time
        self._offset = offset + len(part)
        self._record += 1
        self._position += len(events)
        return offset

    def lasting(self, aggregate: AggregateId, stored: Callable[[AggregateId], int]) -> int:
        """Count an aggregate's lasting records after this commit; `stored` counts earlier ones."""
        lasting, fresh = self._lasting.get(aggregate, (0, False))
        return lasting if fresh else lasting + stored(aggregate)

    def find(self, command_id: str) -> Record | None:
        """Return the record of a command id in this commit; None if it is not in it."""
        place = self.added.ids.get(command_id)
        if place is None:
            return None
        record, commit, offset = place
        part = self._parts[record - self._first_record]
        return locate(commit, offset, memoryview(part)).record

    def finish(self) -> tuple[CommitHead, bytes]:
        """Return the commit's head, and its bytes."""
        self.added.records, self.added.size = len(self._parts), self._offset
        fields = (
            self._number,
            self._first_position,
            self._first_record,
            self._position - self._first_position,
            len(self._parts),
            self._time,
            self._digest,
            self._last.crc,
        )
        head = HEAD.pack(formats.COMMIT, *fields)
        crc = crc32(head)
        return CommitHead(*fields, crc), b"".join((head, CRC.pack(crc), *self._parts))
