"""A command that was chosen on an older view: none unseen, or so many that do or do not clash."""

from __future__ import annotations

from pathlib import Path

from benchmarks.costs.rounds import costs, in_memory, result
from benchmarks.job import Job, Result
from benchmarks.merging import Sending, merged
from comity.actors import Domain


def run(job: Job, folder: Path) -> Result:
    """CPU of all threads for each command, 512 in flight on one board."""
    kind, behind = job.case.options["kind"], int(job.case.options["behind"])
    with in_memory(folder) as path, Domain.open(path / "boards", deciders=[merged]) as domain:
        sending = Sending(domain, kind, behind)

        def measure() -> float:
            done, _, cpu = sending.work(min(0.12, job.seconds))
            return cpu * 1e6 / done

        found = costs(measure, job.seconds, 10)
        return result(found, "µs CPU", sending.prove(domain))
