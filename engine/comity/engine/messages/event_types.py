"""Finds event classes by their stored names. Deciders and read models use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar, cast

from comity.engine.errors import Invalid, UnreadableEvent
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.messages import codec
from comity.engine.messages.message import Event, names_of
from comity.engine.messages.reading import STORED, read_known, reading
from comity.engine.messages.retired_event import retired_event
from comity.engine.messages.stamp import UNSTAMPED

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
        retired: the stored names of events that have no class any more.
    """

    def __init__(self, owner: str, kinds: Iterable[type[E]], retired: Iterable[str] = ()) -> None:
        self._owner = owner
        self.retired = frozenset(retired)
        """The stored names of the events that are loaded as `RetiredEvent`."""
        self._kinds = tuple(kinds)
        # What validates the fields of a stored name and schema version, made when it is first met.
        self._reading: dict[tuple[str, int], Callable[[dict[str, object]], E]] = {}
        self._by_name = {name: kind for kind in self._kinds for name in names_of(kind)}
        self._rebuilding = {
            (kind.stored_as, kind.schema_version, kind.__stamp__): codec.rebuilding(kind)
            for kind in self._kinds
            if kind.__stamp__ != UNSTAMPED
        }

    @property
    def code(self) -> bytes:
        """What decides how stored events are read, beside the fields of their classes."""
        parts = [f":{name}".encode() for name in sorted(self.retired)]
        for kind in sorted(self._kinds, key=lambda kind: kind.stored_as):
            parts += [f":{kind.stored_as}:".encode() + step.code for step in kind.__steps__]
        return b"".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Be pickled as the classes, for builds in other processes."""
        return type(self), (self._owner, self._kinds, tuple(self.retired))

    def load(self, stored: StoredEvent) -> E:
        """Make an event from a stored one, upcast to the newest schema version.

        The event shares nothing with the stored one. It is not validated if it has its class's
        stamp: then a class with the same fields validated it before it was written.

        Raises:
            UnreadableEvent: none of the classes has its name, or its fields do not fit the class.
        """
        name, schema, data, stamp, readable = stored
        rebuilt = self._rebuilding.get((name, schema, stamp))
        event = rebuilt(data) if rebuilt else None
        return self._validated(name, schema, data, readable) if event is None else event

    def _validated(self, name: str, schema: int, data: object, readable: int) -> E:
        try:
            fields = codec.unpack_fields(data)
            read = self._reading.get((name, schema))
            if read is None or readable:
                return self._made(name, schema, fields, readable)
            return read(fields)
        except Invalid as error:
            msg = f"{self._owner}: cannot read a stored {name}: {error}{self._advice(name, schema)}"
            raise UnreadableEvent(msg) from None

    def _made(self, name: str, schema: int, fields: dict[str, object], readable: int) -> E:
        """Make an event that is retired, of a newer program, or the first of its schema version.

        Raises:
            Invalid: the fields do not fit, or only newer programs may read it.
            UnreadableEvent: no class has the name.
        """
        kind = self._by_name.get(name)
        if kind is None:
            if name in self.retired:  # it says that it is one of E, so that nobody has to ask
                return cast("E", retired_event(name, schema, fields))
            raise UnreadableEvent(_without_class(self._owner, name))
        if schema >= kind.schema_version and 0 < readable <= kind.schema_version:
            return read_known(kind, fields)
        if schema > kind.schema_version:
            raise Invalid(_newer(kind, schema))
        read = self._reading.get((name, schema)) or reading(kind, schema, STORED)
        self._reading[name, schema] = read
        return read(fields)

    def _advice(self, name: str, schema: int) -> str:
        """What to do about fields that do not fit the class."""
        kind = self._by_name.get(name)
        if kind is None or schema < kind.schema_version:
            return ""
        if schema > kind.schema_version:
            return ": run the newer program"
        return (
            f"; if {kind.__name__} has other fields now, increase its schema_version and write "
            f"upcasts = {{{schema}: function}}, which makes the new fields from the old ones"
        )


def _without_class(owner: str, name: str) -> str:
    return (
        f"{owner}: the journal holds a {name}, and no event class has that name; add the class, or "
        f'if it was renamed, put stored_as = "{name}" on it; if it no longer happens, give the '
        f'decider retired=["{name}"]'
    )


def _newer(kind: type[Event], schema: int) -> str:
    name, version = kind.__name__, kind.schema_version
    return (
        f"it was written at schema version {schema}, by a newer program, and this program's "
        f"{name} has version {version} (a newer {name} can say readable_from = {version} in events "
        "whose unknown fields older programs may leave out)"
    )
