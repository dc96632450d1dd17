"""Converts messages to msgpack and back. Event registries and records' notes use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar, cast

import msgpack
from pydantic import ValidationError

from comity.engine.errors import ComityError, Invalid
from comity.engine.journal.packing import packed
from comity.engine.messages.bounds import MAX_ITEMS
from comity.engine.messages.trusted import making
from comity.engine.text import brief, told

if TYPE_CHECKING:
    from comity.engine.messages.message import Message
    from comity.engine.messages.value import Value

MAX_PAYLOAD = 1 << 20
"""The most bytes that one stored message may have."""

M = TypeVar("M", bound="Message")
V = TypeVar("V", bound="Value")


def pack(message: Message) -> bytes:
    """The message's fields as a msgpack map with field names, so that any program can read it.

    Raises:
        Invalid: it has more than `MAX_PAYLOAD` bytes, or a value that cannot be stored.
    """
    kind = type(message)
    try:
        data = packed(storable(message))
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{kind.__name__} cannot be stored: {explained(error)}"
        raise Invalid(msg) from None
    if len(data) > MAX_PAYLOAD:
        msg = f"{kind.__name__} takes {len(data):,} bytes; the most is {MAX_PAYLOAD:,}"
        raise Invalid(msg)
    return data


def storable(message: Message) -> dict[str, object]:
    """The message's fields as msgpack can pack them, to be packed together with other values.

    Do not change the map, and do not keep it longer than the message: it may be the message's own.
    Its size is not limited; `pack` limits it.

    Raises:
        Invalid: the message has a value that cannot be stored.
    """
    kind = type(message)
    fields: dict[str, object] = vars(message)
    if len(fields) > len(kind.__named__):  # functools.cached_property adds to them
        fields = {name: fields[name] for name in kind.__named__}
    if kind.__shapes__:
        fields = _converted(kind, fields)
    if kind.__stored__.renamed:
        fields = dict(zip(kind.__stored__.names, fields.values(), strict=True))
    if kind.__tried__ and not _comes_back(message, fields):
        msg = f"{kind.__name__} would be read back changed: its validators change what they accept"
        raise Invalid(msg)
    return fields


def storer(kind: type[Message]) -> Callable[[Message], dict[str, object]]:
    """Return `storable` for the messages of a class, in its fastest form."""
    adds = any(
        isinstance(value, cached_property) for each in kind.__mro__ for value in vars(each).values()
    )
    changes = kind.__shapes__ or kind.__stored__.renamed or kind.__tried__ or adds
    return storable if changes else attrgetter("__dict__")


def _converted(kind: type[Message], fields: dict[str, object]) -> dict[str, object]:
    """A copy of the fields, converted as the class's shapes say."""
    fields = dict(fields)
    try:
        for name, shape in kind.__shapes__.items():
            fields[name] = shape.store(fields[name]) if shape.store else fields[name]
    except Exception as error:  # a custom validator may have accepted any object
        msg = f"{kind.__name__} cannot be stored: {explained(error)}"
        raise Invalid(msg) from None
    return fields


def _comes_back(message: Message, fields: dict[str, object]) -> bool:
    kind = type(message)
    try:
        data = packed(fields)
    except Exception as error:  # as in _converted
        msg = f"{kind.__name__} cannot be stored: {explained(error)}"
        raise Invalid(msg) from None
    try:
        return build(kind, unpack_fields(data)) == message
    except Invalid:
        return False


def unpack_fields(data: object) -> dict[str, object]:
    """A stored message's fields before any class validates them: a new map, for the caller alone.

    Args:
        data: the fields as a map or packed as bytes, as in `StoredEvent.data`.

    Raises:
        Invalid: the data are not a message.
    """
    if isinstance(data, dict):
        return cast("dict[str, object]", data).copy()
    fields = _unpacked(data) if isinstance(data, bytes) else data
    if not isinstance(fields, dict):
        msg = f"expected a map of fields, got {type(fields).__name__}"
        raise Invalid(msg)
    return cast("dict[str, object]", fields)


def _unpacked(data: bytes) -> object:
    try:
        return msgpack.unpackb(
            data, use_list=False, max_array_len=MAX_ITEMS, max_map_len=MAX_ITEMS, max_ext_len=0
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        msg = f"not a stored message: {type(error).__name__} {error}"
        raise Invalid(msg) from None


def build(kind: type[V], fields: dict[str, object]) -> V:
    """Make a record of the class from stored fields, and validate it. It changes `fields`.

    Raises:
        Invalid: the fields do not fit the class.
    """
    at = ""
    try:
        if kind.__stored__.renamed:
            fields = kind.__stored__.own(fields)
        if kind.__shapes__:
            for name, shape in kind.__shapes__.items():
                if shape.load is not None and name in fields:
                    at = name
                    fields[name] = shape.load(fields[name])
            at = ""
        # model_validate calls this too, after spending 0.5 µs on its own arguments.
        record: V = kind.__pydantic_validator__.validate_python(fields)
    except Exception as error:  # foreign bytes, or a custom validator that fails
        said = unconverted(kind, at, fields[at], error) if at else explained(error)
        msg = f"the stored fields do not fit {kind.__name__}: {said}"
        raise Invalid(msg) from None
    return record


# A map is copied without a further call, which would cost a tenth of the loading of an event.
_copy = cast("Callable[[object], dict[str, object]]", dict[str, object].copy)


def rebuilding(kind: type[M]) -> Callable[[object], M | None]:
    """Return a function that makes messages of the class from fields that it validated before.

    The function takes `StoredEvent.data`, and validates nothing. It returns None if it cannot make
    a message from the data; then `build` says why. Make it once for each class.
    """
    names, make = kind.__stored__.names, making(kind)
    own = kind.__named__ if kind.__stored__.renamed else None
    loads = [(name, shape.ways.again) for name, shape in kind.__shapes__.items()]

    def rebuilt(data: object) -> M | None:
        try:
            form: object = type(data)
            fields = (_copy if form is dict else unpack_fields)(data)
            if tuple(fields) != names:
                return None
            if own:
                fields = dict(zip(own, fields.values(), strict=True))
            for name, load in loads:
                fields[name] = load(fields[name])
        except Exception:  # damaged or foreign fields
            return None
        return make(fields)

    return rebuilt


def unconverted(kind: type[Value], at: str, value: object, error: Exception) -> str:
    """Say which value cannot be read as its field's type: `due: 'x' cannot be read as date`."""
    if isinstance(error, ComityError | ValidationError):
        return f"{at}: {explained(error)}"
    hint = kind.model_fields[at].annotation
    name = hint.__name__ if isinstance(hint, type) else str(hint)
    return f"{at}: {value!r:.100} cannot be read as {name}"


def explained(error: Exception) -> str:
    """Say which fields are wrong: `text: Field required; page: Input should be a valid string`."""
    if not isinstance(error, ValidationError):
        return told(error)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    said = (": ".join(filter(None, (_place(one["loc"]), one["msg"]))) for one in found[:10])
    return brief("; ".join(said))


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))
