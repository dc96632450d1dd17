"""The base class of all messages, and events. Domains derive from `Event` and `Command`.

A message is frozen, strict and storable; a mistake in its class raises when the class is created.
Its footprint is derived from its fields: see `footprint.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeVar, cast, get_args

from comity.engine.errors import WiringError
from comity.engine.messages.footprint import (
    Fill,
    Footprint,
    Hole,
    Pattern,
    checked,
    filling,
    infer,
    parse,
)
from comity.engine.messages.message_names import check_stored_name, declared_names
from comity.engine.messages.shape import Shape
from comity.engine.messages.stamp import UNSTAMPED, stamp_of
from comity.engine.messages.upcast import Step, Upcast, steps_of
from comity.engine.messages.value import Value

_T = TypeVar("_T")


class _Key:
    """The annotation that `Key[...]` puts on a field."""

    def __repr__(self) -> str:
        return "Key"


_KEY = _Key()

Key = Annotated[_T, _KEY]
"""Marks a field that identifies a thing: `card: Key[str]`. The other fields are parts of it."""


class Message(Value):
    """The base of commands and events: a record that touches paths of an aggregate."""

    touches: ClassVar[str | tuple[str, ...] | None] = None
    """Templates of the paths that it changes, such as `"cards/{card}/title"`. The default is built
    from the fields: those marked `Key` identify a thing, every other field is a path below it."""

    stored_as: ClassVar[str] = ""
    """Its name in the journal; by default the class's name. Not inherited."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other stored names that the class reads; it never writes them. Not inherited."""
    schema_version: ClassVar[int] = 1
    """Increase it when the fields change, and write an upcast from the version before."""
    upcasts: ClassVar[Mapping[int, Upcast]] = {}
    """For each older schema version a function to the next. It takes the old fields that it names,
    with the types that they had then, and returns new ones; other fields stay as they are."""

    __steps__: ClassVar[tuple[Step, ...]] = ()
    __touched__: ClassVar[tuple[Pattern, ...]] = ()
    __fill__: ClassVar[Fill]

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        cls.stored_as, cls.aliases = declared_names(cls)
        cls.__steps__ = steps_of(cls, cls.schema_version, cls.upcasts)
        keys = [name for name, field in cls.model_fields.items() if _KEY in field.metadata]
        for name, field in cls.model_fields.items():
            if _mentions_key(field.annotation):
                msg = f"{cls.__name__}.{name}: Key marks a whole field; write Key[...] outermost"
                raise WiringError(msg)
            if name in keys and not shapes[name].exact:
                msg = f"{cls.__name__}.{name}: floats and sets cannot be keys; write Key[str]"
                raise WiringError(msg)
        if cls.touches is None:
            cls.__touched__ = infer(keys, [name for name in cls.model_fields if name not in keys])
        else:
            exact = [name for name in cls.model_fields if shapes[name].exact]
            cls.__touched__ = parse(cls.touches, exact, f"{cls.__name__}.touches")
        cls.__fill__ = filling(cls.__touched__)

    def footprint(self) -> Footprint:
        """The paths that this message changes. Override it to compute them."""
        return type(self).__fill__(self.__dict__)


class Event(Message):
    """A fact that happened, named in the past tense. It is never refused and never changed.

    The journal stores the class's name: when you rename the class, add `stored_as = "OldName"`.

    Example:
        class CardRenamed(Event):
            card: Key[str]
            title: str
    """

    readable_from: ClassVar[int | None] = None
    """The oldest schema version of programs that may read today's events: they leave out the fields
    that they do not know. None: only programs of this version and newer ones."""
    commutes: ClassVar[bool | tuple[type[Event], ...]] = False
    """The event classes with which order does not matter. True means its own (votes, notes)."""

    __stamp__: ClassVar[int] = UNSTAMPED
    """A checksum of the class's stored name, schema version, fields and their limits (`stamp.py`).
    Stored fields with the same stamp are not validated again when they are read."""

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        name, version, oldest = cls.__name__, cls.schema_version, cls.readable_from
        check_stored_name(cls.stored_as, f"{name}.stored_as")
        if oldest is not None and (type(oldest) is not int or not 1 <= oldest <= version):
            msg = f"{name}.readable_from: expected a schema version up to {version}, got {oldest!r}"
            raise WiringError(msg)
        kinds: object = cls.commutes
        if not isinstance(kinds, bool) and not _are_events(kinds):
            msg = f"{name}.commutes: expected True, or a tuple of event classes, got {kinds!r}"
            raise WiringError(msg)
        cls.__stamp__ = stamp_of(cls.stored_as, version, cls.__pydantic_core_schema__)


def footprint_of(message: Message) -> Footprint:
    """The message's footprint, checked if its class computes it.

    Raises:
        TypeError: a computed footprint is not a tuple of paths.
    """
    kind = type(message)
    if kind.footprint is Message.footprint:
        return kind.__fill__(message.__dict__)
    return checked(message.footprint())


def commute(one: Event, other: Event) -> bool:
    """Whether the order of two events does not matter, as declared by their classes."""
    return may_commute(type(one), type(other))


def may_commute(one: type[Event], other: type[Event]) -> bool:
    """Whether the order of events of these two classes does not matter."""
    return _commutes_with(one, other) or _commutes_with(other, one)


def _commutes_with(kind: type[Event], other: type[Event]) -> bool:
    if isinstance(kind.commutes, bool):
        return kind.commutes and kind is other
    return other in kind.commutes


def names_of(kind: type[Message]) -> tuple[str, ...]:
    """All stored names that the class reads; the first is the one that it writes."""
    return (kind.stored_as, *kind.aliases)


def patterns_of(kind: type[Message]) -> tuple[Pattern, ...]:
    """The patterns of the class's footprints; one placeholder for any path if it computes them."""
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
