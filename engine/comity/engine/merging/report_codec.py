"""Merge reports as notes keep them: short, since they are written and synced with the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from comity.engine.merging.report import Change, MergeReport, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

Head: TypeAlias = tuple[Outcome, str, str, int | None]
"""Outcome, command, who and seen: what a note says anyway."""


def fold(report: MergeReport, head: Head) -> tuple[object, ...]:
    """The report as plain values; its head is left out where it is that of the note."""
    own = (report.outcome, report.command, report.who, report.seen)
    return (
        None if own == head else (own[0].value, *own[1:]),
        report.version,
        report.unseen,
        _columns(report.changes),
        report.rule,
        report.became,
        report.reason,
        _columns((report.decisive,)) if report.decisive else None,
    )


def unfold(folded: object, head: Head) -> MergeReport:
    """The report again. It comes from a disk, and is looked at closely.

    Raises:
        ValueError: it is none.
        TypeError: it is none.
    """
    if isinstance(folded, dict):  # as it was stored at first: what its JSON says
        return MergeReport.model_validate(folded, strict=False)
    own, version, unseen, changes, rule, became, reason, decisive = cast("_Row", folded)
    outcome, command, who, seen = head if own is None else cast("_Row", own)
    fields = {
        "outcome": outcome, "command": command, "who": who, "seen": seen, "version": version,
        "unseen": unseen, "changes": _rows(changes), "rule": rule, "became": became,
        "reason": reason, "decisive": _rows(decisive)[0] if decisive else None,
    }  # fmt: skip
    return MergeReport.model_validate(fields, strict=False)


_Row: TypeAlias = tuple[object, ...]


def _columns(changes: Sequence[Change]) -> _Row:
    """Their versions, events, names and paths; one that they all share is there once.

    Twenty clashes at one place take 140 bytes instead of 1,260.
    """
    if not changes:
        return ()
    rows = [change.__dict__ for change in changes]  # twenty changes in 2 µs; by attributes in 4
    return (
        [row["version"] for row in rows],
        _shared([row["event"] for row in rows]),
        _shared([row["who"] for row in rows]),
        _shared([row["path"] for row in rows]),
    )


def _shared(column: Sequence[str | None]) -> object:
    return column[0] if column.count(column[0]) == len(column) else column


def _rows(columns: object) -> list[dict[str, object]]:
    if not columns:
        return []
    versions, *shared = cast("tuple[_Row, ...]", columns)
    events, who, paths = (one if type(one) is tuple else (one,) * len(versions) for one in shared)
    return [
        {"version": version, "event": event, "who": name, "path": path}
        for version, event, name, path in zip(versions, events, who, paths, strict=True)
    ]
