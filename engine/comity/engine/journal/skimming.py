"""Takes what a commit adds to the index, without making its records.

`LmdbCaches` catches up by it: each process that writes a journal does so with every commit of the
others. It takes 3 µs for each turn, where reading its records takes 7.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from zlib import crc32

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.formats import filled
from comity.engine.journal import commit_turn
from comity.engine.journal.commit_head import CRC, HEAD_BYTES, PLACE, CommitHead
from comity.engine.journal.commit_layout import head_after, read_commit
from comity.engine.journal.event_kind import kinds_in
from comity.engine.journal.heard import LARGE, HeardTurn
from comity.engine.journal.index import Tail
from comity.engine.journal.tip import Tip

_FORMAT: Final = 3
"""The format that is skimmed; commits of format 2 are read as usual."""
_FRAME: Final = commit_turn.FRAME
_ID: Final = 0
_EVENTS: Final = 2
"""Where an entry has its command id and its events; see `entry`."""
_NAME, _SCHEMA, _READABLE = 0, 1, 4
"""Where an event has what makes its kind."""

Kinds: TypeAlias = dict[tuple[str, str, int, int], int]
"""How many events there are of each kind, whose fields are those of `EventKind`."""


def skim(
    number: int,
    commit: memoryview,
    last: CommitHead,
    tail: Tail,
    kinds: Kinds | None,
    heard: list[HeardTurn] | None = None,
) -> CommitHead:
    """Add a commit's rows to the tail, and its events to `kinds`; return its head.

    All checksums are checked. After an error the tail and the counts are of no use.

    Args:
        number: the commit's number.
        commit: its bytes.
        last: the head of the commit before.
        tail: gets the commit's rows.
        kinds: gets how many events of each kind it has; None: they are not counted.
        heard: gets its turns; None: they are not wanted.

    Raises:
        TooNew: the commit has a newer format.
        JournalDamaged: a byte is not what was written, or the commit does not follow `last`.
    """
    if not commit or commit[0] != _FORMAT:
        return _read(number, commit, last, tail, kinds, heard)
    head = head_after(number, commit, last)
    try:
        _skim_turns(head, commit, tail, kinds, heard)
    except (struct.error, ValueError, TypeError, LookupError) as error:
        raise JournalDamaged(f"commit {number}: a turn cannot be read") from error
    return head


def _skim_turns(
    head: CommitHead,
    commit: memoryview,
    tail: Tail,
    kinds: Kinds | None,
    heard: list[HeardTurn] | None,
) -> None:
    number, offset, digest = head.number, HEAD_BYTES, 0
    record, position = head.record, head.position
    stored, ids = bytes(commit), tail.ids  # slices of bytes are faster than those of a view
    while offset < len(stored):
        crc, size, events, many, lasting, first, version, start, previous, back = (
            _FRAME.unpack_from(stored, offset)
        )
        payload = offset + _FRAME.size
        end = payload + size
        if crc32(stored[offset + CRC.size : end], crc32(PLACE.pack(number, offset))) != crc:
            raise JournalDamaged(f"commit {number}, offset {offset}: not what was written")
        if (first, start) != (record, position):
            raise JournalDamaged(f"commit {number}, offset {offset}: a turn is missing")
        aggregate, entries, *_ = unpackb(stored[payload:end], use_list=False)
        place = record + many - 1, number, offset
        for entry in entries:
            ids[entry[_ID]] = place
        if events or lasting:
            id_, after = (
                AggregateId._make(aggregate),
                filled(Tip, (version + events, number, offset)),
            )
            tail.move(id_, filled(Tip, (version, previous, back)), after)
            if heard is not None:
                kept = bytes(commit[payload:end]) if size < LARGE else b""
                heard.append((id_, version, events, lasting, position, kept))
        if kinds is not None:
            _count(kinds, aggregate[0], entries)
        digest ^= crc
        record += many
        position += events
        offset = end
    if digest != head.digest or (record, position) != (head.last_record, head.last_position):
        raise JournalDamaged(f"commit {number} does not hold what its head says")
    tail.records += head.records
    tail.size += offset


def _count(kinds: Kinds, type_: str, entries: Sequence[Sequence[Any]]) -> None:
    for entry in entries:
        for event in entry[_EVENTS]:
            readable = event[_READABLE] if len(event) > _READABLE else 0
            kind = type_, event[_NAME], event[_SCHEMA], readable
            kinds[kind] = kinds.get(kind, 0) + 1


def _read(
    number: int,
    commit: memoryview,
    last: CommitHead,
    tail: Tail,
    kinds: Kinds | None,
    heard: list[HeardTurn] | None,
) -> CommitHead:
    head, found = read_commit(number, commit, last)
    for turn in found:
        tail.take(number, turn)
        if heard is not None and turn.stays:
            first, version = turn.records[0], turn.before.version
            events = turn.last_version - version
            heard.append((first.aggregate, version, events, turn.lasting, first.position, b""))
        if kinds is not None:
            for kind, many in kinds_in(turn.records).items():
                kinds[kind] = kinds.get(kind, 0) + many
    return head
