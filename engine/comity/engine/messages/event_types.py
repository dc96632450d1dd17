"""Finds event classes by their stored names. Deciders and read models use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from comity.engine.errors import Invalid, UnreadableEvent, WiringError
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages import codec
from comity.engine.messages.message import Event
from comity.engine.messages.stamp import UNSTAMPED
from comity.engine.text import told

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class Loader(Protocol[E_co]):
    """Turns stored events into events: a decider, or `EventTypes`."""

    def load(self, stored: StoredEvent) -> E_co:
        """Make an event from a stored one, upcast to the newest schema version.

        Raises:
            UnreadableEvent: no class has its name, or its fields do not fit the class.
        """
        ...


class EventTypes(Generic[E]):
    """A set of event classes with different stored names.

    Args:
        owner: the decider or read model that they belong to; error messages name it.
        kinds: the classes.
    """

    def __init__(self, owner: str, kinds: Iterable[type[E]]) -> None:
        self._owner = owner
        self._by_name = {kind.stored_as: kind for kind in kinds}
        self._rebuilding = {
            (name, kind.schema_version, kind.__stamp__): codec.rebuilding(kind)
            for name, kind in self._by_name.items()
            if kind.__stamp__ != UNSTAMPED
        }

    def __reduce__(self) -> tuple[type[EventTypes[E]], tuple[str, tuple[type[E], ...]]]:
        """Be pickled as the classes, for builds in other processes."""
        return type(self), (self._owner, tuple(self._by_name.values()))

    def load(self, stored: StoredEvent) -> E:
        """Make an event from a stored one, upcast to the newest schema version.

        The event shares nothing with the stored one. It is not validated if it has its class's
        stamp: then a class with the same fields validated it before it was written.

        Raises:
            UnreadableEvent: none of the classes has its name, or its fields do not fit the class.
        """
        name, schema, data, stamp = stored
        rebuilt = self._rebuilding.get((name, schema, stamp))
        event = rebuilt(data) if rebuilt else None
        return self._validated(name, schema, data) if event is None else event

    def _validated(self, name: str, schema: int, data: object) -> E:
        kind = self._by_name.get(name)
        if kind is None:
            msg = (
                f"{self._owner}: the journal holds a {name}, and no event class has that "
                f'name; add the class, or if it was renamed, put stored_as = "{name}" on it'
            )
            raise UnreadableEvent(msg)
        try:
            fields = codec.unpack_fields(data)
            if schema == kind.schema_version:
                return _unchanged(kind, fields)
            return codec.build(kind, _upcast(kind, fields, schema))
        except (Invalid, WiringError) as error:
            msg = f"{self._owner}: cannot read a stored {name}: {error}"
            raise UnreadableEvent(msg) from None


def _unchanged(kind: type[E], fields: dict[str, object]) -> E:
    """Make an event from fields that were stored at the class's own schema version."""
    try:
        return codec.build(kind, fields)
    except Invalid as error:
        msg = (
            f"{error}; if {kind.__name__} has other fields now, increase its schema_version and "
            "write upcast(fields, schema_version), which makes the new fields from the old ones"
        )
        raise Invalid(msg) from None


def _upcast(kind: type[Event], fields: dict[str, object], schema: int) -> dict[str, object]:
    if schema > kind.schema_version:
        msg = f"it was written at schema version {schema}, by a newer program"
        raise Invalid(msg)
    try:
        return kind.upcast(fields, schema)
    except WiringError:
        raise
    except Exception as error:
        msg = f"{kind.__name__}.upcast raised {type(error).__name__}: {told(error, 200)}"
        raise Invalid(msg) from None
