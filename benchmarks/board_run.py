"""One run of the board's workload: set up, warm up, measure, prove."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import Crowd
from benchmarks.contender import opened
from benchmarks.job import Job, Result
from benchmarks.latency import Latency
from benchmarks.proof import prove
from benchmarks.shape import SHAPES


def run(job: Job, folder: Path) -> Result:
    """Measure the case's shape, mode and read model.

    Raises:
        Wrong: the final state is not what the answers said.
    """
    options = job.case.options
    shape, mode, read_model = SHAPES[options["shape"]], options["mode"], options["read_model"]
    contender = opened(job.contender, folder, read_model=read_model)
    try:
        contender.set_up(shape.setting_up())
        crowd = Crowd(contender, shape, mode)
        _collect(options.get("gc", "freeze"))
        _bind(options.get("cores", 0))
        with _switching(options.get("switch_interval")), _beside(options.get("beside", "")):
            crowd.work(job.seconds / 3)
            before = contender.facts()
            window = crowd.work(job.seconds)
            after = contender.facts()
        proof = prove(contender, shape, crowd.answered, read_model=read_model)
    finally:
        contender.close()
    facts = {name: after[name] - before.get(name, 0.0) for name in after}
    facts["µs CPU per command"] = (window.cpu + facts.pop("other CPU", 0.0)) * 1e6 / window.commands
    if facts.get("commits"):
        facts["commands per commit"] = window.commands / facts["commits"]
    if read_model:
        facts["ms behind at the end"] = window.behind * 1e3
    rate = window.commands / window.seconds
    return Result(rate, "commands/s", proof, facts, Latency.of(window.times))


def _collect(way: str) -> None:
    """Set up the garbage collector: frozen for every contender, or as the case says."""
    if way == "default":
        return
    gc.collect()
    if way == "off":
        gc.disable()
        return
    gc.freeze()
    if way == "seldom":
        gc.set_threshold(5_000, 20, 50)


def _bind(cores: int) -> None:
    """Limit all threads of this process to a number of cores, if the case says so."""
    if cores:
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), set(range(cores)))


@contextmanager
def _switching(interval: float | None) -> Generator[None]:
    """Set another switch interval than Python's own, if the case says so."""
    before = sys.getswitchinterval()
    if interval:
        sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _beside(what: str) -> Generator[None]:
    """Run a thread that computes without waiting, if the case says so."""
    if not what:
        yield
        return
    over = threading.Event()

    def compute() -> None:
        number = 0
        while not over.is_set():
            for _ in range(10_000):
                number = (number * 1_103_515_245 + 12_345) & 0x7FFFFFFF

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
