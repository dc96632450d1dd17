"""Runs the whole suite many times beside computing processes, each time in another order.

It is what `scripts/stress` runs. A seed stands for the order and for the hash seed of a run, so a
run that failed is repeated by its seed. What it printed, and the files of its tests, are kept.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE = 600
"""Seconds in which a test must have ended, beside whatever else computes."""
SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"


class Run(NamedTuple):
    """One run of the suite, and how it ended."""

    seed: int
    code: int
    seconds: float
    said: str
    """How many passed and failed, as pytest says it."""
    failed: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite as the arguments say; 1 if a run failed."""
    options, rest = parser().parse_known_args(arguments)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    folder = Path(tempfile.mkdtemp(prefix="comity-stress-"))
    runs: list[Run] = []
    print(f"{options.runs} runs from seed {first}; what they print is in {folder}", flush=True)
    with computing(options.busy), ThreadPoolExecutor(options.jobs) as pool:
        seeds = range(first, first + options.runs)
        for done in as_completed([pool.submit(run, folder, seed, rest) for seed in seeds]):
            runs.append(done.result())
            print(line(runs[-1]), flush=True)
    bad = sum(run.code != 0 for run in runs)
    print(f"\n{len(runs)} runs, {bad} of them failed", *map(line, sorted(runs)), sep="\n")
    if not bad:
        shutil.rmtree(folder)
    return int(bad > 0)


def parser() -> argparse.ArgumentParser:
    """What can be said to `scripts/stress`."""
    said = argparse.ArgumentParser(prog="scripts/stress", description=__doc__)
    said.add_argument("--runs", type=int, default=20, help="how many runs (20)")
    said.add_argument("--jobs", type=int, default=1, help="how many at once (1)")
    said.add_argument("--busy", type=int, default=2, help="how many processes compute beside (2)")
    said.add_argument("--seed", type=int, help="of the first run; each other has the next number")
    return said


@contextmanager
def computing(processes: int) -> Generator[None]:
    """So many processes that do nothing but compute; they end with this one, however it ends."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in spinning:
            one.kill()
            one.wait()


def run(folder: Path, seed: int, arguments: Sequence[str]) -> Run:
    """Run the suite once; what it printed stands in a file named after the seed."""
    files, log = folder / f"{seed}", folder / f"{seed}.log"
    command = [
        sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", f"--timeout={PATIENCE}",
        f"--order={seed}", f"--basetemp={files}", *arguments,
    ]  # fmt: skip
    began = time.monotonic()
    with log.open("w") as out:
        environment = {**os.environ, "PYTHONHASHSEED": f"{seed}"}
        ended = subprocess.run(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment, check=False
        )
    printed = log.read_text(errors="replace")
    told = re.findall(r"^=* ?(\d+ \w+.* in [\d.]+s.*?) ?=*$", printed, re.MULTILINE)
    if ended.returncode == 0:
        shutil.rmtree(files, ignore_errors=True)
    return Run(
        seed,
        ended.returncode,
        time.monotonic() - began,
        told[-1] if told else "it has not come to an end",
        re.findall(r"^(.+::.+) (?:FAILED|ERROR) +\[", printed, re.MULTILINE),
    )


def line(run: Run) -> str:
    """A run as a line of the table, with how to repeat it where it failed."""
    told = f"{run.seed:>10}  exit {run.code}  {run.seconds:6.0f} s  {run.said}"
    if run.code == 0:
        return told
    again = f"PYTHONHASHSEED={run.seed} scripts/test --order={run.seed}"
    return f"\n{'':12}".join([told, *run.failed, again])


if __name__ == "__main__":
    sys.exit(main())
