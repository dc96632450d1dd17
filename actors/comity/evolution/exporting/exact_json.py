"""Values of msgpack as JSON that is read back exactly. The lines of an export are made of it.

JSON lacks bytes, infinite numbers and maps whose keys are not texts. Each is written as a map with
one key that begins with `$`, and so is a map that looks like one of these:

    {"$bytes": "AAEC"}          bytes, in base64
    {"$packed": {"a": 1}}       bytes that are the msgpack of this map or list
    {"$float": "nan"}           also "inf" and "-inf"; another nan by its 16 hexadecimal digits
    {"$map": [["$a", 1]]}       a map, as its keys and values
    {"$ext": [5, "AAEC"]}       an extension of msgpack, by its number
    {"$msgpack": "gaFh"}        any value, as msgpack in base64: one that is nested too deeply
"""

from __future__ import annotations

import json
import math
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NoReturn, cast

from msgpack import ExtType, Timestamp, UnpackException, unpackb

from comity.engine import Invalid
from comity.engine.journal.packing import packed

_DOUBLE: Final = struct.Struct(">d")
_TIMESTAMP: Final = -1
"""The number of msgpack's own extension."""
_CANONICAL: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_HIDDEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""Characters that a terminal obeys, or that nobody sees: they are escaped, as JSON allows."""
_DEEPEST: Final = 100
"""So deeply lists and maps are nested in JSON, whose readers have their limits."""
_MAPS: Final = frozenset([*range(0x80, 0x90), *range(0x90, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF])
"""The first bytes of packed maps and lists."""


class Bytes:
    """Bytes in a value that is written; bytes as they are take three times as long."""

    def __init__(self, value: bytes) -> None:
        self.value = value


# --- writing --------------------------------------------------------------------------------------


def dumps(value: object) -> str:
    """Return the value as one line of JSON.

    Args:
        value: of the types that msgpack gives: None, bools, numbers, texts, bytes, sequences, maps.

    Raises:
        Invalid: msgpack cannot pack the value.
    """
    encoder = _Encoder()  # nearly all values have nothing that JSON lacks
    try:
        line = encoder.encode(value)
        strange = line.count('{"$') != encoder.escapes  # never within a text: quotes are escaped
        if strange or line.count("{") + line.count("[") > _DEEPEST:
            line = _exact(value)
    except (ValueError, TypeError, RecursionError):
        line = _exact(value)
    return line if line.isascii() and "\x7f" not in line else _HIDDEN.sub(_code, line)


class _Encoder(json.JSONEncoder):
    """Writes `Bytes` with escapes, and counts these; raises for everything else that JSON lacks.

    It does not see the extensions of msgpack, which are tuples with bytes; so it refuses bytes.
    """

    def __init__(self) -> None:
        super().__init__(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.escapes = 0

    def default(self, o: object) -> object:
        """Give what stands for a value that JSON lacks."""
        if not isinstance(o, Bytes):
            raise TypeError(o)
        self.escapes += 1
        inside = _unpacked(o.value)
        return {"$bytes": _base64(o.value)} if inside is None else {"$packed": inside}


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _exact(value: object) -> str:
    try:
        return _Encoder().encode(_escaped(value, _DEEPEST))
    except RecursionError:
        return _Encoder().encode(_with_deep_parts(value))


def _escaped(value: object, depth: int) -> object:
    """The value in JSON's types, with escapes.

    Raises:
        RecursionError: it is nested more deeply than `depth`.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"$float": _named(value)}
        case bytes() | Bytes():
            return _bytes(value if isinstance(value, bytes) else value.value, depth)
        case Timestamp() | ExtType():  # before tuples: the latter is a named tuple
            return {"$ext": _extension(value)}
        case tuple() | list():
            _check_depth(depth)
            return [_escaped(one, depth - 1) for one in cast("list[object]", value)]
        case Mapping():
            return _mapping(cast("Mapping[object, object]", value), depth)
        case _:
            raise Invalid(f"expected a value that can be stored, got {value!r:.100}")


def _extension(value: Timestamp | ExtType) -> list[object]:
    if isinstance(value, Timestamp):
        return [_TIMESTAMP, _base64(value.to_bytes())]
    return [value.code, _base64(value.data)]


