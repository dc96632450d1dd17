"""Checks with strace that a contender flushes before it answers. Linux only.

A child process sends commands one at a time, and writes a line to its own file before each command
and after each answer. strace shows these writes, and the flushes between them in every thread and
child process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.contender import opened
from benchmarks.process import ROOT, Variant
from benchmarks.shape import SHAPES

_COMMANDS: Final = 12
_CALLS: Final = "fsync,fdatasync,msync,sync_file_range,openat,pwrite64,pwritev,write,writev"
_LINE: Final = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)(.*)$")
_MARK: Final = re.compile(r'"(send|answer) (\d+)\\n"')


def trace(variant: Variant, place: Path | None) -> dict[str, Any] | None:
    """The flushes between commands and answers; None if strace is not installed."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    with tempfile.TemporaryDirectory(dir=place, prefix="bench-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        calls = folder / "calls"
        command = [strace, "-f", "-y", "-s", "40", "-e", f"trace={_CALLS}", "-o", str(calls)]
        done = subprocess.run(  # noqa: S603 - this project's own workers
            [*command, variant.python, "-m", "benchmarks.trace", variant.contender, name],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=300,
            env={**os.environ, **variant.environment},
        )  # fmt: skip
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["nothing was said"]
            return {"contender": variant.contender, "flushed": False, "told": lines[-1][:200]}
        found = flushes(calls.read_text("utf-8", errors="replace"))
    return {"contender": variant.contender, **_told(found)}


def flushes(text: str) -> list[Counter[str]]:
    """For each command the flushing calls that ended between its sending and its answer."""
    found: list[Counter[str]] = []
    synced: set[str] = set()  # files opened with O_DSYNC: each write is a flush
    under_way = False
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        call, rest = match.groups()
        mark = _MARK.search(rest) if call == "write" else None
        if mark:
            under_way = mark[1] == "send"
            if under_way:
                found.append(Counter())
        elif call == "openat" and "SYNC" in rest:
            synced.add(rest.rpartition("= ")[2])
        elif under_way and not rest.endswith("<unfinished ...>"):
            if call in ("fsync", "fdatasync", "msync"):
                found[-1][call] += 1
            elif rest.partition(",")[0] in synced:
                found[-1]["O_DSYNC write"] += 1
    return found


def _told(found: list[Counter[str]]) -> Mapping[str, Any]:
    without = sum(1 for one in found if not one)
    total: Counter[str] = Counter()
    for one in found:
        total.update(one)
    each = ", ".join(f"{count / max(1, len(found)):.2g} {name}" for name, count in total.items())
    if without or not found:
        return {"flushed": False, "told": f"{without} of {len(found)} answers came without a flush"}
    return {"flushed": True, "told": f"strace, {len(found)} commands, for each: {each}"}


def main() -> None:
    """The child: send commands one at a time, and mark them."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    shape = SHAPES["a"]
    contender = opened(name, folder / "data", read_model=False)
    try:
        contender.set_up(shape.setting_up())
        script = shape.script(0, 1)
        marks = os.open(folder / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in range(_COMMANDS):
            change = next(script)
            os.write(marks, f"send {number}\n".encode())
            contender.call(change)
            os.write(marks, f"answer {number}\n".encode())
        os.close(marks)
    finally:
        contender.close()
    json.dump(_COMMANDS, sys.stdout)


if __name__ == "__main__":
    main()
