"""A command stage by stage, in one thread; `experiments.stages` says what the stages are."""

from __future__ import annotations

from pathlib import Path

from benchmarks.costs.rounds import in_memory, size
from benchmarks.experiments.stages import measured
from benchmarks.job import Job, Result


def run(job: Job, folder: Path) -> Result:
    """CPU of a command; the facts are its stages."""
    with in_memory(folder) as path:
        stages = measured(job.case.options["case"], path / "boards", size(job.seconds, 60))
    least = stages.least
    return Result(sum(least.values()), "µs CPU", "each board has its commands", least)
