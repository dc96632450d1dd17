"""Reads messages of any schema version: runs the upcasts of their class, then validates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar, cast

from comity.engine.errors import Invalid
from comity.engine.messages import codec
from comity.engine.messages.nested import at_every_depth, only_known
from comity.engine.messages.shape import CONVERTED

if TYPE_CHECKING:
    from comity.engine.messages.message import Message
    from comity.engine.messages.shape import Convert
    from comity.engine.messages.upcast import Step
    from comity.engine.messages.value import Value

M = TypeVar("M", bound="Message")
V = TypeVar("V", bound="Value")

_Map: TypeAlias = dict[str, object]


class Form(Protocol):
    """How the fields of messages are given: as the journal stores them, or as JSON."""

    words: str
    """Names the fields in errors: "the stored fields"."""
    trusted: bool
    """Whether a program has validated the fields before."""

    def named(self, kind: type[Value]) -> Callable[[_Map], _Map]:
        """Return the function that puts fields under the names that the class gives them."""
        ...

    def converts(self, kind: type[Value]) -> Sequence[tuple[str, Convert]]:
        """Return the fields that do not stay as they are given, with their conversions."""
        ...


class Stored:
    """The form of the journal."""

    words = "the stored fields"
    trusted = True

    def named(self, kind: type[Value]) -> Callable[[_Map], _Map]:
        """Only stored names are known."""
        return kind.__stored__.own

    def converts(self, kind: type[Value]) -> Sequence[tuple[str, Convert]]:
        """The conversions of the fields' types."""
        return [(name, shape.ways.load) for name, shape in kind.__shapes__.items()]


STORED: Final = Stored()


def reading(kind: type[M], schema: int, form: Form) -> Callable[[_Map], M]:
    """Return what makes messages of a class from the fields of one schema version.

    The function changes the map that it takes. It raises `Invalid` if the fields do not fit, or an
    upcast fails. Make it once.

    Args:
        kind: the class.
        schema: the schema version of the fields, at most that of the class.
        form: how the fields are given.

    Raises:
        Invalid: the class has no such schema version.
    """
    if type(schema) is not int or not 1 <= schema <= kind.schema_version:
        msg = f"expected a schema version up to {kind.schema_version}, got {schema!r:.100}"
        raise Invalid(msg)
    steps = kind.__steps__[schema - 1 :]
    climbs = [
        _climbing(step, form, _known_as(kind, steps[place:])) for place, step in enumerate(steps, 1)
    ]
    build = _building(kind, form)
    renamed = _known_as(kind, () if form.trusted else steps)

    def read(fields: _Map) -> M:
        made: _Map = {}
        if renamed:
            _under_stored_names(kind, renamed, fields)
        for climb in climbs:
            climb(fields, made)
        return build(fields, made)

    return read


def _under_stored_names(kind: type[Message], renamed: Mapping[str, str], fields: _Map) -> None:
    """Put renamed fields under their stored names, so that upcasts find them."""
    for own, stored in renamed.items():
        if own in fields:
            kind.__stored__.either({name: fields[name] for name in (stored, own) if name in fields})
            fields[stored] = fields.pop(own)


def _known_as(kind: type[Message], later: Sequence[Step]) -> Mapping[str, str]:
    """The stored names of renamed fields, under which later upcasts look for them, by their names.

    It has only those that some later upcast takes.
    """
    taken = {name for step in later for name in step.takes.__stored__.names}
    return {
        own: stored
        for stored, own in kind.__stored__.renamed.items()
        if stored in taken and own not in taken
    }


def _climbing(step: Step, form: Form, known_as: Mapping[str, str]) -> Callable[[_Map, _Map], None]:
    """Return what runs one upcast: it moves fields from the given ones to those that are made."""
    kind, names = step.takes, step.takes.__stored__.names
    build = _building(kind, form)
    quick = _quick(kind, form) if form.trusted else _slowly

    def climb(fields: _Map, made: _Map) -> None:
        ours = {name: made.pop(name) for name in names if name in made} if made else made
        taken = {name: fields.pop(name) for name in names if name in fields}
        values = None if ours else quick(taken)
        found = step.make(vars(build(taken, ours)) if values is None else values)
        if known_as:
            found = {
                name if known_as.get(name) in found else known_as.get(name, name): value
                for name, value in found.items()
            }
        for name in found:
            if name in fields:
                del fields[name]
        made.update(found)

    return climb


def _slowly(_: _Map) -> None:
    """Say that the fields need validation, as all that clients send."""


def _quick(kind: type[Value], form: Form) -> Callable[[_Map], _Map | None]:
    """Return what takes the fields of a record without pydantic, which would take 0.7 µs more.

    It returns None if the fields need validation: their values are of other types, or their types
    have limits.
    """
    converts, infos = dict(form.converts(kind)), kind.model_fields
    exact = [
        (name, converts.get(name), cast("type[object]", info.annotation))
        for name, info in infos.items()
    ]
    limited = kind.__stored__.renamed or any(info.metadata for info in infos.values())
    if limited or not all(any(hint is one for one in _EXACT) for _, _, hint in exact):
        return lambda _: None

    def take(fields: _Map) -> _Map | None:
        values: _Map = {}
        try:
            for name, convert, hint in exact:
                value = values[name] = convert(fields[name]) if convert else fields[name]
                if type(value) is not hint:
                    return None
        except Exception:  # then the slow way says why
            return None
        return values

    return take


_EXACT: Final = (str, int, float, bool, bytes, *CONVERTED)
"""The types of which a stored value needs no validation if it has just this type."""


def _building(kind: type[V], form: Form) -> Callable[[_Map, _Map], V]:
    """Return what makes records from given fields, and from those that upcasts have made."""
    converts, validate = form.converts(kind), kind.__pydantic_validator__.validate_python
    renamed, named, either = bool(kind.__stored__.renamed), form.named(kind), kind.__stored__.either

    def build(fields: _Map, made: Mapping[str, object]) -> V:
        at = ""
        try:
            if renamed:
                fields, made = named(fields), either(made)
            for name, convert in converts:
                if name in fields:
                    at = name
                    fields[name] = convert(fields[name])
            at = ""
            if made:
                fields.update(made)
            record: V = validate(fields)
        except Exception as error:  # foreign data, or a custom validator that fails
            wrong = at and codec.unconverted(kind, at, fields[at], error)
            said = wrong or codec.explained(error)
            msg = f"{form.words} do not fit {kind.__name__}: {said}"
            raise Invalid(msg) from None
        return record

    return build


def read_known(kind: type[M], fields: Mapping[str, object]) -> M:
    """Make a message from a newer program's fields, without those that the class does not know.

    Raises:
        Invalid: the fields that the class knows do not fit.
    """
    return codec.build(kind, at_every_depth(kind, fields, only_known))
