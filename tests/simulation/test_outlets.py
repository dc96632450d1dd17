"""Outlets in a world of crashes, power cuts, failing disks and clocks that are set.

Each event is delivered at least once, and in order for its key. `python -m
tests.simulation.test_outlets 0 1000` plays a thousand seeds.
"""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from itertools import pairwise

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, notebook

from comity.actors import Delivery, Outlet, Policy
from comity.engine import AggregateId, Recorded
from comity.simulation.runtime.crashed import Crashed
from comity.simulation.runtime.tape import Stream
from comity.simulation.world.broken import hold
from comity.simulation.world.disk import DiskFaults
from comity.simulation.world.process import Process
from comity.simulation.world.world import World

FAULTS = DiskFaults(
    slow=0.2, seconds=0.003, failing=0.03, unknown=0.03, recovers=0.7, power_cut=0.01
)  # fmt: skip
KEYS = [f"n{number}" for number in range(6)]


class Posts(Outlet[NotebookEvent]):
    """A service outside, which fails now and then, and never forgets."""

    start = "beginning"
    at_once, tries, back_off = 3, 1_000, (0.05, 2.0)

    def __init__(self) -> None:
        self.dice: Stream | None = None
        self.fails = 0.3
        self.seen: dict[str, list[int]] = defaultdict(list)

    def key(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> str:
        """Two notebooks have one key."""
        return str(KEYS.index(at.aggregate.key) // 2)

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Fail, or write it down."""
        if self.dice is not None and self.dice.chance(self.fails):
            raise ConnectionError("it does not answer")
        self.seen[at.aggregate.key].append(at.version)


class Story:
    """Things happen in notebooks while everything fails."""

    def __init__(self, seed: int) -> None:
        self.posts = Posts()
        self.world = World(
            seed, deciders=[notebook], outlets=[self.posts], policy=Policy(chores=5.0)
        )
        self.dice = self.world.runtime.tape.stream("story")
        self.posts.dice = self.world.runtime.tape.stream("service")
        self.servers = ["one", "two"][: 1 + self.dice.below(2)]

    def play(self) -> None:
        with self.world:
            for name in self.servers:
                self.world.start(name)
            self.world.disk.faults = FAULTS
            for _ in range(30 + self.dice.below(40)):
                self._one_thing()
            self._come_to_rest()
            self.world.check()
            self._check_deliveries()

    def _one_thing(self) -> None:
        world, dice, server = self.world, self.dice, self._server()
        if dice.chance(0.6):
            for _ in range(1 + dice.below(8)):
                key = KEYS[dice.below(len(KEYS))]
                server.domain.aggregate(notebook, key).send(Stamp(page="p", stamps=1))
        elif dice.chance(0.3):
            world.crash(server.name)
        elif dice.chance(0.1):
            server.jump(dice.random() * 20_000 - 10_000)
        elif dice.chance(0.2):
            self.posts.fails = dice.random()
        else:
            world.runtime.wait_until(lambda: False, dice.random() * dice.random() * 5)

    def _server(self) -> Process:
        name = self.servers[self.dice.below(len(self.servers))]
        process = self.world.processes[name]
        while not process.alive:
            try:
                process = self.world.start(name)
            except Crashed:  # the power was cut while it started
                continue
        return process

    def _come_to_rest(self) -> None:
        self.world.disk.faults = DiskFaults()
        self.posts.fails = 0.0
        for name in self.servers:
            if not self.world.processes[name].alive:
                self.world.start(name)

        def settled() -> bool:
            statuses = [self.world.processes[name].domain.outlets()[0] for name in self.servers]
            return any(
                one.state == "following" and not (one.lag_events or one.waiting or one.in_flight)
                for one in statuses
            )

        hold(self.world.runtime.wait_until(settled, 20_000), "the outlet comes to an end")

    def _check_deliveries(self) -> None:
        data = self.world.disk.data
        for key in KEYS:
            seen, version = self.posts.seen[key], data.version(AggregateId("notebook", key))
            hold({*seen} == {*range(1, version + 1)}, f"{key} has {version} events, and {seen}")
            steps = pairwise([0, *seen])
            hold(all(after <= before + 1 for before, after in steps), f"{key} is in order: {seen}")


@pytest.mark.parametrize("seed", range(3))
def test_a_world_of_faults_gets_each_event_in_order(seed: int) -> None:
    Story(seed).play()


if __name__ == "__main__":
    logging.getLogger("comity").addHandler(logging.NullHandler())
    logging.getLogger("comity").propagate = False
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for each in range(first, last):
        try:
            Story(each).play()
        except Exception as error:
            print(each, repr(error)[:300], flush=True)
