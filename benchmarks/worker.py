"""The process that runs one job: reads the job as JSON, and writes its result as JSON.

python -m benchmarks.worker FOLDER < job.json > result.json
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Final

from benchmarks.contender import CONTENDERS, FLOORS
from benchmarks.job import Job, Result

WORKLOADS: Final = {
    "board": "board_run",
    "merging": "merging",
    "voter": "voter",
    "cold": "cold",
    "start-up": "start_up",
    "memory": "memory",
    "disk": "disk",
    "growth": "growth",
    "recorded": "recorded",
    "cost": "cost",
}
"""The module of each workload; each has `run(job, folder) -> Result`."""


def main() -> None:
    """Run the job."""
    answer, sys.stdout = sys.stdout, sys.stderr  # output of libraries must not mix with the result
    job = Job.from_json(json.load(sys.stdin))
    began, load = time.perf_counter(), os.getloadavg()[0]
    name = "floor" if job.contender in FLOORS else WORKLOADS[job.case.workload]
    result: Result = importlib.import_module(f"benchmarks.{name}").run(job, Path(sys.argv[1]))
    told = {
        "result": result.as_json(),
        "version": _version(job.contender),
        "python": platform.python_version(),
        "load": load,
        "took": time.perf_counter() - began,
    }
    json.dump(told, answer)


def _version(contender: str) -> str:
    entry = CONTENDERS.get(contender)
    if contender.startswith("SQLite"):
        import sqlite3  # noqa: PLC0415 - no other contender needs it

        return sqlite3.sqlite_version
    if contender in FLOORS:
        return ""
    return metadata.version(entry.distribution if entry and entry.distribution else "comity")


if __name__ == "__main__":
    main()
