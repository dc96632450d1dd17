"""Disk space of an event with everything that is stored about it, after a clean end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.client import Crowd
from benchmarks.contender import opened
from benchmarks.job import Job, Result
from benchmarks.proof import prove
from benchmarks.shape import Shape

_SHAPE: Final = Shape("disk", "a hundred boards", 100, 10, 64)


def run(job: Job, folder: Path) -> Result:
    """Send commands, close, and count the blocks of all files."""
    wanted = int(job.case.options["events"])
    contender = opened(job.contender, folder, read_model=False)
    try:
        contender.set_up(_SHAPE.setting_up())
        crowd = Crowd(contender, _SHAPE, "pipelined")
        while sum(crowd.answered) < wanted:
            crowd.work(0.1)
        proof = prove(contender, _SHAPE, crowd.answered, read_model=False)
    finally:
        contender.close()
    events = sum(crowd.answered) + len(_SHAPE.setting_up())
    used = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
    return Result(used / events, "bytes per event", proof, {"events": events})
