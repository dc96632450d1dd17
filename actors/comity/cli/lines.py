"""One event as `comity history` and `comity events` show it, for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from comity.cli.arguments import AnyDecider
from comity.cli.console import cell, show_value
from comity.engine import MergeReport, Outcome, UnreadableEvent
from comity.engine.history.note import Note
from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.moment import moment
from comity.engine.processes.installed import fields_of, starts_in, steps_of
from comity.engine.text import printable

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.journal.stored_event import StoredEvent

PAGE = 200
"""How many events are aligned together."""


class Line(NamedTuple):
    """One event, or a command without events. docs/cli.md documents the fields."""

    type: str
    key: str
    version: int
    position: int
    time: str
    who: str
    session: str
    command: str
    command_id: str
    event: str | None
    schema_version: int | None
    fields: Mapping[str, object]
    outcome: Outcome
    metadata: Mapping[str, str]
    report: MergeReport | None
    rules_revision: str
    retired: bool
    refusal: str
    """The reason that a rule gave; empty if the command was not refused."""

    @property
    def sentence(self) -> str:
        """The report for people; empty without one."""
        return self.report.sentence() if self.report else self.refusal


class Lines:
    """Makes the lines of records. It knows which aggregates are instances of processes.

    Args:
        journal: where the records are.
        decider: reads the events with its classes; None: their stored fields are shown.
    """

    def __init__(self, journal: Journal, decider: AnyDecider | None = None) -> None:
        self._journal = journal
        self._decider = decider
        self._readers: dict[str, Callable[[StoredEvent], Mapping[str, object]]] = {}

    def of(self, record: Record) -> Iterator[Line]:
        """The lines of a record's events; one line if it has none."""
        note = Note.unpack(record.note)
        time = moment(record.time).isoformat()
        fields = self._reader(record.aggregate.type)
        stored: StoredEvent | None
        for offset, stored in enumerate(record.events or (None,), bool(record.events)):
            yield Line(
                type=record.aggregate.type,
                key=record.aggregate.key,
                version=record.version + offset,
                position=record.position + offset,
                time=time,
                who=note.who,
                session=note.session,
                command=note.command,
                command_id=record.command_id,
                event=stored.name if stored else None,
                schema_version=stored.schema if stored else None,
                fields=fields(stored) if stored else {},
                outcome=note.outcome,
                metadata=note.metadata,
                report=note.report,
                rules_revision=note.rules_revision,
                retired=stored is not None and self._is_retired(stored.name),
                refusal=note.refusal[1] if note.refusal else "",
            )

    def _is_retired(self, name: str) -> bool:
        return self._decider is not None and name in self._decider.retired

    def _reader(self, type_: str) -> Callable[[StoredEvent], Mapping[str, object]]:
        """Return what gives the fields of the events of these aggregates."""
        if type_ not in self._readers:
            if type_ in starts_in(self._journal):
                self._readers[type_] = _reader_of_steps(type_)
            elif self._decider is not None:
                decider = self._decider
                self._readers[type_] = lambda stored: dict(decider.load(stored))
            else:
                self._readers[type_] = _stored_fields
        return self._readers[type_]


def _stored_fields(stored: StoredEvent) -> Mapping[str, object]:
    return unpack_fields(stored.data)


def _reader_of_steps(name: str) -> Callable[[StoredEvent], Mapping[str, object]]:
    steps = steps_of(name)

    def fields(stored: StoredEvent) -> Mapping[str, object]:
        return fields_of(steps.load(stored))

    return fields


def pages(lines: Iterable[Line | None]) -> Iterator[list[Line]]:
    """Yield the lines in pages; if an event cannot be read, first the lines before it.

    None among the lines ends a page, since it may take a while until there are more.
    """
    page: list[Line] = []
    try:
        for line in lines:
            if line is not None:
                page.append(line)
            if page and (line is None or len(page) == PAGE):
                yield page
                page = []
    except UnreadableEvent:
        if page:
            yield page
        raise
    if page:
        yield page


def what_of(line: Line) -> Text:
    """The event with its fields, or what became of a command without events."""
    if line.event is None:
        return Text.assemble(cell(line.command, "bold"), cell(f": {line.outcome.value}", "yellow"))
    what = Text.assemble(cell(line.event, "bold"))
    for name, value in line.fields.items():
        what.append_text(Text.assemble(" ", cell(f"{name}=", "dim"), cell(show_value(value))))
    if line.retired:
        what.append(" (retired)", "dim italic")
    if line.rules_revision and not line.report:  # else the report says so
        what.append(f" (rules {printable(line.rules_revision)})", "dim italic")
    return what


def time_of(line: Line) -> Text:
    """When it was decided, to the second."""
    return cell(line.time[:19].replace("T", " "), "dim")
