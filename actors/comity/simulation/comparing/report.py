"""The page of a comparison: what each policy lost, whom it asked again, how long everybody took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from comity.simulation.comparing.compare import Comparison
from comity.simulation.comparing.cost import Cost
from comity.simulation.records.run import Run
from comity.simulation.telling import counting, pictures
from comity.simulation.telling.axis import span
from comity.simulation.telling.bars import Bar, bars
from comity.simulation.telling.counting import Meeting, meetings
from comity.simulation.telling.heat_map import Heat, heat_map
from comity.simulation.telling.markup import Content, Html, Seconds, element, paragraph, table
from comity.simulation.telling.page import figure, page, panels, section, terms
from comity.simulation.telling.pictures import NOTHING, Line
from comity.simulation.telling.report import WORDS, ended_early, footer, people, run_report, trouble
from comity.simulation.telling.wish import wishes

MOST_PAIRS: Final = 12
"""The picture has so many pairs of a command and an event; the table below it has all."""


def report(played: Run | Comparison, repeat: str = "", smallest: Run | None = None) -> str:
    """Return a run or a comparison as one HTML page that needs nothing else.

    Args:
        played: what to show.
        repeat: a command that plays it again, shown if it failed.
        smallest: the same run shrunk (`play(..., shrink=True)`), to tell its story.

    Example:
        Path("report.html").write_text(report(compare(team)), encoding="utf-8")
    """
    if isinstance(played, Run):
        return run_report(played, repeat, smallest)
    return _comparison_report(played, repeat)


def _comparison_report(comparison: Comparison, repeat: str) -> str:
    runs = comparison.runs
    return page(
        f"{runs[0].scenario} under {len(runs)} sets of rules",
        *(trouble(run, repeat, run.policy) for run in runs),
        _bars(comparison.costs),
        _when(runs),
        _pairs(runs),
        section("All figures", figure("By set of rules", _costs_table(comparison.costs))),
        section("Words", terms(WORDS.items())),
        *(footer(run, f"{run.policy}: ") for run in runs),
        lead=f"{_lead(comparison)} {ended_early(runs)}".rstrip(),
    )


def _lead(comparison: Comparison) -> str:
    first = comparison.runs[0]
    end = " It was interrupted: this is about what ran." if comparison.interrupted else ""
    time = span(max(map(counting.busy, comparison.runs)))
    return (
        f"The same {people(first)} work for {time}, with the same seed ({first.seed}), "
        f"under each set of rules: {', '.join(run.policy for run in comparison.runs)}.{end}"
    )


def _bars(costs: Sequence[Cost]) -> Html:
    return panels(
        _cost_bars(
            "Lost without asking",
            "Commands that replaced an unseen change of somebody else, or that a rule dropped.",
            [(one.lost, f"{one.lost:,}") for one in costs],
            costs,
        ),
        _cost_bars(
            "Asked again",
            "How often somebody was refused, and had to look and decide again.",
            [(one.asked, f"{one.asked:,}") for one in costs],
            costs,
        ),
        _cost_bars(
            "Given up",
            "Wishes that were refused and not tried again.",
            [(one.given_up, f"{one.given_up:,}") for one in costs],
            costs,
        ),
        _cost_bars(
            "Time for nearly all",
            "From choosing to done, repeats included: 95\u00a0% took no longer.",
            [(one.most or 0.0, "none" if one.most is None else span(one.most)) for one in costs],
            costs,
        ),
    )


def _cost_bars(
    title: str, text: str, values: Sequence[tuple[float, str]], costs: Sequence[Cost]
) -> Html:
    rows = [
        Bar(one.policy, value, said, number)
        for number, (one, (value, said)) in enumerate(zip(costs, values, strict=True))
    ]
    return figure(title, bars(rows, title, ("rules", title)), text=text)


def _when(runs: Sequence[Run]) -> Html:
    lines = [Line(run.policy, run, counting.refused) for run in runs]
    waits = [
        (run.policy, [one.took for one in wishes(run.attempts) if one.took is not None])
        for run in runs
    ]
    return section(
        "When it happened",
        panels(
            pictures.over_time(lines, "Conflicts over time", "How often somebody was asked again."),
            pictures.by_age(
                lines, "Old views", "Which share was asked again, by the age of the view."
            ),
        ),
        pictures.waiting(
            waits, "Waiting", "Which share of the wishes was done within which time of choosing."
        ),
    )


def _pairs(runs: Sequence[Run]) -> Html:
    found = {run.policy: meetings(run.attempts) for run in runs}
    return section(
        "What met what",
        panels(
            _pair_map(
                found, lambda one: one.asked, "Asked again", "asked again because of that event"
            ),
            _pair_map(found, lambda one: one.replaced + one.dropped, "Lost", "lost without asking"),
        ),
        pictures.who_met_what(
            runs[0],
            f"Who met what, {runs[0].policy}",
            "Left: the command. Above: the unseen event that it clashed with, and how often.",
        ),
        figure("All pairs", element("details", element("summary", "The figures"), _all(found)))
        if any(found.values())
        else "",
    )


_Found: TypeAlias = "dict[str, dict[tuple[str, str], Meeting]]"


def _pair_map(found: _Found, number: Callable[[Meeting], int], title: str, what: str) -> Html:
    """A heat map of pairs, the costliest first, and policies."""
    sums: dict[tuple[str, str], int] = {}
    for its in found.values():
        for pair, one in its.items():
            sums[pair] = sums.get(pair, 0) + number(one)
    most = sorted((pair for pair in sums if sums[pair]), key=lambda pair: (-sums[pair], pair))
    if not most:
        return figure(title, paragraph(NOTHING))
    cells = {
        (_name(pair), policy): Heat(number(one), f"{_name(pair)}, {policy}: {number(one):,} {what}")
        for policy, its in found.items()
        for pair, one in its.items()
    }
    rows = [_name(pair) for pair in most[:MOST_PAIRS]]
    picture = heat_map(rows, list(found), cells, caption=title, scale=("seldom", "often"))
    rest = len(most) - len(rows)
    return figure(
        title,
        picture,
        text="Left: the command, and the unseen event that it met. Above: the rules.",
        caption=f"And {rest} more {'pair' if rest == 1 else 'pairs'}, below." if rest > 0 else "",
    )


def _name(pair: tuple[str, str]) -> str:
    return f"{pair[0]} × {pair[1]}"


def _all(found: _Found) -> Html:
    rows: list[list[Content]] = [
        [_name(pair), policy, one.met, one.asked, one.replaced, one.dropped]
        for policy, its in found.items()
        for pair, one in sorted(its.items())
    ]
    head = ["command × unseen event", "rules", "met", "asked again", "replaced", "dropped"]
    return table(head, rows, "All pairs of commands and events")


def _costs_table(costs: Sequence[Cost]) -> Html:
    """All figures, one column for each set of rules."""
    rows: list[list[Content]] = [
        ["commands sent", *(one.attempts for one in costs)],
        ["wishes", *(one.wishes for one in costs)],
        ["done in the end", *(one.done for one in costs)],
        ["asked again", *(one.asked for one in costs)],
        ["of these by a business rule", *(one.said_no for one in costs)],
        ["people who were asked again", *(one.people_asked for one in costs)],
        ["replaced unseen", *(one.replaced for one in costs)],
        ["dropped by a rule", *(one.dropped for one in costs)],
        ["given up", *(one.given_up for one in costs)],
        ["unanswered", *(one.unanswered for one in costs)],
        ["half were done within", *(_time(one.half) for one in costs)],
        ["95 % were done within", *(_time(one.most) for one in costs)],
    ]
    return table(["", *(one.policy for one in costs)], rows, "What each set of rules cost")


def _time(seconds: float | None) -> Content:
    return "" if seconds is None else Seconds(seconds)
