"""The results: tables for people, one JSON document for programs.

All data is escaped before it is printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from examples.git_merges.domain import (
    AddItem,
    AddLanguage,
    CopyIn,
    RegistryCommand,
    ReleaseId,
    RemoveItem,
    RemoveLanguage,
    SetField,
    TakeId,
    UnsetField,
)
from examples.git_merges.merges import ID_FIELD, Merge, shared_ids
from examples.git_merges.play import Answer, MovedId, Played
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from comity.engine import Outcome
from comity.engine.text import printable

MOST_LINES = 6
"""The most lines for one side of a merge."""

COLUMNS = (
    "merges",
    "commands",
    "git_stopped",
    "same_as_people",
    "of_those_stopped",
    "done_by_both",
    "ids_repaired",
    "refused",
)


@dataclass(frozen=True)
class Order:
    """Compares the merges with the results when ours is accepted first."""

    same: int
    by_rule: tuple[str, ...]
    """Merges that differ because a rule of the domain changed a command."""
    otherwise: tuple[str, ...]
    """Merges that differ for another reason; there should be none."""

    @classmethod
    def of(cls, theirs_first: Sequence[Played], ours_first: Sequence[Played]) -> Order:
        differ = [
            (one.merge.commit, any(answer.by_rule for answer in one.answers + other.answers))
            for one, other in zip(theirs_first, ours_first, strict=True)
            if one.result != other.result
        ]
        return cls(
            same=len(theirs_first) - len(differ),
            by_rule=tuple(commit for commit, by_rule in differ if by_rule),
            otherwise=tuple(commit for commit, by_rule in differ if not by_rule),
        )


# --- for people ---------------------------------------------------------------------------------


def show(console: Console, played: Sequence[Played], order: Order | None = None) -> None:
    if not played:
        console.print("no merge in which both sides had changed the file")
        return
    console.print(by_year(played))
    stopped = [one for one in played if one.merge.git_stopped]
    console.print(f"\n[bold]Git stopped for a person in {len(stopped)} merges[/bold]")
    for one in stopped:
        show_stopped(console, one)
    silent = [one for one in played if one.moved_ids]
    console.print(f"\n[bold]Two people took the same id in {len(silent)} merges[/bold]")
    for one in silent:
        show_moved_ids(console, one, played)
    refused = [(one.merge, answer) for one in played for answer in one.refused]
    console.print(f"\n[bold]Refused: {len(refused)} commands[/bold]")
    for merge, answer in refused[:20]:
        console.print(f"  {title(merge)} {escape(answer.report.sentence())}", soft_wrap=True)
    if order is not None:
        console.print(
            f"\n[bold]The other order[/bold]\n  {order.same} of {len(played)} merges have the same "
            f"result with ours first; {len(order.by_rule)} differ because a rule of the domain "
            f"changed a command, {len(order.otherwise)} for other reasons "
            + " ".join(commit[:8] for commit in order.otherwise)
        )


def by_year(played: Iterable[Played]) -> Table:
    years: dict[str, list[Played]] = {}
    for one in played:
        years.setdefault(str(one.merge.time.year), []).append(one)
    rows = {year: figures(some) for year, some in sorted(years.items())}
    rows["all"] = figures([one for some in years.values() for one in some])
    table = Table(
        title="merges in which both sides had changed the file", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("year")
    for name in COLUMNS:
        table.add_column(name.replace("_", " "), justify="right", min_width=longest_word(name))
    for year, row in rows.items():
        table.add_row(year, *(f"{row[name]:,}" for name in COLUMNS))
    return table


def longest_word(name: str) -> int:
    return max(map(len, name.split("_")))


def show_stopped(console: Console, one: Played) -> None:
    merge, (theirs, ours) = one.merge, near(one.first, one.second)
    console.print(f"\n{title(merge)} git stopped at {count(merge.git_stopped, 'place')}")
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 2))
    table.add_column(f"theirs, {count(len(one.first), 'command')}", style="dim")
    table.add_column(f"ours, {count(len(one.second), 'command')}")
    for left, right in zip_longest(
        lines(theirs, len(one.first)), lines(ours, len(one.second)), fillvalue=""
    ):
        table.add_row(left, right)
    console.print(table)
    outcomes = Counter(answer.outcome.value for answer in one.second)
    told = (
        ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items()) or "nothing to do"
    )
    console.print(f"  ours: {told}; {verdict(one)}", soft_wrap=True)


def lines(answers: Sequence[Answer], total: int) -> list[str]:
    shown = [f"{escape(phrase(one.command))}{remark(one)}" for one in answers[:MOST_LINES]]
    more = total - len(shown)
    return [*shown, f"and {more:,} more"] if more else shown


def remark(answer: Answer) -> str:
    if answer.outcome is Outcome.APPLIED or answer.outcome is Outcome.MERGED:
        return ""
    return f" [yellow]({answer.outcome.value})[/yellow]"


def verdict(one: Played) -> str:
    if one.same_as_people:
        return "[green]the same as the people's merge[/green]"
    places = differences(one)
    told = "; ".join(escape(printable(place)) for place in places[:2])
    more = f"; and {len(places) - 2} more" if len(places) > 2 else ""  # noqa: PLR2004
    return f"[red]different from the people's merge[/red]: {told}{more}"


def show_moved_ids(console: Console, one: Played, played: Sequence[Played]) -> None:
    stopped = "git stopped" if one.merge.git_stopped else "git merged silently"
    console.print(f"\n{title(one.merge)} {stopped}")
    for number, names in shared_ids(one.merge.people).items():
        console.print(f"  the people left {number} to {escape(printable(' and '.join(names)))}")
    for moved in one.moved_ids:
        name = escape(printable(moved.language))
        later = people_later(moved, one, played)
        told = f"; the people gave it {printable(later)}" if later else ""
        console.print(f"  {name}: {moved.wanted} was taken, comity gave it {moved.got}{told}")
        console.print(f"  [dim]{escape(moved.answer.report.sentence())}[/dim]", soft_wrap=True)


def title(merge: Merge) -> str:
    return f"[bold]{printable(merge.commit[:8])}[/bold] {merge.time:%Y-%m-%d}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def phrase(command: RegistryCommand) -> str:
    match command:
        case AddLanguage(language=name):
            said = f"{name}: new"
        case RemoveLanguage(language=name):
            said = f"{name}: removed"
        case SetField(language=name, field=field, value=value):
            said = f"{name}: {field} = {value}"
        case UnsetField(language=name, field=field):
            said = f"{name}: no {field}"
        case AddItem(language=name, field=field, item=item):
            said = f"{name}: {field} + {item}"
        case RemoveItem(language=name, field=field, item=item):
            said = f"{name}: {field} - {item}"
        case TakeId(language=name, number=number):
            said = f"{name}: id {number}"
        case ReleaseId(language=name):
            said = f"{name}: no id"
        case CopyIn(entries=entries):
            said = f"{len(entries)} entries"
    said = printable(said)
    return said if len(said) <= 60 else f"{said[:59]}…"  # noqa: PLR2004 - half a line


# --- what matters -------------------------------------------------------------------------------


def near(theirs: Sequence[Answer], ours: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """The commands on entries that both sides touch; if there are none, on the nearest by name."""
    left, right = names(theirs), names(ours)
    shared = left & right
    if not shared and left and right:
        order = sorted(left | right, key=str.casefold)
        shared = next({one, two} for one, two in pairwise(order) if (one in left) != (two in left))
    return (
        [answer for answer in theirs if name_of(answer) in shared],
        sorted(
            (answer for answer in ours if name_of(answer) in shared),
            key=lambda answer: answer.outcome is Outcome.MERGED,  # merged ones last
        ),
    )


def names(answers: Iterable[Answer]) -> set[str]:
    return {name_of(answer) for answer in answers}


def name_of(answer: Answer) -> str:
    return "" if isinstance(answer.command, CopyIn) else answer.command.language


def differences(one: Played) -> list[str]:
    """The differences between comity's result and the people's, in words."""
    mine, people = one.result, one.merge.people
    told: list[str] = []
    for name in sorted(mine.keys() | people.keys()):
        if name not in mine or name not in people:
            told.append(f"only {'the people' if name in people else 'comity'} kept {name}")
            continue
        told += [
            f"{name} {field}: {difference(people[name].get(field), mine[name].get(field))}"
            for field in sorted(mine[name].keys() | people[name].keys())
            if mine[name].get(field) != people[name].get(field)
        ]
    return told


def difference(people: str | Sequence[str] | None, mine: str | Sequence[str] | None) -> str:
    """How two values of a field differ: of lists only the items that one of them has."""
    if isinstance(people, str) or isinstance(mine, str):
        return f"people {people or 'nothing'}, comity {mine or 'nothing'}"
    theirs, ours = set(people or ()), set(mine or ())
    told = {"only the people have": theirs - ours, "only comity has": ours - theirs}
    return " and ".join(f"{who} {', '.join(sorted(some))}" for who, some in told.items() if some)


def people_later(moved: MovedId, one: Played, played: Sequence[Played]) -> str | None:
    """The id that the people gave the language, in this merge or a later one."""
    for later in played[played.index(one) :]:
        number = later.merge.people.get(moved.language, {}).get(ID_FIELD)
        if isinstance(number, str) and number != str(moved.wanted):
            return number
    return None


# --- for machines -------------------------------------------------------------------------------


def figures(played: Sequence[Played]) -> dict[str, int]:
    return {
        "merges": len(played),
        "commands": sum(len(one.answers) for one in played),
        "git_stopped": sum(one.merge.git_stopped > 0 for one in played),
        "same_as_people": sum(one.same_as_people for one in played),
        "of_those_stopped": sum(one.same_as_people for one in played if one.merge.git_stopped),
        "done_by_both": sum(
            answer.outcome is Outcome.UNCHANGED and answer.report.rule is None
            for one in played
            for answer in one.second
        ),
        "by_rule": sum(answer.by_rule for one in played for answer in one.answers),
        "ids_repaired": sum(len(one.moved_ids) for one in played),
        "refused": sum(len(one.refused) for one in played),
        "shared_ids_by_people": sum(bool(shared_ids(one.merge.people)) for one in played),
        "shared_ids_by_comity": sum(bool(shared_ids(one.result)) for one in played),
    }


def as_json(played: Sequence[Played], order: Order | None = None) -> dict[str, object]:
    return {
        "totals": figures(played),
        "order": None
        if order is None
        else {
            "same": order.same,
            "differ_by_rule": order.by_rule,
            "differ_otherwise": order.otherwise,
        },
        "merges": [
            {
                "commit": one.merge.commit,
                "time": one.merge.time.isoformat(),
                "git_stopped": one.merge.git_stopped,
                "theirs": len(one.merge.theirs),
                "ours": len(one.merge.ours),
                "outcomes": Counter(answer.outcome.value for answer in one.answers),
                "same_as_people": one.same_as_people,
                "differences": differences(one),
                "moved_ids": [
                    {
                        "language": moved.language,
                        "wanted": moved.wanted,
                        "got": moved.got,
                        "people_later": people_later(moved, one, played),
                    }
                    for moved in one.moved_ids
                ],
                "told": [
                    answer.report.model_dump(mode="json")
                    for answer in one.answers
                    if answer.by_rule or answer.outcome.refused
                ],
            }
            for one in played
        ],
    }
