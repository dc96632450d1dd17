"""Takes the lead of an outlet: the right to deliver through it, which one program has at a time."""

from __future__ import annotations

import logging
from pathlib import Path

from comity.actors.delivering.lmdb_tables import LOCK, LmdbTables
from comity.engine.errors import OutletInUse
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.engine.sharing.program import this_program

_log = logging.getLogger("comity")


def lead(place: Path, look: LeaseWatch) -> LmdbTables:
    """Open the tables of a ledger as the only program that delivers.

    If the program that has led hangs in the middle of a write, this waits until it goes on or ends.

    Args:
        place: the folder of the ledger.
        look: looks at its lease; the same at each try, since it takes some looks to see that a
            program hangs.

    Raises:
        OutletInUse: another program delivers, and does not hang; the text names it.
        LedgerDamaged, StorageFailed: the ledger cannot be opened.
    """
    above = 0
    while True:
        tables = LmdbTables(place, lease=_take(place, look, above))
        try:
            above = tables.lead()
        except BaseException:
            tables.close()
            raise
        if not above:
            return tables
        tables.close()  # the files of the lease are older than the ledger, or were lost


def _take(place: Path, look: LeaseWatch, above: int) -> Lease:
    if not look.free():
        if not look.hangs():
            raise OutletInUse(in_use(place, look.holder))
        _log.warning("%s is taken over from %s, which hangs", place, look.holder)
    lease = Lease.take(place / LOCK, this_program(), over=look, above=above)
    if lease is None:
        raise OutletInUse(in_use(place, look.holder or "another program"))
    return lease


def in_use(place: Path, holder: str) -> str:
    """Return the error text for an outlet through which another program delivers."""
    return f"{place.name} delivers in {holder}; this one takes over when that one ends or hangs"
