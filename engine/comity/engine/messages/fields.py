"""The types that a message's fields may have, and the shape of each. Messages use it.

Fields are checked once, when their class is created. A type whose values cannot be stored exactly
is refused; the error says what to write instead.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import Enum

from pydantic import BaseModel

from comity.engine.errors import WiringError
from comity.engine.messages.bounds import MAX_INT, MIN_INT
from comity.engine.messages.shape import CONVERTED, PLAIN, Convert, Shape
from comity.engine.messages.trusted import making

if typing.TYPE_CHECKING:
    from comity.engine.messages.stored_names import StoredNames

_PLAIN = (str, int, float, bool, bytes, type(None))
"""The types that msgpack stores unchanged."""

COMPLETE = "__shapes__"
"""The attribute that a Value class gets once its fields have been checked."""
STORED = "__stored__"
"""The attribute with the stored names of a Value class's fields."""

_INSTEAD: dict[object, str] = {
    list: "tuple[X, ...]",
    set: "frozenset[X]",
    dict: "a tuple of pairs, or a nested Value",
    tuple: "tuple[X, ...]",
    frozenset: "frozenset[X]",
    typing.Any: "the type that it really is",
    object: "the type that it really is",
}


def shape_of(annotation: object, where: str) -> Shape:
    """How values with this annotation are stored; `where` names the field in errors.

    Raises:
        WiringError: the values cannot be stored exactly; the text says what to write instead.
    """
    annotation = bare(annotation)
    origin = typing.cast("object", typing.get_origin(annotation))
    members: tuple[object, ...] = typing.get_args(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return _union(members, where)
    if origin is typing.Literal:
        if all(map(_storable, members)):
            return PLAIN
        raise _refusal(annotation, where, "a Literal of str, bytes, bool or 64-bit int")
    if origin is tuple:
        return _tuple(members, where)
    if origin is frozenset:
        return _frozenset(shape_of(members[0], where))
    if isinstance(annotation, type) and origin is None:
        return _class(typing.cast("type[object]", annotation), where)
    if isinstance(annotation, typing.TypeVar):
        raise _refusal(annotation, where, "the type that it really is, such as Key[str]")
    raise _refusal(annotation, where, _INSTEAD.get(origin or annotation))


def bare(annotation: object) -> object:
    """The annotation without Annotated, NewType and `type` aliases around it."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
            annotation = typing.cast("typing.Any", annotation).__value__
        else:
            return type(None) if annotation is None else annotation


def _class(kind: type[object], where: str) -> Shape:
    if kind in _PLAIN:
        return Shape(exact=kind is not float)
    if kind in CONVERTED:
        return CONVERTED[kind]
    if issubclass(kind, Enum):
        if all(_storable(member.value) for member in kind):
            return Shape(lambda value: typing.cast("Enum", value).value, kind)
        raise _refusal(kind, where, "an Enum whose values are str, bytes, bool or 64-bit int")
    if issubclass(kind, BaseModel):
        return _model(kind, where)
    raise _refusal(kind, where, _INSTEAD.get(kind))


def _storable(value: object) -> bool:
    """Whether msgpack returns an Enum's or Literal's value unchanged."""
    if type(value) is int:
        return MIN_INT <= value <= MAX_INT
    return type(value) in (str, bool, bytes, type(None))


def _union(members: tuple[object, ...], where: str) -> Shape:
    shapes = [shape_of(member, where) for member in members if member not in (None, type(None))]
    exact = all(shape.exact for shape in shapes)
    if all(shape.plain for shape in shapes):
        return Shape(exact=exact)
    if len(shapes) == 1:
        store, load, again = map(_unless_none, shapes[0].ways)
        return Shape(store, load, exact, again)
    wanted = "one type, or one type | None (for two types write two messages)"
    raise _refusal(typing.Union[members], where, wanted)  # noqa: UP007 - built, not written


def _tuple(members: tuple[object, ...], where: str) -> Shape:
    many = len(members) == 2 and members[1] is Ellipsis  # noqa: PLR2004 - tuple[X, ...]
    shapes = [shape_of(member, where) for member in members if member is not Ellipsis]
    exact = all(shape.exact for shape in shapes)
    if all(shape.plain for shape in shapes):
        return Shape(exact=exact)

    def each(*ways: Convert) -> Convert:
        if many:
            return lambda values: tuple(map(ways[0], typing.cast("tuple[object, ...]", values)))
        return lambda values: tuple(
            way(value)
            for way, value in zip(ways, typing.cast("tuple[object, ...]", values), strict=True)
        )

    store, load, again = (
        each(*ways) for ways in zip(*(shape.ways for shape in shapes), strict=True)
    )
    return Shape(store, lambda values: load(_listed(values)), exact, again)


def _listed(values: object) -> object:
    """Items, and not a text of another field, which has items, too."""
    if type(values) not in (tuple, list):
        msg = f"expected a list of items, found {type(values).__name__}"
        raise TypeError(msg)
    return values


def _frozenset(member: Shape) -> Shape:
    store, load, again = member.ways

    def stored(values: object) -> object:
        members = [store(value) for value in typing.cast("frozenset[object]", values)]
        # Sorted, so that equal sets give equal bytes; repr gives mixed types a fixed order.
        return tuple(sorted(members, key=lambda value: (type(value).__name__, repr(value))))

    def loading(load: Convert) -> Convert:
        return lambda values: frozenset(map(load, typing.cast("tuple[object]", values)))

    checked = loading(load)
    return Shape(stored, lambda values: checked(_listed(values)), exact=False, again=loading(again))


def _model(kind: type[BaseModel], where: str) -> Shape:
    if not hasattr(kind, COMPLETE):
        raise _refusal(kind, where, "a class that inherits from comity.engine.Value")
    if COMPLETE not in kind.__dict__:
        wanted = (
            "a type that does not contain itself (for example a flat tuple whose items name their "
            "parent), made of classes that are defined above it"
        )
        raise _refusal(kind, where, wanted)
    shapes = {
        name: shape_of(field.annotation, f"{kind.__name__}.{name}")
        for name, field in kind.model_fields.items()
    }
    names = typing.cast("StoredNames", getattr(kind, STORED))
    stores = list(zip(names.names, shapes.items(), strict=True))

    def store(value: object) -> object:
        fields = value.__dict__
        return {
            stored: fields[name] if shape.store is None else shape.store(fields[name])
            for stored, (name, shape) in stores
        }

    def load(stored: object) -> object:
        data = dict(typing.cast("dict[str, object]", stored))
        if names.renamed:
            data = names.own(data)
        for name, shape in shapes.items():
            if shape.load is not None and name in data:
                data[name] = shape.load(data[name])
        return kind.model_validate(data)

    return Shape(store, load, again=_again(kind, names, shapes, load))


def _again(
    kind: type[BaseModel], stored_names: StoredNames, shapes: Mapping[str, Shape], load: Convert
) -> Convert:
    """Return what makes a nested record from its stored form without validating it again."""
    names, renamed, make = stored_names.names, bool(stored_names.renamed), making(kind)
    loads = [(name, shape.ways.again) for name, shape in shapes.items() if not shape.plain]

    def again(stored: object) -> object:
        given = typing.cast("dict[str, object]", stored)
        if tuple(given) != names:
            return load(stored)
        fields = dict(zip(shapes, given.values(), strict=True)) if renamed else given.copy()
        for name, convert in loads:
            fields[name] = convert(fields[name])
        return make(fields)

    return again


def _unless_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _refusal(annotation: object, where: str, instead: str | None) -> WiringError:
    name = getattr(annotation, "__name__", None) or str(annotation)
    advice = instead or (
        "str, int, float, bool, bytes, datetime, date, time, timedelta, UUID, Decimal, an Enum, "
        "a Value, or a tuple or frozenset of these"
    )
    return WiringError(f"{where}: {name} cannot be kept in a message; write {advice}")
