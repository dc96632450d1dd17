"""A report as one HTML page without scripts, fonts or pictures."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from benchmarks.contender import CONTENDERS, FLOORS, PLAIN
from benchmarks.flame import flame
from benchmarks.page_tables import experiments, reading
from benchmarks.plot import Bar, Curve, bars, curves_plot, latencies
from benchmarks.report import Report, Row, number, ratio
from benchmarks.shape import SHAPES
from benchmarks.style import STYLE

_COLOURS: Final = {
    "comity": 1, "SQLite, group commit": 2, "SQLite, lock per board": 3,
    "eventsourcing, tuned": 4, "eventsourcing, as installed": 5, "UmaDB": 8, "eventsource-py": 7,
}  # fmt: skip
_ABOUT: Final = {
    "board": "Each command checks a rule and gives one event of about 100 bytes. Clients wait for "
    "their answers, except the one with 1,024 commands in flight. An answer is given when its "
    "event is flushed; with a read model the time includes the model's catching up.",
    "merging": "Every command was chosen on a view that is some events of others old. "
    "Against a version column: clients wait for their answers; comity merges; the column "
    "refuses stale commands, and the client takes the newest version and sends again.",
    "voter": "Six aggregates and many voters: increments that commute.",
    "cold": "The first command to an aggregate that is not in memory.",
    "start-up": "Opening a journal after kill -9, until the first command is answered.",
    "memory": "The memory of an aggregate while it is live, and after it was unloaded.",
    "disk": "The disk space of an event, including its index.",
    "cost": "What one thing takes in CPU, memory or on the disk, with as little noise as possible: "
    "the least of many short rounds on tmpfs.",
    "growth": "The cost of a command as the numbers of aggregates and events grow.",
    "recorded": "Histories of people who worked on the same thing, played into a durable journal: "
    "merges of a file in a git repository, two people who typed into one text, a service desk's "
    "year with views ten minutes old.",
    "reading": "Read models. Each figure has its floor: the same bytes read with bare py-lmdb and "
    "msgpack, or the same work without a model.",
}


def render(report: Report) -> str:
    """Render a report as a page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>comity, measured</title>\n<style>{STYLE}</style>\n<main>"
    yield "<h1>comity's speed, compared with its alternatives</h1>"
    yield f'<p class="quiet">{escape(_summary(report))}</p>'
    if report.failures():
        texts = "".join(f"<li>{escape(text)}</li>" for text in report.failures())
        yield '<p class="bad">Runs that failed or were wrong; they do not count:</p>'
        yield f"<ul>{texts}</ul>"
    if report.skipped:
        texts = "".join(
            f"<li>{escape(name)}: {escape(why)}</li>" for name, why in report.skipped.items()
        )
        yield f"<p>Not measured on this machine:</p><ul>{texts}</ul>"
    yield from _headline(report)
    workloads = list(dict.fromkeys(row.case.workload for row in report.rows))
    links = [f'<a href="#{name}">{escape(name)}</a>' for name in workloads]
    more = [("reading", report.reading), ("experiments", report.trials),
            ("profile", report.profile), ("durability", True), ("machine", True)]  # fmt: skip
    links += [f'<a href="#{name}">{name}</a>' for name, there in more if there]
    yield f"<nav>{''.join(links)}</nav>"
    for workload in workloads:
        yield from _workload(report, workload)
    if report.reading:
        yield from reading(report, _ABOUT["reading"])
    if report.trials:
        yield from experiments(report)
    if report.profile:
        yield '<h2 id="profile">Where the time goes</h2>'
        yield (
            "<p>Samples of the thread that holds the GIL, which all threads share. The width of a "
            "frame is the time in it and in the functions that it calls. Flushing does not hold "
            "the GIL, so it is not shown. Coloured: comity; pale: the benchmark; grey: everything "
            "else.</p>"
        )
        yield f"<figure><h3>{escape(report.profile['name'])}</h3>{flame(report.profile)}</figure>"
    yield from _durability(report)
    yield from _machine(report)
    yield "</main>\n</html>"


