"""Compares durable merging with its alternatives on this machine, in one interleaved run.

    python -m benchmarks [--quick | --standard | --growth | --costs] [--experiments]
        [--only NAME...] [--against REV] [--out DIR]

Every contender and every variant runs in its own process, in turn, in each round. Every run checks
its final state against the workload's own fold; a wrong run does not count. All contenders answer
after the flush. Writes report.json and report.html.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import page, plans
from benchmarks.against import checked_out
from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.cost_plan import costs
from benchmarks.estimate import told
from benchmarks.experiments.trial import tried
from benchmarks.figures import tables
from benchmarks.machine import describe
from benchmarks.plan import Plan
from benchmarks.process import ROOT, Variant
from benchmarks.reading import lines
from benchmarks.report import Report
from benchmarks.round import rounds
from benchmarks.sampling import sampled
from benchmarks.side_by_side import side_by_side
from benchmarks.skipped import possible
from benchmarks.trace import trace


def main() -> int:
    """Measure and write the report; returns 1 if a run failed or was wrong."""
    chosen = _arguments()
    if chosen.page:
        _write(Report.from_json(json.loads(chosen.page.read_text("utf-8"))), chosen.page.parent)
        return 0
    if chosen.figures:
        print("\n".join(tables(Report.from_json(json.loads(chosen.figures.read_text("utf-8"))))))
        return 0
    todo = _plan(chosen)
    if chosen.list:
        print("\n".join(f"{one.case.name:<60} {', '.join(one.contenders)}" for one in todo.items))
        print(told(todo))
        return 0
    if not (todo.items or todo.experiments or todo.reading is not None):
        sys.exit(
            f"no case is called {' or '.join(chosen.only or chosen.without)}; --list shows all"
        )
    report = _measure(todo, chosen.against, chosen.path)
    print("\n".join(side_by_side(report) if chosen.against else report.table()))
    _write(report, chosen.out)
    undurable = [check for check in report.checks if not check["flushed"]]
    return 1 if report.failures() or undurable else 0


def _plan(chosen: argparse.Namespace) -> Plan:
    """The plan for these arguments."""
    todo = (
        plans.quick() if chosen.quick
        else plans.standard() if chosen.standard
        else plans.growth() if chosen.growth
        else costs() if chosen.costs
        else plans.experiments() if chosen.experiments
        else plans.full()
    )  # fmt: skip
    if chosen.experiments:
        todo = todo._replace(experiments=plans.experiments().experiments)
    todo = todo._replace(
        rounds=chosen.rounds or todo.rounds, seconds=chosen.seconds or todo.seconds
    )
    if chosen.only:
        todo = todo.only(chosen.only)
    return todo.without(chosen.without) if chosen.without else todo


def _measure(todo: Plan, against: str | None, place: Path | None) -> Report:
    machine = describe(place or Path(), ROOT)
    todo, skipped = possible(todo)
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}", file=sys.stderr)
    print(told(todo), file=sys.stderr)
    report = Report(todo.name, todo.rounds, todo.seconds, machine, skipped=skipped)
    wanted = {name for item in todo.items for name in item.contenders}
    with _variants(against) as variants:
        running: dict[str, Sequence[Variant]] = {}
        for name, its_variants in variants.items():
            if name not in wanted:
                continue
            reason = its_variants[0].missing
            if reason:
                report.left_out[name] = reason
                print(f"without {name}: {reason}", file=sys.stderr)
            else:
                running[name] = its_variants
                if not against and name in CONTENDERS:
                    _check(report, its_variants[0], place)
        for sample in rounds(todo, running, place, lambda text: print(text, file=sys.stderr)):
            report.add(sample)
    if not against:
        _beside(report, todo, place)
    return report


def _beside(report: Report, todo: Plan, place: Path | None) -> None:
    """Measure the parts without rounds: reading, and the profile."""
    if any(row.case.workload == "board" for row in report.rows):
        report.profile = sampled("b", "pipelined", min(5.0, todo.seconds * 2), place) or {}
    if todo.reading is not None:
        report.reading = lines(place, todo.reading)
    report.trials = list(tried(todo.experiments, place, todo.seconds))


def _check(report: Report, variant: Variant, place: Path | None) -> None:
    found = trace(variant, place)
    if found:
        report.checks.append(found)
        if not found["flushed"]:
            print(f"{variant.label}: NOT DURABLE: {found['told']}", file=sys.stderr)


@contextmanager
def _variants(against: str | None) -> Generator[Mapping[str, Sequence[Variant]]]:
    """The variants of each contender; with `against` only comity, from both commits."""
    if against is None:
        yield {name: [Variant(name, name)] for name in (*CONTENDERS, *FLOORS)}
        return
    with checked_out(against) as (name, sources):
        yield {
            "comity": [
                Variant("comity", "comity"),
                Variant(f"comity {name}", "comity", sources),
            ]
        }


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(page.render(report), encoding="utf-8")
    print(f"\n{folder / 'report.json'}\n{folder / 'report.html'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--experiments", action="store_true", help="run the experiments")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="two minutes instead of hours")
    size.add_argument("--standard", action="store_true", help="15 minutes instead of hours")
    size.add_argument("--growth", action="store_true", help="many aggregates and events: 8 minutes")
    size.add_argument(
        "--costs", action="store_true", help="comity alone: what each thing costs, little noise"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases with this in their name")
    parser.add_argument("--without", nargs="+", metavar="NAME", help="contenders to leave out")
    parser.add_argument("--against", metavar="REV", help="compare with a commit, or a folder")
    parser.add_argument("--rounds", type=int, help="the number of rounds")
    parser.add_argument("--seconds", type=float, help="the length of each measured window")
    parser.add_argument("--path", type=Path, help="a directory on the measured disk")
    parser.add_argument("--out", type=Path, default=Path("dist/bench"), help="where reports go")
    parser.add_argument("--list", action="store_true", help="show the cases, measure nothing")
    parser.add_argument("--page", type=Path, metavar="JSON", help="render a report.json again")
    parser.add_argument("--figures", type=Path, metavar="JSON", help="print its tables")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
