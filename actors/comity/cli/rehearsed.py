"""Shows a rehearsal: as a table and sentences for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.text import Text

from comity.cli.console import cell, show, show_columns, show_json
from comity.evolution import Rehearsal
from comity.evolution.rehearsing.answer import Answer
from comity.evolution.rehearsing.rehearsal import Reason

ADVICE = "open the domain with keep_commands=True, or pass --from-events"
"""What to do if commands were not kept."""


def tell_json(found: Rehearsal) -> None:
    """Print the rehearsal as one object. docs/cli.md documents the fields."""
    cases = [
        case._asdict()
        | {"aggregate": str(case.aggregate), "sentence": case.sentence()}
        | {"was": _answer(case.was), "now": _answer(case.now)}
        for case in found.cases
    ]
    show_json(
        {
            "rules": found.rules,
            "commands": found.commands,
            "rehearsed": found.rehearsed,
            "different": found.different,
            "problems": found.problems,
            "not_kept": found.not_kept,
            "from_events": found.from_events,
            "is_same": found.is_same,
            "seconds": found.seconds,
            "rows": [row._asdict() for row in found.rows],
            "cases": cases,
            "left_out": [one._asdict() for one in found.left_out],
            "others": found.others,
        }
    )


def _answer(answer: Answer) -> Mapping[str, object]:
    events = [{"event": one.stored_as, "fields": dict(one)} for one in answer.events]
    return answer._asdict() | {"events": events}


def tell(path: Path, found: Rehearsal) -> None:
    """Print the rehearsal for people."""
    rate = found.rehearsed / max(1e-3, found.seconds)
    many = f": {found.rehearsed:,} of {found.commands:,} commands decided again"
    speed = f" in {found.seconds:.1f} s, {rate:,.0f} a second"
    show(Text.assemble(cell(path, "bold"), many, (speed, "dim")))
    named = [f"{name} {revision}" for name, revision in found.rules.items() if revision]
    if named:
        show(f"today's rules: {', '.join(named)}")
    show(_verdict(found))
    if found.rows:
        show("")
        show_columns(_table(found), right=[4, 5, 6])
    if found.cases:
        show("", *(case.sentence() for case in found.cases))
    if found.left_out or found.others:
        show("", *_left_out(found))


def _verdict(found: Rehearsal) -> Text:
    if found.different:
        return cell(f"{found.different:,} would come out differently", "yellow")
    if not found.commands:
        return cell("the journal has no such commands", "yellow")
    if found.is_same:
        return cell("nothing would come out differently", "green")
    return cell("nothing that was decided again would come out differently", "yellow")


def _table(found: Rehearsal) -> Iterator[tuple[Text, ...]]:
    head = ("TYPE", "COMMAND", "WAS", "NOW", "SAME", "DIFFERENT", "PEOPLE", "")
    yield tuple(cell(word, "dim") for word in head)
    for row in found.rows:
        style = "yellow" if row.different else ""
        yield (
            cell(row.type),
            cell(row.command, "bold"),
            cell(row.was.value),
            cell(row.now.value, style),
            cell(_many(row.same)),
            cell(_many(row.different), style),
            cell(_many(row.people)),
            Text(),
        )


def _many(count: int) -> str:
    return f"{count:,}" if count else "–"


def _left_out(found: Rehearsal) -> Iterator[str | Text]:
    if found.left_out:
        yield cell("not decided again:", "bold")
    for one in found.left_out:
        yield f"  {one.commands:,} {one.type} {one.command}: {one.reason}; the first: {one.first}"
    if any(one.reason is Reason.NOT_KEPT for one in found.left_out):
        yield f"  to have them: {ADVICE}"
    for type_, count in found.others.items():
        yield f"{count:,} records are of the type {type_}, for which no decider was given"
