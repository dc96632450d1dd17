"""Fields of several types, as JSON has them: which type a text is, and where nobody can tell."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import cast

from comity.engine import Value
from comity.engine.messages.fields import bare


def flat(members: Iterable[object]) -> Iterator[object]:
    """The members of a union, without None and the unions in it; str is the first."""
    found = [bare(member) for member in members]
    for member in sorted(found, key=lambda one: one is not str):
        if is_union(member):
            yield from flat(typing.get_args(member))
        elif member is not type(None):
            yield member


def is_union(annotation: object) -> bool:
    """Whether a type is a union of several."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def is_ambiguous(annotation: object) -> bool:
    """Whether JSON may not tell which of several types a value has: bytes are texts there."""
    annotation = bare(annotation)
    if isinstance(annotation, type):
        return _class_is_ambiguous(cast("type[object]", annotation))
    members: tuple[object, ...] = typing.get_args(annotation)
    if is_union(annotation):
        wanted = list(flat(members))
        return is_ambiguous(wanted[0]) if len(wanted) == 1 else any(map(_has_bytes, wanted))
    return any(isinstance(one, bytes) or is_ambiguous(one) for one in members)


def _class_is_ambiguous(kind: type[object]) -> bool:
    if issubclass(kind, Value):
        return any(is_ambiguous(info.annotation) for info in kind.model_fields.values())
    return issubclass(kind, Enum) and any(isinstance(member.value, bytes) for member in kind)


def _has_bytes(annotation: object) -> bool:
    return bare(annotation) is bytes or any(
        isinstance(one, bytes) or _has_bytes(one) for one in typing.get_args(annotation)
    )
