"""Writes the events of a journal as a table for analysis. `comity export --flat` uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from pydantic_core import to_jsonable_python

from comity.actors.assembly.assembly import by_name
from comity.engine.history.history import load
from comity.engine.journal.opener import opener_of
from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.retired_event import RetiredEvent
from comity.engine.runtime.system import monotonic
from comity.evolution.exporting.export_journal import read_up_to
from comity.evolution.exporting.flat_columns import FlatColumns
from comity.evolution.exporting.flat_tables import form_of, table_of
from comity.evolution.exporting.transfer_progress import Meter, ShowTransfer, Stage
from comity.evolution.exporting.wanted_records import WantedRecords
from comity.evolution.exporting.whole_file import written

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.opener import Place
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AggregateType, AnyDecider
    from comity.evolution.exporting.flat_tables import FlatTable
    from comity.evolution.exporting.whole_file import File


@dataclass(frozen=True)
class ExportedEvents:
    """What an export for analysis has."""

    events: int
    """The rows."""
    position: int
    """The position of the last event that was looked at."""
    columns: tuple[str, ...]
    seconds: float


def export_events(
    path: Place,
    file: File,
    *,
    fields: Iterable[str] = (),
    form: str | None = None,
    deciders: Iterable[AggregateType] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    types: Iterable[str] = (),
    replace: bool = False,
    progress: ShowTransfer | None = None,
) -> ExportedEvents:
    """Write a table with a row for each event.

    It only reads, so the domain may be running; what is recorded meanwhile is left out.

    Args:
        path: the path that the domain is opened with, or an opener.
        file: a path, or an open binary file.
        fields: the fields of events that get columns: `title`, or with a kind `number:int`,
            `due:time`, `share:float`, `done:bool`, `tags:json`. An event without the field has no
            value there. By default one column, `fields`, has all of them as JSON.
        form: jsonl, csv, parquet or arrow; by default as the file's name says.
        deciders: read the events with today's classes: upcast, and with times as text. Events of
            other types stay as they are stored.
        since: only events of commands that were decided at this time or later.
        until: only events of commands that were decided before this time.
        types: only events of aggregates of these types; by default all.
        replace: whether to replace a file that is there.
        progress: is called a few times a second.

    Raises:
        WiringError: an argument is wrong, the file exists, or pyarrow is not installed.
        Invalid: a field is not of the kind of its column.
        UnreadableEvent: no class of a decider reads an event.
        NotAJournal, TooNew, JournalDamaged, JournalInUse: the journal cannot be read.
        StorageFailed: the disk is full, or failed.

    Example:
        export_events("team.db", "team.parquet", fields=["card", "title"], types=["board"])
    """
    wanted, named = WantedRecords.of(since, until, types), by_name(deciders)
    columns = FlatColumns(fields, _Fields(named))
    table_form = form_of(file, form)
    opener, began = opener_of(path), monotonic()
    journal = opener.open(read_only=True)
    try:
        with written(file, replace=replace, outside=opener.path) as stream:
            table = table_of(table_form, stream, columns.all)
            events, position = _write(journal, table, columns, wanted, Meter(progress))
            table.finish()
    finally:
        journal.close()
    names = tuple([column.name for column in columns.all])
    return ExportedEvents(events, position, names, monotonic() - began)


def _write(
    journal: Journal, table: FlatTable, columns: FlatColumns, wanted: WantedRecords, meter: Meter
) -> tuple[int, int]:
    """Write all rows; return how many, and the last position."""
    newest, events, position = journal.figures().records, 0, 0
    meter.begin(Stage.EXPORTING, newest)
    for _, record in read_up_to(journal, newest):
        meter.count()
        position = max(position, record.last_position)
        if record.events and wanted.has(record):
            table.add(columns.rows(record))
            events += len(record.events)
    return events, position


class _Fields:
    """Gives the fields of events: as stored, or as today's classes have them."""

    def __init__(self, deciders: Mapping[str, AnyDecider]) -> None:
        self._deciders = deciders

    def __call__(self, record: Record, offset: int) -> Mapping[str, object]:
        decider = self._deciders.get(record.aggregate.type)
        if decider is None:
            return unpack_fields(record.events[offset].data)
        event = load(decider, record, offset + 1)
        if isinstance(event, RetiredEvent):
            return event.fields
        fields = {name: getattr(event, name) for name in type(event).model_fields}
        return cast(
            "dict[str, object]", to_jsonable_python(fields, bytes_mode="base64", fallback=repr)
        )
