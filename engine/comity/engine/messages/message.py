"""Messages and events: what happened, and what all messages have in common.

A message is frozen, strict and storable; whatever is wrong with its class is said when the class
is made, never in production. Its fields say what it touches: see `footprint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeVar, cast, get_args

from comity.engine.errors import WiringError
from comity.engine.messages.fields import Shape
from comity.engine.messages.footprint import Footprint, Hole, Pattern, fill, infer, parse
from comity.engine.messages.value import Value

_STORED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_T = TypeVar("_T")


class _Key:
    """The mark that `Key[...]` leaves on a field."""

    def __repr__(self) -> str:
        return "Key"


_KEY = _Key()

Key = Annotated[_T, _KEY]
"""Marks a field that names a thing: `card: Key[str]`. The other fields are then parts of it."""


class Message(Value):
    """What commands and events have in common: the paths that they touch."""

    touches: ClassVar[str | tuple[str, ...] | None] = None
    """Templates of the paths that it changes, such as `"cards/{card}/title"`. By default they are
    built from the fields: those marked `Key` name the thing, every other one is a leaf of it."""

    __touched__: ClassVar[tuple[Pattern, ...]] = ()

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        keys = [name for name, field in cls.model_fields.items() if _KEY in field.metadata]
        for name, field in cls.model_fields.items():
            if _mentions_key(field.annotation):
                msg = f"{cls.__name__}.{name}: Key marks a whole field; write Key[...] outermost"
                raise WiringError(msg)
            if name in keys and not shapes[name].exact:
                msg = f"{cls.__name__}.{name}: floats and sets do not name a thing; write Key[str]"
                raise WiringError(msg)
        if cls.touches is None:
            cls.__touched__ = infer(keys, [name for name in cls.model_fields if name not in keys])
        else:
            exact = [name for name in cls.model_fields if shapes[name].exact]
            cls.__touched__ = parse(cls.touches, exact, f"{cls.__name__}.touches")

    def footprint(self) -> Footprint:
        """The paths that this message changes. Override it where they must be computed."""
        return fill(self.__touched__, self.__dict__)


class Event(Message):
    """What happened, in the past tense. Never refused and never changed.

    Its stored name *is* the storage format: a renamed class says `stored_as = "OldName"`.

    Example:
        class CardRenamed(Event):
            card: Key[str]
            title: str
    """

    stored_as: ClassVar[str] = ""
    """The stable name in the journal; the class's own name unless given. Not inherited."""
    schema_version: ClassVar[int] = 1
    """Raise it when the fields change, and bring old data up to date in `upcast`."""
    commutes: ClassVar[bool | tuple[type[Event], ...]] = False
    """True: in any order with its own kind (votes, notes). A tuple: with these kinds of event."""

    @classmethod
    def upcast(cls, data: dict[str, object], schema_version: int) -> dict[str, object]:
        """Turn the stored fields of an older schema version into today's. Runs when it is read."""
        msg = (
            f"{cls.__name__} is at schema version {cls.schema_version} and the journal holds "
            f"version {schema_version}: write {cls.__name__}.upcast"
        )
        raise WiringError(msg)

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        name, version = cls.__name__, cls.schema_version
        stored_as: object = cls.__dict__.get("stored_as") or name
        if not isinstance(stored_as, str) or not _STORED_NAME.match(stored_as):
            msg = f"{name}.stored_as: expected a word such as 'CardRenamed', got {stored_as!r}"
            raise WiringError(msg)
        if type(version) is not int or version < 1:
            msg = f"{name}.schema_version: expected 1, 2, 3 ..., got {version!r}"
            raise WiringError(msg)
        kinds: object = cls.commutes
        if not isinstance(kinds, bool) and not _are_events(kinds):
            msg = f"{name}.commutes: expected True, or a tuple of event classes, got {kinds!r}"
            raise WiringError(msg)
        cls.stored_as = stored_as


def commute(one: Event, other: Event) -> bool:
    """Whether the two may happen in either order, as their classes say."""
    return may_commute(type(one), type(other))


def may_commute(one: type[Event], other: type[Event]) -> bool:
    """Whether events of these two classes may happen in either order."""
    return _commutes_with(one, other) or _commutes_with(other, one)


def _commutes_with(kind: type[Event], other: type[Event]) -> bool:
    if isinstance(kind.commutes, bool):
        return kind.commutes and kind is other
    return other in kind.commutes


def patterns_of(kind: type[Message]) -> tuple[Pattern, ...]:
    """What the class says that its messages touch; one open hole where `footprint` computes it."""
    computed = kind.footprint is not Message.footprint
    return ((Hole("*"),),) if computed else kind.__touched__


def _are_events(kinds: object) -> bool:
    return isinstance(kinds, tuple) and all(
        isinstance(kind, type) and issubclass(kind, Event)
        for kind in cast("tuple[object, ...]", kinds)
    )


def _mentions_key(annotation: object) -> bool:
    inner = get_args(annotation)
    return _KEY in inner or any(map(_mentions_key, inner))
