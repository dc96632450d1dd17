"""Reads the lines of an export back to the same journal. `comity import` shows it.

A file is checked as a whole before anything is written. Then its records are written into a copy
that is marked as unfinished. An interrupted import is resumed: it compares the records that the
copy has, and writes from where it ends. At the end the copy is read, and compared record by record.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from zlib import crc32

from comity.engine import AggregateId
from comity.engine.arguments import check_path
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.record import Record
from comity.engine.journal.unfinished import finish
from comity.engine.runtime.system import monotonic, now, token
from comity.engine.text import printable
from comity.evolution.copying.lockstep import Lockstep
from comity.evolution.copying.places import opened_copy
from comity.evolution.copying.turns import Placed, Turns
from comity.evolution.exporting.export_ends import ExportHead
from comity.evolution.exporting.exported_lines import ExportedLines
from comity.evolution.exporting.line_file import is_read_twice, read
from comity.evolution.exporting.record_line import entry_of, essence
from comity.evolution.exporting.transfer_errors import ImportFailed, NotAnExport
from comity.evolution.exporting.transfer_progress import Meter, ShowTransfer, Stage, Stopped
from comity.evolution.exporting.whole_file import File

_ANEW = "delete its folder, or give a path where nothing is, and begin anew"


@dataclass(frozen=True)
class ImportedJournal:
    """What an import did."""

    complete: bool
    """Whether the journal is complete and verified; if not, import again to go on."""
    records: int
    """How many records the new journal has."""
    events: int
    """How many events it has; also the position of the last one."""
    resumed: int
    """How many records an earlier run had written."""
    gaps: int
    """How many records the original had dropped, by `comity compact`: their numbers are given to
    the next ones here."""
    lineage: Lineage
    """Where the new journal comes from."""
    seconds: float


def import_journal(
    file: File,
    new: str | PathLike[str],
    *,
    progress: ShowTransfer | None = None,
    stop: Callable[[], bool] | None = None,
) -> ImportedJournal:
    """Read an export back to a journal with the same records: a new one, at a path.

    Each record has the same position, versions, id, time, events and note. Snapshots and read
    models are made again when the domain opens. The journal has the original's name, and a new
    branch: so what follows the original elsewhere notices if it knows of later events.

    If it is interrupted in any way, call it again with the same arguments: it goes on. Until it is
    complete, no domain can open the journal.

    Args:
        file: the export, compressed or not: a path, or an open binary file.
        new: the journal's directory; it must not exist, or be an unfinished import of this file.
        progress: is called a few times a second.
        stop: is asked a few times a second whether to stop; then the result is not complete.

    Raises:
        NotAnExport: the file is something else, or only a part of a journal.
        ExportDamaged: a line is missing, doubled or changed. If it is a path, nothing was written.
        TooNew: a newer comity wrote it.
        ImportFailed: a record does not follow those before, or the journal differs from the file.
        NotAJournal: there is something else at `new`, or a journal.
        JournalInUse: another import writes it.
        StorageFailed, OutcomeUnknown: the disk is full, or failed; call it again.

    Example:
        import_journal("team.jsonl.gz", "copy.db")
    """
    target, began = real_path(check_path(new, "the new journal's path")), monotonic()
    work = _Import(Meter(progress, stop))
    complete = False
    try:
        if is_read_twice(file):
            with read(file) as lines:
                work.check(ExportedLines(lines))
        with read(file) as lines:
            exported = ExportedLines(lines)
            _check_whole(exported)
            with opened_copy(target) as copy:
                work.write(exported, copy)
                work.verify(exported, copy)
                copy.take_lineage(work.branch(exported.head, copy))
                finish(target)
        complete = True
    except Stopped:
        pass
    return work.result(complete, monotonic() - began)


class _Import:
    """The passes of an import, with their counts."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._sums = array("I")
        """A checksum of each record of the file: four bytes for each."""
        self._last = 0
        """The number of the file's last record."""
        self._events = self._resumed = 0
        self._lineage = Lineage("")

    def check(self, exported: ExportedLines) -> None:
        """Read all lines, and check that none is missing or changed."""
        _check_whole(exported)
        self._meter.begin(Stage.CHECKING, exported.head.records)
        for _ in exported.raw():
            self._meter.count()

    def write(self, exported: ExportedLines, copy: LmdbJournal) -> None:
        """Write the records that the copy does not have."""
        self._lineage = exported.head.lineage
        self._meter.begin(Stage.IMPORTING, exported.head.records)
        adding = _Adding(copy)
        try:
            for numbered in exported.records():
                with exported.lines.named():
                    self._sums.append(crc32(essence(numbered.record)))
                    adding.add(numbered.record)
                self._last = numbered.number
                self._events += len(numbered.record.events)
                self._meter.count()
        except Stopped:
            adding.turns.flush()
            raise
        finally:
            self._resumed = adding.found
        adding.finish(exported)

    def verify(self, exported: ExportedLines, copy: LmdbJournal) -> None:
        """Read the copy, and compare each record with that of the file."""
        self._meter.begin(Stage.VERIFYING, len(self._sums))
        many = 0
        for many, (_, record) in enumerate(copy.read_every(), 1):
            if many > len(self._sums) or self._sums[many - 1] != crc32(essence(record)):
                what = f"its record {many}, {told_record(record)}"
                raise ImportFailed(f"the journal differs from {exported.lines.name}: {what}")
            self._meter.count()
        if many < len(self._sums):
            raise ImportFailed(f"the journal has {many} of {len(self._sums)} records; {_ANEW}")

    def branch(self, head: ExportHead, copy: LmdbJournal) -> Lineage:
        """Return the original's lineage, with a new branch that begins at the copy's end."""
        figures = copy.figures()
        branch = Branch(token(8), figures.position, figures.records, now())
        self._lineage = Lineage(head.lineage.id, (*head.lineage.restores, branch))
        return self._lineage

    def result(self, complete: bool, seconds: float) -> ImportedJournal:  # noqa: FBT001 - private
        """Return what was done."""
        many = len(self._sums)
        return ImportedJournal(
            complete, many, self._events, self._resumed, self._last - many, self._lineage, seconds
        )


