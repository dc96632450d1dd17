"""The bounds that storage needs of every field, put into pydantic's schemas. Messages use it.

A value that passes them can be written and comes back as it was, so that nothing is found out
about a message after it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, cast

from comity.engine.errors import WiringError

MAX_TEXT = 1 << 20
"""The most characters of a str, and bytes of a bytes, where a field does not say less."""

MAX_ITEMS = 10_000
"""The most items of a tuple or frozenset: 10 MB of empty maps would take 693 MB of memory."""

MIN_INT, MAX_INT = -(1 << 63), (1 << 63) - 1  # what msgpack, and other languages, can keep

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_Node: TypeAlias = dict[str, object]
"""One core schema: what pydantic compiles into a validator."""

_NO_SCHEMAS = frozenset({"serialization", "metadata", "config", "default", "function"})
"""What a core schema holds besides other schemas."""


def bound(schema: object, where: str) -> bool:
    """Give a class's core schema its bounds, in place; `where` names the class in errors.

    Returns:
        Whether validators of the domain's own run in it, so that only trying shows whether what
        they let pass comes back from storage.

    Raises:
        WiringError: a constraint is one that storage cannot do with.
    """
    if isinstance(schema, (list, tuple)):
        found = [bound(child, where) for child in cast("Sequence[object]", schema)]
        return any(found)
    if not isinstance(schema, dict):
        return False
    node = cast("_Node", schema)
    if node.get("function") == _TO_UTC:  # bounded before, as part of a nested Value
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
    # With a length limit pydantic also checks a str to be valid UTF-8; without one it passes lone
    # surrogates through, and msgpack fails on them later.
    _no_longer(node, MAX_TEXT)
    if not isinstance(node.get("pattern", ""), str):
        msg = f"{where}: a compiled pattern may take for ever; write the pattern as a str"
        raise WiringError(msg)


def _bound_items(node: _Node, where: str) -> None:
    node["fail_fast"] = True  # a million bad items would be a million errors
    if node["type"] == "frozenset" or "variadic_item_index" in node:
        _no_longer(node, MAX_ITEMS)


def _bound_number(node: _Node, where: str) -> None:
    if node.get("allow_inf_nan"):
        msg = f"{where}: NaN and infinity do not come back from JSON; leave allow_inf_nan out"
        raise WiringError(msg)


def _bound_datetime(node: _Node, where: str) -> None:
    inner = {**node, "tz_constraint": "aware"}
    node.clear()
    node.update(type="function-after", function=_TO_UTC, schema=inner)


def _bound_time(node: _Node, where: str) -> None:
    node["tz_constraint"] = "naive"  # which offset a zone has depends on the date


def _to_utc(value: datetime) -> datetime:
    """As it will come back from storage, so that a domain decides alike before and after."""
    if type(value) is datetime and value.tzinfo is UTC and not value.fold:
        return value
    try:
        return EPOCH + (value - EPOCH) // MICROSECOND * MICROSECOND
    except OverflowError:
        msg = "in UTC, too, its year must be 1 to 9999"
        raise ValueError(msg) from None


_TO_UTC = {"type": "no-info", "function": _to_utc}

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
