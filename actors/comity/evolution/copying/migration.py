"""`migrate`: writes a journal anew through a function, while its domain goes on or not.

One pass through the original writes the copy, a second one verifies it. The copy is marked as
unfinished until both are at the original's end. An interrupted copy is resumed by the first pass:
it starts at the beginning, and writes from where the copy ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from os import PathLike
from typing import cast

from comity.actors.assembly.assembly import by_name
from comity.actors.delivering.ledger_copy import Places, copy_ledgers
from comity.engine import WiringError
from comity.engine.journal.unfinished import finish
from comity.engine.merging.decider import AggregateType, AnyDecider
from comity.engine.processes.naming import processes_by_name
from comity.engine.processes.process import ProcessType
from comity.engine.runtime.system import monotonic
from comity.evolution.copying.answers import Rewrite, RewriteClass
from comity.evolution.copying.copying import Copying
from comity.evolution.copying.migrated import Migrated, ShowProgress
from comity.evolution.copying.pace import Stopped
from comity.evolution.copying.places import OriginalLock, opened_copy, opened_original, places
from comity.evolution.copying.rewriting import Rewriting


def migrate(
    old: str | PathLike[str],
    new: str | PathLike[str],
    function: Rewrite | RewriteClass,
    *,
    deciders: Iterable[AggregateType] = (),
    processes: Iterable[ProcessType] = (),
    follow: bool = False,
    progress: ShowProgress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Migrated:
    """Write the journal `old` anew into `new`, through a function; `old` is not changed.

    The function is given each record, in order, and returns the records that the copy has instead.
    The copy keeps times, senders, sessions, command ids, metadata and order. Versions are counted
    anew for each aggregate, and records that name versions name the new ones. So do the steps of
    processes, and they name the positions of the copy. Snapshots and read models are not copied:
    the domain makes them again. The ledgers of outlets inside `old` are: nothing is delivered
    again, and what waits or is parked still does so.

    If it is interrupted in any way, call it again with the same arguments: it goes on. Until it is
    complete, no domain can open the copy.

    Args:
        old: the original's directory.
        new: the copy's directory; it must not exist, or be an unfinished copy.
        function: returns the records that the copy has instead of a record; or a class of such
            functions, if they remember earlier records. It must give the same each time.
        deciders: today's deciders, to fold every aggregate of the copy.
        processes: today's processes, to fold every instance of the copy.
        follow: the original's domain may be open: keep up until it is closed. Otherwise it must be
            closed.
        progress: is called a few times a second.
        stop: is asked between records whether to stop; then the result is not complete.

    Raises:
        WiringError: the paths are the same, or one is inside the other; or an argument is wrong.
        NotAJournal: `old` is no journal, or `new` is something else than an unfinished copy.
        CopyFailed: the function's answer cannot be stored, or the copy is not as it should be.
        OutletInUse: a program delivers through an outlet when the copy is complete.
        JournalInUse: a domain has `old` open, and `follow` is not set; or somebody has `new` open.
        TooNew, JournalDamaged: `old` cannot be read.
        StorageFailed, OutcomeUnknown: the disk is full, or failed; call it again.
    """
    began = monotonic()
    if not callable(function):
        msg = f"expected a function that takes a JournalRecord, got {function!r:.100}"
        raise WiringError(msg)
    named = dict(by_name(deciders))
    for name, process in processes_by_name(processes, named).items():
        named[name] = cast("AnyDecider", process.decider)
    source, target = places(old, new)
    with opened_original(source) as original, OriginalLock(source) as lock:
        passes = Rewriting(original, function), Rewriting(original, function)
        if not follow:
            lock.take()
        with opened_copy(target) as copy:
            work = Copying(original, copy, passes, named, progress, stop)
            try:
                if follow:
                    work.follow(lock.try_to_take)
                work.complete()
            except Stopped:
                return replace(work.result(complete=False), seconds=monotonic() - began)
            copy_ledgers(source, target, Places(original, copy, work.position))
            finish(target)
            result = work.result(complete=True)
        ended = monotonic()
    return replace(result, seconds=ended - began, break_seconds=ended - lock.taken_at)
