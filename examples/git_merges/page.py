"""The page of the merges that git could not make, or made wrongly: who did what, and the results.

For people who know git. All that comes from the repository is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from examples.git_merges.domain import TakeId
from examples.git_merges.merges import shared_ids
from examples.git_merges.play import Answer, Played
from examples.git_merges.report import (
    count,
    differences,
    figures,
    name_of,
    names,
    near,
    people_later,
    phrase,
)

from comity.engine import Outcome
from comity.engine.text import printable
from comity.simulation.telling.bars import Bar, bars
from comity.simulation.telling.markup import Content, Html, element, joined, paragraph, table
from comity.simulation.telling.page import figure, page, section, terms
from comity.simulation.telling.page import figures as large_figures

LEAD: Final = (
    "Merges of one YAML file that hundreds of people edit on branches. Each merge is played on "
    "comity as two people who saw the same version: theirs is accepted first, then ours. If a "
    "change was not simply merged, its outcome stands behind it."
)
STOPPED: Final = (
    "Git compares lines. It stops if both sides have changed lines that are next to each other, "
    "also if these lines belong to different entries. comity compares what the changes mean: two "
    "fields, or two items of a list, never conflict."
)
SILENT: Final = (
    "Here git merged without a word, and the file was wrong afterwards: on both branches somebody "
    "had taken the next free language_id. No line was changed twice, so git saw nothing. comity "
    "has a rule for this: an id that is taken becomes the next free one."
)
MOST: Final = 6
"""The most commands that are shown for one side."""
MOST_DIFFERENCES: Final = 4

STYLE: Final = """
.merge { background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  margin: 18px 0 0; padding: 16px 20px 18px; }
.merge h3 { margin: 0 0 10px; display: flex; flex-wrap: wrap; gap: 2px 14px;
  align-items: baseline; }
.merge h3 span { color: var(--quiet); font-weight: 400; font-size: 0.9rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
  gap: 12px 28px; }
.sides h4 { margin: 0 0 4px; font-size: 0.875rem; color: var(--quiet); font-weight: 500; }
.sides ul { list-style: none; padding: 0; margin: 0; font-size: 0.9rem; }
.sides li { padding: 1px 0 1px 12px; border-left: 2px solid var(--of); overflow-wrap: anywhere; }
.sides em { color: var(--mark); font-style: normal; }
.merge dl { border-top: 1px solid var(--line); padding-top: 12px; }
.merge dd b { color: var(--ink); font-weight: 550; }
.same { color: var(--mark); }
.wide { margin-bottom: 14px; }
.wide td:last-child { white-space: nowrap; }
"""


def report(played: Sequence[Played]) -> str:
    """Return the page as HTML."""
    stopped = [one for one in played if one.merge.git_stopped]
    silent = [one for one in played if one.moved_ids]
    return page(
        "What git could not merge",
        _headline(played, silent),
        _silent(silent, played),
        _stopped(stopped),
        _years(played),
        lead=LEAD,
        style=STYLE,
    )


def _headline(played: Sequence[Played], silent: Sequence[Played]) -> Html:
    counts = figures(played)
    same = f"{counts['of_those_stopped']} of {counts['git_stopped']}"
    return large_figures(
        [
            (len(played), f"merges with {counts['commands']:,} changes"),
            (counts["git_stopped"], "times git stopped for a person"),
            (same, "of these end with comity as the people made them"),
            (len(silent), "merges in which two people took the same id"),
            (counts["refused"], "changes were refused by comity"),
        ]
    )


# --- merged in silence ----------------------------------------------------------------------------


def _silent(silent: Sequence[Played], played: Sequence[Played]) -> Html:
    cards = [_silent_card(one, played) for one in silent]
    title = f"Two people took the same id: {len(silent)}"
    return section(title, paragraph(SILENT), *cards) if cards else Html()


def _silent_card(one: Played, played: Sequence[Played]) -> Html:
    how = _git_stopped(one) if one.merge.git_stopped else "merged without a word"
    return _card(
        one,
        ([answer for answer in one.first if _takes_taken(answer, one)],
         [answer for answer in one.second if isinstance(answer.command, TakeId)]),
        [
            ("git", f"{how}: {_twice(one)}."),
            ("comity", _moved(one)),
            ("people", _repaired(one, played)),
        ],
    )  # fmt: skip


def _twice(one: Played) -> str:
    """Which ids two languages have after git's merge, or would have had."""
    shared = shared_ids(one.merge.people)
    if shared:
        some = [f"{number} is the id of {_both(names)}" for number, names in shared.items()]
        return f"afterwards {' and '.join(some)}"
    holders = {
        answer.command.number: answer.command.language
        for answer in one.first
        if isinstance(answer.command, TakeId)
    }
    wanted = [
        f"{moved.wanted} would be the id of {_both([holders[moved.wanted], moved.language])}"
        for moved in one.moved_ids
        if moved.wanted in holders
    ]
    return " and ".join(wanted) or "an id that ours took was taken already"


def _both(languages: Iterable[str]) -> str:
    return " and ".join(map(printable, languages))


def _takes_taken(answer: Answer, one: Played) -> bool:
    wanted = {moved.wanted for moved in one.moved_ids}
    return isinstance(answer.command, TakeId) and answer.command.number in wanted


def _moved(one: Played) -> Html:
    return joined(
        part
        for moved in one.moved_ids
        for part in (
            element("b", f"{printable(moved.language)} got {moved.got}"),
            f", since {moved.wanted} was taken. ",
        )
    )


