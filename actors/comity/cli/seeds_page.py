"""The page of a search over many seeds in which none failed."""

from __future__ import annotations

from collections.abc import Sequence

from comity.cli.seed_search import Played
from comity.simulation.telling.axis import amounts
from comity.simulation.telling.counting import quantile
from comity.simulation.telling.markup import Content, table
from comity.simulation.telling.page import figure, figures, page
from comity.simulation.telling.plot import Point, Series, plot


def seeds_page(scenario: str, played: Sequence[Played], said: str) -> str:
    """Return a page that shows how different the runs were.

    Args:
        scenario: the scenario's name.
        played: what became of each seed.
        said: the search in a sentence.
    """
    some = sorted(played)
    told = figures(
        [
            (len(some), "seeds, and none failed"),
            (sum(one.attempts for one in some), "commands were sent"),
            (sum(one.refused for one in some), "times somebody was asked again"),
            (sum(one.steps for one in some), "steps"),
        ]
    )
    return page(f"{scenario}, seed by seed", told, _picture(some) if some else "", lead=said)


def _picture(played: Sequence[Played]) -> str:
    title = "How different the runs were"
    dots = [
        Point(one.attempts, one.refused, f"seed {one.seed}: {one.refused} of {one.attempts}")
        for one in played
    ]
    across = amounts(max(one.attempts for one in played), whole=True)
    upwards = amounts(max(one.refused for one in played), whole=True)
    series = [Series("seeds", dots, line=False)]
    picture = plot(series, across, upwards, told=title, along="commands sent")
    rows: list[list[Content]] = [
        [name, *(_of(played, share, field) for field in ("attempts", "refused"))]
        for name, share in (("fewest", 0.0), ("half had at most", 0.5), ("most", 1.0))
    ]
    return figure(
        title,
        picture,
        text="A dot is a seed: its commands, and how often somebody was asked again.",
        table=table(["", "commands", "asked again"], rows, title),
    )


def _of(played: Sequence[Played], share: float, field: str) -> int:
    return int(quantile([getattr(one, field) for one in played], share) or 0)