def _summary(report: Report) -> str:
    """A paragraph about the run."""
    loads = report.loads or [0.0]
    return (
        f"One interleaved run, rounds: {report.rounds}, {report.seconds:g} s for each window, "
        "each contender in a process of its own. Bars are medians over the rounds, whiskers go "
        "from the least to the greatest. Each run's final state was checked against the "
        "workload's own fold. "
        f"Load of the machine meanwhile: {statistics.median(loads):.1f} "
        f"({min(loads):.1f} to {max(loads):.1f}), {report.machine.get('cores')} cores."
    )


def _headline(report: Report) -> Iterator[str]:
    """The ratios of comity to the strongest peers."""
    found: list[tuple[float, str]] = []
    wanted = (
        ("board: b, asyncio", "SQLite, group commit"),
        ("board: b, asyncio", "eventsourcing, tuned"),
        ("board: c, asyncio, read model", "SQLite, group commit"),
        ("board: a, threads", "raw LMDB"),
        ("board: b, pipelined", "raw LMDB"),
    )  # fmt: skip
    for case, other in wanted:
        rows = {row.label: row for row in report.cases().get(case, ())}
        mine, theirs = rows.get("comity"), rows.get(other)
        if mine and theirs and (ratios := mine.ratios(theirs)):
            about = case.partition(": ")[2]
            text = f"{other}, shape {about}"
            found.append((statistics.median(ratios), text))
    if found:
        figures = "".join(
            f'<div class="figure"><b{"" if value >= 1 else " class=less"}>{ratio(value)}×</b>'
            f"<span>the rate of {escape(text)}</span></div>"
            for value, text in found[:4]
        )
        yield f'<div class="figures">{figures}</div>'


def _workload(report: Report, workload: str) -> Iterator[str]:
    title = {"board": "The board"}.get(workload, workload.capitalize())
    yield f'<h2 id="{workload}">{escape(title)}</h2>'
    yield f"<p>{escape(_ABOUT.get(workload, ''))}</p>"
    if workload == "board":
        shapes = "".join(
            f"<dt>{shape.name}</dt><dd>{escape(shape.about)}</dd>" for shape in SHAPES.values()
        )
        yield f"<dl>{shapes}</dl>"
        yield (
            '<div class="key"><span><i style="background:var(--mine)"></i>comity</span>'
            '<span><i style="background:var(--peer)"></i>peers</span>'
            '<span><i style="background:var(--floor)"></i>floors: the machine without an engine'
            "</span></div>"
        )
    cases = {
        name: rows for name, rows in report.cases().items() if rows[0].case.workload == workload
    }
    axes = {name: rows for name, rows in cases.items() if "axis" in rows[0].case.options}
    yield from _growth(axes)
    cases = {name: rows for name, rows in cases.items() if name not in axes}
    alone = [row for rows in cases.values() for row in rows if len(rows) == 1 and row.figures]
    if alone:
        yield from _alone(alone)
    for rows in cases.values():
        if len(rows) > 1:
            yield from _case(rows)


def _alone(rows: Sequence[Row]) -> Iterator[str]:
    """Cases with comity only, one plot per unit."""
    for unit in dict.fromkeys(row.unit for row in rows):
        some = [row for row in rows if row.unit == unit]
        made = [
            Bar(row.case.variant, "mine", row.median, *row.spread, f"{number(row.median)} {unit}")
            for row in some
        ]
        yield f"<figure>{bars(made, unit)}<details><summary>Facts, proofs</summary>"
        yield from _table(some, by_case=True)
        yield "</details></figure>"


def _case(rows: Sequence[Row]) -> Iterator[str]:
    measured = [row for row in rows if row.figures]
    if not measured:
        return
    case = measured[0].case
    yield f"<figure><h3>{escape(case.variant)}</h3>"
    yield bars([_bar(row, measured) for row in measured if row.label != PLAIN], case.name)
    for row in measured:
        if row.label == PLAIN:
            text = f"The rules and the fold alone, nothing stored: {number(row.median)} {row.unit}."
            yield f"<figcaption>{text}</figcaption>"
    timed = [
        (row.label, _COLOURS.get(row.label, 6), row.latency)
        for row in measured
        if row.latency.count and row.contender not in FLOORS
    ]
    if timed:
        yield "<details><summary>Latencies</summary>"
        yield latencies(timed, f"{case.name}: latency")
        yield "</details>"
    yield "<details><summary>Figures, facts, proofs</summary>"
    yield from _table(measured)
    yield "</details></figure>"


