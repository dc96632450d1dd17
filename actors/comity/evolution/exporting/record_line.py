"""A record as a line of an export, and back. The form is stored: docs/formats.md lists it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from msgpack import UnpackException

from comity.engine import Invalid
from comity.engine.aggregate_id import AggregateId, check_key, check_text, check_type_name
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.packing import packed
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages.moment import microseconds_of, moment
from comity.evolution.exporting.exact_json import Bytes, dumps, loads

_FIELDS: Final = Note._fields
_FEWER: Final = len(_FIELDS) - len(Note._field_defaults)
_MORE: Final = _FIELDS[_FEWER:]
_NAMES: Final = frozenset(_FIELDS)
_REQUIRED: Final = ("record", "type", "key", "version", "position", "id", "time", "events", "note")
_KNOWN: Final = frozenset([*_REQUIRED, "lasting"])
_OF_EVENTS: Final = frozenset(["name", "schema", "stamp", "readable", "data"])
_LARGEST: Final = (1 << 63) - 1


# --- writing --------------------------------------------------------------------------------------


def line_of(number: int, record: Record) -> str:
    """Return the line of a record, without its checksum."""
    fields: dict[str, object] = {
        "record": number,
        "type": record.aggregate.type,
        "key": record.aggregate.key,
        "version": record.version,
        "position": record.position,
        "id": record.command_id,
        "time": time_text(record.time),
        "events": [_event(event) for event in record.events],
        "note": _note(record.note),
    }
    if record.lasting:
        fields["lasting"] = True
    return dumps(fields)


def time_text(microseconds: int) -> str | int:
    """Return a time as people read it; as the number, if it is in no year from 1 to 9999."""
    try:
        return f"{moment(microseconds).isoformat()[:-6]}Z"
    except OverflowError:
        return microseconds


def _event(event: StoredEvent) -> dict[str, object]:
    fields: dict[str, object] = {"name": event.name, "schema": event.schema}
    if event.stamp:
        fields["stamp"] = event.stamp
    if event.readable:
        fields["readable"] = event.readable
    data = event.data
    fields["data"] = _marked(cast("dict[object, object]", data)) if type(data) is dict else data
    return fields


def _marked(fields: dict[object, object]) -> dict[object, object]:
    """The fields, with bytes so that they are written fast."""
    if bytes not in map(type, fields.values()):
        return fields
    return {
        name: Bytes(value) if isinstance(value, bytes) else value for name, value in fields.items()
    }


def _note(note: object) -> dict[str, object]:
    """A note's fields that are not None, by name; any other value as `value`."""
    if isinstance(note, tuple):
        fields = cast("tuple[object, ...]", note)
        named = {
            name: Bytes(value) if isinstance(value, bytes) else value
            for name, value in zip(_FIELDS, fields, strict=False)
            if value is not None
        }
        if len(fields) == _length(named):
            return named
    return {"value": note}


def _length(named: Mapping[str, object]) -> int:
    return len(_FIELDS) if any(name in named for name in _MORE) else _FEWER


# --- reading --------------------------------------------------------------------------------------


def numbered_of(line: str) -> Numbered:
    """Return the record of a line.

    Raises:
        Invalid: it is not the line of a record.
    """
    fields = loads(line)
    if not isinstance(fields, dict):
        raise Invalid("it is not the line of a record")
    return read_record(cast("dict[str, Any]", fields))


def read_record(fields: Mapping[str, Any]) -> Numbered:
    """Return the record of a line's fields; raises as `numbered_of`."""
    missing = [name for name in _REQUIRED if name not in fields]
    if missing:
        raise Invalid(f"it is not the line of a record: it has no {missing[0]!r}")
    _check_names(fields, _KNOWN, "it")
    aggregate = AggregateId(check_type_name(_text(fields, "type")), check_key(_text(fields, "key")))
    events = fields["events"]
    if not isinstance(events, list):
        raise Invalid(f"expected a list of events, got {events!r:.100}")
    record = Record(
        aggregate,
        whole(fields, "version"),
        whole(fields, "position"),
        check_text(_text(fields, "id"), "a command id"),
        tuple([_read_event(event) for event in cast("list[object]", events)]),
        read_time(fields["time"]),
        _read_note(fields["note"]),
        lasting=fields.get("lasting", False) is True,
    )
    if record.lasting and record.events:
        raise Invalid("a lasting record has no events, and it has some")
    return Numbered(whole(fields, "record"), record)


def whole(fields: Mapping[str, Any], name: str) -> int:
    """Return a number of the line.

    Raises:
        Invalid: it is none.
    """
    value = fields[name]
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise Invalid(f"expected a whole number for {name!r}, got {value!r:.100}")
    return value


def read_time(value: object) -> int:
    """Return a time in microseconds.

    Raises:
        Invalid: it is none.
    """
    if type(value) is int and -_LARGEST <= value <= _LARGEST:
        return value
    if isinstance(value, str):
        try:
            return microseconds_of(datetime.fromisoformat(value))
        except (ValueError, TypeError):  # the latter without a zone
            pass
    raise Invalid(f"expected a time such as '2026-11-30T12:00:00Z', got {value!r:.100}")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise Invalid(f"expected a text for {name!r}, got {value!r:.100}")
    return value


def _check_names(fields: Mapping[str, Any], known: frozenset[str], what: str) -> None:
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise Invalid(f"{what} has {unknown[0]!r:.100}, which this form does not have")


def _read_event(event: object) -> StoredEvent:
    if not isinstance(event, dict) or not {"name", "schema", "data"} <= event.keys():
        raise Invalid(f"expected an event with name, schema and data, got {event!r:.100}")
    fields = cast("dict[str, Any]", event)
    _check_names(fields, _OF_EVENTS, "an event")
    numbers = [whole(fields, name) if name in fields else 0 for name in ("stamp", "readable")]
    return StoredEvent(_text(fields, "name"), whole(fields, "schema"), fields["data"], *numbers)


def _read_note(note: object) -> object:
    if not isinstance(note, dict):
        raise Invalid(f"expected a note, got {note!r:.100}")
    fields = cast("dict[str, object]", note)
    if fields.keys() == {"value"}:
        value = fields["value"]
        return tuple(cast("list[object]", value)) if isinstance(value, list) else value
    _check_names(fields, _NAMES, "the note")
    return tuple([fields.get(name) for name in _FIELDS[: _length(fields)]])


# --- comparing ------------------------------------------------------------------------------------


def entry_of(record: Record) -> Entry:
    """Return the entry that makes this record in another journal."""
    return Entry(record.command_id, record.events, record.time, record.note, lasting=record.lasting)


def essence(record: Record) -> bytes:
    """Return all of a record as bytes: equal only for records that are the same in everything.

    Raises:
        Invalid: it cannot be stored.
    """
    entry = entry_of(record).pack()
    try:
        return packed((record.aggregate, record.version, record.position, entry))
    except (ValueError, TypeError, OverflowError, UnpackException) as error:
        raise Invalid(f"command {record.command_id!r} cannot be stored: {error}") from None
