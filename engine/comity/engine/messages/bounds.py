"""Limits on field values, added to pydantic's schemas so that every value can be stored.

`Value` uses it. A value within the limits can be written to the journal and read back unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, cast

from comity.engine.errors import WiringError

MAX_TEXT = 1 << 20
"""The longest str (in characters) and bytes, unless a field sets a lower limit."""

MAX_ITEMS = 10_000
"""The most items in a tuple or frozenset. Without it 10 MB of empty maps take 693 MB of memory."""

MIN_INT, MAX_INT = -(1 << 63), (1 << 63) - 1  # 64 bits, as in msgpack and most languages

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_Node: TypeAlias = dict[str, object]
"""A pydantic core schema, which pydantic compiles into a validator."""

_NO_SCHEMAS = frozenset({"serialization", "metadata", "config", "default", "function"})
"""Keys of a core schema whose values contain no schemas."""


def bound(schema: object, where: str) -> bool:
    """Add the limits to a class's core schema, in place; `where` names the class in errors.

    Returns:
        Whether the schema runs custom validators. They may accept values that storage cannot
        return unchanged, so such messages are read back once when they are stored.

    Raises:
        WiringError: storage cannot support one of the field's constraints.
    """
    if isinstance(schema, (list, tuple)):
        found = [bound(child, where) for child in cast("Sequence[object]", schema)]
        return any(found)
    if not isinstance(schema, dict):
        return False
    node = cast("_Node", schema)
    if node.get("function") == TO_UTC:  # a nested Value, which has its limits already
        return False
    if node.get("type") == "model-fields":
        fields = cast("_Node", node["fields"])
        found = [bound(field, f"{where}.{name}") for name, field in fields.items()]
    else:
        found = [bound(child, where) for key, child in node.items() if key not in _NO_SCHEMAS]
    kind = str(node.get("type"))
    if kind in _BOUNDS:
        _BOUNDS[kind](node, where)
    return any(found) or kind.startswith("function-")


def _between(least: object, most: object) -> Callable[[_Node, str], None]:
    def narrow(node: _Node, where: str) -> None:
        node["ge"] = max(cast("int", node.get("ge", least)), cast("int", least))
        node["le"] = min(cast("int", node.get("le", most)), cast("int", most))

    return narrow


def _no_longer(node: _Node, most: int) -> None:
    node["max_length"] = min(cast("int", node.get("max_length", most)), most)


def _bound_text(node: _Node, where: str) -> None:
    # With a length limit pydantic also checks that a str is valid UTF-8. Without one it accepts
    # lone surrogates, which msgpack cannot encode.
    _no_longer(node, MAX_TEXT)
    if not isinstance(node.get("pattern", ""), str):
        msg = f"{where}: a compiled pattern may run for ever; write the pattern as a str"
        raise WiringError(msg)


def _bound_items(node: _Node, where: str) -> None:
    node["fail_fast"] = True  # or a million wrong items give a million errors
    if node["type"] == "frozenset" or "variadic_item_index" in node:
        _no_longer(node, MAX_ITEMS)


def _bound_number(node: _Node, where: str) -> None:
    if node.get("allow_inf_nan"):
        msg = f"{where}: JSON cannot hold NaN and infinity; remove allow_inf_nan"
        raise WiringError(msg)


def _bound_datetime(node: _Node, where: str) -> None:
    inner = {**node, "tz_constraint": "aware"}
    node.clear()
    node.update(type="function-after", function=TO_UTC, schema=inner)


def _bound_time(node: _Node, where: str) -> None:
    node["tz_constraint"] = "naive"  # without a date a zone has no fixed offset


def _to_utc(value: datetime) -> datetime:
    """The value as storage returns it, so that a domain decides the same before and after."""
    if type(value) is datetime and value.tzinfo is UTC and not value.fold:
        return value
    try:
        return EPOCH + (value - EPOCH) // MICROSECOND * MICROSECOND
    except OverflowError:
        msg = "its year in UTC must be 1 to 9999"
        raise ValueError(msg) from None


TO_UTC = {"type": "no-info", "function": _to_utc}
"""The one function in the schemas that is comity's own: it ends each datetime's validation."""

_BOUNDS: dict[str, Callable[[_Node, str], None]] = {
    "int": _between(MIN_INT, MAX_INT),
    "str": _bound_text,
    "bytes": _bound_text,
    "float": _bound_number,
    "decimal": _bound_number,
    "datetime": _bound_datetime,
    "time": _bound_time,
    "timedelta": _between(MIN_INT * MICROSECOND, MAX_INT * MICROSECOND),
    "tuple": _bound_items,
    "frozenset": _bound_items,
}
