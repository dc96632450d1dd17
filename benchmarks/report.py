"""The results: medians, spread and ratios over the rounds, as a table, JSON, and for the page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contender import CONTENDERS
from benchmarks.experiments.finding import Finding
from benchmarks.experiments.trial import Trial
from benchmarks.job import Case
from benchmarks.latency import Latency
from benchmarks.process import Done
from benchmarks.round import Sample


@dataclass
class Row:
    """One variant in one case, over all rounds."""

    case: Case
    label: str
    contender: str
    figures: dict[int, float] = field(default_factory=dict[int, float])
    """The figure of each round."""
    unit: str = ""
    facts: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    latency: Latency = field(default_factory=Latency)
    proof: str = ""
    version: str = ""
    failures: list[str] = field(default_factory=list[str])

    def add(self, number: int, done: Done) -> None:
        """Add a round."""
        result = done.result
        self.figures[number] = result.figure
        self.unit, self.proof, self.version = result.unit, result.proof, done.version
        for name, value in result.facts.items():
            self.facts.setdefault(name, []).append(value)
        if result.latency:
            self.latency.add(result.latency)

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.figures.values())

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest figure."""
        return min(self.figures.values()), max(self.figures.values())

    @property
    def medians(self) -> Mapping[str, float]:
        """The median of each fact."""
        return {name: statistics.median(values) for name, values in self.facts.items()}

    def each(self, fact: str = "") -> Mapping[int, float]:
        """The figure of each round, or a fact of each round."""
        if not fact:
            return self.figures
        return dict(zip(self.figures, self.facts.get(fact, ()), strict=False))

    def ratios(self, other: Row) -> Sequence[float]:
        """This row's figures divided by the other's, for each round."""
        return [
            self.figures[one] / other.figures[one] for one in self.figures if one in other.figures
        ]

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        quantiles = {
            f"p{100 * share:g}": self.latency.quantile(share) for share in (0.5, 0.99, 0.999)
        }
        return {
            "workload": self.case.workload,
            "variant": self.case.variant,
            "options": dict(self.case.options),
            "label": self.label,
            "contender": self.contender,
            "version": self.version,
            "unit": self.unit,
            "figures": {str(number): value for number, value in self.figures.items()},
            "median": self.median if self.figures else None,
            "facts": self.facts,
            "latency": {**quantiles, **self.latency.as_json()} if self.latency.count else None,
            "proof": self.proof,
            "failures": self.failures,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        """Read the result of `as_json`."""
        latency = Latency.from_json(data["latency"]) if data["latency"] else Latency()
        figures = {int(number): value for number, value in data["figures"].items()}
        case = Case(data["workload"], data["variant"], data["options"])
        return cls(
            case, data["label"], data["contender"], figures, data["unit"], data["facts"], latency,
            data["proof"], data["version"], data["failures"],
        )  # fmt: skip


@dataclass
class Report:
    """All results of a run."""

    plan: str
    rounds: int
    seconds: float
    machine: Mapping[str, Any]
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    """Contenders that did not run, with the reason."""
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    """Cases that cannot be measured here, with the reason."""
    loads: list[float] = field(default_factory=list[float])
    rows: list[Row] = field(default_factory=list[Row])
    checks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The flushes in a trace of system calls, by contender."""
    profile: dict[str, Any] = field(default_factory=dict[str, Any])
    """The profile: a tree of frames for the flame graph."""
    reading: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The read side's figures, each with its floor."""

    trials: list[Trial] = field(default_factory=list[Trial])
    """Experiments."""

    def add(self, sample: Sample) -> None:
        """Add a run."""
        row = self._row(sample)
        if sample.done:
            row.add(sample.round, sample.done)
            self.loads.append(sample.done.load)
        else:
            row.failures.append(f"round {sample.round}: {sample.failure}")

    def _row(self, sample: Sample) -> Row:
        for row in self.rows:
            if row.case.name == sample.case.name and row.label == sample.variant.label:
                return row
        row = Row(sample.case, sample.variant.label, sample.variant.contender)
        self.rows.append(row)
        return row

    def cases(self) -> Mapping[str, Sequence[Row]]:
        """The rows of each case, best first."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.case.name, []).append(row)
        return {
            name: sorted(rows, key=lambda row: -row.median if row.figures else 0.0)
            for name, rows in found.items()
        }

    def failures(self) -> Sequence[str]:
        """All failures."""
        return [
            f"{row.case.name}, {row.label}: {text}" for row in self.rows for text in row.failures
        ] + [f"experiment {trial.title}: {trial.failure}" for trial in self.trials if trial.failure]

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        return {
            "plan": self.plan,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "machine": dict(self.machine),
            "left out": self.left_out,
            "skipped": self.skipped,
            "loads": self.loads,
            "durability": {one.name: one.durable for one in CONTENDERS.values()},
            "checks": self.checks,
            "rows": [row.as_json() for row in self.rows],
            "profile": self.profile,
            "reading": self.reading,
            "experiments": [trial.as_json() for trial in self.trials],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Read the result of `as_json`."""
        rows = [Row.from_json(row) for row in data["rows"]]
        return cls(
            data["plan"], data["rounds"], data["seconds"], data["machine"], data["left out"],
            data.get("skipped", {}), data["loads"], rows, data["checks"], data["profile"],
            data["reading"], [Trial.from_json(trial) for trial in data.get("experiments", ())],
        )  # fmt: skip

    def table(self) -> Iterable[str]:
        """Lines for the terminal: each case, its contenders, and comity's ratio to each."""
        for name, reason in self.skipped.items():
            yield f"skipped: {name}: {reason}"
        last = ""
        for name, rows in self.cases().items():
            if len(rows) == 1 and rows[0].figures:  # no contender to compare with: one line
                if last != rows[0].case.workload:
                    yield ""
                last = rows[0].case.workload
                yield _line(rows[0], None, f"{name:<52}") + f"   {rows[0].unit}"
                continue
            yield ""
            yield f"{name:<36}{rows[0].unit:>14}  {'spread':>17}   comity is"
            mine = next((row for row in rows if row.label == "comity"), None)
            for row in rows:
                yield _line(row, mine)
        for trial in self.trials:
            yield f"\n{trial.title}"
            yield from map(_finding, trial.findings)
            if trial.failure:
                yield f"  no result: {trial.failure}"


def _finding(one: Finding) -> str:
    if one.figure is None:
        return f"  {one.what:<78}{one.note}"
    share = "" if one.ratio is None else f"{ratio(one.ratio)}×"
    return f"  {one.what:<78}{number(one.figure):>8} {one.unit:<11}{share:>6}  {one.note}"


def _line(row: Row, mine: Row | None, label: str = "") -> str:
    if not row.figures:
        return f"  {row.label:<34} no result: {row.failures[-1] if row.failures else ''}"
    low, high = row.spread
    label = label or f"  {row.label}"
    text = f"{label:<36}{number(row.median):>14}  {number(low):>8}–{number(high):<8}"
    if mine and mine is not row and mine.figures:
        text += f"  {ratio(statistics.median(mine.ratios(row) or [0.0])):>7}×"
    if row.latency.count:
        p50, p99 = row.latency.quantile(0.5) * 1e3, row.latency.quantile(0.99) * 1e3
        text += f"   p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    if sent := row.medians.get("attempts per command"):
        text += f"   sent {number(sent)} times each"
    return text


def number(value: float) -> str:
    """A number with its significant digits."""
    if value >= 100:  # noqa: PLR2004 - three digits say enough
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(value: float) -> str:
    """A ratio with its significant digits."""
    return f"{value:.0f}" if value >= 20 else f"{value:.2g}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004
