"""Reads all records of a journal in the order of storing, and notes what today's classes cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from comity.engine.errors import JournalError
from comity.engine.history.history import as_sent, command_class
from comity.engine.history.note import Note, origin
from comity.engine.journal.event_kind import kinds_in
from comity.engine.processes.installed import starts_in
from comity.evolution.auditing.audit import CommandsRead, CopyRead, KindRead
from comity.evolution.auditing.copies import CopyReader
from comity.evolution.auditing.event_reader import EventReader
from comity.evolution.auditing.problems import Problems, place_of
from comity.evolution.auditing.states import States

if TYPE_CHECKING:
    from comity.engine.journal.event_kind import EventKind
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.processes.process import AnyProcess
    from comity.evolution.auditing.progress import Stage

_OFTEN: Final = 500
"""So many records are read between two looks at the clock."""

_COMMAND: Final = Note._fields.index("sent"), Note._fields.index("kept")
"""Where a note has its command."""


class Scan:
    """One reading of a journal.

    Args:
        journal: the journal.
        deciders: today's deciders, by the name of their aggregate type.
        processes: today's processes, by name.
        without: names of aggregate types that need no decider.
        problems: where problems are noted.
    """

    def __init__(
        self,
        journal: Journal,
        deciders: Mapping[str, AnyDecider],
        processes: Mapping[str, AnyProcess],
        without: Collection[str],
        problems: Problems,
    ) -> None:
        self._journal = journal
        steps = {name: process.decider for name, process in processes.items()}
        self._readers = {
            name: EventReader(cast("AnyDecider", decider), problems)
            for name, decider in {**deciders, **steps}.items()
        }
        self._copies = {name: CopyReader(one, problems) for name, one in processes.items()}
        self._without = without
        self._problems = problems
        self._strangers: Counter[EventKind] = Counter()
        self._commands: Counter[tuple[str, str, int | None]] = Counter()
        self._command_classes: dict[tuple[str, str, int | None], str] = {}
        self._unreadable: Counter[tuple[str, str, int | None]] = Counter()
        self.states = States(journal, problems)
        self.records = 0
        self.events = 0

    def read(self, stage: Stage) -> bool:
        """Read all records up to the present; False if it was stopped before."""
        for number, (_, record) in enumerate(self._journal.read_every(), 1):
            self._take(record)
            if not number % _OFTEN and not stage.goes_on(self.events):
                return False
        return True

    def fold_again(self, stage: Stage) -> bool:
        """Fold the states that did not fit into memory; False if it was stopped before."""
        done = 0
        for events in self.states.fold_again():
            done += events
            if not stage.goes_on(done):
                return False
        return True

    def _take(self, record: Record) -> None:
        self.records += 1
        self.events += len(record.events)
        reader = self._readers.get(record.aggregate.type)
        if reader is None:
            self._strangers.update(kinds_in([record]))
            return
        try:
            origin(record.note)
        except JournalError as error:
            self._problems.add(
                "note", f"{record.aggregate.type}: notes", place_of(record, 0, error)
            )
            return
        if _has_command(record.note):
            self._try_command(reader.decider, record)
        if record.events:
            events = reader.read(record)
            copies = self._copies.get(record.aggregate.type)
            if copies is not None and events is not None and not copies.read(record, events):
                events = None
            self.states.take(reader.decider, record, events)

    def _try_command(self, decider: AnyDecider, record: Record) -> None:
        note = Note.unpack(record.note)
        reader = command_class(decider, note.command, stored=note.schema is not None)
        kind = decider.name, note.command, note.schema
        self._commands[kind] += 1
        if reader is None:  # commands of this class are not sent any more: no event needs it
            return
        self._command_classes[kind] = reader.__name__
        try:
            as_sent(decider, note)
        except Exception as error:  # a validator of the domain may raise anything
            self._unreadable[kind] += 1
            if (note.schema or 0) > reader.schema_version:  # a rollback: no event needs it
                return
            what = f"{decider.name} {note.command}, schema version {note.schema or 'not noted'}"
            self._problems.add("command", what, place_of(record, 0, error))

    def kinds(self) -> Iterator[KindRead]:
        """Yield each kind of events, and how it is read."""
        for reader in self._readers.values():
            yield from reader.kinds()
        for kind, events in sorted(self._strangers.items()):
            yield KindRead(kind.type, kind.name, kind.schema, events, None, ("unknown type",), 0)

    def commands(self) -> Iterator[CommandsRead]:
        """Yield each kind of commands that the journal has kept."""
        for kind, commands in sorted(self._commands.items(), key=repr):
            read_as = self._command_classes.get(kind)
            yield CommandsRead(*kind, commands, read_as, self._unreadable[kind])

    def copies(self) -> Iterator[CopyRead]:
        """Yield each kind of messages that the processes have heard and ordered."""
        for copies in self._copies.values():
            yield from copies.kinds()

    def note_strangers(self) -> None:
        """Note the aggregate types and processes that were not named."""
        processes = starts_in(self._journal)
        for kind, events in self._strangers.items():
            if kind.type not in self._without:
                what = f"{kind.type} has no decider"
                if kind.type in processes:
                    what = f"the process {kind.type} was not named"
                self._problems.add("type", what, count=events)


def _has_command(note: object) -> bool:
    """Whether a note has its command; reading the whole note would take 1 µs for each record."""
    if not isinstance(note, tuple):  # in a commit of format 2
        return True
    fields = cast("tuple[object, ...]", note)
    return any(fields[place] for place in _COMMAND if place < len(fields))
