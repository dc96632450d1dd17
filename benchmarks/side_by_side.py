"""The figures of two trees beside each other, for `--against`: least, median and most of both."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from benchmarks.report import Report, number, ratio


def side_by_side(report: Report) -> Iterator[str]:
    """A line for each figure and stage; the ratio is this tree's figure to the other's."""
    yield ""
    yield f"{'least, median, most of the rounds':<52}{'this tree':>26}{'the other':>26}   ratio"
    for name, rows in report.cases().items():
        pair = {row.label == "comity": row for row in rows if row.figures}
        if len(pair) < len((True, False)):
            yield f"{name:<52}no result: {'; '.join(text for row in rows for text in row.failures)}"
            continue
        mine, other = pair[True], pair[False]
        yield _line(f"{name}, {mine.unit}", mine.each(), other.each())
        if "stages" in name:
            for stage in mine.facts:
                yield _line(f"    {stage}", mine.each(stage), other.each(stage))


def spread(mine: Mapping[int, float], other: Mapping[int, float]) -> tuple[float, float, float]:
    """The median, the least and the most of the rounds' ratios; both have a round in common."""
    ratios = [mine[one] / other[one] for one in mine if other.get(one)]
    return statistics.median(ratios), min(ratios), max(ratios)


def _line(what: str, mine: Mapping[int, float], other: Mapping[int, float]) -> str:
    if not any(other.get(one) for one in mine):
        return f"{what:<52}{_told(mine):>26}"
    middle, low, high = map(ratio, spread(mine, other))
    told = f"{middle:>7}× ({low} to {high})"
    return f"{what:<52}{_told(mine):>26}{_told(other):>26} {told}"


def _told(figures: Mapping[int, float]) -> str:
    found = sorted(figures.values())
    return "  ".join(f"{number(one):>7}" for one in (found[0], statistics.median(found), found[-1]))
