"""Profiles comity: py-spy samples the thread that holds the GIL; the stacks become a tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.job import Job
from benchmarks.plan import board_case
from benchmarks.process import PEERS, ROOT, Variant

_RATE: Final = 400
"""Samples per second."""
_FIRST: Final = re.compile(r"\((?:benchmarks/client\.py|actors/)")


@dataclass
class Node:
    """A frame in the tree, and the number of its samples."""

    name: str
    value: int = 0
    children: dict[str, Node] = field(default_factory=dict[str, "Node"])

    def add(self, frames: Sequence[str], count: int) -> None:
        """Add one stack below this frame."""
        node = self
        node.value += count
        for frame in frames:
            node = node.children.setdefault(frame, Node(frame))
            node.value += count

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        children = [child.as_json() for child in self.children.values()]
        return {"name": self.name, "value": self.value, "children": children}


def sampled(shape: str, mode: str, seconds: float, place: Path | None) -> dict[str, Any] | None:
    """A tree of frames with `name`, `value`, `children`; None if py-spy is not installed."""
    spy = PEERS.with_name("py-spy")
    if not spy.exists():
        return None
    variant = Variant("comity", "comity")
    job = Job(board_case(shape, mode, read_model=False), "comity", seconds)
    with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as name:
        stacks = Path(name) / "stacks"
        looking = [
            str(spy),
            "record",
            "-f",
            "raw",
            "-r",
            str(_RATE),
            "-o",
            str(stacks),
            "-t",
            "--gil",
        ]
        worker = [variant.python, "-m", "benchmarks.worker", name]
        done = subprocess.run(  # noqa: S603 - this project's own workers
            [*looking, "--", *worker], input=json.dumps(job.as_json()), text=True,
            capture_output=True, cwd=ROOT, env={**os.environ, **variant.environment}, check=False,
        )  # fmt: skip
        if done.returncode or not stacks.exists():
            return None
        return tree(stacks.read_text("utf-8"), f"board: {shape}, {mode}")


def tree(text: str, name: str) -> dict[str, Any]:
    """Combine py-spy's stacks (one per line, with a count) below one root.

    A stack starts with the client's or comity's first frame: this leaves out the start of threads,
    and the work before and after the windows.
    """
    root = Node(name)
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_short(frame) for frame in stack.split(";")]
        begin = next((n for n, frame in enumerate(frames) if _FIRST.search(frame)), 0)
        thread = frames[0] if frames[0].startswith("comity-") else "the client"
        if begin and (thread != "the client" or "client.py" in frames[begin]):
            root.add([thread, *frames[begin:]], int(count))
    return root.as_json()


def _short(frame: str) -> str:
    """`function (package/module.py)`, without the line, the folder and the process."""
    name, _, place = frame.partition(" (")
    if not place or frame.startswith(("process ", "thread ")):
        return frame.partition(": ")[2].strip('"') or frame if "thread" in frame else frame
    file = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{name} ({'/'.join(Path(file).parts[-2:])})"
