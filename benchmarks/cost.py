"""A cost: runs the module of `costs` that the case names. For comparing two trees, and alone."""

from __future__ import annotations

import importlib
from pathlib import Path

from benchmarks.job import Job, Result


def run(job: Job, folder: Path) -> Result:
    """Measure it."""
    module = importlib.import_module(f"benchmarks.costs.{job.case.options['of']}")
    result: Result = module.run(job, folder)
    return result
