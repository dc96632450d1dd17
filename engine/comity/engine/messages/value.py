"""Frozen, strict records: the base class of messages, of their nested records, and of rows.

A mistake in a class raises when the class is created.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from comity.engine.errors import WiringError
from comity.engine.messages.bounds import bound
from comity.engine.messages.fields import shape_of
from comity.engine.messages.shape import Shape
from comity.engine.messages.stored_names import StoredNames

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_RESERVED = frozenset(
    {
        "touches",
        "depends_on",
        "commutes",
        "on_conflict",
        "footprint",
        "dependencies",
        "stored_as",
        "aliases",
        "schema_version",
        "upcast",
        "upcasts",
        "readable_from",
    }
)

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
    """Refuse settings with which a record could hold or store other values than its fields say."""
    name = kind.__name__
    reserved = _RESERVED & kind.model_fields.keys()
    if reserved:
        msg = f"{name}: the field name {min(reserved)!r} is reserved; rename it"
        raise WiringError(msg)
    for setting, value in _FIXED.items():
        if kind.model_config.get(setting, value) != value:
            msg = f"{name}.model_config: remove {setting}; messages need it to be {value!r}"
            raise WiringError(msg)
    for private in kind.__private_attributes__:
        msg = f"{name}.{private} would not be stored; make it a field, or annotate it as ClassVar"
        raise WiringError(msg)
    for field, info in kind.model_fields.items():
        if info.alias is not None or info.validation_alias is not None:
            msg = f"{name}.{field}: remove the alias; a renamed field says StoredAs('old_name')"
            raise WiringError(msg)


def _check_defaults(kind: type[Value]) -> None:
    """Refuse a default that is not valid for its field; pydantic checks it only when it is used."""
    fields = kind.model_fields
    if kind.__tried__ or any(field.default_factory for field in fields.values()):
        return  # custom code would run while the class is created
    try:
        kind.__pydantic_validator__.validate_python({})
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            if problem["type"] != "missing":
                where = ".".join(map(str, (kind.__name__, *problem["loc"])))
                msg = f"{where}: the default is not valid: {problem['msg']}"
                raise WiringError(msg) from None


class Value(BaseModel):
    """A frozen, strict record: the base class of messages, and of records nested in their fields.

    It allows no extra fields, no conversions and no NaN; integers have 64 bits, text is valid
    UTF-8, datetimes are aware (and become UTC), a tuple or frozenset has at most 10,000 items, and
    all types can be stored exactly. Defaults and copies are validated like new records.
    """

    model_config = _CONFIG

    __shapes__: ClassVar[Mapping[str, Shape]] = {}
    """How fields are stored; it leaves out those that msgpack stores unchanged."""
    __tried__: ClassVar[bool] = False
    """Whether it has custom validators: then each message is read back once when it is stored."""
    __named__: ClassVar[tuple[str, ...]] = ()
    """The names of its fields, in order."""
    __stored__: ClassVar[StoredNames] = StoredNames()
    """The names under which its fields are stored."""

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
        cls.__named__ = tuple(cls.model_fields)
        cls.__stored__ = StoredNames.of(cls.__name__, cls.model_fields)
        cls.__tried__ = bound(cls.__pydantic_core_schema__, cls.__name__)
        _check_defaults(cls)
        cls._wire(shapes)
        cls.__shapes__ = {name: shape for name, shape in shapes.items() if not shape.plain}

    @classmethod
    def _wire(cls, shapes: Mapping[str, Shape]) -> None:
        """Check a subclass's declarations, and prepare the class for use."""

    @classmethod
    def model_construct(
        cls,
        _fields_set: set[str] | None = None,
        **values: Any,  # noqa: ANN401 - as pydantic has it
    ) -> Self:
        """Make a record; unlike pydantic's, it validates like the constructor."""
        return cls(**values)

    # Any, here and below, because pydantic has it so.
    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed, validated like a new record."""
        fields = self.__dict__
        same = {name: fields[name] for name in type(self).model_fields}
        return type(self)(**{**same, **(update or {})})

    def copy(self, **_: Any) -> Never:  # noqa: ANN401
        """Not available: pydantic's old `copy` does not validate.

        Raises:
            TypeError: always.
        """
        msg = "write model_copy(update={...}), which validates the copy"
        raise TypeError(msg)
