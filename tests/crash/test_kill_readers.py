"""Readers in other processes are killed with -9, and stopped for a while, under load.

No snapshot is ever in contradiction to itself, the writer goes on, and slots of the dead are free
again. A few in CI, `COMITY_READER_KILLS` (default 5000) in `./scripts/soak`. Run as
`python -m tests.crash.test_kill_readers PATH SEED RUNS`, it forks readers of the models at PATH,
which another process keeps up to date, and kills them.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.shelf import Pages, folded, seen, stamp, until

from comity.actors import Domain, ReadModels
from comity.engine import ComityError, ReadModelError

ROOT = Path(__file__).parents[2]
AT_ONCE = 6
"""Readers at a time."""
CONTRADICTION = 3
BOOKS = 4


# --- a reader -------------------------------------------------------------------------------------


def contradictions(pages: Pages) -> list[str]:
    """What in this snapshot does not fit together."""
    rows = pages.rows.all().list()
    stamps = Counter[str]()
    for row in rows:
        stamps[row.book] += row.stamps
    found: list[str] = []
    if dict(pages.per_book.items()) != Counter(row.book for row in rows):
        found.append("the counts are not those of the rows")
    if dict(pages.stamps.items()) != stamps:
        found.append("the sums are not those of the rows")
    if pages.by_change.all().count() != len(rows):
        found.append("the unique index has another number of rows")
    if list(pages.by_text.all()) != sorted(
        (row for row in rows if row.text), key=lambda row: (row.text, row.book, row.page)
    ):
        found.append("an index shows other rows")
    if pages.position < max((row.changed for row in rows), default=0):
        found.append("a row is newer than the snapshot")
    if pages.rows.all().list() != rows:
        found.append("it has changed while it was read")
    return found


def _read(path: Path, seed: int) -> None:
    rng, before = random.Random(seed), 0
    models = ReadModels.open(path, [Pages])
    if rng.random() < 0.3:
        models.watch(Pages.rows.all())
    while True:
        with models.read(Pages) as pages:
            found = contradictions(pages)
            if pages.position < before:
                found.append("time has gone backwards")
            before = pages.position
            if rng.random() < 0.2:
                time.sleep(rng.uniform(0, 0.02))
                found += contradictions(pages)
        if found:
            os.write(2, f"at position {before}: {'; '.join(found)}\n".encode())
            os._exit(CONTRADICTION)


def _fork_reader(path: Path, seed: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            _read(path, seed)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def main() -> None:
    """Fork readers and kill them, so many in all; print what there was."""
    logging.disable(logging.CRITICAL)
    path, seed, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rng, figures = random.Random(seed), Counter[str]()
    readers: list[int] = []
    stopped: set[int] = set()
    for run in range(runs + AT_ONCE):
        if run < runs:
            readers.append(_fork_reader(path, seed * 100_000 + run))
        time.sleep(rng.uniform(0, 0.03))
        if rng.random() < 0.15:
            one = rng.choice(readers)
            os.kill(one, signal.SIGCONT if one in stopped else signal.SIGSTOP)
            figures["stopped for a while"] += one not in stopped
            stopped ^= {one}
        if len(readers) > AT_ONCE or run >= runs:
            one = readers.pop(rng.randrange(len(readers)))
            stopped.discard(one)
            os.kill(one, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(one, 0)[1])
            if code != -signal.SIGKILL:
                sys.exit(f"a reader of seed {seed} ended by itself, with {code}")
            figures["kills"] += 1
    print(json.dumps(figures))


# --- the domain that they read --------------------------------------------------------------------


@dataclass
class Load:
    """Sends all the time, rebuilds at times, and looks how long anything took."""

    domain: Domain
    stop: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    rebuilt: int = 0
    longest: float = 0.0
    """Seconds between a command and a snapshot that has it."""
    machine: float = 0.0
    """Seconds that a thread which sleeps for 10 ms was kept from running, at the most."""
    failures: list[str] = field(default_factory=list[str])

    def run(self, seed: int) -> list[threading.Thread]:
        """Begin."""
        threads = [
            threading.Thread(target=self._guarded, args=(act, seed))
            for act in ("send", "send_and_read", "rebuild", "tick")
        ]
        for thread in threads:
            thread.start()
        return threads

    def _guarded(self, act: str, seed: int) -> None:
        rng = random.Random(f"{seed} {act}")
        while not self.stop.is_set():
            try:
                match act:
                    case "send":
                        self._send(rng)
                    case "send_and_read":
                        self._send_and_read(rng)
                    case "rebuild":
                        self._rebuild()
                    case _:
                        self._tick()
            except ComityError as error:
                self.failures.append(f"{act}: {error!r}")

    def _send(self, rng: random.Random) -> None:
        book = self.domain.aggregate(notebook, f"b{rng.randrange(BOOKS)}")
        book.send_many([Stamp(page=f"p{rng.randrange(8)}", stamps=1)] * 5).result(60)
        self.sent += 5
        time.sleep(0.001)

    def _send_and_read(self, rng: random.Random) -> None:
        book = self.domain.session("ann").aggregate(notebook, f"b{rng.randrange(BOOKS)}")
        text = rng.choice(["a", "b c", "", f"d {self.sent}"])
        began = time.monotonic()
        receipt = book.send(Write(page=f"p{rng.randrange(8)}", text=text)).result(60)
        with self.domain.read(Pages, after=receipt, timeout=60) as pages:
            found = contradictions(pages)
        self.longest = max(self.longest, time.monotonic() - began)
        self.failures += found
        time.sleep(0.002)

    def _rebuild(self) -> None:
        self.stop.wait(1.0)
        with suppress(ReadModelError):  # the last one is still under way
            self.domain.model(Pages).rebuild()
            self.rebuilt += 1

    def _tick(self) -> None:
        began = time.monotonic()
        self.stop.wait(0.01)
        self.machine = max(self.machine, time.monotonic() - began - 0.01)


def _play(folder: Path, seed: int, runs: int, seconds: int) -> None:
    path = folder / "library"
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        load = Load(domain)
        threads = load.run(seed)
        program = [sys.executable, "-m", "tests.crash.test_kill_readers", str(path)]
        killer = subprocess.run(
            [*program, str(seed), str(runs)],
            cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        load.stop.set()
        for thread in threads:
            thread.join(30)
        assert killer.returncode == 0, killer.stderr[-5_000:]
        assert load.failures == []
        end = domain.statistics().position
        domain.reached(Pages, end, timeout=30).result(30)
        assert until(lambda: domain.model(Pages).status().rebuilt is None, 30)
        environment = domain.model(Pages).access.reader.environment()
        assert environment is not None
        environment.check_readers()
        assert environment.oldest_reader() is None, "no slot is left to a dead reader"
        with domain.read(Pages) as pages:
            shown, position = seen(pages), pages.position
        status = domain.model(Pages).status()
    assert position == end
    assert shown == folded(path)
    figures: Counter[str] = Counter(json.loads(killer.stdout))
    assert figures["kills"] == runs
    print(
        f"\n{dict(figures)}, {end} events, {load.rebuilt} rebuilds, {status.size:,} bytes; "
        f"no contradiction; the longest from a command to a snapshot with it took "
        f"{load.longest:.2f} s, while the machine kept a thread waiting for {load.machine:.2f} s"
    )


def test_killed_readers_harm_nobody_and_see_no_contradiction(tmp_path: Path) -> None:
    _play(tmp_path, seed=1, runs=60, seconds=600)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_5000_killed_readers_harm_nobody_and_see_no_contradiction(tmp_path: Path) -> None:
    runs = int(os.environ.get("COMITY_READER_KILLS", "5000"))
    _play(tmp_path, seed=2, runs=runs, seconds=3500)


def test_a_contradiction_would_be_noticed(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages]) as domain:
        with domain.read(Pages, after=stamp(domain, "b", "p"), timeout=60) as pages:
            assert contradictions(pages) == []
        environment = domain.model(Pages).access.reader.environment()
        assert environment is not None
        with environment.writing() as writing:
            writing.clear(writing.handles["stamps"])
        with domain.read(Pages) as pages:
            assert contradictions(pages) == ["the sums are not those of the rows"]


if __name__ == "__main__":
    main()
