"""Opens the ledger of an outlet: makes it the first time, and checks that it fits the journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.forms import ORIGIN, PROGRESS, Origin, Progress
from comity.actors.delivering.leading import lead
from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.ledger_tables import META, MemoryTables, Tables, tables_beside
from comity.actors.delivering.lmdb_tables import LmdbTables, make_ledger
from comity.actors.delivering.rejoining import check_branch, follow_on, time_at
from comity.engine import formats
from comity.engine.arguments import check_there
from comity.engine.errors import LedgerDamaged, OutletError, WiringError
from comity.engine.files.disk import disk_errors
from comity.engine.files.own_folder import look_at
from comity.engine.journal.memory_journal import MemoryJournal
from comity.readmodels.projecting.lag import has_taken
from comity.readmodels.tables.state import Checkpoint

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.engine.journal.journal import Journal
    from comity.engine.sharing.lease_watch import LeaseWatch

OUTLETS: Final = "outlets"
"""The folder of the ledgers inside a domain's directory."""


def open_ledger(
    outlet: AnyOutlet,
    journal: Journal,
    folder: Path | None,
    now: Callable[[], int],
    look: LeaseWatch | None = None,
) -> Ledger:
    """Open the outlet's ledger to deliver.

    Args:
        outlet: the outlet.
        journal: the journal whose events it delivers.
        folder: the folder of all ledgers; None keeps the ledger in memory.
        now: the time in microseconds since 1970.
        look: looks who delivers through it; needed with a folder.

    Raises:
        OutletInUse: another program delivers through it, and does not hang; the text names it.
        OutletAhead: it has delivered what the journal lacks since a restore.
        LedgerDamaged, OutletError, StorageFailed, TooNew: it cannot be used; the text says why.
    """
    name = outlet.stored_as
    if folder is None:
        tables: Tables = _in_memory(outlet, journal, now)
    else:
        place = folder / name
        assert look is not None
        _check_not_gone(place, look)
        make_ledger(place, partial(_beginning, outlet, journal, now))
        if journal.lineage().restores:
            _check_not_ahead(place, journal)
        tables = lead(place, look)
    try:
        ledger = Ledger(tables)
        check_fits(ledger, journal)
        follow_on(ledger, journal.lineage())
    except BaseException:
        tables.close()
        raise
    return ledger


def _check_not_gone(place: Path, look: LeaseWatch) -> None:
    with disk_errors(f"{place} cannot be looked at"):
        gone = look_at(place) is None
    if gone and look.epoch:
        raise LedgerDamaged(
            f"{place} was moved or deleted while programs had it open, and nobody delivers: put it "
            "back; or close all of them, and say in `start` where the outlet begins again"
        )


def _check_not_ahead(place: Path, journal: Journal) -> None:
    """Check it before it is led: all programs that stop here look again now and then."""
    with closing(LmdbTables(place, read_only=True)) as tables:
        check_branch(Ledger(tables), journal.lineage())


def check_fits(ledger: Ledger, journal: Journal) -> None:
    """Check that the journal has the events up to the ledger's position.

    Raises:
        OutletAhead: the journal was restored from a backup since, and lacks some of them.
        OutletError: it has not; the text says what to do.
    """
    check_branch(ledger, journal.lineage())
    progress = ledger.progress
    position = progress.position
    if not has_taken(journal, Checkpoint(position, progress.microseconds, branch=progress.branch)):
        end = journal.position()
        why = f"ends at {end:,}" if end < position else "has another event there"
        raise OutletError(
            f"{ledger.origin.outlet} has delivered up to position {position:,}, and the journal "
            f"{why}: an older backup was restored, or this is another journal. Restore the backup "
            "of the ledger that belongs to the journal; or move the ledger away, and say in "
            "`start` where the outlet begins again"
        )


def start_of(outlet: AnyOutlet, journal: Journal) -> int:
    """The position after which a new outlet begins.

    Raises:
        FromTheFuture: the journal ends before it.
    """
    if outlet.start == "beginning":
        return 0
    end = journal.position()
    if outlet.start == "now":
        return end
    return check_there(outlet.start, end, f"{outlet.stored_as}.start", "the journal")


def _beginning(
    outlet: AnyOutlet, journal: Journal, now: Callable[[], int]
) -> tuple[Origin, Progress]:
    position = start_of(outlet, journal)
    origin = Origin(
        formats.LEDGER, outlet.stored_as, str(outlet.start), position, now(), formats.own_version()
    )
    time, branch = time_at(journal, position), journal.lineage().noted
    return origin, Progress(position, time, branch=branch)


def _in_memory(outlet: AnyOutlet, journal: Journal, now: Callable[[], int]) -> MemoryTables:
    if not isinstance(journal, MemoryJournal):
        msg = (
            "outlets need a folder for their ledgers, and this journal has none: pass ledgers=, "
            "the path of a folder"
        )
        raise WiringError(msg)
    tables = tables_beside(journal, outlet.stored_as)
    tables.hold()
    if tables.get(META, ORIGIN) is None:
        origin, progress = _beginning(outlet, journal, now)
        tables.write({META: {ORIGIN: origin.pack(), PROGRESS: progress.pack()}})
    return tables


def ledgers_folder(path: Path, told: Path | None) -> Path:
    """The folder of the ledgers of the domain at `path`: what the host said, or inside of it."""
    return path / OUTLETS if told is None else told
