"""The tables of docs/performance.md, from a report.json: `python -m benchmarks --figures JSON`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.report import Report, Row, number, ratio
from benchmarks.side_by_side import spread

_CONTENDERS: Final = {
    "comity": "comity", "SQLite, group commit": "group commit",
    "eventsourcing, tuned": "`eventsourcing` tuned", "eventsourcing, as installed": "as installed",
    "UmaDB": "UmaDB", "eventsource-py": "eventsource-py", "raw LMDB": "raw LMDB",
}  # fmt: skip
_BOARDS: Final = {
    "a, threads": "a, one client that waits",
    "b, asyncio": "b, one board, 64 asyncio clients",
    "b, threads": "b, 64 threads",
    "b, pipelined": "b, one client, 1,024 in flight",
    "c, asyncio, read model": "c, 10,000 boards, asyncio, read model",
    "c, pipelined": "c, one client, 1,024 in flight",
    "d, asyncio, read model": "d, 10,000 boards, zipf, asyncio, read model",
}  # fmt: skip


def tables(report: Report) -> Iterator[str]:
    """All tables, with a line between them."""
    cases = report.cases()
    yield from _two_trees(cases)
    yield from _comparison(cases)
    yield from _ratios(cases)
    yield from _version_column(cases)
    yield from _alone(cases)
    if report.reading:
        yield from _table(["reading", "figure", "to its floor"], map(_read, report.reading))
    for trial in report.trials:
        if trial.name == "stages":
            yield from _table(*stages(trial.findings))


def stages(findings: Sequence[Finding]) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of the table of stages: a row for each case, a column for each stage.

    A finding is called `case: stage`.
    """
    cases: dict[str, dict[str, str]] = {}
    for one in findings:
        case, _, stage = one.what.rpartition(": ")
        cases.setdefault(case, {})[stage] = "" if one.figure is None else f"{one.figure:.1f}"
    order = ("make", "send", "decide", "commit", "project", "read", "in all")
    rows = [[case, *(found.get(stage, "") for stage in order)] for case, found in cases.items()]
    return ["µs per command", *order], rows


def _comparison(cases: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    rows = [
        [about, *(_median(cases, f"board: {case}", label) for label in _CONTENDERS)]
        for case, about in _BOARDS.items()
        if f"board: {case}" in cases
    ]
    yield from _table(["", *_CONTENDERS.values()], rows)


def _two_trees(cases: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Each figure before and now, with its stages, if the report compares two trees of comity."""
    rows: list[list[str]] = []
    for name, found in cases.items():
        pair = {row.label == "comity": row for row in found if row.contender == "comity"}
        if len(pair) == len((True, False)) and all(row.figures for row in pair.values()):
            now, before = pair[True], pair[False]
            what = name.removeprefix("cost: ")
            rows.append(_before_and_now(f"{what}, {now.unit}", before.each(), now.each()))
            rows += [
                _before_and_now(f"… {stage}", before.each(stage), now.each(stage))
                for stage in now.facts
                if "stages" in name
            ]
    yield from _table(["least of the rounds", "before", "now", "now to before"], rows)


def _before_and_now(what: str, before: Mapping[int, float], now: Mapping[int, float]) -> list[str]:
    if not before or not now:
        return [what, "", number(min(now.values(), default=0.0)), ""]
    middle, low, high = spread(now, before)
    told = f"{ratio(middle)} × ({ratio(low)} to {ratio(high)})"
    return [what, number(min(before.values())), number(min(now.values())), told]


def _ratios(cases: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """How comity's rate compares with the others': the ratio of the medians, and of the rounds."""
    rows: list[list[str]] = []
    for name, found in cases.items():
        mine = next((row for row in found if row.label == "comity" and row.figures), None)
        for row in found:
            if mine and row.contender != "comity" and row.figures:
                each = sorted(mine.ratios(row)) or [0.0]
                spread = f"{ratio(each[0])} to {ratio(each[-1])}"
                rows.append([name, row.label, f"{ratio(mine.median / row.median)} ×", spread])
    yield from _table(["case", "comity's rate to", "of the medians", "of the rounds"], rows)


def _version_column(cases: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    rows: list[list[str]] = []
    for name, found in cases.items():
        if "version column" in name:
            rival = next(row for row in found if row.contender != "comity")
            sent = rival.medians.get("attempts per command", 0.0)
            figures = [_median(cases, name, label) for label in ("comity", rival.label)]
            rows.append([name.partition("column, ")[2], *figures, number(sent)])
    yield from _table(["view, clients", "comity", "version column", "times sent"], rows)


def _alone(cases: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """What only comity was measured in: merging, loading, memory, growth, histories."""
    rows = [
        [name, f"{number(row.median)} {row.unit}", ", ".join(_facts(row))]
        for name, (row, *others) in cases.items()
        if not others and row.figures
    ]
    yield from _table(["case", "median", "facts"], rows)


def _facts(row: Row) -> Iterator[str]:
    low, high = row.spread
    yield f"{number(low)} to {number(high)}"
    for name, value in row.medians.items():
        yield f"{name} {number(value)}"


def _read(line: Mapping[str, object]) -> list[str]:
    figure, share = line["figure"], line["ratio"]
    told = f"{number(figure)} {line['unit']}" if isinstance(figure, float | int) else ""
    beside = f"{ratio(share)} ×" if isinstance(share, float) else ""
    return [f"{line['part']}: {line['what']}", told, beside]


def _median(cases: Mapping[str, Sequence[Row]], name: str, label: str) -> str:
    found = [row for row in cases.get(name, ()) if row.label == label and row.figures]
    return number(found[0].median) if found else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(rows)
    if not rows:
        return
    yield ""
    yield f"| {' | '.join(head)} |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
