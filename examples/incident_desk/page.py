"""The page of the year: how many people are asked again, by the age of what they see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from examples.incident_desk.figures import RECOUNTED, Figures, title
from examples.incident_desk.year import Year

from comity.simulation.telling.axis import Axis, Tick, shares, span
from comity.simulation.telling.heat_map import Heat, heat_map
from comity.simulation.telling.markup import Content, Html, element, paragraph, table
from comity.simulation.telling.page import figure, figures, page, panels, section, story
from comity.simulation.telling.plot import Point, Series, plot

LEAD = (
    "Hundreds of people work on the same incidents, and each sees them as they were some minutes "
    "ago. Played in virtual time on the engine, once for each age of the views."
)
ASKED = (
    "An update is on an old view if somebody else has changed the incident since its sender "
    "looked. A lock on the whole record, such as a version column, refuses each of these updates. "
    "comity refuses only those that set a field which somebody else has just set differently."
)
RECOUNT = (
    "In these incidents the desk's own reassignment_count differs from the number of recorded "
    "changes of the group, also if all updates are played in their order."
)
STYLE = """
.wide { margin-bottom: 14px; }
.wide > table:not(.heat) tbody th { white-space: nowrap; }
@media (min-width: 621px) { table.heat td { min-width: 40px; } }
"""
STORIES = 3
"""So many conflicts of each age are told."""


def report(year: Year, plays: Sequence[Figures]) -> str:
    """Return the page as HTML. Plays without old views are not in its pictures."""
    aged = [one for one in plays if one.minutes]
    return page(
        "A service desk’s year, on old views",
        _headline(year, plays),
        section("Who is asked again", paragraph(ASKED), _pictures(aged)),
        section("Beside the reference figures", *_compared(year, plays)),
        section("The final records", *_proof(year, plays)),
        section("Conflicts in words", *_stories(aged)),
        _footer(plays),
        lead=LEAD,
        style=STYLE,
    )


def _headline(year: Year, plays: Sequence[Figures]) -> Html:
    last = plays[-1]
    return figures(
        [
            (len(year.records), "incidents"),
            (len(last.first), f"updates by {year.scenario.people} people"),
            (last.stale, f"of them on an old view, if views are {last.title} old"),
            (len(last.conflicts), "of these are refused, and sent again after a look"),
            (sum(one.records_differing for one in plays), "final values differ, in all plays"),
        ]
    )


def _pictures(aged: Sequence[Figures]) -> Html:
    return panels(_shares(aged), _fields(aged)) if aged else Html()


def _shares(aged: Sequence[Figures]) -> Html:
    lines = {
        "a lock on the record refuses": [one.stale for one in aged],
        "comity refuses": [len(one.conflicts) for one in aged],
    }
    series = [
        Series(name, [_point(one, count) for one, count in zip(aged, counts, strict=True)])
        for name, counts in lines.items()
    ]
    most = max((point.y for one in series for point in one.points), default=0.01)
    return figure(
        "Refused at first, by the age of the views",
        plot(
            series, _ages(aged), shares(most), told="The older, the more are refused.",
            along="age of the views",
        ),
        text="The share of all updates.",
        table=table(
            ["age of the views", *lines],
            [[one.title, *_percent(one)] for one in aged],
        ),
    )  # fmt: skip


def _point(one: Figures, count: int) -> Point:
    share = count / len(one.first)
    # Without a whisker a line has no dots: this one has no length.
    return Point(60.0 * one.minutes, share, f"{one.title}: {count:,}", share, share)


def _percent(one: Figures) -> tuple[str, str]:
    sent = len(one.first)
    return f"{one.stale / sent:.2%}", f"{len(one.conflicts) / sent:.2%}"


def _ages(aged: Sequence[Figures]) -> Axis:
    ticks = tuple(Tick(60.0 * one.minutes, title(one.minutes)) for one in aged)
    low, high = ticks[0].value, ticks[-1].value
    return Axis(low, max(high, low * 1.5), ticks, log=True)


def _fields(aged: Sequence[Figures]) -> Html:
    most_first = sum((one.by_field for one in aged), start=Counter[str]())
    cells = {
        (spelled(name), one.title): Heat(one.by_field[name], f"{one.by_field[name]:,} conflicts")
        for one in aged
        for name in most_first
    }
    return figure(
        "What conflicts are about",
        heat_map(
            [spelled(name) for name, _ in most_first.most_common()],
            [one.title for one in aged],
            cells,
            caption="Conflicts by field and age of the views",
        ),
        text="Left: the field that two people set differently. Above: the age of the views.",
    )


def spelled(field: str) -> str:
    """A field's name for people."""
    return field.removeprefix("u_").replace("_", " ")


def _compared(year: Year, plays: Sequence[Figures]) -> Iterator[Content]:
    head = ["age of the views", "updates", "on an old view", "reference", "merged"]
    head += ["refused", "reference"]
    yield table(head, [_row(year, one) for one in plays], "Figures beside the reference figures")
    yield paragraph(
        "The reference figures were computed from the recording alone, without an engine: "
        "demo_2000.expected.json. ",
        element("b", agreement(year, plays)),
    )


def _row(year: Year, one: Figures) -> list[Content]:
    expected = year.expected.get(one.minutes)
    stale, conflicts = (expected.stale, expected.conflicts) if expected else ("none", "none")
    return [
        one.title, len(one.first), one.stale, stale, one.accepted_stale, len(one.conflicts),
        conflicts,
    ]  # fmt: skip


def agreement(year: Year, plays: Sequence[Figures]) -> str:
    """Say whether the figures are those of the reference, and which are not."""
    differing = [
        one.title
        for one in plays
        if one.minutes in year.expected
        and (one.stale, len(one.conflicts))
        != (year.expected[one.minutes].stale, year.expected[one.minutes].conflicts)
    ]
    if differing:
        return f"The figures differ for views of {', '.join(differing)}."
    return "No figure differs."


def _proof(year: Year, plays: Sequence[Figures]) -> Iterator[Content]:
    rows: list[list[Content]] = [
        [one.title, len(year.records), one.records_differing, one.recounted] for one in plays
    ]
    yield paragraph(
        "After each play every incident is compared with the last record that the desk itself has "
        "of it, field by field. Nobody's accepted work is lost, however old the views are."
    )
    head = ["age of the views", "records", "values that differ", f"other {RECOUNTED}"]
    yield table(head, rows, "The final records of each play")
    yield paragraph(RECOUNT)


def _stories(aged: Sequence[Figures]) -> Iterator[Content]:
    for one in aged:
        if one.conflicts:
            yield element("h3", f"Views {one.title} old: {len(one.conflicts):,} conflicts")
            yield story(sentence for sentence in told(one, STORIES))


def told(one: Figures, most: int) -> list[str]:
    """Return some conflicts in words, spread over the year."""
    step = max(1, len(one.conflicts) // max(1, most))
    return [
        f"{attempt.aggregate.partition('/')[2]}: {attempt.sentence}"
        for attempt in one.conflicts[step // 2 :: step][:most]
    ]


def _footer(plays: Sequence[Figures]) -> Html:
    took = sum(one.run.took for one in plays)
    sent = sum(len(one.run.attempts) for one in plays)
    return element(
        "footer",
        f"{sent:,} commands in {span(took)}. The recording is CC BY 4.0: UCI data set 498, "
        "doi 10.24432/C57S4H.",
    )
