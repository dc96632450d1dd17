"""The form in which messages go to other systems and come from them, for upcasts and validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from comity.engine import Event, Invalid
from comity.engine.messages.nested import at_every_depth, only_known
from comity.engine.messages.reading import reading
from comity.integration.unions import is_ambiguous
from comity.integration.wire_reading import from_json
from comity.integration.wire_values import Json, fields_of

if TYPE_CHECKING:
    from comity.engine import Value
    from comity.engine.messages.shape import Convert

E = TypeVar("E", bound=Event)


class Wire:
    """The form of `wire_values`; see `comity.engine.messages.reading.Form`."""

    words = "the data"
    trusted = False

    def named(self, kind: type[Value]) -> Callable[[dict[str, object]], dict[str, object]]:
        """Fields have their stored names, or those of the class."""
        return kind.__stored__.either

    def converts(self, kind: type[Value]) -> Sequence[tuple[str, Convert]]:
        """What makes each field's value from JSON."""
        fields = kind.model_fields.items()
        return [(name, partial(from_json, info.annotation)) for name, info in fields]


WIRE: Final = Wire()


def read_fields(
    kind: type[E],
    schema: int,
    fields: dict[str, object],
    *,
    readable: int = 0,
    foreign: bool = False,
) -> E:
    """Make an event from its fields as JSON, upcast to the newest schema version.

    Args:
        kind: the class.
        schema: the schema version of the fields.
        fields: the fields; the map is changed.
        readable: the oldest schema version that may leave out fields it does not know; 0: none.
        foreign: whether the class may have fewer fields than the sender's.

    Raises:
        Invalid: the fields do not fit, or are those of a newer program.
    """
    newest = kind.schema_version
    newer = schema > newest
    if newer and not 0 < readable <= newest:
        msg = (
            f"a newer program has sent this {kind.stored_as}: it has schema version {schema}, and "
            f"this program's has {newest}; run the newer program here, too"
        )
        raise Invalid(msg)
    if newer or (foreign and schema == newest):
        fields, schema = at_every_depth(kind, fields, only_known), newest
    made: E = _reading(kind, schema)(fields)
    return made


@lru_cache(maxsize=1_000)
def _reading(kind: type[E], schema: int) -> Callable[[dict[str, object]], E]:
    return reading(kind, schema, WIRE)


def written(event: Event) -> dict[str, Json]:
    """The fields of an event as JSON.

    Raises:
        Invalid: they would not be read back as they are.
    """
    kind, fields = type(event), fields_of(event)
    if _may_change(kind) and not _comes_back(event, fields):
        msg = (
            f"this {kind.__name__} would be read back changed from JSON: a field may be a text or "
            "bytes, or its validators change what they accept"
        )
        raise Invalid(msg)
    return fields


def _comes_back(event: Event, fields: dict[str, Json]) -> bool:
    try:
        given = cast("dict[str, object]", dict(fields))
        return read_fields(type(event), event.schema_version, given) == event
    except Invalid:
        return False


@cache
def _may_change(kind: type[Event]) -> bool:
    """Whether to try each event of the class: most classes cannot lose anything in JSON."""
    return kind.__tried__ or is_ambiguous(kind)
