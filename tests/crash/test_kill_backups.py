"""kill -9 in the middle of a backup, again and again: what is there is sound, and it goes on.

50 kills in `./scripts/soak`, a few in CI.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.evolution.migrations import go_on, records

from comity.actors import Domain, backup, restore
from comity.engine import NotAJournal

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.filterwarnings("ignore::comity.engine.journal.lmdb_journal.UnsafeWarning")


def _run_and_kill(team: Path, dest: Path, moment: float, *, early: bool) -> bool:
    """Back up and kill it; return whether it was killed, and had not ended before."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.backer", str(team), str(dest)],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        if not early:
            child.stdout.readline()
        time.sleep(moment)
        child.kill()
        return child.wait() == -signal.SIGKILL


def _write(team: Path, commands: int, key: str) -> None:
    """Fill a new board; an old one would have an ever larger state to keep."""
    domain = Domain.open(team, deciders=[board], unsafe_no_fsync=True)
    try:
        go_on(domain, commands, key)
    finally:
        domain.close(600)  # other programs may keep the disk busy


def _kill_again_and_again(tmp_path: Path, kills: int, commands: int, seed: int) -> list[int]:
    """Kill so many backups; return how many records the places had after each."""
    team, dest, new = tmp_path / "team.db", tmp_path / "team.backup", tmp_path / "new.db"
    _write(team, commands, "b0")
    began = time.monotonic()
    backup(team, tmp_path / "whole.backup")
    seconds, rng, killed = time.monotonic() - began, random.Random(seed), 0
    wanted, had, before = records(team), list[int](), 0
    while killed < kills:
        killed += _run_and_kill(team, dest, rng.uniform(0, seconds), early=rng.random() < 0.1)
        try:
            restored = restore(dest, new)
        except NotAJournal:  # it was killed before there was one
            assert not before
            assert not dest.exists()
            continue
        found = records(new)
        assert found == wanted[: len(found)]
        assert restored.holds.commands == len(found) >= before
        had.append(before := len(found))
        shutil.rmtree(new)
        if before == len(wanted):  # it has caught up: the domain goes on
            _write(team, commands, f"b{len(had)}")
            wanted = records(team)
    backup(team, dest, whole=True)
    restore(dest, new)
    assert records(new) == records(team) == wanted
    return had


def test_a_backup_is_sound_and_goes_on_after_kill_9(tmp_path: Path) -> None:
    _kill_again_and_again(tmp_path, kills=3, commands=600, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_backup_is_sound_and_goes_on_after_50_kills(tmp_path: Path) -> None:
    had = _kill_again_and_again(tmp_path, kills=50, commands=6_000, seed=2)
    print(f"\n50 kills: each place was restored; they had {', '.join(map(str, had))} records")
