"""Which recorded commands a rehearsal decides again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from comity.engine import Invalid
from comity.engine.messages.message import names_of
from comity.engine.messages.moment import microseconds_of

if TYPE_CHECKING:
    from comity.engine.history.note import Note
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider


class Wanted(NamedTuple):
    """The commands to decide again, by name, time and rules."""

    names: frozenset[str] | None
    """Their stored names; None: all."""
    since: int | None
    """From this time on: microseconds since 1970, UTC."""
    until: int | None
    """Before this time."""
    under: str | None = None
    """Decided under this revision of the rules; None: any."""

    @classmethod
    def of(
        cls,
        deciders: Iterable[AnyDecider],
        commands: Sequence[str],
        since: datetime | None,
        until: datetime | None,
        under: str | None = None,
    ) -> Wanted:
        """Check what a caller asks for.

        Raises:
            Invalid: a command is none of the deciders', a time has no zone, or the first time is
                not before the second.
        """
        start, end = _time(since, "since"), _time(until, "until")
        if start is not None and end is not None and start >= end:
            msg = f"since: expected a time before until ({until}), got {since}"
            raise Invalid(msg)
        return cls(_names(deciders, commands) if commands else None, start, end, under)

    def includes(self, record: Record, note: Note) -> bool:
        """Whether the command of this record is to be decided again."""
        names, since, until, under = self
        return (
            (names is None or note.command in names)
            and (since is None or record.time >= since)
            and (until is None or record.time < until)
            and (under is None or note.rules_revision == under)
        )


def _names(deciders: Iterable[AnyDecider], commands: Sequence[str]) -> frozenset[str]:
    """Return all names that notes may have of these commands, given by class or stored name."""
    kinds = [kind for decider in deciders for kind in decider.commands]
    known = [{kind.__name__, *names_of(kind)} for kind in kinds]
    unknown = sorted(set(commands).difference(*known))
    if unknown:
        classes = ", ".join(sorted({kind.__name__ for kind in kinds}))
        msg = f"commands: expected some of {classes}, got {', '.join(unknown)}"
        raise Invalid(msg)
    asked = [kind for kind, names in zip(kinds, known, strict=True) if names & set(commands)]
    return frozenset(name for kind in asked for name in names_of(kind))


def _time(time: datetime | None, what: str) -> int | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise Invalid(f"{what}: expected a time with a zone, such as UTC, got {time!r}")
    return microseconds_of(time)
