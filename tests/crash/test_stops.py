"""Several programs share a process and outlets, and are killed, stopped and let go on.

Each order has effect once; each event is delivered, at first in order for its key. `COMITY_KILLS`
says how many blows; they run in `./scripts/soak` only.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.actors.shelf import until
from tests.crash.couriers import KEYS
from tests.crash.test_kill_outlets import accepted, finish
from tests.crash.test_kill_processes import ROOT, come_to_rest

MANY = 3


class Fleet:
    """Programs on one path, from a module; what they say is in files."""

    def __init__(self, path: Path, *module: str) -> None:
        self.said: list[Path] = []
        self._path = path
        self._module = module
        self._living: list[subprocess.Popen[bytes]] = []

    def fill(self) -> None:
        """Start programs until there are enough."""
        self._living = [one for one in self._living if one.poll() is None]
        while len(self._living) < MANY:
            seed = len(self.said)
            self.said.append(self._path.with_name(f"said-{seed}"))
            command = [sys.executable, "-m", *self._module, str(self._path), f"{seed}"]
            with self.said[-1].open("wb") as file:
                self._living.append(subprocess.Popen(command, cwd=ROOT, stdout=file))

    def works(self) -> bool:
        """Whether the newest program has opened."""
        return self.said[-1].stat().st_size > 0

    def strike(self, dice: random.Random) -> None:
        """Kill a program, or stop it for a while that may be long enough to be taken over from."""
        one = dice.choice(self._living)
        if dice.random() < 0.5:
            one.kill()
            one.wait()
        else:
            one.send_signal(signal.SIGSTOP)
            time.sleep(dice.uniform(0.0, 2.0))
            one.send_signal(signal.SIGCONT)

    def suffer(self, blows: int, seed: int) -> None:
        """Run, with so many blows, and then end."""
        dice = random.Random(seed)
        try:
            for _ in range(blows):
                self.fill()
                if dice.random() < 0.7:  # the others are struck while they open, if not before
                    assert until(self.works, 120)
                time.sleep(dice.uniform(0.0, 1.5))
                self.strike(dice)
        finally:
            for one in self._living:
                one.kill()
                one.wait()


def batches(tmp_path: Path) -> list[tuple[Path, int, int]]:
    """A path, a number of blows, and a seed for each."""
    blows = int(os.environ.get("COMITY_KILLS", "60"))
    made = [(tmp_path / f"{at}" / "db", min(20, blows - at), at) for at in range(0, blows, 20)]
    for path, _, _ in made:
        path.parent.mkdir()
    return made


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_happens_to_the_programs_each_trip_is_whole_or_undone(tmp_path: Path) -> None:
    for path, blows, seed in batches(tmp_path):
        fleet = Fleet(path, "tests.crash.traveller")
        fleet.suffer(blows, seed)
        lines = [line for said in fleet.said for line in said.read_text().split("\n")[:-1]]
        promised = {line.removeprefix("A ") for line in lines if line.startswith("A ")}
        ends = come_to_rest(path, promised)
        assert ends["booked"], ends
        print(f"\n{blows} blows: {dict(ends)}")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_happens_to_the_programs_each_event_is_delivered_and_first_in_order(
    tmp_path: Path,
) -> None:
    for path, blows, seed in batches(tmp_path):
        Fleet(path, "tests.crash.couriers", "work").suffer(blows, seed)
        versions = finish(path)
        for name in ("waiting", "plain"):
            came = accepted(path, name)
            for key in KEYS:
                first = list(dict.fromkeys(version for each, version, _ in came if each == key))
                assert first == list(range(1, versions[key] + 1)), f"{name} {key}"
            assert len({id_ for _, _, id_ in came}) == sum(versions.values())
            print(f"\n{blows} blows: {len(came)} deliveries of {sum(versions.values())} events")
