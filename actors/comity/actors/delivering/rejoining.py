"""How an outlet goes on in a journal that was restored from a backup.

What it has delivered after the end of the backup, its receivers know and the journal does not. The
same positions may be other events by now. So the ledger has the branch of the journal beside its
position, and a person decides what happens.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.errors import OutletAhead, OutletError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comity.actors.delivering.forms import Progress
    from comity.actors.delivering.ledger import Ledger
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.lineage import Lineage

_log = logging.getLogger("comity")


class Rejoined(NamedTuple):
    """Where an outlet goes on after its journal was restored."""

    position: int
    """It delivers the events after this position."""
    dropped: int
    """How many events that waited or were parked are dropped, because the journal lacks them."""
    skipped: int = 0
    """How many events that the journal has are not delivered, at most."""


def check_branch(ledger: Ledger, lineage: Lineage) -> None:
    """Check that the ledger knows no event that a restored journal lacks.

    Raises:
        OutletAhead: it does; the text says how many, and what to do.
    """
    progress, name = ledger.progress, ledger.origin.outlet
    if progress.branch == lineage.noted:
        return
    reach = _reach(ledger, lineage)
    why = lineage.why_lost(progress.branch, reach)
    if not why:
        return
    what = (
        "Restore the backup of the ledger that belongs to the journal; or move it away, and say in "
        "`start` where the outlet begins again"
    )
    if lineage.since(progress.branch):
        what = (
            "Its receivers know them. Let it deliver what is new here: `comity outlets PATH "
            f"--rejoin {name}`; or nothing that is here by now: --skip {name}"
        )
    raise OutletAhead(f"{name} has delivered up to position {reach:,}: {why}. {what}")


def why_again(ledger: Ledger, lineage: Lineage) -> str:
    """Say what may be delivered twice, since the journal was restored; empty if nothing may be."""
    progress, name = ledger.progress, ledger.origin.outlet
    again = _again(progress, lineage)
    if not again:
        return ""
    return (
        f"its journal was restored from a backup. If the ledger was restored, too, up to {again:,} "
        "deliveries were made before; they are made again, with the same ids. To skip them, run "
        f"`comity outlets PATH --skip {name}` before a program delivers"
    )


def follow_on(ledger: Ledger, lineage: Lineage) -> None:
    """Note the newest branch in a ledger that fits; if events may come twice, say so."""
    progress = ledger.progress
    if progress.branch == lineage.noted:
        return
    again = _again(progress, lineage)
    ledger.write(progress._replace(branch=lineage.noted, again=again))
    if again:
        _log.warning(
            "%s goes on after position %d, and its journal was restored from a backup: if the "
            "ledger was restored, too, up to %d deliveries were made before; they are made again, "
            "with the same ids", ledger.origin.outlet, progress.position, again,
        )  # fmt: skip


def rejoin(ledger: Ledger, journal: Journal) -> Rejoined:
    """Let the outlet deliver what the journal has after the end of the backup, and forget the rest.

    Raises:
        OutletError: the journal was not restored since; or it is another journal.
    """
    end, dropped = _cut_off(ledger, journal.lineage())
    position = min(end, ledger.progress.position)
    _go_on(ledger, journal, position, [one for one in ledger.progress.ahead if one <= end])
    return Rejoined(position, dropped)


def skip_to_end(ledger: Ledger, journal: Journal) -> Rejoined:
    """Let the outlet deliver nothing that the journal has by now, except what waits or is parked.

    Raises:
        OutletError: as `rejoin`.
    """
    end, dropped = _cut_off(ledger, journal.lineage())
    before, position = min(end, ledger.progress.position), journal.position()
    _go_on(ledger, journal, position)
    return Rejoined(position, dropped, position - before)


def time_at(journal: Journal, position: int) -> int:
    """The time of the record that has the event at a position; 0 before the first one."""
    record = next(iter(next(journal.follow(position - 1))), None) if position else None
    return record.time if record else 0


def _again(progress: Progress, lineage: Lineage) -> int:
    """How many deliveries may repeat earlier ones, if the ledger is as old as the backup."""
    ends = [each.position for each in lineage.since(progress.branch) or ()]
    return min(ends) - progress.position + progress.waiting if ends else 0


def _reach(ledger: Ledger, lineage: Lineage) -> int:
    """The last position that the ledger knows; if it is cut off already, any of those."""
    progress = ledger.progress
    reach = max(progress.position, *progress.ahead, 0)
    if lineage.lost(progress.branch, reach) == 0:
        reach = max([reach, *(lane.last for lane in ledger.lanes())])
    return reach


def _cut_off(ledger: Ledger, lineage: Lineage) -> tuple[int, int]:
    """Drop what the journal lacks; returns the end of the backup, and how many waited or parked.

    If it is interrupted, it is simply done again: the branch is noted after it.
    """
    progress, name = ledger.progress, ledger.origin.outlet
    if progress.branch == lineage.noted:
        raise OutletError(f"{name} knows this journal as it is: nothing was restored since")
    restores = lineage.since(progress.branch)
    if not restores:
        raise OutletError(
            f"the ledger of {name} belongs to another journal, or to another restored copy of this "
            "one: move it away, and say in `start` where the outlet begins"
        )
    end, dropped = min(each.position for each in restores), 0
    for lane in ledger.lanes():
        if lane.last <= end:
            continue
        lane.last = end  # else a new event at one of these positions would count as there already
        ledger.change(lane)
        while lane.size and (lost := ledger.events(lane, end + 1)):
            for position, _ in lost:
                ledger.remove(lane, position)
            dropped += len(lost)
            if ledger.is_full:
                ledger.write(ledger.progress)
    return end, dropped


def _go_on(ledger: Ledger, journal: Journal, position: int, ahead: Sequence[int] = ()) -> None:
    """Write down where the outlet goes on."""
    time, branch = time_at(journal, position), journal.lineage().noted
    ledger.write(
        ledger.progress._replace(
            position=position, microseconds=time, ahead=tuple(ahead), branch=branch, again=0
        )
    )
