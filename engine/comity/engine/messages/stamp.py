"""Computes the stamps of event classes. `Event` gives each class its stamp.

A stamp is a checksum of all that decides which stored fields a class accepts. If two classes have
the same stamp, then the second need not validate what the first has validated and written.

That is true only if the validation of a value that was accepted before returns the same value,
today and later. This module knows the parts of pydantic's schemas for which this is certain. A
class with any other part, such as a custom validator, gets the stamp 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from zlib import crc32

from comity.engine.formats import FIELDS
from comity.engine.messages.bounds import TO_UTC

if TYPE_CHECKING:
    from comity.engine.messages.value import Value

UNSTAMPED: Final = 0
"""The stamp of a class whose events are always validated."""

_Node: TypeAlias = Mapping[str, object]

_SCALARS = frozenset({"str", "bytes", "int", "float", "bool", "none", "literal"})
_CONVERTED = frozenset({"date", "time", "datetime", "timedelta", "uuid", "decimal", "enum"})
_WHOLES = frozenset({"nullable", "union", "tuple", "frozenset", "model", "model-fields"})
_KINDS = _SCALARS | _CONVERTED | _WHOLES | {"model-field", "config"}
"""The kinds of schemas whose validation returns a value that it accepted before unchanged."""

_PARTS = frozenset({"type", "schema", "fields", "items_schema", "choices", "expected", "config"})
_LIMITS = frozenset({"gt", "ge", "lt", "le", "min_length", "max_length", "pattern", "version"})
_DIGITS = frozenset({"multiple_of", "max_digits", "decimal_places", "microseconds_precision"})
_TEXTS = frozenset({"strip_whitespace", "str_strip_whitespace", "str_min_length", "str_max_length"})
_WAYS = frozenset({"strict", "fail_fast", "variadic_item_index", "tz_constraint", "regex_engine"})
_MODELS = frozenset({"extra_fields_behavior", "allow_inf_nan", "revalidate_instances"})
_COVERED = _PARTS | _LIMITS | _DIGITS | _TEXTS | _WAYS | _MODELS
"""The settings that a stamp covers."""

_NAMES = frozenset({"cls", "ref", "title", "model_name", "metadata", "members", "sub_type"})
_OUTPUT = frozenset({"serialization", "computed_fields", "hide_input_in_errors", "frozen"})
_DEFAULTS = frozenset({"default", "default_factory", "default_factory_takes_data"})
_IGNORED = _NAMES | _OUTPUT | _DEFAULTS | {"validate_default"}
"""The settings that do not matter for complete fields. `Shape.load` makes Enum members from stored
values each time."""

_FALSE = frozenset({"custom_init", "root_model"})
"""The settings that must be False. Any setting that is not named here makes the stamp 0."""

_PLAIN = (str, bytes, int, float, bool, type(None), date, time, datetime, timedelta, Decimal)


_RENAMED: Final = object()
"""The key of `known` for the stored names of the fields of the model that is being covered."""


class _Unsure(Exception):
    """The schema has a part for which equal stamps might not mean equal results."""


def stamp_of(name: str, version: int, schema: object) -> int:
    """The stamp of an event class, 1 to 2³² - 1, or `UNSTAMPED`.

    Args:
        name: the name under which its events are stored.
        version: its schema version.
        schema: its core schema, with comity's limits.
    """
    try:
        covered = _covered(schema, {})
    except _Unsure:
        return UNSTAMPED
    return crc32(ascii((FIELDS, name, version, covered)).encode()) or 1


def _covered(part: object, known: Mapping[object, object]) -> object:
    """The part as lists of plain values; `known` are the definitions that it may refer to."""
    if isinstance(part, (list, tuple)):
        return [_covered(each, known) for each in cast("Sequence[object]", part)]
    if type(part) in _PLAIN:
        return part
    if not isinstance(part, dict):
        raise _Unsure
    node = cast("_Node", part)
    kind = node.get("type", "config")
    if kind == "definitions":
        known = {each["ref"]: each for each in cast("Sequence[_Node]", node["definitions"])}
    elif kind == "definition-ref":
        return _covered(known[node["schema_ref"]], known)
    elif kind != "default" and node.get("function") != TO_UTC:
        return _settings(node, kind, known)
    elif node.get("on_error", "raise") != "raise":
        raise _Unsure
    return _covered(node["schema"], known)


def _settings(node: _Node, kind: object, known: Mapping[object, object]) -> object:
    """The settings of a part, by name; a model's fields stay in the order of the class.

    Fields count under their stored names, so that a renamed one does not change the stamp.
    """
    if kind not in _KINDS or not node.keys() <= _COVERED | _IGNORED | _FALSE:
        raise _Unsure
    if not node.get("strict", True) or any(node.get(name) for name in _FALSE):
        raise _Unsure
    choices = cast("Sequence[_Node]", node.get("choices", ()))
    if not all(isinstance(one, dict) and one["type"] in _SCALARS for one in choices):
        raise _Unsure  # one choice could convert what another one has accepted
    settings = {name: node[name] for name in sorted(node.keys() & _COVERED)}
    if kind == "model":
        model = cast("type[Value]", node["cls"])
        known = {**known, _RENAMED: dict(zip(model.__named__, model.__stored__.names, strict=True))}
    elif kind == "model-fields":
        names = cast("Mapping[str, str]", known[_RENAMED])
        fields = cast("_Node", node["fields"]).items()
        settings["fields"] = [(names[name], field) for name, field in fields]
    return [(name, _covered(value, known)) for name, value in settings.items()]
