"""kill -9 while outlets deliver: each event at least once, in order for its key, few of them twice.

One run in CI, 100 in `./scripts/soak`; `COMITY_KILLS` says how many.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until
from tests.crash.couriers import KEYS, outlets

from comity.actors import Domain, OutletLedger
from comity.engine import OutletInUse

ROOT = Path(__file__).parents[2]


@contextmanager
def program(kind: str, path: Path, seed: int) -> Generator[subprocess.Popen[bytes]]:
    """Run the program, and kill it at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.couriers", kind, str(path), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True,
    ) as child:  # fmt: skip
        try:
            assert child.stdout is not None
            child.stdout.readline()
            yield child
        finally:
            os.kill(child.pid, signal.SIGKILL)


def accepted(path: Path, name: str) -> list[tuple[str, int, str]]:
    """What a service has accepted: key, version, id."""
    file = path.parent / f"{name}.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(key, int(version), id_) for key, version, id_ in map(str.split, lines)]


def check(path: Path, name: str, versions: dict[str, int]) -> int:
    """Check that a service has accepted each event in order; return how many came twice."""
    seen = accepted(path, name)
    for key in KEYS:
        its = [version for each, version, _ in seen if each == key]
        assert {*its} == {*range(1, versions[key] + 1)}, f"{name} lacks some of {key}"
        assert all(after <= before + 1 for before, after in pairwise([0, *its])), f"{name} {key}"
    assert len({id_ for _, _, id_ in seen}) == sum(versions.values())
    return len(seen) - sum(versions.values())


def finish(path: Path) -> dict[str, int]:
    """Deliver the rest, and return the versions of all notebooks."""
    with Domain.open(path, deciders=[notebook], outlets=outlets(path, 1)) as domain:

        def done() -> bool:
            return all(not (one.lag_events or one.waiting) for one in domain.outlets())

        assert until(done, 120.0), domain.outlets()
        assert [one.parked for one in domain.outlets()] == [0, 0]
        return {key: domain.version(domain.aggregate(notebook, key)) for key in KEYS}


def kill_again_and_again(path: Path, kills: int) -> None:
    dice = random.Random(kills)
    for seed in range(kills):
        with program("work", path, seed):
            time.sleep(dice.random() * 0.7)
    versions = finish(path)
    twice = [check(path, name, versions) for name in ("waiting", "plain")]
    print(f"{kills} kills, {sum(versions.values())} events, twice: {twice}")
    most = kills * 200
    assert max(twice) <= most


def test_kills_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "db", 1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_kills_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "db", int(os.environ.get("COMITY_KILLS", "100")))


def test_a_process_of_its_own_delivers_and_the_domain_takes_over_when_it_is_killed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "db"
    Domain.open(path, deciders=[notebook]).close()
    with (
        program("deliver", path, 1) as beside,
        Domain.open(path, deciders=[notebook], outlets=outlets(path, 2)) as domain,
    ):
        domain.aggregate(notebook, "n1").do(Stamp(page="p", stamps=1))
        assert until(lambda: [one.delivered for one in domain.outlets()] == [1, 1])
        assert {one.state for one in domain.outlets()} == {"standby"}
        assert f"process {beside.pid}" in domain.outlets()[0].error
        os.kill(beside.pid, signal.SIGKILL)
        domain.aggregate(notebook, "n1").do(Stamp(page="p", stamps=1))
        assert until(lambda: [one.delivered for one in domain.outlets()] == [2, 2])
        assert {one.state for one in domain.outlets()} <= {"following", "catching up"}
    assert check(path, "plain", dict.fromkeys(KEYS, 0) | {"n1": 2}) <= 1


def test_a_ledger_is_looked_at_beside_the_program_that_delivers(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with Domain.open(path, deciders=[notebook]) as domain:
        domain.aggregate(notebook, "n1").do(Stamp(page="p", stamps=1))
    with (
        program("deliver", path, 1) as beside,
        OutletLedger.open(path, "Plain") as ledger,
    ):
        assert until(lambda: ledger.status().delivered == 1)
        assert (ledger.status().state, ledger.status().position) == ("following", 1)
        with pytest.raises(OutletInUse, match=f"process {beside.pid}"):
            ledger.try_again()
        os.kill(beside.pid, signal.SIGKILL)
        assert until(lambda: ledger.status().state == "stopped")
        assert ledger.status().error == "no program delivers through it now"
