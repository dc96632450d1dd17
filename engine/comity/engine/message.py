"""Commands and events: the base classes that a domain's messages inherit from.

A message is frozen, strict and storable; whatever is wrong with its class is said when the class
is made, never in production. Its fields say what it touches (see `comity.engine.footprint`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict

from comity.engine.errors import WiringError
from comity.engine.fields import Shape, shape_of
from comity.engine.footprint import Footprint, Hole, Pattern, fill, infer, parse
from comity.engine.rules import reject

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

MAX_TEXT = 1 << 20
"""The most characters of a str, and bytes of a bytes, where a field does not say less."""

_MIN_INT, _MAX_INT = -(1 << 63), (1 << 63) - 1  # what msgpack, and other languages, can keep
_STORED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_RESERVED = frozenset(
    "touches depends_on commutes on_conflict footprint dependencies stored_as schema_version "
    "upcast".split()
)

_T = TypeVar("_T")


class _Key:
    """The mark that `Key[...]` leaves on a field."""

    def __repr__(self) -> str:
        return "Key"


_KEY = _Key()

Key = Annotated[_T, _KEY]
"""Marks a field that names a thing: `card: Key[str]`. The other fields are then parts of it."""


def _bound(schema: object) -> None:
    """Give every int, str, bytes and datetime of a core schema the bounds that storage needs.

    A str with a length limit is also checked to be valid UTF-8; without one, pydantic passes lone
    surrogates through, and msgpack fails on them later.
    """
    if isinstance(schema, dict):
        node = cast("dict[str, object]", schema)
        kind = node.get("type")
        if kind == "int":
            if not {"gt", "ge"} & node.keys():
                node["ge"] = _MIN_INT
            if not {"lt", "le"} & node.keys():
                node["le"] = _MAX_INT
        elif kind in ("str", "bytes"):
            node.setdefault("max_length", MAX_TEXT)
        elif kind == "datetime":
            node.setdefault("tz_constraint", "aware")
        for child in node.values():
            _bound(child)
    elif isinstance(schema, (list, tuple)):
        for child in cast("list[object]", schema):
            _bound(child)


class Value(BaseModel):
    """A frozen, strict record: the base of messages, and of records nested in their fields.

    No extra fields, no conversions, no NaN, integers of 64 bits, valid UTF-8, aware datetimes,
    and only types that can be stored exactly. Copies are validated like new ones.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        revalidate_instances="subclass-instances",
    )

    _shapes: ClassVar[Mapping[str, Shape]] = {}
    """How each field is stored; only those that msgpack does not keep as they are."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: type[BaseModel],
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        schema = handler(source)
        _bound(schema)
        return schema

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        reserved = _RESERVED & cls.model_fields.keys()
        if reserved:
            msg = f"{cls.__name__}: the field name {min(reserved)!r} has a meaning of its own; rename it"
            raise WiringError(msg)
        shapes = {
            name: shape_of(field.annotation, f"{cls.__name__}.{name}")
            for name, field in cls.model_fields.items()
        }
        cls._shapes = {name: shape for name, shape in shapes.items() if not shape.plain}
        cls._wire(shapes)

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        """Check what a subclass says about itself, and prepare it for use."""

    @classmethod
    def model_construct(
        cls,
        _fields_set: set[str] | None = None,
        **values: Any,
    ) -> Self:
        """Validates like the constructor: there is no way around it."""
        return cls(**values)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed, validated like a new one."""
        return type(self)(**{**self.__dict__, **(update or {})})


class Message(Value):
    """What commands and events have in common: the paths that they touch."""

    touches: ClassVar[str | tuple[str, ...]] = ()
    """Templates of the paths that it changes, such as `"cards/{card}/title"`. By default they are
    built from the fields: those marked `Key` name the thing, every other one is a leaf of it."""

    _touched: ClassVar[tuple[Pattern, ...]] = ()

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
        if cls.touches:
            cls._touched = parse(cls.touches, cls.model_fields, f"{cls.__name__}.touches")
        else:
            cls._touched = infer(keys, [name for name in cls.model_fields if name not in keys])

    def footprint(self) -> Footprint:
        """The paths that this message changes. Override it where they must be computed."""
        return fill(self._touched, self.__dict__)


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
        own = cls.__dict__
        cls.stored_as = own.get("stored_as") or cls.__name__
        if not isinstance(cls.stored_as, str) or not _STORED_NAME.match(cls.stored_as):
            msg = f"{cls.__name__}.stored_as: expected a word such as 'CardRenamed', got {cls.stored_as!r}"
            raise WiringError(msg)
        if type(cls.schema_version) is not int or cls.schema_version < 1:
            msg = f"{cls.__name__}.schema_version: expected 1, 2, 3 ..., got {cls.schema_version!r}"
            raise WiringError(msg)
        kinds: object = cls.commutes
        if not isinstance(kinds, bool) and not (
            isinstance(kinds, tuple) and all(_is_event(kind) for kind in cast("tuple[object]", kinds))
        ):
            msg = f"{cls.__name__}.commutes: expected True, or a tuple of event classes, got {kinds!r}"
            raise WiringError(msg)


class Command(Message):
    """A person's intent, in the imperative. May be refused.

    Example:
        class RenameCard(Command):
            card: Key[str]
            title: Annotated[str, Len(1, 200)]
            on_conflict = overwrite
    """

    depends_on: ClassVar[str | tuple[str, ...]] = ()
    """Templates of paths that it rests on without changing them."""

    on_conflict = reject
    """What becomes of it when it clashes: `reject`, `overwrite`, `give_way`, `transform(step)`, or
    a method `(self, clash: Clash[State], /) -> Self | None` that returns the command to go on
    with, or None to drop it, or raises `Conflicted`."""

    _depends: ClassVar[tuple[Pattern, ...]] = ()

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        where = f"{cls.__name__}.depends_on"
        cls._depends = parse(cls.depends_on, cls.model_fields, where) if cls.depends_on else ()
        rule: object = cls.on_conflict
        if not callable(rule):
            msg = (
                f"{cls.__name__}.on_conflict: expected a rule such as reject, overwrite, give_way "
                f"or transform(step), or a method (self, clash, /), got {rule!r}"
            )
            raise WiringError(msg)

    def dependencies(self) -> Footprint:
        """The paths that this command rests on. Override it where they must be computed."""
        return fill(self._depends, self.__dict__) if self._depends else ()


# pydantic lets a subclass assign these without an annotation, as it does for any ClassVar.
Command.__class_vars__.add("on_conflict")


def commute(one: Event, other: Event) -> bool:
    """Whether the two may happen in either order, as their classes say."""
    return _commutes_with(type(one), type(other)) or _commutes_with(type(other), type(one))


def _commutes_with(kind: type[Event], other: type[Event]) -> bool:
    if isinstance(kind.commutes, bool):
        return kind.commutes and kind is other
    return other in kind.commutes


def patterns_of(kind: type[Message]) -> tuple[Pattern, ...]:
    """What the class says that its messages touch; one open hole where `footprint` computes it."""
    computed = kind.footprint is not Message.footprint
    return ((Hole("*"),),) if computed else kind._touched  # noqa: SLF001 - the same module's class


def dependencies_of(kind: type[Command]) -> tuple[Pattern, ...]:
    """What the class says that its commands rest on."""
    computed = kind.dependencies is not Command.dependencies
    return ((Hole("*"),),) if computed else kind._depends  # noqa: SLF001 - the same module's class


def _is_event(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Event)


def _mentions_key(annotation: object) -> bool:
    inner = get_args(annotation)
    return _KEY in inner or any(map(_mentions_key, inner))
