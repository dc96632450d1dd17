"""An event as the journal stores it. Functions that migrate a journal read and make such events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeVar, cast

from msgpack import unpackb

from comity.engine import Event, Invalid
from comity.engine.journal.packing import packed
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.event_types import Loader
from comity.engine.processes.events import OrderGiven, ProcessHeard

E = TypeVar("E", bound=Event)

_MESSAGES: Final[Mapping[str, str]] = {
    ProcessHeard.stored_as: "name", OrderGiven.stored_as: "command",
}  # fmt: skip
"""The events of a process that have a message inside, and the field with its stored name."""


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """An event's stored name, schema version and fields. It cannot be changed: make another one.

    Example:
        JournalEvent.of(CardTitled(card="c1", title="Ship it"))
    """

    stored: StoredEvent
    """The event for comity itself."""

    @classmethod
    def of(cls, event: Event) -> Self:
        """Store an event of one of today's classes.

        Raises:
            Invalid: it is too large, or has a value that cannot be stored.
        """
        return cls(store(event))

    @classmethod
    def made(cls, name: str, fields: Mapping[str, object], schema_version: int = 1) -> Self:
        """Make an event of which the program has no class.

        Args:
            name: its stored name.
            fields: its fields as the journal stores them; see `fields`.
            schema_version: the schema version that the fields have.
        """
        return cls(StoredEvent(name, schema_version, dict(fields)))

    @property
    def name(self) -> str:
        """The stored name."""
        return self.stored.name

    @property
    def schema_version(self) -> int:
        """The schema version of the class that wrote the event."""
        return self.stored.schema

    @property
    def fields(self) -> dict[str, object]:
        """A copy of the fields as stored: a time in microseconds, an enum as its value.

        `load` gives them as a person expects them.
        """
        fields = unpack_fields(self.stored.data)
        return cast("dict[str, object]", unpackb(packed(fields), use_list=False))

    @property
    def message(self) -> Self | None:
        """Return the event that a process has heard, or the command that it ordered, or None.

        It is inside the events `ProcessHeard` and `OrderGiven` of the process.
        """
        names = _MESSAGES.get(self.name)
        fields = self.fields if names else {}
        data = fields.get("data")
        if names is None or not isinstance(data, bytes):
            return None
        name, schema = fields[names], fields["schema_of"]
        return type(self).made(str(name), unpack_fields(data), cast("int", schema))

    def with_message(self, message: JournalEvent) -> Self:
        """Return the event with another message inside; see `message`.

        Raises:
            Invalid: there is none inside.
        """
        names = _MESSAGES.get(self.name)
        if names is None:
            raise Invalid(f"{self.name} has no message inside")
        stored = message.stored
        data = packed(unpack_fields(stored.data))
        changes: dict[str, object] = {names: stored.name, "schema_of": stored.schema, "data": data}
        if self.name == ProcessHeard.stored_as:
            changes |= {"stamp": 0, "readable": stored.readable}
        return self.with_fields(**changes)

    def load(self, loader: Loader[E]) -> E:
        """Make the event of today's class.

        Args:
            loader: the decider that has the class.

        Raises:
            UnreadableEvent: no class of the decider reads it.
        """
        return loader.load(self.stored)

    def renamed(self, name: str) -> Self:
        """Return the event under another stored name."""
        return type(self)(self.stored._replace(name=name, stamp=0))

    def with_fields(self, **fields: object) -> Self:
        """Return the event with other values of these fields, as the journal stores them."""
        return type(self)(self.stored._replace(data={**self.fields, **fields}, stamp=0))
