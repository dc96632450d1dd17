"""Packs merge reports for notes: short, since they are written and synced with the events.

A packed report may grow at its end, as notes do. A report that begins with a number has a form
that only a newer comity reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from comity.engine.formats import too_new
from comity.engine.merging.report import Change, MergeReport, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Outcomes(dict[object, Outcome]):
    """Outcomes by their stored names."""

    def __missing__(self, name: object) -> Outcome:
        """Raise the error for an unknown outcome.

        Raises:
            TooNew: the name is text, so a newer comity may know it.
            ValueError: the name is not text.
        """
        if isinstance(name, str):
            raise too_new(f"a command's outcome is {name:.40}", ", ".join(Outcome))
        msg = f"{name!r:.40} is no outcome"
        raise ValueError(msg)


OUTCOMES: Mapping[object, Outcome] = _Outcomes((outcome.value, outcome) for outcome in Outcome)

Head: TypeAlias = tuple[Outcome, str, str, int | None]
"""The outcome, command, who and seen of a report; the note has these fields as well."""

_Row: TypeAlias = tuple[object, ...]


def fold(report: MergeReport, head: Head) -> tuple[object, ...]:
    """Turn a report into plain values, without its head if that equals the note's `head`."""
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


def unfold(folded: object, head: Head, rules_revision: str = "") -> MergeReport:
    """Make a report from its plain values, and validate them, since they come from a disk.

    Args:
        folded: the plain values.
        head: the fields that the note has as well.
        rules_revision: the same, of the rules.

    Raises:
        TooNew: the report has a form or an outcome that only a newer comity knows.
        ValueError: the values are not a report.
        TypeError: the values are not a report.
    """
    if isinstance(folded, dict):  # the oldest form: the fields of its JSON
        return MergeReport.model_validate(folded, strict=False)
    own, version, unseen, changes, rule, became, reason, decisive, *_ = _numberless(folded)
    ended, command, who, seen, *_ = head if own is None else cast("_Row", own)
    fields = {
        "outcome": OUTCOMES[ended], "command": command, "who": who, "seen": seen,
        "version": version, "unseen": unseen, "changes": _rows(changes), "rule": rule,
        "became": became, "reason": reason, "decisive": _rows(decisive)[0] if decisive else None,
        "rules_revision": rules_revision,
    }  # fmt: skip
    return MergeReport.model_validate(fields, strict=False)


def _numberless(folded: object) -> _Row:
    row = cast("_Row", folded)
    if type(row[0]) is int:
        raise too_new(f"a merge report has form {row[0]}", "reports without a number")
    return row


def _columns(changes: Sequence[Change]) -> _Row:
    """Turn changes into columns: versions, events, names, paths. A shared value is stored once.

    Twenty clashes at one path take 140 bytes instead of 1,260.
    """
    if not changes:
        return ()
    versions: list[int] = []
    events: list[str] = []
    who: list[str] = []
    paths: list[str | None] = []
    for change in changes:  # one loop: twenty changes in 2.4 µs; a list at a time in 3.2
        row = change.__dict__
        versions.append(row["version"])
        events.append(row["event"])
        who.append(row["who"])
        paths.append(row["path"])
    return versions, _shared(events), _shared(who), _shared(paths)


def _shared(column: Sequence[str | None]) -> object:
    return column[0] if column.count(column[0]) == len(column) else column


def _rows(columns: object) -> list[dict[str, object]]:
    if not columns:
        return []
    versions, *shared = cast("tuple[_Row, ...]", columns)
    events, who, paths, *_ = (
        one if type(one) is tuple else (one,) * len(versions) for one in shared
    )
    return [
        {"version": version, "event": event, "who": name, "path": path}
        for version, event, name, path in zip(versions, events, who, paths, strict=True)
    ]