class _Adding:
    """The copy, while records are added: first it must have those that an earlier run wrote."""

    def __init__(self, copy: LmdbJournal) -> None:
        self._copy = copy
        self._written = Lockstep(copy)
        self._resuming = True
        self.turns = Turns(copy)
        self._position = 0
        self._versions: dict[AggregateId, int] = {}
        """The versions of the aggregates that were added since the last flush."""

    @property
    def found(self) -> int:
        """How many records an earlier run has written."""
        return self._written.records

    def add(self, record: Record) -> None:
        """Add a record, unless it is there.

        Raises:
            ImportFailed: it does not follow those before, or another one is there.
        """
        if record.position != self._position:
            raise ImportFailed(
                f"{told_record(record)} is at position {record.position}, and the events before it "
                f"end at {self._position}: a journal with gaps cannot be made again; bring its "
                "events in with a function (--with)"
            )
        self._position += len(record.events)
        if self._resuming and self._is_there(record):
            return
        aggregate = record.aggregate
        version = self._versions.get(aggregate)
        version = self._copy.version(aggregate) if version is None else version
        if record.version != version:
            raise ImportFailed(
                f"{told_record(record)} was decided on version {record.version}, and the records "
                f"before it end at version {version}: this is not what comity exported"
            )
        self._versions[aggregate] = record.last_version
        self.turns.add(Placed(aggregate, record.version, entry_of(record)))
        if self.turns.is_due:
            self.turns.flush()
            self._versions = {}

    def _is_there(self, record: Record) -> bool:
        found = self._written.next()
        if found is None:
            self._resuming = False
            return False
        if essence(found) != essence(record):
            raise ImportFailed(
                f"an earlier import wrote {told_record(found)} where this file has "
                f"{told_record(record)}: it was another file; {_ANEW}"
            )
        return True

    def finish(self, exported: ExportedLines) -> None:
        """Store the rest.

        Raises:
            ImportFailed: the copy has more records than the file.
        """
        if self._resuming and self._written.next() is not None:
            name = exported.lines.name
            raise ImportFailed(f"an earlier import wrote more records than {name} has; {_ANEW}")
        self.turns.flush()


def _check_whole(exported: ExportedLines) -> None:
    head = exported.head
    if not head.is_whole:
        part = ", ".join(f"{name} {value}" for name, value in head.only.items())
        raise NotAnExport(
            f"{exported.lines.name} has only a part of a journal ({printable(part)}), so no "
            "journal can be made of it: export all, or bring its events in with a function (--with)"
        )


def told_record(record: Record) -> str:
    """Return a record in words: `command 'x' of board/b1`."""
    return f"command {record.command_id!r} of {printable(str(record.aggregate))}"
