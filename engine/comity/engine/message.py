"""Commands and events: the base classes that a domain's messages inherit from.

A message is frozen, strict and storable; whatever is wrong with its class is said when the class
is made, never in production. Its fields say what it touches (see `comity.engine.footprint`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Never, Self, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from comity.engine.bounds import bound
from comity.engine.errors import WiringError
from comity.engine.fields import Shape, shape_of
from comity.engine.footprint import Footprint, Hole, Pattern, fill, infer, parse
from comity.engine.rules import reject

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from comity.engine.clash import Clash

_STORED_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_RESERVED = frozenset(
    {
        "touches",
        "depends_on",
        "commutes",
        "on_conflict",
        "footprint",
        "dependencies",
        "stored_as",
        "schema_version",
        "upcast",
    }
)

_T = TypeVar("_T")


class _Key:
    """The mark that `Key[...]` leaves on a field."""

    def __repr__(self) -> str:
        return "Key"


_KEY = _Key()

Key = Annotated[_T, _KEY]
"""Marks a field that names a thing: `card: Key[str]`. The other fields are then parts of it."""


_CONFIG = ConfigDict(
    frozen=True,
    strict=True,
    extra="forbid",
    allow_inf_nan=False,
    validate_default=True,
    hide_input_in_errors=True,
    revalidate_instances="subclass-instances",
)
_FIXED: Mapping[str, object] = {
    **_CONFIG,
    "alias_generator": None,
    "regex_engine": "rust-regex",
    "use_enum_values": False,
}


def _check_settings(kind: type[Value]) -> None:
    """Refuse what would let in, or store, something else than the fields say."""
    name = kind.__name__
    reserved = _RESERVED & kind.model_fields.keys()
    if reserved:
        msg = f"{name}: the field name {min(reserved)!r} has a meaning of its own; rename it"
        raise WiringError(msg)
    for setting, value in _FIXED.items():
        if kind.model_config.get(setting, value) != value:
            msg = f"{name}.model_config: leave {setting} out; messages need it to be {value!r}"
            raise WiringError(msg)
    for private in kind.__private_attributes__:
        msg = f"{name}.{private} would not be stored; make it a field, or annotate it as ClassVar"
        raise WiringError(msg)
    for field, info in kind.model_fields.items():
        if info.alias is not None or info.validation_alias is not None:
            msg = f"{name}.{field}: fields are stored under their own names; leave its alias out"
            raise WiringError(msg)


def _check_defaults(kind: type[Value]) -> None:
    """Refuse a default that its field would not take; pydantic looks only when it is used."""
    fields = kind.model_fields
    if kind.__tried__ or any(field.default_factory for field in fields.values()):
        return  # the domain's own code would run, too early
    try:
        kind.__pydantic_validator__.validate_python({})
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            if problem["type"] != "missing":
                where = ".".join(map(str, (kind.__name__, *problem["loc"])))
                msg = f"{where}: its default is not what it says: {problem['msg']}"
                raise WiringError(msg) from None


class Value(BaseModel):
    """A frozen, strict record: the base of messages, and of records nested in their fields.

    No extra fields, no conversions, no NaN, integers of 64 bits, valid UTF-8, aware datetimes
    (which become UTC), at most 10,000 items in a tuple or frozenset, and only types that can be
    stored exactly. Defaults are validated too, and copies like new ones.
    """

    model_config = _CONFIG

    __shapes__: ClassVar[Mapping[str, Shape]] = {}
    """How each field is stored; only those that msgpack does not keep as they are."""
    __tried__: ClassVar[bool] = False
    """Whether validators of the domain's own decide what passes: then storing tries to read."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: type[BaseModel],
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        schema = handler(source)
        bound(schema, cls.__name__)
        return schema

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        _check_settings(cls)
        shapes = {
            name: shape_of(field.annotation, f"{cls.__name__}.{name}")
            for name, field in cls.model_fields.items()
        }
        cls.__tried__ = bound(cls.__pydantic_core_schema__, cls.__name__)
        _check_defaults(cls)
        cls._wire(shapes)
        cls.__shapes__ = {name: shape for name, shape in shapes.items() if not shape.plain}

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        """Check what a subclass says about itself, and prepare it for use."""

    @classmethod
    def model_construct(
        cls,
        _fields_set: set[str] | None = None,
        **values: Any,  # noqa: ANN401 - as pydantic has it
    ) -> Self:
        """Validates like the constructor: there is no way around it."""
        return cls(**values)

    # Any, here and below, because pydantic has it so.
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed, validated like a new one."""
        fields = self.__dict__
        same = {name: fields[name] for name in type(self).model_fields}
        return type(self)(**{**same, **(update or {})})

    def copy(self, **_: Any) -> Never:  # noqa: ANN401
        """Pydantic's old copy, which does not validate.

        Raises:
            TypeError: always.
        """
        msg = "write model_copy(update={...}), which validates what it changes"
        raise TypeError(msg)


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


def _takes_two(rule: object) -> bool:
    """Whether it can be called as a conflict rule is: with a command and a clash."""
    if not callable(rule) or inspect.iscoroutinefunction(rule):
        return False
    try:
        inspect.signature(rule).bind("command", "clash")
    except (TypeError, ValueError):
        return False
    return True


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

    if TYPE_CHECKING:
        # Declared, so that the checkers hold every rule to it. A method that takes Clash[State]
        # takes a Clash[Never], because Clash is covariant.
        def on_conflict(self, clash: Clash[Never], /) -> Command | None:
            """What becomes of it when it clashes.

            `reject` (the default), `overwrite`, `give_way`, `transform(step)`, or a method
            `(self, clash: Clash[State], /) -> Self | None` that returns the command to go on with
            (its own kind, or another of the decider's), or None to drop it, or raises `Conflicted`.
            """
            ...
    else:
        on_conflict = reject

    __depends__: ClassVar[tuple[Pattern, ...]] = ()

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        super()._wire(shapes)
        exact = [name for name in cls.model_fields if shapes[name].exact]
        cls.__depends__ = parse(cls.depends_on, exact, f"{cls.__name__}.depends_on")
        rule: object = cls.on_conflict
        if not _takes_two(rule):
            msg = (
                f"{cls.__name__}.on_conflict: expected a rule such as reject, overwrite, give_way "
                f"or transform(step), or a method (self, clash, /), got {rule!r}"
            )
            raise WiringError(msg)

    def dependencies(self) -> Footprint:
        """The paths that this command rests on. Override it where they must be computed."""
        return fill(self.__depends__, self.__dict__) if self.__depends__ else ()


# pydantic lets a subclass assign these without an annotation, as it does for any ClassVar.
Command.__class_vars__.add("on_conflict")


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


def dependencies_of(kind: type[Command]) -> tuple[Pattern, ...]:
    """What the class says that its commands rest on."""
    computed = kind.dependencies is not Command.dependencies
    return ((Hole("*"),),) if computed else kind.__depends__


def _are_events(kinds: object) -> bool:
    return isinstance(kinds, tuple) and all(
        isinstance(kind, type) and issubclass(kind, Event)
        for kind in cast("tuple[object, ...]", kinds)
    )


def _mentions_key(annotation: object) -> bool:
    inner = get_args(annotation)
    return _KEY in inner or any(map(_mentions_key, inner))
