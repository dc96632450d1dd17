"""Tidies a journal that may be open elsewhere: counts, or deletes, what is outside of its window.

The room becomes free inside data.mdb, where new commits use it. `shrinking` gives it back to the
file system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from comity.engine.compacting import pieces
from comity.engine.compacting.pieces import Step, Tidy, Work
from comity.engine.compacting.progress import Part, Progress, Show, Stopped
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.window import Window
from comity.engine.lmdb.environment import Room
from comity.engine.runtime.system import monotonic, pause

_SHOWN: Final = 0.2
"""Seconds between two calls that show the progress."""
_MOST_REST: Final = 0.05


class Tidied(NamedTuple):
    """What was dropped from a journal, or would be."""

    ids: Part
    """Command ids outside of the window, which are not found anyway."""
    snapshots: Part
    """The older of two snapshots of aggregates that nobody has changed since the window began."""
    refusals: Part | None
    """Records without events outside of the window; None: they were not to be dropped."""
    room: Room
    """The file, afterwards."""

    @property
    def bytes(self) -> int:
        """What all of it takes."""
        return self.ids.bytes + self.snapshots.bytes + (self.refusals or Part()).bytes


def tidied(
    journal: LmdbJournal,
    *,
    refusals: bool = False,
    window: Window | None = None,
    tidy: Tidy | None = None,
    show: Show | None = None,
    stop: Callable[[], bool] | None = None,
) -> Tidied:
    """Drop what is outside of the window, in short transactions with rests between them.

    Args:
        journal: the journal.
        refusals: whether to drop records without events, too. The history then lacks them.
        window: what is still needed; default: that of a domain.
        tidy: runs each piece that writes; None: only count.
        show: is told of the progress.
        stop: whether to stop; what is done so far stays done.

    Raises:
        Stopped: `stop` said so.
        JournalInUse: another program compacts the journal at the same time.
        StorageFailed, OutcomeUnknown, JournalDamaged: as `LmdbJournal.tidy`.
    """
    pace = _Pace(show, stop, rests=tidy is not None)
    work = Work(journal, window or Window.of(), tidy)
    return Tidied(
        ids=pace.run(pieces.ids(work)),
        snapshots=pace.run(pieces.snapshots(work)),
        refusals=pace.run(pieces.refusals(work)) if refusals else None,
        room=journal.room(),
    )


class _Pace:
    """Runs pieces; rests after each one for as long as it took, so that others get the lock."""

    def __init__(self, show: Show | None, stop: Callable[[], bool] | None, *, rests: bool) -> None:
        self._show, self._stop, self._rests = show, stop, rests
        self._shown = monotonic()

    def run(self, steps: Iterator[Step]) -> Part:
        done, began = Part(), monotonic()
        for progress, part in steps:
            done = done.plus(part)
            self._tell(progress)
            if self._stop is not None and self._stop():
                raise Stopped
            if self._rests:
                pause(min(_MOST_REST, monotonic() - began))
            began = monotonic()
        return done

    def _tell(self, progress: Progress) -> None:
        if self._show is not None and monotonic() - self._shown > _SHOWN:
            self._show(progress)
            self._shown = monotonic()
