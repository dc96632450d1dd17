"""The pictures of runs: conflicts over time, who met what, old views, waiting times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from comity.simulation.records.run import Run
from comity.simulation.telling import counting
from comity.simulation.telling.axis import amounts, clock, durations, hours, shares, span
from comity.simulation.telling.counting import Age, Measure, Meeting
from comity.simulation.telling.heat_map import Heat, heat_map
from comity.simulation.telling.markup import Content, Html, Percent, Seconds, paragraph, table
from comity.simulation.telling.page import figure
from comity.simulation.telling.plot import Point, Series, plot

_SHARES: Final = {"half": 0.5, "90 %": 0.9, "99 %": 0.99}
NOTHING: Final = "Nothing of that kind happened."


class Line(NamedTuple):
    """A line of a picture: the attempts of a run that count."""

    name: str
    run: Run
    counts: Measure


def over_time(lines: Sequence[Line], title: str, text: str) -> Html:
    """A picture of how many attempts counted in each part of the runs' time."""
    seconds = max(counting.busy(line.run) for line in lines)
    found = [counting.over_time(line.run.attempts, seconds, line.counts) for line in lines]
    step = span(counting.part_of(seconds))
    series = [
        Series(line.name, [Point(part.middle, part.counted) for part in parts], area=at == 0)
        for at, (line, parts) in enumerate(zip(lines, found, strict=True))
    ]
    most = max(part.counted for parts in found for part in parts)
    picture = plot(
        series, hours(seconds), amounts(most, whole=True), told=title, along="hours and minutes"
    )
    rows = [
        [clock(parts[0].start), parts[0].sent, *(part.counted for part in parts)]
        for parts in zip(*found, strict=True)
    ]
    figures = table(["from", "sent", *(line.name for line in lines)], rows, title)
    return figure(title, picture, text=text, caption=f"Each point: {step}.", table=figures)


def by_age(lines: Sequence[Line], title: str, text: str) -> Html:
    """A picture of which share of the attempts counted, by the age of the view."""
    found = [counting.by_age(line.run.attempts, line.counts) for line in lines]
    ages = [one for those in found for one in those]
    if not ages:
        return figure(title, paragraph(NOTHING), text=text)
    series = [
        Series(line.name, [_age_point(line.name, one) for one in those])
        for line, those in zip(lines, found, strict=True)
    ]
    across = durations(min(one.age for one in ages), max(one.age for one in ages))
    upwards = shares(max(one.within[1] for one in ages))
    picture = plot(series, across, upwards, told=title, along="age of the view")
    figures = table(
        ["age of the view", "rules", "sent", "of these", "share"],
        [
            [Seconds(one.age), line.name, one.sent, one.counted, Percent(one.share)]
            for line, those in zip(lines, found, strict=True)
            for one in those
        ],
        title,
    )
    caption = "Whiskers: 19 of 20 true shares are within them."
    return figure(title, picture, text=text, caption=caption, table=figures)


def _age_point(name: str, one: Age) -> Point:
    text = f"{name}, {span(one.age)} old: {one.counted:,} of {one.sent:,}"
    return Point(one.age, one.share, text, *one.within)


def waiting(waits: Sequence[tuple[str, Sequence[float]]], title: str, text: str) -> Html:
    """A picture of how long it took: which share was done within which time."""
    some = [one for _, those in waits for one in those]
    if not some:
        return figure(title, paragraph(NOTHING), text=text)
    series = [
        Series(name, [Point(max(wait, 1e-3), share) for wait, share in counting.cumulative(those)])
        for name, those in waits
    ]
    across = durations(max(min(some), 1e-3), max(some))
    picture = plot(series, across, shares(1.0), told=title, along="within this time")
    figures = table(
        ["", *_SHARES, "longest"],
        [[name, *quantiles(those), Seconds(max(those))] for name, those in waits if those],
        title,
    )
    return figure(title, picture, text=text, table=figures)


def quantiles(waits: Sequence[float]) -> list[Seconds]:
    """The time in which half was done, 90 % and 99 %; nothing if there are no times."""
    found = [counting.quantile(waits, share) for share in _SHARES.values()]
    return [Seconds(one) for one in found if one is not None]


def who_met_what(run: Run, title: str, text: str) -> Html:
    """A heat map of commands and the unseen events that they clashed with."""
    found = counting.meetings(run.attempts)
    if not found:
        return figure(title, paragraph(NOTHING), text=text)
    rows, columns = sides(found)
    cells = {pair: Heat(one.met, _came_of(pair, one)) for pair, one in found.items()}
    picture = heat_map(rows, columns, cells, caption=title, scale=("seldom", "often"))
    return figure(title, picture, text=text, table=_meetings_table(found, title))


def sides(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """The commands and the events of pairs, each in the order of the alphabet."""
    found = list(pairs)
    return sorted({one for one, _ in found}), sorted({one for _, one in found})


def _came_of(pair: tuple[str, str], one: Meeting) -> str:
    command, event = pair
    return (
        f"{command} met {event} {one.met:,} times: asked again {one.asked:,}, "
        f"replaced {one.replaced:,}, dropped {one.dropped:,}"
    )


def _meetings_table(found: dict[tuple[str, str], Meeting], title: str) -> Html:
    rows: list[list[Content]] = [
        [command, event, one.met, one.asked, one.replaced, one.dropped]
        for (command, event), one in sorted(found.items(), key=lambda item: -item[1].met)
    ]
    head = ["command", "unseen event", "met", "asked again", "replaced", "dropped"]
    return table(head, rows, title)
