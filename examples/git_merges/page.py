"""The page of the merges that git could not make, or made wrongly: who did what, and the results.

For people who know git. All that comes from the repository is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from examples.git_merges.cards import shared_entries, silent_card, stopped_card
from examples.git_merges.play import Played
from examples.git_merges.report import (
    count,
    figures,
)

from comity.simulation.telling.bars import Bar, bars
from comity.simulation.telling.markup import Content, Html, element, paragraph, table
from comity.simulation.telling.page import figure, page, section
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


def _silent(silent: Sequence[Played], played: Sequence[Played]) -> Html:
    cards = [silent_card(one, played) for one in silent]
    title = f"Two people took the same id: {len(silent)}"
    return section(title, paragraph(SILENT), *cards) if cards else Html()


def _stopped(stopped: Sequence[Played]) -> Html:
    if not stopped:
        return Html()
    title = f"Git stopped for a person: {len(stopped)}"
    return section(
        title,
        paragraph(STOPPED),
        _overview(stopped),
        *(stopped_card(one) for one in stopped),
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
    return "the same entry" if shared_entries(one) else "neighbours"


def _verdict(one: Played) -> Html:
    if one.same_as_people:
        return element("span", "the same", class_="same")
    return Html("different")


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
