"""An entry: one command with its events, and its packed form in a turn.

An entry is packed as one msgpack list: command id, time, events, note, and True for an entry that
becomes a lasting record. An event is the list name, schema, fields, stamp, and readable if that is
not 0. A newer comity may add fields at the end of both lists. The entries of a turn are a list of
these.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgpack import unpackb

from comity.engine.aggregate_id import AggregateId, check_text
from comity.engine.errors import Invalid
from comity.engine.formats import filled, grown
from comity.engine.journal.packing import PACKERS
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent

_FEW = 16
_HEADS = [bytes([0x90 | many]) for many in range(_FEW)]
_LIST = struct.Struct(">BI")
_ENTRY_FIELDS = 4
"""The fields of an entry that does not become a lasting record."""
_EVENT_FIELDS = 4
"""The fields of an event that no older program may read."""
_NOT_READABLE = (0,)


class Entry(NamedTuple):
    """One command with its events; without events if it was refused or changed nothing."""

    command_id: str
    events: tuple[StoredEvent, ...]
    time: int
    """The time of the decision: microseconds since 1970, UTC."""
    note: object
    """Sender, outcome and report, for the journal any value that msgpack packs (see `Note`)."""
    retry: bool = False
    """True: the journal looks the id up, because it may be recorded. False promises a new id."""
    lasting: bool = False
    """True for an entry without events that becomes a lasting record: `read` gives it."""

    def pack(self) -> bytes:
        """Pack the entry.

        Raises:
            Invalid: its command id, or another part, cannot be stored.
        """
        check_text(self.command_id, "a command id")
        try:
            events = [event if event.readable else event[:-1] for event in self.events]
            return pack_entry(self.command_id, self.time, events, self.note, self.lasting)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise Invalid(f"command {self.command_id!r} cannot be recorded: {error}") from error


def pack_entry(
    command_id: str,
    time: int,
    events: Sequence[tuple[object, ...]],
    note: object,
    lasting: bool = False,  # noqa: FBT001, FBT002 - called for each command: no keywords
) -> bytes:
    """Pack an entry with one call; raises what msgpack raises."""
    if lasting:
        return PACKERS.pack((command_id, time, events, note, True))
    return PACKERS.pack((command_id, time, events, note))


def pack_list(entries: Sequence[bytes]) -> bytes:
    """Return the packed entries of a turn as one msgpack list."""
    many = len(entries)
    head = _HEADS[many] if many < _FEW else _LIST.pack(0xDD, many)
    return head + b"".join(entries)


def records_of(
    aggregate: AggregateId, version: int, position: int, entries: bytes
) -> tuple[Record, ...]:
    """Make the records of a turn from its packed entries.

    Args:
        aggregate: the turn's aggregate.
        version: the aggregate's version before the turn.
        position: the position before the turn's first event.
        entries: the packed entries, as in `Turn.entries`.
    """
    return records_from(aggregate, version, position, unpackb(entries, use_list=False))


def records_from(
    aggregate: AggregateId, version: int, position: int, entries: Iterable[Sequence[Any]]
) -> tuple[Record, ...]:
    """Make the records of a turn from its entries, which msgpack has unpacked.

    Raises:
        ValueError, TypeError: they are not entries.
    """
    found: list[Record] = []
    for entry in entries:
        id_, time, events, note = entry[:_ENTRY_FIELDS]
        lasting = len(entry) > _ENTRY_FIELDS and bool(entry[_ENTRY_FIELDS])
        stored = _stored(events)
        fields = aggregate, version, position, id_, stored, time, note, lasting
        found.append(filled(Record, fields))
        version += len(stored)
        position += len(stored)
    return tuple(found)


def _stored(events: Sequence[tuple[object, ...]]) -> tuple[StoredEvent, ...]:
    if len(events) == 1 and len(events[0]) == _EVENT_FIELDS:  # most commands have one event
        return (filled(StoredEvent, events[0] + _NOT_READABLE),)
    return tuple([_event(event) for event in events])


def _event(event: tuple[object, ...]) -> StoredEvent:
    if len(event) == _EVENT_FIELDS:
        return filled(StoredEvent, event + _NOT_READABLE)
    return grown(StoredEvent, event)  # older programs may read it, or a newer comity wrote more
