"""Rows: what stands in a read model's tables, and how it is stored. Tables and queries use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar, cast, get_type_hints

import msgpack

from comity.engine.codec import MAX_PAYLOAD
from comity.engine.errors import Invalid, WiringError
from comity.engine.fields import Convert
from comity.engine.message import Value

R = TypeVar("R", bound="Row")
T = TypeVar("T")

Getter = Callable[[object], Sequence[object]]

_set = object.__setattr__  # rows are frozen


class Row(Value):
    """The base of a table's rows: a frozen, strict record of plain fields.

    Example:
        class CardRow(Row):
            board: str
            card: str
            title: str
            tags: tuple[str, ...] = ()
    """


class Stored(NamedTuple):
    """One column that is not stored as it is."""

    place: int
    store: Convert
    load: Convert


class RowCodec(Generic[R]):
    """Packs the rows of one class as msgpack lists, in the order of their fields.

    What was validated when the row was made is not validated again when it is read.
    """

    def __init__(self, kind: type[R]) -> None:
        self.kind = kind
        self.names = tuple(kind.model_fields)
        self.stored = tuple(
            Stored(place, shape.store, shape.load)
            for place, name in enumerate(self.names)
            if (shape := kind.__shapes__.get(name)) and shape.store and shape.load
        )
        self._fields = _getter(self.names)

    def pack(self, row: R) -> bytes:
        """The row as bytes.

        Raises:
            Invalid: it is larger than a row can be.
        """
        values = self._fields(row.__dict__)
        if self.stored:
            changed = list(values)
            for place, store, _ in self.stored:
                changed[place] = store(values[place])
            values = changed
        data = msgpack.packb(values)
        if len(data) > MAX_PAYLOAD:
            msg = f"{self.kind.__name__} takes {len(data):,} bytes; the most is {MAX_PAYLOAD:,}"
            raise Invalid(msg)
        return data

    def unpack(self, data: bytes) -> R:
        """The row again."""
        values: Sequence[object] = msgpack.unpackb(data, use_list=False)
        fields = dict(zip(self.names, values, strict=True))
        for place, _, load in self.stored:
            name = self.names[place]
            fields[name] = load(fields[name])
        return _restore(self.kind, fields)

    def part(self, kind: type[T]) -> Callable[[bytes], T]:
        """Reads only some columns: into a NamedTuple or a Row that has fields of the same names.

        Raises:
            WiringError: it has a field that these rows do not have, or one of another type.
        """
        hints = _fields_of(kind)
        for name, hint in hints.items():
            info = self.kind.model_fields.get(name)
            if info is None:
                msg = f"{kind.__name__}.{name}: {self.kind.__name__} has no such field"
                raise WiringError(msg)
            if hint != info.annotation:
                msg = (
                    f"{kind.__name__}.{name} is {hint}, and {self.kind.__name__}.{name} is "
                    f"{info.annotation}: give both the same type"
                )
                raise WiringError(msg)
        places = [self.names.index(name) for name in hints]
        wanted = [one for one in self.stored if one.place in places]
        columns = _getter(places)
        names = tuple(hints)
        as_row = issubclass(kind, Row)

        def read(data: bytes) -> T:
            values: Sequence[object] = msgpack.unpackb(data, use_list=not wanted)
            if wanted:
                values = list(values)
                for place, _, load in wanted:
                    values[place] = load(values[place])
            if as_row:
                return _restore(kind, dict(zip(names, columns(values), strict=True)))
            return kind(*columns(values))

        return read


def _restore(kind: type[T], fields: dict[str, object]) -> T:
    """The model that had these fields, without validating them again (5 times as fast)."""
    row = kind.__new__(kind)
    _set(row, "__dict__", fields)
    _set(row, "__pydantic_fields_set__", set(fields))
    _set(row, "__pydantic_extra__", None)
    _set(row, "__pydantic_private__", None)
    return row


def _getter(wanted: Sequence[int | str]) -> Getter:
    match list(wanted):
        case []:
            return lambda _: ()
        case [name]:
            one = cast("Callable[[object], object]", itemgetter(name))
            return lambda values: (one(values),)
        case names:
            return cast("Getter", itemgetter(*names))


def _fields_of(kind: type[object]) -> dict[str, object]:
    """The field names of a NamedTuple or Row, with their types."""
    if issubclass(kind, Row):
        return {name: info.annotation for name, info in kind.model_fields.items()}
    if "_fields" in dir(kind) and "_make" in dir(kind):  # a NamedTuple
        return dict(get_type_hints(kind))
    msg = f"{kind!r}: read rows into a NamedTuple or a Row with some of their fields"
    raise WiringError(msg)
