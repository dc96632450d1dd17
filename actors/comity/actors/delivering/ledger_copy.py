"""Copies an outlet's ledger for a copy of its journal, in which events have other positions.

A migration uses it: without it an outlet of the copy would deliver everything again, or not know
what waits.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from comity.actors.delivering.lane import Lane
from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.lmdb_tables import LmdbTables, make_ledger
from comity.actors.delivering.opening import ledgers_folder
from comity.actors.delivering.outlet_ledger import outlets_in
from comity.actors.delivering.record_pages import RecordPages
from comity.actors.delivering.rejoining import check_branch
from comity.engine.errors import OutletInUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comity.actors.delivering.forms import Origin, Progress
    from comity.engine.journal.journal import Journal


class Places:
    """Where the events of a journal are in its copy.

    Args:
        original: the journal.
        copy: the copy.
        position: gives the copy's position after a position of the original.
    """

    def __init__(self, original: Journal, copy: Journal, position: Callable[[int], int]) -> None:
        self.position = position
        self.original, self.copy = original, copy
        self._pages = RecordPages(original), RecordPages(copy)

    def all(self, old: int) -> Sequence[int]:
        """The positions of what the copy has instead of an event; none if it was left out."""
        return range(self.position(old - 1) + 1, self.position(old) + 1)

    def events(self, old: int) -> Sequence[int]:
        """The same, without other events that were put beside it."""
        new = self.all(old)
        if len(new) == 1:
            return new
        before, after = self._pages
        name = _name(before, old)
        return [one for one in new if _name(after, one) == name] or new

    def time(self, new: int) -> int:
        """When an event of the copy was decided; 0 before the first one."""
        record = self._pages[1].at(new) if new else None
        return record.time if record else 0


def copy_ledgers(source: Path, target: Path, places: Places) -> Sequence[str]:
    """Copy the ledgers beside a journal, and return the names of their outlets.

    What was copied by an earlier run is written again.

    Args:
        source: the original's directory.
        target: the copy's directory.
        places: where events are in the copy.

    Raises:
        OutletInUse: a program delivers through one of the outlets.
        OutletAhead: an outlet has delivered what the journal lacks since a restore.
        LedgerDamaged, OutletError, StorageFailed, OutcomeUnknown: a ledger cannot be copied.
    """
    names = outlets_in(source)
    for name in names:
        place = ledgers_folder(target, None) / name
        try:
            tables = LmdbTables(ledgers_folder(source, None) / name)
        except OutletInUse as error:
            msg = f"{error}; end it, and run the same command again, which goes on"
            raise OutletInUse(msg) from None
        with closing(tables):
            ledger = Ledger(tables)
            check_branch(ledger, places.original.lineage())
            _copy(ledger, place, places)
    return names


def _copy(source: Ledger, place: Path, places: Places) -> None:
    make_ledger(place, partial(_beginning, source, places))
    with closing(LmdbTables(place)) as tables:
        target = Ledger(tables)
        _clear(target)
        for lane in source.lanes():
            _add(target, source, lane, places)
            if target.is_full:
                target.write(target.progress)
        now, (_, progress) = target.progress, _beginning(source, places)
        target.write(
            progress._replace(
                waiting=now.waiting, waiting_keys=now.waiting_keys, parked=now.parked,
                parked_keys=now.parked_keys,
            )
        )  # fmt: skip


def _beginning(source: Ledger, places: Places) -> tuple[Origin, Progress]:
    progress, origin = source.progress, source.origin
    settled = places.position(progress.position)
    return origin._replace(start=places.position(origin.start)), progress._replace(
        position=settled,
        microseconds=places.time(settled),
        branch=places.copy.lineage().noted, again=0,
        ahead=tuple([new for old in progress.ahead for new in places.all(old)]),
        waiting=0, waiting_keys=0, parked=0, parked_keys=0,
    )  # fmt: skip


def _clear(ledger: Ledger) -> None:
    """Remove what an interrupted run has written."""
    for lane in ledger.lanes():
        while lane.size:
            ledger.give_up(lane)
            ledger.write(ledger.progress)


def _add(target: Ledger, source: Ledger, lane: Lane, places: Places) -> None:
    copy = Lane(lane.digest, lane.key)
    for name in ("state", "tries", "attempts", "due", "since", "error"):
        setattr(copy, name, getattr(lane, name))
    first = lane.first
    while events := source.events(lane, first):
        for old, microseconds in events:
            for new in places.events(old):
                target.add(copy, new, microseconds)
        first = events[-1][0] + 1


def _name(pages: RecordPages, position: int) -> str:
    record = pages.at(position)
    return "" if record is None else record.events[position - record.position - 1].name
