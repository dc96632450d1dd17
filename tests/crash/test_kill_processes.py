"""kill -9 while a process books trips: each order takes effect once, each timer rings once.

100 runs in `./scripts/soak`, a few in CI; `COMITY_KILLS` says how many.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from tests.actors.processes.travel import DECIDERS, trip, vessels
from tests.actors.shelf import until
from tests.crash.traveller import VESSELS

from comity.actors import Domain
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.processes.process import AnyProcess
from comity.simulation.world.process_promises import check_process

ROOT = Path(__file__).parents[2]


def run_and_kill(path: Path, seed: int, seconds: float) -> set[str]:
    """Run the program for so long, and return the trips that it has promised."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.traveller", str(path), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        output = b""
        if seed % 4:  # every fourth is killed while it opens
            output = child.stdout.readline()
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        output += child.stdout.read()
    lines = output.decode().split("\n")[:-1]  # the last one may be cut
    return {line.removeprefix("A ") for line in lines if line.startswith("A ")}


def come_to_rest(path: Path, promised: set[str]) -> Counter[str]:
    """Let the process do all that is left; returns how the trips ended."""
    with Domain.open(path, deciders=DECIDERS, processes=[trip]) as domain:

        def done() -> bool:
            one = domain.processes()[0]
            return one.state == "following" and not (
                one.lag_events or one.unheard or one.orders or one.timers
            )

        assert until(done, 120), domain.processes()
        handle, taken = domain.process(trip), Counter[str]()
        for number in range(VESSELS):
            taken.update(domain.aggregate(vessels, f"v{number}").look().state.trips)
        ends, after = Counter[str](), None
        while True:
            page = handle.instances(limit=1_000, after=after)
            for one in page.rows:
                state = handle.state(one.key)
                assert state is not None
                promised.discard(one.key)
                if not state.places:
                    assert state.rang == ("soon" in state.words), one.key
                    continue
                assert one.state == "ended", one
                assert len(state.booked) in (0, len(state.places)), "whole or wholly undone"
                assert taken[one.key] == len(state.booked), "each order took effect once"
                ends[one.reason] += 1
            if page.next is None:
                break
            after = page.next
    assert not promised, "no trip is lost"
    journal = LmdbJournal.open(path, read_only=True)
    try:
        check_process(journal, cast("AnyProcess", trip))
    finally:
        journal.close()
    return ends


def kill_again_and_again(path: Path, runs: int, seed: int) -> Counter[str]:
    dice, promised, ends = random.Random(seed), set[str](), Counter[str]()
    for run in range(runs):
        promised |= run_and_kill(path, seed * 1000 + run, dice.uniform(0, 0.4))
        if path.exists() and run % 4 == 3:
            ends = come_to_rest(path, promised)
    return ends


def test_after_kill_9_each_trip_is_whole_or_undone_and_each_timer_has_rung_once(
    tmp_path: Path,
) -> None:
    ends = kill_again_and_again(tmp_path / "travel", 4, seed=1)
    assert ends["booked"], ends


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_100_kills_each_trip_is_whole_or_undone(tmp_path: Path) -> None:
    runs = int(os.environ.get("COMITY_KILLS", "100"))
    for batch in range(0, runs, 20):  # 20 kills of the same journal in a row
        ends = kill_again_and_again(tmp_path / f"travel{batch}", min(20, runs - batch), batch)
        print(f"\n{min(20, runs - batch)} kills: {dict(ends)}")