def _repaired(one: Played, played: Sequence[Played]) -> str:
    said = [
        f"{printable(moved.language)} has {later}"
        for moved in one.moved_ids
        if (later := people_later(moved, one, played)) is not None
    ]
    when = "after a later repair by hand" if shared_ids(one.merge.people) else "in the merge commit"
    return f"{' and '.join(said)} {when}." if said else "nobody repaired it in what is recorded."


# --- stopped for a person -------------------------------------------------------------------------


def _stopped(stopped: Sequence[Played]) -> Html:
    if not stopped:
        return Html()
    title = f"Git stopped for a person: {len(stopped)}"
    return section(
        title,
        paragraph(STOPPED),
        _overview(stopped),
        *(_stopped_card(one) for one in stopped),
    )


def _overview(stopped: Sequence[Played]) -> Html:
    head = ["merge", "comity and people", "both sides changed", "theirs", "ours", "date"]
    rows: list[list[Content]] = [
        [
            element("a", one.merge.commit[:8], href=f"#{one.merge.commit[:8]}"),
            _verdict(one),
            _what_both_changed(one),
            len(one.first),
            len(one.second),
            f"{one.merge.time:%Y-%m-%d}",
        ]
        for one in stopped
    ]
    return table(head, rows, "The merges at which git stopped")


def _what_both_changed(one: Played) -> str:
    if not one.first or not one.second:
        return "the layout"
    return "the same entry" if _shared(one) else "neighbours"


def _verdict(one: Played) -> Html:
    if one.same_as_people:
        return element("span", "the same", class_="same")
    return Html("different")


def _shared(one: Played) -> set[str]:
    return names(one.first) & names(one.second)


def _stopped_card(one: Played) -> Html:
    return _card(
        one,
        near(one.first, one.second),
        [
            ("git", f"{_git_stopped(one)}: {_why(one)}."),
            ("comity", _outcomes(one)),
            ("people", _people(one)),
        ],
    )


def _git_stopped(one: Played) -> str:
    return f"stopped at {count(one.merge.git_stopped, 'place')}"


def _why(one: Played) -> str:
    shared = sorted(_shared(one), key=str.casefold)
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""  # noqa: PLR2004
        return f"both sides changed {', '.join(map(printable, shared[:3]))}{more}"
    if not one.first or not one.second:
        side = "ours" if one.first else "theirs"
        return f"{side} had changed only the layout of the file"
    theirs, ours = near(one.first, one.second)
    beside = [printable(name_of(some[0])) for some in (theirs, ours) if some]
    if len(beside) > 1:
        return f"the lines of {' and '.join(beside)} are next to each other"
    return "lines next to each other were changed"


def _outcomes(one: Played) -> Html:
    if not one.second:
        return Html("ours had nothing left to do.")
    counts = Counter(answer.outcome for answer in one.second)
    told = ", ".join(f"{number:,} {outcome.value}" for outcome, number in counts.items())
    refused = len(one.refused)
    asked = f"{count(refused, 'change')} refused" if refused else "nobody was asked"
    return joined((element("b", f"{asked}: {told}"), " (changes of ours)."))


def _people(one: Played) -> Content:
    if one.same_as_people:
        return element("span", "came to the same result, by hand.", class_="same")
    places = differences(one)
    told = [printable(place) for place in places[:MOST_DIFFERENCES]]
    more = len(places) - len(told)
    if more:
        told.append(f"and {more:,} more")
    return joined(("came to another result: ", "; ".join(told), "."))


# --- what both share ------------------------------------------------------------------------------


def _card(
    one: Played,
    shown: tuple[Sequence[Answer], Sequence[Answer]],
    said: Iterable[tuple[str, Content]],
) -> Html:
    merge = one.merge
    heading = element(
        "h3", element("code", merge.commit[:8]), element("span", f"{merge.time:%d %B %Y}")
    )
    sides = element(
        "div",
        _side("theirs", shown[0], len(one.first), "s3"),
        _side("ours", shown[1], len(one.second), "s2"),
        class_="sides",
    )
    return element("div", heading, sides, terms(said), class_="merge", id=merge.commit[:8])


def _side(name: str, shown: Sequence[Answer], total: int, colour: str) -> Html:
    lines = [element("li", *_line(answer)) for answer in shown[:MOST]]
    more = total - len(lines)
    if more:
        lines.append(element("li", f"and {more:,} more", class_="quiet"))
    title = element("h4", f"{name}: {count(total, 'change')}")
    return element("div", title, element("ul", *lines, class_=colour))


def _line(answer: Answer) -> Iterator[Content]:
    yield phrase(answer.command)
    if answer.outcome not in (Outcome.APPLIED, Outcome.MERGED):
        yield element("em", f" ({answer.outcome.value})")


def _years(played: Sequence[Played]) -> Html:
    by_year = Counter(one.merge.time.year for one in played)
    stopped = Counter(one.merge.time.year for one in played if one.merge.git_stopped)
    rows = [
        Bar(str(year), number, f"{count(number, 'merge')}, {stopped[year]} stopped")
        for year, number in sorted(by_year.items())
    ]
    if not rows:
        return section("No merges", paragraph("In no merge had both sides changed the file."))
    return section("Year by year", figure("Merges in which both sides had changed the file",
        bars(rows, "Merges by year", ("year", "merges"))))  # fmt: skip
