"""The tables of a report's page: the read side's figures, and the experiments. For `page`."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from benchmarks.experiments.trial import Trial
from benchmarks.figures import stages
from benchmarks.report import Report, number, ratio


def reading(report: Report, about: str) -> Iterator[str]:
    """The figures of the read side as a table."""
    yield f'<h2 id="reading">Reading</h2><p>{escape(about)}</p>'
    for part in dict.fromkeys(line["part"] for line in report.reading):
        yield f"<figure><h3>{escape(part)}</h3><table><tr><th>what</th><th class=number>figure</th>"
        yield "<th class=number>floor</th><th class=number>ratio</th><th>note</th></tr>"
        for line in report.reading:
            if line["part"] == part:
                floor = "" if line["floor"] is None else number(line["floor"])
                share = "" if line["ratio"] is None else f"{ratio(line['ratio'])}×"
                yield (
                    f"<tr><td>{escape(line['what'])}</td>"
                    f"<td class=number>{number(line['figure'])} {escape(line['unit'])}</td>"
                    f"<td class=number>{floor}</td><td class=number>{share}</td>"
                    f"<td class=quiet>{escape(line['note'])}</td></tr>"
                )
        yield "</table></figure>"


def experiments(report: Report) -> Iterator[str]:
    """The experiments as tables."""
    yield '<h2 id="experiments">Experiments</h2>'
    yield "<p>Questions, each asked once; alternatives are compared with today's solution.</p>"
    for trial in report.trials:
        if trial.name == "stages":
            yield from _stages(trial)
            continue
        yield f"<figure><h3>{escape(trial.title)}</h3><table><tr><th>what</th>"
        yield "<th class=number>figure</th><th class=number>to today’s</th><th>note</th></tr>"
        for one in trial.findings:
            figure = "" if one.figure is None else f"{number(one.figure)} {one.unit}"
            share = "" if one.ratio is None else f"{ratio(one.ratio)}×"
            yield (
                f"<tr><td>{escape(one.what)}</td><td class=number>{escape(figure)}</td>"
                f"<td class=number>{share}</td><td class=quiet>{escape(one.note)}</td></tr>"
            )
        yield "</table></figure>"


def _stages(trial: Trial) -> Iterator[str]:
    """The stages of a command as one table: a line for each case."""
    head, lines = stages(trial.findings)
    cells = "".join(f"<th class=number>{escape(text)}</th>" for text in head[1:])
    yield f"<figure><h3>{escape(trial.title)}</h3><table><tr><th>{escape(head[0])}</th>{cells}</tr>"
    for case, *figures in lines:
        cells = "".join(f"<td class=number>{text}</td>" for text in figures)
        yield f"<tr><td>{escape(case)}</td>{cells}</tr>"
    yield "</table>"
    for one in trial.findings:
        case, _, stage = one.what.rpartition(": ")
        if stage == "in all":
            yield f"<figcaption>{escape(case)}: {escape(one.note)}</figcaption>"
    yield "</figure>"
