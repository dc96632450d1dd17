"""kill -9 in the middle of a copy, again and again: the same command goes on and ends the same.

50 kills in `./scripts/soak`, a few in CI.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.evolution.migrations import counted, go_on, records

from comity.actors import Domain
from comity.engine import NotAJournal
from comity.evolution import migrate

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::comity.engine.journal.lmdb_journal.UnsafeWarning")


def _run_and_kill(old: Path, new: Path, moment: float, *, early: bool) -> bool:
    """Begin or go on, and kill it; return whether it was killed, and had not ended before."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.migrator", str(old), str(new)],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        if not early:
            child.stdout.readline()
        time.sleep(moment)
        child.kill()
        return child.wait() == -signal.SIGKILL


def _kill_again_and_again(tmp_path: Path, kills: int, commands: int, seed: int) -> int:
    """Kill so many copies; return how many of the copies were complete before."""
    old, whole = tmp_path / "old.db", tmp_path / "whole.db"
    with Domain.open(old, deciders=[board], unsafe_no_fsync=True) as domain:
        go_on(domain, commands)
    seconds = migrate(old, whole, counted).seconds
    wanted, rng, killed, complete = records(whole), random.Random(seed), 0, 0
    while killed < kills:
        new = tmp_path / f"new{complete}.db"
        early = rng.random() < 0.2
        if _run_and_kill(old, new, rng.uniform(0, seconds), early=early):
            killed += 1
        if new.exists() and not (new / "unfinished").exists():  # it was too fast
            assert records(new) == wanted
            complete += 1
        elif new.exists():
            with pytest.raises(NotAJournal, match="unfinished copy"):
                Domain.open(new, deciders=[board])
            found = records(new)
            assert found == wanted[: len(found)]
    new = tmp_path / f"new{complete}.db"
    migrate(old, new, counted, deciders=[board])
    assert records(new) == wanted
    return complete


def test_a_copy_goes_on_after_kill_9(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=3, commands=600, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_copy_goes_on_after_50_kills(tmp_path: Path) -> None:
    complete = _kill_again_and_again(tmp_path, kills=50, commands=6_000, seed=2)
    print(f"\n50 kills: no record lost or doubled; {complete} copies were complete before a kill")
