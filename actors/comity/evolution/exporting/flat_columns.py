"""The columns of an export for analysis, which has a row for each event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, cast

from comity.engine import Invalid, WiringError
from comity.engine.arguments import check_several
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages.moment import microseconds_of
from comity.evolution.exporting.exact_json import dumps

_LARGEST: Final = (1 << 63) - 1


class ColumnKind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    """Texts as they are, other values as JSON."""
    INT = "int"
    """Whole numbers of 64 bits."""
    FLOAT = "float"
    BOOL = "bool"
    TIME = "time"
    """Microseconds since 1970, as the journal stores times."""
    JSON = "json"
    """Any value; where a format has no such type, as text."""


class Column(NamedTuple):
    """A column: its name, and what its values are."""

    name: str
    kind: ColumnKind

    @classmethod
    def parse(cls, text: str) -> Column:
        """Read the choice of a field: `title`, `number:int` or `due:time`.

        Raises:
            WiringError: there is no such kind.
        """
        name, colon, kind = text.rpartition(":")
        if not colon:
            return cls(text, ColumnKind.TEXT)
        if not name or kind not in set(ColumnKind):
            kinds = ", ".join(ColumnKind)
            msg = f"expected a field as NAME or NAME:KIND with a kind of {kinds}, got {text!r:.100}"
            raise WiringError(msg)
        return cls(name, ColumnKind(kind))


_TEXT, _INT = ColumnKind.TEXT, ColumnKind.INT
COMMON: Final = (
    Column("position", _INT),
    Column("time", ColumnKind.TIME),
    Column("type", _TEXT),
    Column("key", _TEXT),
    Column("version", _INT),
    Column("event", _TEXT),
    Column("schema", _INT),
    Column("who", _TEXT),
    Column("session", _TEXT),
    Column("command", _TEXT),
    Column("command_id", _TEXT),
    Column("outcome", _TEXT),
    Column("metadata", ColumnKind.JSON),
)
"""The columns of every event."""

Fields = Callable[[Record, int], Mapping[str, object]]
"""Gives the fields of the event at an offset, from 0, of a record."""


class FlatColumns:
    """All columns: the common ones, and the fields in one column or in columns of their own.

    Args:
        chosen: the fields that get columns; none: all are in the column `fields`.
        fields: gives the fields of an event.
    """

    def __init__(self, chosen: Iterable[str], fields: Fields) -> None:
        names = check_several(chosen, "fields", WiringError)
        self._own = [Column.parse(name) for name in names]
        own = self._own or [Column("fields", ColumnKind.JSON)]
        taken = {column.name for column in COMMON}
        own = [one._replace(name=f"field_{one.name}") if one.name in taken else one for one in own]
        self.all = (*COMMON, *own)
        twice = {column.name for column in self.all}
        if len(twice) < len(self.all):
            msg = f"fields: expected each once, got {', '.join(names)}"
            raise WiringError(msg)
        self._fields = fields

    def rows(self, record: Record) -> Iterable[tuple[object, ...]]:
        """Give a row of values for each event of a record.

        Raises:
            Invalid: a field is not of the kind that its column has.
        """
        note = Note.unpack(record.note)
        for offset, event in enumerate(record.events):
            fields = self._fields(record, offset)
            yield (
                *self._common(record, note, event, offset + 1),
                *self._chosen(fields, record, offset),
            )

    @staticmethod
    def _common(record: Record, note: Note, event: StoredEvent, offset: int) -> tuple[object, ...]:
        return (
            record.position + offset, record.time, record.aggregate.type, record.aggregate.key,
            record.version + offset, event.name, event.schema, note.who, note.session,
            note.command, record.command_id, note.outcome.value, note.metadata,
        )  # fmt: skip

    def _chosen(
        self, fields: Mapping[str, object], record: Record, offset: int
    ) -> Iterable[object]:
        if not self._own:
            return (fields,)
        try:
            return [_value(column, fields.get(column.name)) for column in self._own]
        except Invalid as error:
            place = f"position {record.position + offset + 1}, {record.events[offset].name}"
            raise Invalid(f"{place}: {error}; choose the field as text or json") from None


def _value(column: Column, value: object) -> object:
    """A field's value in its column."""
    if value is None or column.kind is ColumnKind.JSON:
        return value
    kind = column.kind
    fits = _FITS[kind](value)
    if fits is None:
        raise Invalid(f"{column.name} is {value!r:.100}, which is not of the kind {kind}")
    return fits


def _text(value: object) -> str:
    return value if isinstance(value, str) else dumps(value)


def _int(value: object) -> int | None:
    return value if type(value) is int and -_LARGEST <= value <= _LARGEST else None


def _float(value: object) -> float | None:
    return float(cast("float", value)) if type(value) in {int, float} else None


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: object) -> int | None:
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return microseconds_of(found) if found.tzinfo else None
    return _int(value)


_FITS: Final[Mapping[ColumnKind, Callable[[object], object]]] = {
    ColumnKind.TEXT: _text, ColumnKind.INT: _int, ColumnKind.FLOAT: _float,
    ColumnKind.BOOL: _bool, ColumnKind.TIME: _time,
}  # fmt: skip
