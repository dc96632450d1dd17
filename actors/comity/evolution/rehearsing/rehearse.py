"""Decides the recorded commands of a journal again, and compares. `comity rehearse` shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import cast

from comity.actors.assembly.assembly import by_name
from comity.engine import Invalid, Journal, WiringError
from comity.engine.arguments import check_whole
from comity.engine.journal.opener import Place, opener_of
from comity.engine.merging.decider import AggregateType
from comity.engine.runtime.system import monotonic
from comity.evolution.rehearsing.progress import OnProgress, RehearsalProgress
from comity.evolution.rehearsing.rehearsal import Rehearsal
from comity.evolution.rehearsing.rehearser import Rehearser
from comity.evolution.rehearsing.wanted import Wanted

OFTEN = 500
"""The progress is told after so many records."""


def rehearse(
    journal: Place | Journal,
    deciders: Iterable[AggregateType],
    *,
    commands: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    under: str | None = None,
    limit: int = 5,
    from_events: bool = False,
    progress: OnProgress | None = None,
) -> Rehearsal:
    """Decide recorded commands again under today's rules, and tell what would come out differently.

    Each command stands alone: it is decided on the state and with the view that it had, at its
    time, whatever the commands before it would give today. Nothing is written; another process may
    write the journal meanwhile.

    Args:
        journal: the directory of the journal, its opener, or an open journal.
        deciders: today's rules. Commands to other types of aggregates are left out.
        commands: the names of the only command classes to rehearse; by default all.
        since: rehearse only commands from this time on.
        until: rehearse only commands before this time.
        under: rehearse only commands that were decided under this revision of the rules.
        limit: how many cases of each row of the table are kept.
        from_events: make a command that the journal does not have from the fields of its events, if
            these give all of its fields. Without this, such commands are only counted.
        progress: called now and then.

    Raises:
        Invalid: an argument is wrong, or the journal has no commands to aggregates of these types.
        WiringError: `deciders` is not a list of different deciders.
        NotAJournal, JournalDamaged, TooNew: there is no journal, or it cannot be read.

    Example:
        found = rehearse("team.db", [board])
        for case in found.cases:
            print(case.sentence())
        assert found.is_same
    """
    kinds = by_name(deciders)
    if not kinds:
        raise WiringError("deciders: expected the rules to rehearse, got an empty list")
    check_whole(limit, "limit")
    wanted = Wanted.of(kinds.values(), commands, since, until, under)

    def run(opened: Journal, name: str) -> Rehearsal:
        rehearser = Rehearser(opened, kinds, wanted, limit, from_events=from_events)
        seconds = _go_through(opened, rehearser, progress)
        if not rehearser.records:
            raise Invalid(_nothing(name, sorted(rehearser.tally.others), sorted(kinds)))
        return rehearser.tally.rehearsal(seconds)

    if callable(getattr(journal, "read_every", None)):
        return run(cast("Journal", journal), "the journal")
    opener = opener_of(cast("Place", journal))
    opened = opener.open(read_only=True)
    try:
        return run(opened, str(opener))
    finally:
        opened.close()


def _go_through(journal: Journal, rehearser: Rehearser, progress: OnProgress | None) -> float:
    """Take all records that the journal has now; returns the seconds that it took."""
    figures, began, done = journal.figures(), monotonic(), 0
    end = figures.records - figures.dropped
    for _, record in islice(journal.read_every(), end):
        rehearser.take(record)
        done += 1
        if progress is not None and not done % OFTEN:
            progress(RehearsalProgress(done, end, monotonic() - began))
    seconds = monotonic() - began
    if progress is not None:
        progress(RehearsalProgress(done, end, seconds))
    return seconds


def _nothing(name: str, found: Sequence[str], given: Sequence[str]) -> str:
    if not found:
        return f"{name}: the journal has no commands, so there is nothing to rehearse"
    return (
        f"{name}: the journal has no commands to aggregates of the types {', '.join(given)}; it "
        f"has some of {', '.join(found)}: pass their deciders"
    )
