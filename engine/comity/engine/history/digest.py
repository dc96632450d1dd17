"""Digests of commands: they tell a command that is sent again from another one with its id.

A digest is stored for years and compared with that of today's class. So it has the stored names of
the fields, in alphabetical order, and leaves out those that have their default: it stays the same
if a class or a field is renamed, and if the class or a nested record gains a field with a default.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, get_args

from comity.engine.errors import Invalid
from comity.engine.journal.packing import packed
from comity.engine.messages import codec
from comity.engine.messages.fields import bare
from comity.engine.messages.message import Message, names_of
from comity.engine.messages.nested import Change, at_every_depth
from comity.engine.messages.value import Value
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.engine.history.note import Note

_Place: TypeAlias = tuple[type[Value], str]
"""A field of a class, by its stored name."""
_MOST: Final = 8
"""Of so many fields each may have got its default after the command was sent."""
_UNKNOWN: Final = object()
"""The default of a field whose default is another one each time."""


def same(command: Message, note: Note) -> bool:
    """Whether a command may be the one that a note is of, sent again.

    The names are compared. The fields are compared, too, if the note has a digest, and the command
    had the same schema version then: an upcast cannot be undone.
    """
    kind = type(command)
    if note.command not in names_of(kind) and not _is_older_name(kind, note):
        return False
    if note.digest is None:
        return True
    if note.schema is None:
        return note.digest == old_digest(command, note.command)
    if note.schema != command.schema_version or note.digest == digest(command, note.command):
        return True
    return note.digest in _earlier(command, note.command)


def _is_older_name(kind: type[Message], note: Note) -> bool:
    """Whether an older note calls the class so: newer ones have stored names only.

    A class may have the name that another one had, which is still stored under it.
    """
    return note.schema is None and note.command == kind.__name__


def digest(command: Message, name: str = "") -> int:
    """Compute the checksum of a command's fields and of a name, by default its stored name.

    Raises:
        Invalid: a field cannot be stored.
    """
    kind = type(command)
    fields, plan = codec.storable(command), _plan_of(kind)
    kept = {stored: fields[stored] for stored in plan.names}
    for stored, own, default in plan.defaults:
        if own not in command.model_fields_set or _equal(kept[stored], default):
            del kept[stored]
    if plan.nests:
        kept = at_every_depth(kind, kept, _without_defaults)
    return _checksum(command, kept, name)


def _checksum(command: Message, kept: Mapping[str, object], name: str) -> int:
    try:
        data = packed(kept)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"{type(command).__name__} cannot be stored: {told(error)}") from None
    return zlib.crc32(data, zlib.crc32((name or command.stored_as).encode()))


def _earlier(command: Message, name: str) -> Iterator[int]:
    """Yield the digests that the command had before some of its fields had a default."""
    kind, fields = type(command), codec.storable(command)
    sent = {stored: fields[stored] for stored in _plan_of(kind).names}
    unsaid = {
        stored for stored, own, _ in _plan_of(kind).defaults if own not in command.model_fields_set
    }

    def without_defaults(kept: Collection[_Place]) -> Change:
        def change(each: type[Value], fields: dict[str, object]) -> dict[str, object]:
            defaults = {
                name: one for name, one in _defaults(each).items() if (each, name) not in kept
            }
            left = unsaid.intersection(defaults) if each is kind else ()
            return {
                name: value
                for name, value in sorted(fields.items())
                if name not in left and (name not in defaults or not _equal(value, defaults[name]))
            }

        return change

    places = [
        (each, stored) for each in dict.fromkeys(_records(kind)) for stored in _defaults(each)
    ]
    for many in range(1, len(places[:_MOST]) + 1):
        for kept in combinations(places[:_MOST], many):
            yield _checksum(command, at_every_depth(kind, sent, without_defaults(kept)), name)


def _records(annotation: object) -> Iterator[type[Value]]:
    """Yield the records that a type has in it, at every depth."""
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _records(field.annotation)
    for inner in get_args(annotation):
        yield from _records(inner)


def old_digest(command: Message, name: str) -> int:
    """Compute the digest of notes without a schema version: of all fields, as the class has them.

    Raises:
        Invalid: a field cannot be stored.
    """
    return zlib.crc32(codec.pack(command), zlib.crc32(name.encode()))


class _Plan(NamedTuple):
    """What the digests of a class need, made once: commands with an id wait for their digest."""

    names: tuple[str, ...]
    """The stored names of the fields, in order."""
    defaults: tuple[tuple[str, str, object], ...]
    """For each field with a default its stored name, its name, and the default as it is stored."""
    nests: bool
    """Whether fields may hold other records."""


@cache
def _plan_of(kind: type[Value]) -> _Plan:
    own = dict(zip(kind.__stored__.names, kind.__named__, strict=True))
    defaults = _defaults(kind)
    return _Plan(
        tuple(sorted(own)),
        tuple([(name, own[name], default) for name, default in defaults.items()]),
        any(_nests(field.annotation) for field in kind.model_fields.values()),
    )


def _nests(annotation: object) -> bool:
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return True
    return any(map(_nests, get_args(annotation)))


def _without_defaults(kind: type[Value], fields: dict[str, object]) -> dict[str, object]:
    defaults = _defaults(kind)
    return {
        name: value
        for name, value in sorted(fields.items())
        if name not in defaults or not _equal(value, defaults[name])
    }


def _equal(one: object, other: object) -> bool:
    return one == other and type(one) is type(other)  # 1 == True


@cache
def _defaults(kind: type[Value]) -> dict[str, object]:
    """The stored form of each field's default, for those that have one."""
    stored: dict[str, object] = {}
    for own, name in zip(kind.__named__, kind.__stored__.names, strict=True):
        field, shape = kind.model_fields[own], kind.__shapes__.get(own)
        if not field.is_required():
            try:
                default: object = field.get_default(call_default_factory=True, validated_data={})
                stored[name] = shape.store(default) if shape and shape.store else default
            except Exception:  # a factory that needs other fields
                stored[name] = _UNKNOWN

    def inside(each: type[Value], fields: dict[str, object]) -> dict[str, object]:
        return fields if each is kind else _without_defaults(each, fields)

    return at_every_depth(kind, stored, inside)
