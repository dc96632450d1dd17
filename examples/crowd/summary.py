"""The summary of the demo, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from examples.crowd.diary import Diary
from examples.crowd.proof import Claim
from examples.crowd.view import STYLES, outcomes
from rich.console import Console
from rich.table import Table
from rich.text import Text

from comity.actors import Statistics

LATENCIES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
MOST_CLASHES = 12
"""The most rows in the table of clashes."""


@dataclass(frozen=True)
class Phase:
    """The results of one part of the demo."""

    title: str
    seconds: float
    diary: Diary
    events: int
    commits: int
    sentences: Mapping[str, str]

    @classmethod
    def ended(cls, title: str, diary: Diary, before: Statistics, after: Statistics) -> Phase:
        """A phase that has ended, between two statistics of the domain, which is still open."""
        return cls(
            title,
            after.uptime - before.uptime,
            diary,
            after.events - before.events,
            after.commits - before.commits,
            diary.examples(),
        )

    @property
    def rate(self) -> float:
        """Commands per second."""
        return self.diary.commands / self.seconds

    @property
    def events_per_commit(self) -> float:
        return self.events / max(1, self.commits)

    @property
    def latencies(self) -> dict[str, float]:
        """Latencies in milliseconds, from sending to the answer."""
        return {name: self.diary.latency(share) * 1000 for name, share in LATENCIES.items()}

    def as_json(self) -> dict[str, object]:
        """The phase as JSON."""
        return {
            "seconds": round(self.seconds, 3),
            "commands": self.diary.commands,
            "commands_per_second": round(self.rate),
            "outcomes": dict(self.diary.outcomes),
            "clashes": [
                {"command": command, "path": path, "rule": rule, "outcome": outcome, "times": times}
                for (command, path, rule, outcome), times in self.diary.clashes.most_common()
            ],
            "latency_ms": {name: round(each, 3) for name, each in self.latencies.items()},
            "events": self.events,
            "commits": self.commits,
            "events_per_commit": round(self.events_per_commit, 2),
            "sentences": dict(self.sentences),
        }


def as_json(
    people: Phase, rush: Phase, proof: Sequence[Claim], again: Sequence[Claim]
) -> dict[str, object]:
    """The whole summary as JSON."""
    return {
        "people": people.as_json(),
        "rush": rush.as_json(),
        "proof": [asdict(claim) for claim in proof],
        "proof_after_reopening": [asdict(claim) for claim in again],
        "proven": all(claim.holds for claim in (*proof, *again)),
    }


def show(console: Console, people: Phase, rush: Phase) -> None:
    """Print the outcomes of the commands, where they clashed, and the speed."""
    console.print(Text(f"Outcomes of {people.diary.commands:,} commands\n", "bold"))
    console.print(outcomes(people.diary))
    console.print(Text("\nWhere people clashed, and how the rule decided\n", "bold"))
    console.print(_clashes(people.diary))
    console.print(Text("\nExamples from the reports\n", "bold"))
    console.print(_sentences(people.sentences))
    console.print(Text("\nSpeed, with every answer durable; latencies in ms\n", "bold"))
    console.print(_speed((people, rush)))


def show_proof(console: Console, proof: Sequence[Claim], again: Sequence[Claim]) -> None:
    """Print the claims, and whether they hold, also after opening the journal again."""
    console.print(Text("\nProof\n", "bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=10)
    reopened = "all of these again, after closing the domain and opening it from disk"
    for claim in (*proof, Claim(reopened, all(claim.holds for claim in again))):
        mark = Text("holds", "green") if claim.holds else Text("FAILS", "bold red")
        table.add_row(mark, claim.text)
    console.print(table)


def _clashes(diary: Diary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=10)
    clashes = diary.clashes.most_common()
    for (command, path, rule, outcome), times in clashes[:MOST_CLASHES]:
        own = rule.removeprefix(f"{command}.")
        table.add_row(f"{times:,}", command, path, own, Text(outcome, STYLES.get(outcome, "")))
    rest = sum(times for _, times in clashes[MOST_CLASHES:])
    if rest:
        table.add_row(f"{rest:,}", "others")
    return table


def _sentences(sentences: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", min_width=10)
    for outcome in STYLES:
        if outcome in sentences:
            table.add_row(Text(outcome, STYLES[outcome]), Text(sentences[outcome]))
    return table


def _speed(phases: Sequence[Phase]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("")
    for name in ("COMMANDS", "A SECOND", *map(str.upper, LATENCIES), "EVENTS/COMMIT"):
        table.add_column(name, justify="right", no_wrap=True)
    for phase in phases:
        table.add_row(
            phase.title,
            f"{phase.diary.commands:,}",
            f"{phase.rate:,.0f}",
            *(f"{each:.1f}" for each in phase.latencies.values()),
            f"{phase.events_per_commit:.1f}",
        )
    return table
