"""A service desk's year: 2,000 incidents, and people whose views are some minutes old.

Run it: python -m examples.incident_desk [--minutes 10 60]
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

if not __package__:  # run as a folder: python examples/incident_desk
    sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.incident_desk.domain import Incident, incident
from examples.incident_desk.play import Step, Tally, play, read, record
from examples.recordings import recording
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from comity.actors import Domain
from comity.engine.text import printable

RECORDING = "incident-desk/demo_2000.jsonl.gz"
RECORDS = "incident-desk/demo_2000.final.json.gz"

Records: TypeAlias = dict[str, dict[str, str]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        steps, records = read(recording(RECORDING)), final_records(recording(RECORDS))
    except FileNotFoundError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    console = Console()
    rows: dict[str, tuple[Tally, dict[str, Incident]]] = {}
    with ExitStack() as stack:
        folder = options.journal or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "db"
        domain = stack.enter_context(Domain.open(folder, deciders=[incident]))
        for minutes in (None, *options.minutes):
            title = "in order" if minutes is None else f"views {minutes} min old"
            rows[title] = watch(console, title, domain, steps, minutes)
    console.print(table(rows, records))
    for title, (tally, _) in rows.items():
        if tally.told:
            console.print(f"\n{title}, examples of refusals:")
        for told in tally.told[: options.examples]:
            console.print(f"  {printable(told)}", markup=False, soft_wrap=True)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="incident_desk", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--minutes", type=int, nargs="*", default=[10], help="how old the views are"
    )
    parser.add_argument("--examples", type=int, default=3, help="refusals to show in full")
    parser.add_argument("--journal", type=Path, help="keep the journal in this new directory")
    options = parser.parse_args(arguments)
    if options.journal is not None and options.journal.exists():
        parser.error(f"{options.journal} is there already; name a new directory")
    return options


def watch(
    console: Console, title: str, domain: Domain, steps: Sequence[Step], minutes: int | None
) -> tuple[Tally, dict[str, Incident]]:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(title, total=len(steps))
        return asyncio.run(play(domain, steps, minutes, lambda done: progress.advance(task, done)))


def table(rows: dict[str, tuple[Tally, dict[str, Incident]]], records: Records) -> Table:
    shown = Table(title=f"{len(records):,} incidents")
    shown.add_column("")
    for title in rows:
        shown.add_column(title, justify="right")
    tallies = [tally for tally, _ in rows.values()]
    differing = [differences(incidents, records) for _, incidents in rows.values()]
    figures = {
        "commands": [tally.commands for tally in tallies],
        "stale: a lock on the record refuses them": [tally.stale for tally in tallies],
        "  accepted": [went_through(tally) for tally in tallies],
        "  refused, sent again after a look": [len(tally.told) for tally in tallies],
        "records with other final values": [
            sum(count for name, count in some.items() if name != "reassignment_count")
            for some in differing
        ],
        "  with another reassignment_count": [some["reassignment_count"] for some in differing],
    }
    for name, values in figures.items():
        shown.add_row(name, *(f"{value:,}" for value in values))
    return shown


def went_through(tally: Tally) -> int:
    return tally.stale - len(tally.told)


def differences(incidents: dict[str, Incident], records: Records) -> Counter[str]:
    """For each field, the number of incidents in which it differs from the recording."""
    return Counter(
        name
        for key, recorded in records.items()
        for name, value in record(incidents[key]).items()
        if recorded[name] != value
    )


def final_records(path: Path) -> Records:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records: Records = json.load(file)
    return records


if __name__ == "__main__":
    sys.exit(main())
