"""Makes pydantic records faster and smaller, without validation. Merging and replicas use it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from comity.engine.messages.value import Value

V = TypeVar("V", bound="Value")

_set = object.__setattr__


@functools.cache
def _names(kind: type[Value]) -> set[str]:
    """One set of field names for all records of a class: one per record would burden the gc."""
    return set(kind.model_fields)


def trusted(kind: type[V], fields: dict[str, object]) -> V:
    """Make a record without validation; `fields` must hold all its fields, in order.

    It does what pydantic's `__init__` does: 0.7 µs instead of 2.1 µs for a `Change`. Use it only
    for values that this library has computed, never for those of a sender, a domain or a disk.
    """
    made = kind.__new__(kind)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", _names(kind))
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def share_names(record: Value) -> None:
    """Make a record share its set of field names with all of its class: saves 216 bytes."""
    names = _names(type(record))
    if record.__pydantic_fields_set__ == names:  # else some of its fields have defaults
        _set(record, "__pydantic_fields_set__", names)
