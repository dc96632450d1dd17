"""Writes a journal as lines of JSON, beside its domain. `comity export` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING

from comity.engine.journal.opener import opener_of
from comity.engine.runtime.system import monotonic
from comity.evolution.exporting.chain import Chain
from comity.evolution.exporting.export_ends import ExportEnd, end_line, head_line
from comity.evolution.exporting.record_line import line_of
from comity.evolution.exporting.transfer_progress import Meter, ShowTransfer, Stage
from comity.evolution.exporting.wanted_records import WantedRecords
from comity.evolution.exporting.whole_file import written

if TYPE_CHECKING:
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.numbered import Numbered
    from comity.engine.journal.opener import Place
    from comity.evolution.exporting.whole_file import File


@dataclass(frozen=True)
class Exported:
    """What an export has."""

    records: int
    """The commands, also those that were refused or changed nothing."""
    events: int
    position: int
    """The position of the last event that was looked at."""
    is_whole: bool
    """Whether it has all records of the journal up to there."""
    bytes: int
    """The size of the lines, before they are compressed."""
    seconds: float


def export_journal(
    path: Place,
    file: File,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    types: Iterable[str] = (),
    replace: bool = False,
    progress: ShowTransfer | None = None,
) -> Exported:
    """Write a journal as lines of JSON: a first line, one for each record, and a last one.

    It only reads, so the domain may be running; what is recorded meanwhile is left out.
    `import_journal` reads the lines back to the same journal, if none were left out.

    Args:
        path: the path that the domain is opened with, or an opener.
        file: a path, which is compressed if it ends with .gz; or an open binary file. Until all is
            written, the file is called FILE.unfinished.
        since: only records that were decided at this time or later.
        until: only records that were decided before this time.
        types: only records of aggregates of these types; by default all.
        replace: whether to replace a file that is there.
        progress: is called a few times a second.

    Raises:
        WiringError: the file exists, or is inside the journal; or an argument is wrong.
        NotAJournal, TooNew, JournalDamaged, JournalInUse: the journal cannot be read.
        StorageFailed: the disk is full, or failed.

    Example:
        export_journal("team.db", "team.jsonl.gz")
    """
    wanted = WantedRecords.of(since, until, types)
    opener, began = opener_of(path), monotonic()
    journal = opener.open(read_only=True)
    try:
        with written(file, replace=replace, outside=opener.path) as stream:
            work = _Export(stream, wanted, Meter(progress))
            work.write(journal)
            end = work.end
    finally:
        journal.close()
    return Exported(*end, wanted.is_all, work.bytes, monotonic() - began)


class _Export:
    """The lines of an export, while they are written."""

    def __init__(self, stream: IO[bytes], wanted: WantedRecords, meter: Meter) -> None:
        self._stream, self._wanted, self._meter = stream, wanted, meter
        self._chain = Chain()
        self.end = ExportEnd(0, 0, 0)
        self.bytes = 0

    def write(self, journal: Journal) -> None:
        """Write all lines."""
        newest = journal.figures().records
        self._write(head_line(journal.lineage(), newest, self._wanted))
        self._meter.begin(Stage.EXPORTING, newest)
        records = events = position = 0
        for number, record in read_up_to(journal, newest):
            self._meter.count()
            position = max(position, record.last_position)
            if self._wanted.has(record):
                self._write(line_of(number, record))
                records += 1
                events += len(record.events)
        self.end = ExportEnd(records, events, position)
        self._write(end_line(self.end))

    def _write(self, line: str) -> None:
        sealed = self._chain.seal(line)
        self.bytes += len(sealed)
        self._stream.write(sealed)


def read_up_to(journal: Journal, newest: int) -> Iterator[Numbered]:
    """Read all records up to this number."""
    for numbered in journal.read_every():
        if numbered.number > newest:
            return
        yield numbered
