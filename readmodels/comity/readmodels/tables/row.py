"""Rows of a read model's tables, and how they are stored. Tables and queries use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast, get_type_hints

from msgpack import packb, unpackb
from pydantic import BaseModel

from comity.engine.errors import Invalid, WiringError
from comity.engine.messages.codec import MAX_PAYLOAD
from comity.engine.messages.shape import Convert, Shape
from comity.engine.messages.value import Value
from comity.readmodels.tables.row_update import RowUpdate

R = TypeVar("R", bound="Row")
T = TypeVar("T")

Getter = Callable[[object], Sequence[object]]
Columns = Sequence[object]
"""The unpacked columns of a row, in the order of its class."""

_MOST_PARTS: Final = 64
"""Of so many classes at most a codec remembers how to read some columns into them."""


class Row(Value):
    """The base class of a table's rows: a frozen, strict record.

    Example:
        class CardRow(Row):
            board: str
            card: str
            title: str
            tags: tuple[str, ...] = ()
    """

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        for name in cls.__stored__.renamed.values():
            msg = f"{cls.__name__}.{name}: remove StoredAs; columns are stored without names"
            raise WiringError(msg)


class Stored(NamedTuple):
    """A column whose values are converted for storage."""

    place: int
    store: Convert
    load: Convert


class RowCodec(Generic[R]):
    """Packs the rows of one class as msgpack lists, in the order of their fields.

    Rows are validated when they are made, not when they are read. Rows that a program with fewer
    or more fields at the end wrote are read, too: see `_fitted`.

    Args:
        kind: the class of the rows.
        gained: its last fields, if there may be rows without them.
    """

    def __init__(self, kind: type[R], gained: Sequence[str] = ()) -> None:
        self.kind = kind
        self.names = tuple(kind.model_fields)
        self.defaults = {name: _packed_default(kind, name) for name in gained}
        """With what rows without these fields are read: packed, as a row would hold it."""
        self._missing = [unpackb(one, use_list=False) for one in self.defaults.values()]
        self.stored = tuple(
            Stored(place, shape.store, shape.load)
            for place, name in enumerate(self.names)
            if (shape := kind.__shapes__.get(name)) and shape.store and shape.load
        )
        self.loads = {self.names[one.place]: one.load for one in self.stored}
        self._fields = _getter(self.names)
        self.make = self._maker(kind, self.names)
        """Makes a row from its columns."""
        self.changed = RowUpdate(kind)
        """Makes a changed copy of a row."""
        self._parts: dict[type[object], Callable[[Columns], Any]] = {}

    def pack(self, row: R) -> bytes:
        """The row as bytes.

        Raises:
            Invalid: it has more than `MAX_PAYLOAD` bytes.
        """
        values = self._fields(row.__dict__)
        if self.stored:
            changed = list(values)
            for place, store, _ in self.stored:
                changed[place] = store(values[place])
            values = changed
        data = packb(values)
        if len(data) > MAX_PAYLOAD:
            msg = f"{self.kind.__name__} takes {len(data):,} bytes; the most is {MAX_PAYLOAD:,}"
            raise Invalid(msg)
        return data

    def unpack(self, data: bytes) -> R:
        """Read a packed row."""
        return self.make(unpackb(data, use_list=False))

    def _fitted(self, columns: Columns) -> Columns:
        """The columns of this class from those of a row that has fewer or more.

        Raises:
            ValueError: it lacks more than the gained fields.
        """
        lacking = len(self.names) - len(columns)
        if lacking > len(self._missing):
            msg = f"expected {len(self.names)} columns, or {len(self._missing)} fewer"
            raise ValueError(f"{msg}; got {len(columns)}")
        return (*columns[: len(self.names)], *self._missing[len(self._missing) - lacking :])

    def _maker(self, kind: type[T], fields: Sequence[str]) -> Callable[[Columns], T]:
        may_lack = bool(self._missing)
        return _maker(kind, self.names, fields, self.loads, self._fitted, may_lack=may_lack)

    def part(self, kind: type[T]) -> Callable[[Columns], T]:
        """A function that makes a NamedTuple or smaller Row from the columns with the same names.

        Raises:
            WiringError: it has a field that these rows do not have, or one of another type.
        """
        known = isinstance(cast("object", kind), type) and self._parts.get(kind)
        if known:
            return known
        made = self._part(kind)
        if len(self._parts) < _MOST_PARTS:
            self._parts[kind] = made
        return made

    def _part(self, kind: type[T]) -> Callable[[Columns], T]:
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
        if issubclass(kind, Row):
            return self._maker(kind, tuple(hints))
        places = [self.names.index(name) for name in hints]
        wanted = [one for one in self.stored if one.place in places]
        columns, all_columns = _getter(places), len(self.names)

        def make(values: Columns) -> T:
            if len(values) < all_columns:
                values = self._fitted(values)
            if wanted:
                values = list(values)
                for place, _, load in wanted:
                    values[place] = load(values[place])
            return kind(*columns(values))

        return make


def unpack_all(rows: Sequence[bytes]) -> Sequence[Columns]:
    """The columns of packed rows, with one call of msgpack: together the rows are an array."""
    return cast(
        "Sequence[Columns]",
        unpackb(b"".join((b"\xdd", len(rows).to_bytes(4, "big"), *rows)), use_list=False),
    )


_PUTS: Final = {
    f"put_{name.strip('_').removeprefix('pydantic_')}": vars(BaseModel)[name].__set__
    for name in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
}
"""Set what pydantic keeps of a model, although rows are frozen: 0.05 µs each less than by name."""


def _packed_default(kind: type[Row], name: str) -> bytes:
    shape, default = kind.__shapes__.get(name), cast("object", kind.model_fields[name].default)
    return packb(shape.store(default) if shape and shape.store else default)


def _maker(
    kind: type[T],
    columns: Sequence[str],
    fields: Sequence[str],
    loads: Mapping[str, Convert],
    fitted: Callable[[Columns], Columns],
    *,
    may_lack: bool,
) -> Callable[[Columns], T]:
    """A function that makes pydantic models from columns, without validation.

    Columns of another number are `fitted` first. Only rows that may lack some are asked for their
    number before: this takes 0.02 µs, and to catch the error takes 1 µs for each short row.

    Its code is generated for the class, as namedtuple does: only numbers and quoted names go into
    it. A row of five columns takes 0.5 µs; a loop takes 0.8 µs, and validation 1.9 µs more.
    """
    names = {name: f"column_{place}" for place, name in enumerate(columns)}
    values = names | {name: f"load_{names[name]}({names[name]})" for name in loads}
    asked = f"if len(values) < {len(columns)}: values = fitted(values)" if may_lack else ""
    code = f"""
def make(values):
    {asked}
    try:
        [{", ".join(names.values())}] = values
    except ValueError:
        [{", ".join(names.values())}] = fitted(values)
    row = new(kind)
    put_dict(row, {{{", ".join(f"{name!r}: {values[name]}" for name in fields)}}})
    put_fields_set(row, all_fields)
    put_extra(row, None)
    put_private(row, None)
    return row
"""
    made: dict[str, Any] = {
        **{f"load_{names[name]}": load for name, load in loads.items()},
        "new": kind.__new__,
        "fitted": fitted,
        **_PUTS,
        "kind": kind,
        "all_fields": set(fields),  # shared, since frozen rows do not change it
    }
    exec(code, made)  # noqa: S102 - nothing in it comes from the disk
    return cast("Callable[[Columns], T]", made["make"])


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
    """The fields of a NamedTuple or Row, with their types."""
    known = isinstance(cast("object", kind), type)
    if known and issubclass(kind, Row):
        return {name: info.annotation for name, info in kind.model_fields.items()}
    if known and "_fields" in dir(kind) and "_make" in dir(kind):  # a NamedTuple
        return dict(get_type_hints(kind))
    msg = f"{kind!r}: expected a NamedTuple or Row with some of the table's fields"
    raise WiringError(msg)
