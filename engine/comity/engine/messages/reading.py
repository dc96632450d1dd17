"""Reads a message of any schema version: runs the upcasts of its class, then validates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from comity.engine.errors import Invalid
from comity.engine.messages import codec
from comity.engine.messages.nested import at_every_depth, only_known

if TYPE_CHECKING:
    from comity.engine.messages.message import Message
    from comity.engine.messages.upcast import Step
    from comity.engine.messages.value import Value

M = TypeVar("M", bound="Message")
V = TypeVar("V", bound="Value")


class Build(Protocol):
    """Makes a record from its fields in one form: `codec.build`, or `build_from_json`."""

    def __call__(
        self, kind: type[V], fields: dict[str, object], made: Mapping[str, object] | None = None, /
    ) -> V:
        """Return the record; raises `Invalid` if the fields do not fit."""
        ...


def read(
    kind: type[M],
    schema: int,
    fields: dict[str, object],
    build: Build = codec.build,
) -> M:
    """Make a message from the fields of its schema version or an older one. It changes `fields`.

    Args:
        kind: the message's class.
        schema: the schema version of the fields.
        fields: the fields, under their stored names.
        build: makes records from the form of the fields.

    Raises:
        Invalid: the fields do not fit, an upcast fails, or the version is newer than the class.
    """
    if type(schema) is not int or not 1 <= schema <= kind.schema_version:
        msg = f"expected a schema version up to {kind.schema_version}, got {schema!r:.100}"
        raise Invalid(msg)
    made: dict[str, object] = {}
    for step in kind.__steps__[schema - 1 :]:
        _climb(step, fields, made, build)
    return build(kind, fields, made)


def _climb(step: Step, fields: dict[str, object], made: dict[str, object], build: Build) -> None:
    """Run one upcast: it takes fields out of both maps, and adds to those that were made."""
    given: dict[str, object] = {}
    taken: dict[str, object] = {}
    for name in step.takes.__stored__.names:
        if name in made:
            given[name] = made.pop(name)
        elif name in fields:
            taken[name] = fields.pop(name)
    found = step.make(build(step.takes, taken, given))
    for name in found:
        fields.pop(name, None)
    made.update(found)


def read_known(kind: type[M], fields: Mapping[str, object]) -> M:
    """Make a message from a newer program's fields, without those that the class does not know.

    Raises:
        Invalid: the fields that the class knows do not fit.
    """
    return codec.build(kind, at_every_depth(kind, fields, only_known))
