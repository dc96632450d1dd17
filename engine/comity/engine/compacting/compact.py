"""Plans and does the compaction of a journal: what `comity compact` does about it."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from comity.engine.arguments import check_path
from comity.engine.compacting.compact_copy import Shrunk
from comity.engine.compacting.progress import Show
from comity.engine.compacting.shrinking import shrink
from comity.engine.compacting.tidying import Tidied, tidied
from comity.engine.errors import JournalInUse
from comity.engine.journal.journal_folder import real_path
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.window import KEEP_FOR, KEEP_IDS, Window
from comity.engine.sharing.board import Board

SHRINK_FROM = 1 << 20
"""Bytes that must be free before the file is copied to give them back."""


class Compacted(NamedTuple):
    """What a compaction has done with a journal."""

    tidied: Tidied
    shrunk: Shrunk | None
    """The file's size before and after; None: it was not copied."""
    in_use: str
    """Why it was not copied: who has the journal open; empty if nobody has, or if it did not pay.
    """


def plan(
    path: str | PathLike[str],
    *,
    refusals: bool = False,
    window: Window | None = None,
    show: Show | None = None,
    stop: Callable[[], bool] | None = None,
) -> Tidied:
    """Count what `compact` would drop from a journal, whether it is open elsewhere or not.

    It only reads. The arguments are those of `compact`.
    """
    journal = LmdbJournal.open(real_path(check_path(path, "path")), read_only=True)
    try:
        return tidied(journal, refusals=refusals, window=window, show=show, stop=stop)
    finally:
        journal.close()


def compact(
    path: str | PathLike[str],
    *,
    refusals: bool = False,
    window: Window | None = None,
    show: Show | None = None,
    stop: Callable[[], bool] | None = None,
) -> Compacted:
    """Drop what is outside of the window from a journal, also beside processes that use it.

    If nobody has it open, its file is then copied compactly, and gives the room back to the file
    system. Else the room is free inside the file, for what is written next.

    Args:
        path: the journal's directory.
        refusals: whether to drop records without events, too: who was refused what, and when.
        window: what is still needed; give that of `LmdbJournal.open` if you give it there.
        show: is told of the progress.
        stop: asked again and again; True ends the work, and the next call goes on.

    Raises:
        Stopped: `stop` said so.
        JournalInUse: a program has the journal open for itself, or compacts it at the same time.
        StorageFailed, OutcomeUnknown, JournalDamaged, NotAJournal, TooNew: see `LmdbJournal`.
    """
    place, needed = real_path(check_path(path, "path")), window or Window.of(KEEP_IDS, KEEP_FOR)
    journal = LmdbJournal.open(place, keep_ids=needed.ids, keep_for=needed.keep_for)
    try:
        done = tidied(
            journal, refusals=refusals, window=needed, tidy=journal.tidy, show=show, stop=stop
        )
    finally:
        journal.close()
    if done.room.free < SHRINK_FROM:
        return Compacted(done, None, "")
    try:
        return Compacted(done, shrink(place, show, stop), "")
    except JournalInUse as error:
        return Compacted(done, None, _who(place, error))


def _who(place: Path, error: JournalInUse) -> str:
    """Say who has the journal open; `error` says it for those that only read."""
    others = ", ".join(map(str, Board.look(place)))
    return (
        f"it is open in {others}; run this again when it is closed there" if others else str(error)
    )
