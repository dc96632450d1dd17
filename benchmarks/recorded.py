"""Plays recorded histories of people who worked on the same thing into a durable journal.

The example for each history plays it once, from the beginning, and checks the final state. Set
`COMITY_DATA` to the folder of the recordings.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from examples.recordings import recording

from benchmarks.job import Case, Job, Result
from benchmarks.plan import Item, alone
from comity.actors import Domain


class Played(NamedTuple):
    """The result, which was checked."""

    commands: int
    seconds: float
    proof: str
    facts: Mapping[str, float]


class History(Protocol):
    """A recording that has been read."""

    def open(self, folder: Path) -> Domain:
        """Open the domain for it."""
        ...

    def play(self, domain: Domain) -> Played:
        """Play it, and check the result.

        Raises:
            Wrong: the result is not the expected one.
        """
        ...


class Entry(NamedTuple):
    """An entry of the list below."""

    module: str
    """The module, which has `read(part) -> History`; part 0 means all."""
    files: tuple[str, ...]
    part: int
    of: str
    """The unit of the part."""


HISTORIES: Final = {
    "git merges": Entry("recorded_merges", ("git-merges/merges.jsonl.gz",), 120, "merges"),
    "shared typing": Entry(
        "recorded_typing", ("shared-typing/friendsforever.json.gz",), 3_000, "edits"
    ),
    "incident desk": Entry(
        "recorded_incidents",
        ("incident-desk/demo_2000.jsonl.gz", "incident-desk/demo_2000.final.json.gz"),
        1_000,
        "incidents",
    ),
}


def items(*, quick: bool, rounds: int = 0) -> list[Item]:
    """All histories, or if `quick` the first part of each; 0 rounds are all."""
    return [
        alone(
            "recorded",
            f"{name}, the first {entry.part:,} {entry.of}" if quick else f"{name}, all",
            {"history": name, "part": entry.part if quick else 0},
            rounds,
        )
        for name, entry in HISTORIES.items()
    ]


def missing(case: Case) -> str:
    """Why the case's recording cannot be played here; empty if it can."""
    for name in HISTORIES[case.options["history"]].files:
        try:
            recording(name)
        except FileNotFoundError:  # its text names a folder of this machine
            return f"the recording {name} is missing; set COMITY_DATA to its folder"
    return ""


def run(job: Job, folder: Path) -> Result:
    """Play one history; reading the recording is not timed."""
    options = job.case.options
    module = importlib.import_module(f"benchmarks.{HISTORIES[options['history']].module}")
    history = cast("History", module.read(int(options["part"])))
    with history.open(folder / "journal") as domain:
        cpu = time.process_time()
        played = history.play(domain)
        cpu = time.process_time() - cpu
        found = domain.statistics()
    facts = {
        **played.facts,
        "commits": float(found.commits),
        "events": float(found.events),
        "µs CPU per command, checks included": cpu * 1e6 / played.commands,
    }
    return Result(played.commands / played.seconds, "commands/s", played.proof, facts)
