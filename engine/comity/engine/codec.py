"""Messages to msgpack and back. The decider's event registry and the notes use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import msgpack

from comity.engine.errors import Invalid

if TYPE_CHECKING:
    from comity.engine.message import Message

MAX_PAYLOAD = 1 << 20
"""One message takes at most this many bytes."""

MAX_ITEMS = 10_000
"""An array or map in a message has at most this many items: 10 MB of empty maps take 693 MB."""

M = TypeVar("M", bound="Message")


def pack(message: Message) -> bytes:
    """The message's fields as a msgpack map, self-describing for other readers.

    Raises:
        Invalid: it takes more than `MAX_PAYLOAD` bytes, or holds what a message cannot.
    """
    fields = message.__dict__
    shapes = message._shapes  # noqa: SLF001 - how a message is stored is between it and its codec
    if shapes:
        fields = dict(fields)
        for name, shape in shapes.items():
            fields[name] = cast("object", shape.store and shape.store(fields[name]))
    try:
        data = cast("bytes", msgpack.packb(fields))
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{type(message).__name__} cannot be stored: {error}"
        raise Invalid(msg) from None
    if len(data) > MAX_PAYLOAD:
        msg = f"{type(message).__name__} takes {len(data):,} bytes; the most is {MAX_PAYLOAD:,}"
        raise Invalid(msg)
    return data


def unpack_fields(data: bytes) -> dict[str, object]:
    """A stored message's fields, as msgpack gives them: tuples, and no class yet.

    Raises:
        Invalid: the bytes are not a message.
    """
    try:
        fields: object = msgpack.unpackb(
            data, use_list=False, max_array_len=MAX_ITEMS, max_map_len=MAX_ITEMS, max_ext_len=0
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        msg = f"not a stored message: {type(error).__name__} {error}"
        raise Invalid(msg) from None
    if not isinstance(fields, dict):
        msg = f"expected a map of fields, got {type(fields).__name__}"
        raise Invalid(msg)
    return cast("dict[str, object]", fields)


def build(kind: type[M], fields: dict[str, object]) -> M:
    """The message of that class with these stored fields, validated.

    Raises:
        Invalid: the fields do not fit the class.
    """
    try:
        for name, shape in kind._shapes.items():  # noqa: SLF001 - as in pack
            if shape.load is not None and name in fields:
                fields[name] = shape.load(fields[name])
        return kind.model_validate(fields)
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        msg = f"the stored fields do not fit {kind.__name__}: {str(error)[:500]}"
        raise Invalid(msg) from None
