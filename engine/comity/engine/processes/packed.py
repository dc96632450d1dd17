"""The packed fields of a message inside another one: bytes that JSON shows as fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias, cast

from pydantic import PlainSerializer

from comity.engine.messages import codec


def shown(data: bytes) -> object:
    """Return packed fields as JSON has them; bytes within them as hexadecimal digits."""
    return _plain(codec.unpack_fields(data))


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {
            str(key): _plain(part) for key, part in cast("Mapping[object, object]", value).items()
        }
    if isinstance(value, tuple):
        return [_plain(part) for part in cast("tuple[object, ...]", value)]
    return value


Packed: TypeAlias = Annotated[bytes, PlainSerializer(shown, when_used="json")]
"""The type of a field with packed fields."""
