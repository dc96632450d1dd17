"""Changes stored fields at every depth, as the types of a class say where nested records are."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeAlias, cast

from comity.engine.messages.fields import bare
from comity.engine.messages.value import Value

Change: TypeAlias = Callable[[type[Value], dict[str, object]], dict[str, object]]
"""Takes a class and the stored fields of one of its records; returns the fields to go on with."""


def at_every_depth(
    kind: type[Value], fields: Mapping[str, object], change: Change
) -> dict[str, object]:
    """Return the stored fields after `change`, which is applied to each nested record, too.

    Values that do not fit the class stay as they are: its validation refuses them.
    """
    found = dict(fields)
    for name, annotation in _holding(kind):
        if name in found:
            found[name] = within(annotation, found[name], change)
    return change(kind, found)


@cache
def _holding(kind: type[Value]) -> Sequence[tuple[str, object]]:
    """The stored names of the fields that may hold nested records, with their annotations."""
    annotations = [info.annotation for info in kind.model_fields.values()]
    named = zip(kind.__stored__.names, annotations, strict=True)
    return [(name, annotation) for name, annotation in named if _holds(annotation)]


def _holds(annotation: object) -> bool:
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return True
    return any(map(_holds, typing.get_args(annotation)))


def within(annotation: object, value: object, change: Change) -> object:
    """Return a stored value after `change`, if its type says that it has nested records."""
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        if not isinstance(value, Mapping):
            return value
        return at_every_depth(annotation, cast("Mapping[str, object]", value), change)
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType) and value is not None:
        one, *more = [member for member in members if member is not type(None)]
        return value if more else within(one, value, change)
    if origin in (tuple, frozenset) and type(value) in (tuple, list):
        return _items(members, cast("Sequence[object]", value), change)
    return value


def _items(members: tuple[object, ...], items: Sequence[object], change: Change) -> object:
    """The items of a tuple or set, of which each member type names one, or the first names all."""
    if len(members) == 1 or members[1:] == (...,):
        return tuple(within(members[0], item, change) for item in items)
    if len(members) != len(items):
        return items
    return tuple(map(within, members, items, [change] * len(items)))


def only_known(kind: type[Value], fields: dict[str, object]) -> dict[str, object]:
    """Leave out the stored fields that the class does not know; a `Change`."""
    return {name: value for name, value in fields.items() if name in kind.__stored__.names}
