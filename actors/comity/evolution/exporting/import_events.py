"""Brings events from elsewhere into a journal, through a function. `comity import --with` uses it.

Each row becomes commands with their events and ids. A command that the journal has already is
skipped, so the same import can be repeated, also after it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from traceback import extract_tb
from typing import Any, cast

from comity.actors.assembly.assembly import by_name
from comity.engine import WiringError
from comity.engine.arguments import check_path
from comity.engine.history.note import origin
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.unfinished import finish, is_unfinished
from comity.engine.merging.decider import AggregateType
from comity.engine.runtime.system import monotonic
from comity.engine.text import told
from comity.evolution.copying.places import opened_copy
from comity.evolution.exporting.appending import LINE, Appending
from comity.evolution.exporting.imported_command import ImportedCommand, ReadRow
from comity.evolution.exporting.rows import Source, source_of
from comity.evolution.exporting.transfer_errors import ImportFailed
from comity.evolution.exporting.transfer_progress import Meter, ShowTransfer, Stage, Stopped
from comity.evolution.exporting.whole_file import File


@dataclass(frozen=True)
class ImportedEvents:
    """What an import of events from elsewhere did."""

    complete: bool
    """Whether all rows were read; if not, import again to go on."""
    rows: int
    """How many rows were read."""
    left_out: int
    """How many of them the function left out."""
    commands: int
    """How many commands were added."""
    events: int
    """How many events they have."""
    repeated: int
    """How many commands were in the journal already."""
    seconds: float


def import_events(
    file: File | Iterable[Any],
    path: str | PathLike[str],
    function: ReadRow,
    *,
    deciders: Iterable[AggregateType],
    separator: str | None = None,
    progress: ShowTransfer | None = None,
    stop: Callable[[], bool] | None = None,
) -> ImportedEvents:
    """Add events from elsewhere to a journal: a new one, or one that is there.

    The function is given each row and returns commands with their events. Each is checked: its
    events are of the decider's classes, `evolve` takes them, and times and versions follow those of
    the aggregate. A command whose id the aggregate has already is skipped, so the same import may
    be repeated at any time. The domain may be open in another process.

    A new journal cannot be opened until all rows are in it. Into one that is there, commands are
    added as they come: what is added before an error stays.

    Args:
        file: lines of JSON; or a table with a line of names, if it is called .csv or .tsv, or
            `separator` is given; compressed or not. Of an export, the records are the rows. Or any
            iterable of rows.
        path: the journal.
        function: returns what a row means; nothing to leave it out.
        deciders: the deciders of the events.
        separator: what separates the columns of a table.
        progress: is called a few times a second.
        stop: is asked a few times a second whether to stop; then the result is not complete.

    Raises:
        ImportFailed: a row cannot be imported; the text names its line.
        NotAnExport, ExportDamaged: the file cannot be read, or is an export that was changed.
        NotAJournal, JournalInUse, TooNew, JournalDamaged: the journal cannot be opened.
        StorageFailed, OutcomeUnknown: the disk is full, or failed; call it again.
    """
    named, began = by_name(deciders), monotonic()
    if not named:
        raise WiringError("deciders: expected those of the events, got an empty list")
    if not callable(function):
        msg = f"expected a function that takes a row, got {function!r:.100}"
        raise WiringError(msg)
    target = real_path(check_path(path, "the journal's path"))
    complete, counts = False, _Counts(function)
    meter = Meter(progress, stop)
    with source_of(file, separator) as source, _opened(target) as journal:
        adding = Appending(journal, named)
        meter.begin(Stage.IMPORTING, None)
        try:
            for command in counts.commands(source, meter):
                adding.add(str(source), source.number, command)
            complete = True
        except Stopped:
            pass
        finally:
            adding.flush()
        if complete and is_unfinished(target):
            finish(target)
    done = ImportedEvents(
        complete, counts.rows, counts.left_out, adding.commands, adding.events, adding.repeated, 0
    )
    return replace(done, seconds=monotonic() - began)


@contextmanager
def _opened(path: Path) -> Generator[LmdbJournal]:
    """Open the journal that is there, or a new one, which is unfinished."""
    if (path / "data.mdb").exists() and not is_unfinished(path):
        journal = LmdbJournal.open(path)
        try:
            yield journal
        finally:
            journal.close()
        return
    with opened_copy(path) as copy:
        first = next(copy.read_every(), None)
        if first is not None and LINE not in origin(first.record.note)[3]:
            raise ImportFailed(
                f"{path} is an unfinished copy of another journal: run the command again that "
                "began it, or give a path where nothing is"
            )
        yield copy


class _Counts:
    """The rows, counted while the function reads them."""

    def __init__(self, function: ReadRow) -> None:
        self._function = function
        self._name = getattr(function, "__qualname__", type(function).__qualname__)
        self.rows = self.left_out = 0

    def commands(self, source: Source, meter: Meter) -> Iterator[ImportedCommand]:
        """Give the commands of all rows."""
        for row in source.rows():
            self.rows += 1
            commands = self._meant(row, source)
            self.left_out += not commands
            yield from commands
            meter.count()

    def _meant(self, row: Any, source: Source) -> list[ImportedCommand]:  # noqa: ANN401 - as JSON gives it
        try:
            given = list(self._function(row) or ())
        except (Exception, SystemExit) as error:  # the user's function
            frames = extract_tb(error.__traceback__)[1:]
            where = (
                f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
            )
            said = f"{self._name} raised {type(error).__name__}: {told(error)}{where}"
            raise ImportFailed(f"{source}: {said}, for {row!r:.200}") from error
        for one in given:
            if not isinstance(cast("object", one), ImportedCommand):
                said = f"{self._name} gave {one!r:.100}; it gives a list of ImportedCommand"
                raise ImportFailed(f"{source}: {said}")
        return given
