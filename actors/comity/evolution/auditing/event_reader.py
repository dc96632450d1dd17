"""Reads the events of one aggregate type, and counts how each kind of them is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.message import names_of
from comity.engine.messages.retired_event import RetiredEvent
from comity.evolution.auditing.audit import KindRead, Way
from comity.evolution.auditing.problems import Problems, place_of

if TYPE_CHECKING:
    from comity.engine.journal.record import Record
    from comity.engine.journal.stored_event import StoredEvent
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.messages.message import Event

Kind: TypeAlias = tuple[str, int]
"""A stored name, and the schema version that wrote it."""


class EventReader:
    """The events of one decider's aggregates.

    Args:
        decider: the decider with today's classes.
        problems: where events that cannot be read are noted.
    """

    def __init__(self, decider: AnyDecider, problems: Problems) -> None:
        self.decider = decider
        self._problems = problems
        self._events: dict[Kind, int] = {}
        self._unreadable: dict[Kind, int] = {}
        self._shortened: set[Kind] = set()
        """Those of which some have fields that today's class does not know."""
        self._classes = {name: kind for kind in decider.events for name in names_of(kind)}

    def read(self, record: Record) -> list[Event] | None:
        """Return the record's events; None if one of them cannot be read."""
        found: list[Event] = []
        counts, load = self._events, self.decider.load
        for offset, stored in enumerate(record.events, 1):
            kind = stored.name, stored.schema
            counts[kind] = counts.get(kind, 0) + 1
            try:
                event = load(stored)
                found.append(event)
                if stored.readable and kind not in self._shortened and _is_shortened(stored, event):
                    self._shortened.add(kind)
            except Exception as error:  # a validator of the domain may raise anything
                self._note(record, offset, stored, error)
        return found if len(found) == len(record.events) else None

    def _note(self, record: Record, offset: int, stored: StoredEvent, error: Exception) -> None:
        kind = stored.name, stored.schema
        self._unreadable[kind] = self._unreadable.get(kind, 0) + 1
        what = f"{self.decider.name} {stored.name}, schema version {stored.schema}"
        self._problems.add("event", what, place_of(record, offset, error))

    def kinds(self) -> Iterator[KindRead]:
        """Yield each kind, with its events and how they are read."""
        for kind, events in sorted(self._events.items()):
            name, schema = kind
            found = self._classes.get(name)
            unreadable = self._unreadable.get(kind, 0)
            yield KindRead(
                type=self.decider.name,
                name=name,
                schema=schema,
                events=events,
                read_as=None if found is None else found.__name__,
                ways=tuple(self._ways(kind, found, unreadable)),
                unreadable=unreadable,
            )

    def _ways(self, kind: Kind, found: type[Event] | None, unreadable: int) -> Iterator[Way]:
        name, schema = kind
        if found is not None:
            if name != found.stored_as:
                yield "alias"
            if schema < found.schema_version:
                yield "upcast"
            if kind in self._shortened:
                yield "left out"
        elif unreadable < self._events[kind]:
            yield "retired"
        if unreadable:
            yield "unreadable"


def _is_shortened(stored: StoredEvent, event: Event) -> bool:
    """Whether the class that reads the event left out something that a newer program wrote."""
    if stored.schema < event.schema_version or isinstance(event, RetiredEvent):
        return False  # upcasts take fields, too
    known = event.__stored__.names
    return stored.schema > event.schema_version or any(
        name not in known for name in unpack_fields(stored.data)
    )
