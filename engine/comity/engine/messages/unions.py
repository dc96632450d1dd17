"""Finds the message classes in an annotation. Deciders and read models use it."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import TypeVar, cast

from comity.engine.errors import WiringError
from comity.engine.messages.message import Message
from comity.engine.messages.retired_event import RetiredEvent

M = TypeVar("M", bound=Message)


def message_classes(hint: object, base: type[M], where: str) -> tuple[type[M], ...]:
    """The classes of a union, in order, without duplicates; `where` begins the error messages.

    Raises:
        WiringError: a member is not a complete subclass of `base`.
    """
    return tuple(_message(kind, base, where) for kind in dict.fromkeys(members(hint)))


def _message(kind: object, base: type[M], where: str) -> type[M]:
    """The class, if it is a complete message class."""
    name: object = getattr(kind, "__name__", kind)
    if not isinstance(kind, type) or not issubclass(kind, base) or kind in (base, RetiredEvent):
        msg = f"{where}; {name} is not one"
        raise WiringError(msg)
    try:
        kind.model_rebuild()  # resolves forward references, if there are any left
    except NameError as error:
        msg = f"{kind.__name__}: {error.name!r} is not defined at run time; import or define it"
        raise WiringError(msg) from None
    return kind


def members(hint: object) -> Sequence[object]:
    """The parts of a union, also behind aliases; of anything else it alone."""
    if type(hint).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
        return members(cast("typing.Any", hint).__value__)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return members(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(hint) for member in members(part)]
    return [hint]