def _bar(row: Row, rows: Sequence[Row]) -> Bar:
    kind = "mine" if row.label == "comity" else "floor" if row.contender in FLOORS else "peer"
    text = f"{number(row.median)} {row.unit}"
    mine = next((one for one in rows if one.label == "comity"), None)
    if mine and mine is not row and (ratios := row.ratios(mine)):
        text += f"  ({ratio(statistics.median(ratios))}×)"
    return Bar(row.label, kind, row.median, *row.spread, text)


def _table(rows: Sequence[Row], *, by_case: bool = False) -> Iterator[str]:
    head = (
        "<th>who</th><th class=number>p50</th><th class=number>p99</th><th class=number>p99.9</th>"
    )
    yield f"<table><tr>{head}<th>facts</th><th>checked</th></tr>"
    for row in rows:
        times = [
            f"{row.latency.quantile(share) * 1e3:.2f} ms" if row.latency.count else ""
            for share in (0.5, 0.99, 0.999)
        ]
        cells = "".join(f"<td class=number>{text}</td>" for text in times)
        facts = ", ".join(f"{name} {number(value)}" for name, value in row.medians.items())
        who = row.case.variant if by_case else f"{row.label} {row.version}"
        yield (
            f"<tr><td>{escape(who)}</td>{cells}<td>{escape(facts)}</td>"
            f"<td>{escape(row.proof)}</td></tr>"
        )
    yield "</table>"


def _growth(cases: dict[str, Sequence[Row]]) -> list[str]:
    """Curves, if the cases of a workload are points on an axis."""
    axes: dict[str, dict[str, list[tuple[float, float]]]] = {}
    units: dict[str, str] = {}
    for rows in cases.values():
        options = rows[0].case.options
        for row in rows:
            if row.figures:
                line = f"{options['line']}" if row.label == "comity" else row.label
                points = axes.setdefault(options["axis"], {}).setdefault(line, [])
                points.append((float(options["at"]), row.median))
                units[options["axis"]] = row.unit
    parts: list[str] = []
    for axis, lines in axes.items():
        curves = [
            Curve(line, colour, sorted(points))
            for colour, (line, points) in enumerate(lines.items(), 1)
        ]
        plot = curves_plot(curves, axis, unit=units[axis], zero=True, along=axis)
        rows_ = "".join(
            f"<tr><td>{escape(line)}</td><td class=number>{x:,.0f}</td>"
            f"<td class=number>{number(y)} {escape(units[axis])}</td></tr>"
            for line, points in lines.items()
            for x, y in sorted(points)
        )
        parts.append(
            f"<figure><h3>{escape(axis)}</h3>{plot}<details><summary>Figures</summary>"
            f"<table>{rows_}</table></details></figure>"
        )
    return parts


def _durability(report: Report) -> Iterator[str]:
    yield '<h2 id="durability">Durability</h2>'
    yield (
        "<p>Every contender flushes before it answers. The table says how, and which flushes a "
        "trace of its system calls showed between a command and its answer:</p>"
    )
    checks = {check["contender"]: check for check in report.checks}
    yield "<figure><table><tr><th>who</th><th>how</th><th>traced</th></tr>"
    for entry in CONTENDERS.values():
        found = checks.get(entry.name)
        told = found["told"] if found else "not traced in this run"
        if entry.name in report.left_out:
            told = f"left out: {report.left_out[entry.name]}"
        yield (
            f"<tr><td>{escape(entry.name)}<br><span class=quiet>{escape(entry.about)}</span></td>"
            f"<td>{escape(entry.durable)}</td><td>{escape(told)}</td></tr>"
        )
    yield "</table></figure>"


def _machine(report: Report) -> Iterator[str]:
    yield '<h2 id="machine">Machine and versions</h2><dl>'
    for name, value in report.machine.items():
        if name != "versions":
            yield f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
    libraries = ", ".join(f"{name} {text}" for name, text in report.machine["versions"].items())
    yield f"<dt>versions</dt><dd>{escape(libraries)}</dd>"
    yield "</dl>"
    versions = {row.label: row.version for row in report.rows if row.version}
    told = ", ".join(f"{label} {version}" for label, version in versions.items())
    yield f'<p class="quiet">{escape(told)}</p>'