def _check_depth(depth: int) -> None:
    if depth <= 0:
        raise RecursionError


def _mapping(value: Mapping[object, object], depth: int) -> object:
    _check_depth(depth)
    keys = list(value)
    alone = len(keys) == 1 and isinstance(keys[0], str) and keys[0].startswith("$")
    if alone or not all(isinstance(key, str) for key in keys):
        pairs = [[_escaped(key, depth), _escaped(one, depth - 1)] for key, one in value.items()]
        return {"$map": pairs}
    return {key: _escaped(one, depth - 1) for key, one in value.items()}


def _bytes(value: bytes, depth: int) -> object:
    inside = _unpacked(value)
    if inside is not None:
        with suppress(RecursionError):
            return {"$packed": _escaped(inside, depth - 1)}
    return {"$bytes": _base64(value)}


def _unpacked(value: bytes) -> object:
    """The map or list that these bytes are as msgpack, such as a message; None if they are none."""
    if len(value) > 1 and value[0] in _MAPS:
        with suppress(ValueError, TypeError, OverflowError, RecursionError, UnpackException):
            inside = cast("object", unpackb(value, use_list=False))
            if packed(inside) == value:
                return inside
    return None


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _named(value: float) -> str:
    """The name of a number that is not finite."""
    bits = _DOUBLE.pack(value)
    for name, number in _CANONICAL.items():
        if bits == _DOUBLE.pack(number):
            return name
    return bits.hex()


def _with_deep_parts(value: object) -> object:
    if not isinstance(value, dict):
        return _part(value)
    return {name: _part(one) for name, one in cast("dict[str, object]", value).items()}


def _part(value: object) -> object:
    try:
        return _escaped(value, _DEEPEST)
    except RecursionError:
        try:
            return {"$msgpack": _base64(packed(value))}
        except (ValueError, TypeError, OverflowError) as error:
            raise Invalid(f"a value cannot be stored: {error}") from None


# --- reading --------------------------------------------------------------------------------------


def loads(line: str) -> object:
    """Return the value of a line that `dumps` made; sequences are lists.

    Raises:
        Invalid: it is not JSON, or an escape has no value, or a map has a key twice.
    """
    try:
        return _DECODER.decode(line)
    except RecursionError:
        raise Invalid("it is nested too deeply") from None
    except ValueError as error:
        raise Invalid(f"it is not JSON: {error}") from None


def _paired(pairs: list[tuple[str, Any]]) -> object:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"a map has the key {twice!r:.100} twice")
    if len(pairs) == 1 and pairs[0][0].startswith("$"):
        return _meant(*pairs[0])
    return value


def _meant(escape: str, inside: Any) -> object:  # noqa: ANN401 - as JSON gives it
    reader = _ESCAPES.get(escape)
    if reader is None:
        raise Invalid(f"it has the escape {escape!r:.40}, which this comity does not know")
    try:
        return reader(inside)
    except (ValueError, TypeError, LookupError, OverflowError, UnpackException) as error:
        raise Invalid(f"its escape {escape} has no value: {error}") from None


def _plain_base64(text: str) -> bytes:
    return b64decode(text, validate=True)


def _float(name: str) -> float:
    if name in _CANONICAL:
        return _CANONICAL[name]
    (number,) = _DOUBLE.unpack(bytes.fromhex(name))
    return cast("float", number)


def _map(pairs: list[tuple[object, object]]) -> dict[object, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("it has a key twice")
    return value


def _ext(inside: list[Any]) -> object:
    code, data = inside
    if code == _TIMESTAMP:
        return Timestamp.from_bytes(_plain_base64(data))
    return ExtType(code, _plain_base64(data))


def _msgpack(text: str) -> object:
    return cast("object", unpackb(_plain_base64(text)))


_ESCAPES: Final[Mapping[str, Callable[[Any], object]]] = {
    "$bytes": _plain_base64, "$packed": packed, "$float": _float, "$map": _map, "$ext": _ext,
    "$msgpack": _msgpack,
}  # fmt: skip


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"JSON has no {name}")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_paired, parse_constant=_no_constant)
