"""A record of a journal: a command with its events, for functions that migrate the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Self

from comity.engine import AggregateId, Event, Outcome
from comity.engine.history.note import Note
from comity.engine.journal.record import Record
from comity.engine.messages.moment import moment
from comity.evolution.copying.journal_event import JournalEvent


@dataclass(frozen=True, eq=False)
class JournalRecord:
    """A command with its events, if it had any. It cannot be changed: its methods make others.

    A function that migrates a journal is given each record, and returns what the copy has instead
    of it. The copy keeps the command's id, time, sender, metadata and outcome.

    Example:
        def to_kanban(record: JournalRecord) -> Iterator[JournalRecord]:
            yield record.to(AggregateId("kanban", record.aggregate.key))
    """

    aggregate: AggregateId
    events: tuple[JournalEvent, ...]
    """What the command did; empty if it was refused, or changed nothing."""
    source: Record
    """The record of the original, for comity itself."""
    extra: bool = False
    """Whether `another` made it: it gets a command id of its own."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """Make one of a journal's record."""
        events = tuple([JournalEvent(stored) for stored in record.events])
        return cls(record.aggregate, events, record)

    # --- what it says -------------------------------------------------------------------------

    @property
    def command_id(self) -> str:
        """The command's id."""
        return self.source.command_id

    @property
    def version(self) -> int:
        """The version on which the command was decided, of its aggregate in the original."""
        return self.source.version

    @property
    def time(self) -> datetime:
        """When it was decided, in UTC."""
        return moment(self.source.time)

    @property
    def who(self) -> str:
        """The sender's name; empty if none was given."""
        return self._note.who

    @property
    def session(self) -> str:
        """The sender's session; empty if none was given."""
        return self._note.session

    @property
    def seen(self) -> int | None:
        """The version that the sender saw, of the aggregate in the original."""
        return self._note.seen

    @property
    def command(self) -> str:
        """The command's name."""
        return self._note.command

    @property
    def metadata(self) -> Mapping[str, str]:
        """The sender's metadata."""
        return self._note.metadata

    @property
    def outcome(self) -> Outcome:
        """How the command ended."""
        return self._note.outcome

    @cached_property
    def _note(self) -> Note:
        return Note.unpack(self.source.note)

    # --- what the copy shall have instead -------------------------------------------------------

    def with_events(self, *events: JournalEvent | Event) -> Self:
        """Return the record with these events instead; without any, only its command id stays."""
        return replace(self, events=_stored(events))

    def to(self, aggregate: AggregateId) -> Self:
        """Return the record as one of another aggregate."""
        return replace(self, aggregate=aggregate)

    def another(self, aggregate: AggregateId, *events: JournalEvent | Event) -> Self:
        """Return a second record of the same command, for another aggregate.

        Its command id is the command's with `~2` at the end; that of a third one, with `~3`.
        """
        return replace(self, aggregate=aggregate, events=_stored(events), extra=True)


def _stored(events: Iterable[JournalEvent | Event]) -> tuple[JournalEvent, ...]:
    return tuple([JournalEvent.of(one) if isinstance(one, Event) else one for one in events])
