"""Packs the turns of one `append` into a commit. `LmdbJournal` uses it.

All checksums are computed here, before the write transaction begins: so LMDB's lock
is held only for a copy and a flush.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

from comity.engine import formats
from comity.engine.aggregate_id import AggregateId, check_key, check_type_name
from comity.engine.errors import Invalid
from comity.engine.formats import filled
from comity.engine.journal.commit_head import CRC, HEAD, HEAD_BYTES, CommitHead
from comity.engine.journal.commit_turn import locate, pack
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.index import Tail
from comity.engine.journal.record import Record
from comity.engine.journal.result import Stored
from comity.engine.journal.tip import Tip
from comity.engine.journal.turn import Turn


class CommitWriter:
    """A commit that is being made, to follow the commit `last`."""

    def __init__(self, last: CommitHead) -> None:
        self.added = Tail()
        """The rows that its records add to the index."""
        self.kinds: list[Mapping[EventKind, int]] = []
        """How many events of each kind each of its turns has."""
        self._last = last
        self._number = last.number + 1
        self._first_record = self._record = last.last_record
        self._first_position = self._position = last.last_position
        self._offset = HEAD_BYTES
        self._digest = 0
        self._time = 0
        self._parts: list[bytes] = []
        self._lasting: dict[AggregateId, int] = {}
        """How many lasting records here follow an aggregate's last event, if any do."""

    def add(self, turn: Turn, before: Tip) -> Stored:
        """Add a turn that was decided at `before`, its aggregate's tip.

        Raises:
            Invalid: a part of the turn cannot be stored; do not use the commit any more.
        """
        aggregate, _, _, ids, events, time, _, lasting, *_ = turn
        offset, number, version = self._offset, self._record, before.version + events
        if not before.commit:
            check_type_name(aggregate.type)
            check_key(aggregate.key)
        try:
            crc, part = pack(turn, before, self._number, offset, number, self._position)
        except (ValueError, TypeError, OverflowError, AttributeError, struct.error) as error:
            raise Invalid(f"a turn of {aggregate} cannot be recorded: {error}") from error
        self._parts.append(part)
        self._digest ^= crc
        self._time = time
        self._offset += len(part)
        self._record += len(ids)
        self._position += events
        self.added.note_ids(ids, number, self._number, offset)
        if events:
            self.kinds.append(turn.kinds or turn.found_kinds())
        if events or lasting:
            after = filled(Tip, (version, self._number, offset))
            self.added.move(aggregate, before, after)
            if lasting or self._lasting:
                earlier = 0 if events else self._lasting.get(aggregate, 0)
                self._lasting[aggregate] = earlier + lasting
        return filled(Stored, (version, self._position))

    @property
    def turns(self) -> int:
        """How many turns it has."""
        return len(self._parts)

    @property
    def events(self) -> int:
        """How many events it has."""
        return self._position - self._first_position

    def lasting(self, aggregate: AggregateId) -> int:
        """Count an aggregate's lasting records in this commit after its last event here, if any."""
        return self._lasting.get(aggregate, 0)

    def find(self, command_id: str) -> Record | None:
        """Return the record of a command id in this commit; None if it is not in it."""
        place = self.added.ids.get(command_id)
        if place is None:
            return None
        _, commit, wanted = place
        offset = HEAD_BYTES
        for part in self._parts:
            if offset == wanted:
                return locate(commit, offset, memoryview(part)).record(command_id)
            offset += len(part)
        return None

    def finish(self) -> tuple[CommitHead, bytes]:
        """Return the commit's head, and its bytes."""
        self.added.size = self._offset
        fields = (
            self._number,
            self._first_position,
            self._first_record,
            self._position - self._first_position,
            self._record - self._first_record,
            self._time,
            self._digest,
            self._last.crc,
        )
        head = HEAD.pack(formats.COMMIT, *fields)
        crc = crc32(head)
        return CommitHead(*fields, crc), b"".join((head, CRC.pack(crc), *self._parts))
