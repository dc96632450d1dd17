"""Describes a message's or row's fields as forms. `terms_of.py` uses it.

It reads the schema that pydantic has compiled the class from, as a stamp does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias, cast

from pydantic import JsonValue
from pydantic_core import PydanticUndefined

from comity.engine.messages.bounds import MAX_INT, MAX_ITEMS, MAX_TEXT, MICROSECOND, MIN_INT, TO_UTC
from comity.engine.messages.shape import CONVERTED
from comity.engine.messages.value import Value
from comity.evolution.contract.form import LIMITS, Form
from comity.evolution.contract.tagged import to_json

_Node: TypeAlias = Mapping[str, Any]
"""A part of a core schema. Any, because pydantic has it so."""
_Known: TypeAlias = Mapping[str, _Node]
"""The definitions to which a core schema refers."""

_CHANGING: Final = ("strip_whitespace", "to_lower", "to_upper")
"""Settings with which a text is changed before it is accepted."""
_TEXTS: Final = (*_CHANGING, "min_length", "max_length")
"""What a class may set for all of its texts, as `str_min_length`."""
_SETTINGS: Final = "~settings"
"""The key of the settings of the class that is described; a definition's key has no `~`."""

_OWN: Final[Mapping[str, Mapping[str, object]]] = {
    "int": {"ge": MIN_INT, "le": MAX_INT},
    "str": {"max_length": MAX_TEXT},
    "bytes": {"max_length": MAX_TEXT},
    "tuple": {"max_length": MAX_ITEMS},
    "frozenset": {"max_length": MAX_ITEMS},
    "timedelta": {"ge": MIN_INT * MICROSECOND, "le": MAX_INT * MICROSECOND},
}
"""The limits that every field of a type has; a form leaves them out."""


def described(kind: type[Value]) -> Form:
    """Describe a class: a record with the forms of its fields, by stored name."""
    return _form(kind.__pydantic_core_schema__, {})


def _form(node: _Node, known: _Known) -> Form:
    kind = str(node["type"])
    if kind.startswith("function-") and "schema" in node:
        return _validated(node, known)
    describe = _WAYS.get(kind)
    if describe is not None:
        return describe(node, known)
    return Form.model_validate({"type": kind, **_limits(node)})


def _definitions(node: _Node, known: _Known) -> Form:
    return _form(node["schema"], {each["ref"]: each for each in node["definitions"]})


def _defined(node: _Node, known: _Known) -> Form:
    return _form(known[node["schema_ref"]], known)


def _record(node: _Node, known: _Known) -> Form:
    """Describe a class; its own validators may stand around its fields."""
    cls = cast("type[Value]", node["cls"])
    inner, validators = node["schema"], list[str]()
    while inner["type"] != "model-fields":
        validators += _validators(inner)
        inner = inner["schema"]
    stored = dict(zip(cls.__named__, cls.__stored__.names, strict=True))
    known = {**known, _SETTINGS: node.get("config", {})}
    fields = {
        stored[name]: _field(cls, name, each["schema"], known)
        for name, each in inner["fields"].items()
    }
    return Form(type="record", fields=fields, validators=tuple(validators))


def _field(cls: type[Value], name: str, node: _Node, known: _Known) -> Form:
    info, form = cls.model_fields[name], _form(node, known)
    if info.is_required():
        return form
    default = None if info.default is PydanticUndefined else _default(cls, name, info.default)
    return form.model_copy(update={"optional": True, "default": default})


def _default(cls: type[Value], name: str, default: object) -> JsonValue:
    shape = cls.__shapes__.get(name)
    try:
        return to_json(shape.store(default) if shape and shape.store else default)
    except Exception:  # a validator of the domain turns it into something else
        return None


def _inner(node: _Node, known: _Known) -> Form:
    return _form(node["schema"], known)


def _text(node: _Node, known: _Known) -> Form:
    """Describe a text, for which the class may have settings."""
    settings = known.get(_SETTINGS, {})
    whole = {name: settings[f"str_{name}"] for name in _TEXTS if f"str_{name}" in settings}
    whole |= {name: node[name] for name in _TEXTS if node.get(name) is not None}
    changing = tuple(name for name in _CHANGING if whole.get(name))
    return Form.model_validate(
        {"type": "str", "validators": changing, **_limits({**whole, **node, "type": "str"})}
    )


def _nullable(node: _Node, known: _Known) -> Form:
    inner = _form(node["schema"], known)
    return Form(type="union", of=(*inner.choices, Form(type="none")))


def _union(node: _Node, known: _Known) -> Form:
    choices = cast("Sequence[_Node | tuple[_Node, str]]", node["choices"])
    forms = [_form(one[0] if isinstance(one, tuple) else one, known) for one in choices]
    return Form(type="union", of=tuple(choice for form in forms for choice in form.choices))


def _one_of(node: _Node, known: _Known) -> Form:
    """Describe an Enum or Literal by the values that are stored."""
    members = cast("Sequence[object]", node.get("members", node.get("expected", ())))
    values = [member.value if isinstance(member, Enum) else member for member in members]
    return Form(type="one of", values=tuple(map(to_json, values)))


def _items(node: _Node, known: _Known) -> Form:
    items = node["items_schema"]
    if node["type"] == "frozenset" or "variadic_item_index" in node:
        each = _form(items if node["type"] == "frozenset" else items[0], known)
        return Form.model_validate({"type": node["type"], "each": each, **_limits(node)})
    return Form(type="tuple", of=tuple(_form(item, known) for item in items))


def _validated(node: _Node, known: _Known) -> Form:
    form = _form(node["schema"], known)
    return form.model_copy(update={"validators": (*form.validators, *_validators(node))})


def _validators(node: _Node) -> Iterator[str]:
    if node.get("function") != TO_UTC:
        function: object = node.get("function", {}).get("function")
        yield str(getattr(function, "__name__", "validator"))


def _limits(node: _Node) -> dict[str, object]:
    own = _OWN.get(str(node["type"]), {})
    return {
        name: _stored(node[name])
        for name in LIMITS
        if node.get(name) is not None and node[name] != own.get(name)
    }


def _stored(limit: object) -> object:
    """Return a limit as values of its type are stored."""
    shape = CONVERTED.get(type(limit))
    return cast("Callable[[object], object]", shape.store)(limit) if shape else limit


_WAYS: Final[Mapping[str, Callable[[_Node, _Known], Form]]] = {
    "definitions": _definitions,
    "definition-ref": _defined,
    "default": _inner,
    "str": _text,
    "model": _record,
    "nullable": _nullable,
    "union": _union,
    "literal": _one_of,
    "enum": _one_of,
    "tuple": _items,
    "frozenset": _items,
}
"""How a schema of each kind is described; the other kinds are types with limits."""
