"""Failing writes, flushes and meta writes under load: everything goes on, and no answer lies.

Single failures and such that last two seconds, of the journal's disk and of the models'. A dozen in
CI; `COMITY_DISK_FAILURES` (default 1000) of either in `./scripts/soak`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.actors.shelf import Counts, Pages, events_of, fold, seen
from tests.support import failing_disk

from comity.actors import ReadModels
from comity.engine.journal.lmdb_journal import LmdbJournal

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    failing_disk.COMPILER is None,
    reason="a disk that fails is made in C, and there is no cc here: install a C compiler",
)


@dataclass
class Told:
    """What the program with the failing disk said in the end."""

    receipts: dict[str, tuple[str, int]]
    refused: list[str]
    errors: dict[str, int]
    failures: dict[str, int]
    waits: dict[str, list[float]]
    states: list[str]


@dataclass
class Figures:
    """Those of all programs together."""

    failures: Counter[str] = field(default_factory=Counter[str])
    errors: Counter[str] = field(default_factory=Counter[str])
    waits: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    receipts: int = 0

    def add(self, told: Told) -> None:
        """Those of one more."""
        self.failures.update(told.failures)
        self.errors.update(told.errors)
        self.receipts += len(told.receipts)
        for what, waits in told.waits.items():
            self.waits[what] = sorted([*self.waits.get(what, []), *waits])

    def report(self, what: str) -> None:
        """For people."""
        print(f"\n{self.failures.total()} {what} failures: {dict(self.failures)}")
        print(f"{self.receipts} receipts, {dict(self.errors)}: all true")
        for name, waits in self.waits.items():
            places = (("median", 0.5), ("99 %", 0.99), ("longest", 1.0))
            said = [f"{word} {waits[int(part * (len(waits) - 1))]:.3f} s" for word, part in places]
            print(f"{name} went on after: {', '.join(said)}")


def _suffer(folder: Path, seed: int, rounds: int, seconds: float) -> Told:
    """Run the program through so many failures, and check what it has left."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.hard_times", os.fspath(folder / "team"), str(seed),
         str(rounds), str(seconds)],
        cwd=ROOT, env=failing_disk.environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = Told(**json.loads(done.stdout.splitlines()[-1]))
    check(folder / "team", told)
    return told


def check(path: Path, told: Told) -> None:
    """Every answer was true, and every model is the fold of the journal."""
    journal = LmdbJournal.open(path, read_only=True)
    records = {record.command_id: record for record in journal.read_all()}
    events = events_of(journal)
    assert len(records) == journal.figures().records, "no command is there twice"
    journal.close()
    for id_, (key, version) in told.receipts.items():
        record = records[id_]  # a KeyError here is a receipted command that was lost
        assert (record.aggregate.key, record.version + 1) == (key, version)
    assert not records.keys() & set(told.refused), "what was said not to have happened did not"
    assert "Quarantined" not in told.errors, "a disk is no bug of a decider"
    assert "DeciderFailed" not in told.errors
    assert told.states == ["following"]
    with ReadModels.open(path, [Pages, Counts]) as models:
        with models.read(Pages, after=len(events)) as pages:
            assert seen(pages) == fold(events)
        with models.read(Counts, after=len(events)) as counts:
            known = Counter(at.aggregate.key for at in events)
            assert {row.book: row.events for row in counts.rows.all()} == known


def test_after_single_failures_everything_goes_on(tmp_path: Path) -> None:
    told = _suffer(tmp_path / "one", seed=1, rounds=10, seconds=0)
    assert sum(told.failures.values()) == 10


def test_after_failures_that_last_everything_goes_on(tmp_path: Path) -> None:
    told = _suffer(tmp_path / "one", seed=2, rounds=5, seconds=0.5)
    assert told.errors["OutcomeUnknown"] > 0, "it was a hard time"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("what", "seconds"), [("single", 0.0), ("lasting", 2.0)])
def test_after_1000_failures_everything_goes_on(tmp_path: Path, what: str, seconds: float) -> None:
    rounds = int(os.environ.get("COMITY_DISK_FAILURES", "1000"))
    figures = Figures()
    with ThreadPoolExecutor(4 if seconds else 2) as programs:  # 25 failures of one domain in a row
        runs = [
            programs.submit(_suffer, tmp_path / str(first), first, min(25, rounds - first), seconds)
            for first in range(0, rounds, 25)
        ]
        for run in runs:
            figures.add(run.result())
    figures.report(what)


def test_a_lie_would_be_noticed(tmp_path: Path) -> None:
    told = _suffer(tmp_path / "one", seed=3, rounds=5, seconds=0)
    told.refused.append(next(iter(told.receipts)))
    with pytest.raises(AssertionError, match="did not"):
        check(tmp_path / "one" / "team", told)
