"""Processes in a world of crashes, failing disks and clocks that are set: each thing happens once.

`python -m tests.simulation.test_processes 0 1000` plays a thousand seeds.
"""

from __future__ import annotations

import logging
import sys

import pytest
from tests.actors.processes.travel import DECIDERS, Ask, Vessel, trip, vessels, wishes

from comity.actors import Policy
from comity.engine import ComityError
from comity.simulation import Crowd, Person, RealTime, Scenario, always, crash
from comity.simulation.runtime.crashed import Crashed
from comity.simulation.world.broken import hold
from comity.simulation.world.disk import DiskFaults
from comity.simulation.world.process import Process as Program
from comity.simulation.world.world import World

FAULTS = DiskFaults(
    slow=0.2, seconds=0.003, failing=0.03, unknown=0.03, recovers=0.7, power_cut=0.01
)  # fmt: skip
POLICY = Policy(chores=5.0, max_live=4, snapshot_every=3)
BELL = "bell"
"""It books nothing, and has a timer of three hours."""
VESSELS = ("LH1", "LH2", "Hilton", "Fiat")


class Story:
    """People ask for trips, again and again until they get an answer, while everything fails."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, deciders=DECIDERS, processes=[trip], policy=POLICY)
        self.dice = self.world.runtime.tape.stream("story")
        self.names = [f"trip{number}" for number in range(2 + self.dice.below(6))]
        self.waiting = {name: Ask(places=self._places()) for name in self.names}
        self.waiting[BELL] = Ask()
        self.servers = ["one", "two"][: 1 + self.dice.below(2)]

    def _places(self) -> tuple[str, ...]:
        return tuple(one for one in VESSELS if self.dice.chance(0.6)) or VESSELS[:1]

    def play(self) -> None:
        with self.world:
            for name in self.servers:
                self.world.start(name)
            self.world.disk.faults = FAULTS
            for _ in range(20 + self.dice.below(30)):
                self._one_thing()
            self._come_to_rest()
            self._check_bell()
            self.world.check()
            self._check_whole_or_undone()

    def _one_thing(self) -> None:
        world, dice, server = self.world, self.dice, self._server()
        if dice.chance(0.5) and self.waiting:
            self._ask(server)
        elif dice.chance(0.3):
            world.crash(server.name)
        elif dice.chance(0.1):
            server.jump(dice.random() * 20_000 - 10_000)
        else:
            world.runtime.wait_until(lambda: False, dice.random() * dice.random() * 5)

    def _server(self) -> Program:
        name = self.servers[self.dice.below(len(self.servers))]
        process = self.world.processes[name]
        while not process.alive:
            try:
                process = self.world.start(name)
            except Crashed:  # the power was cut while it started
                continue
        return process

    def _ask(self, server: Program) -> None:
        """Ask for a trip, with the same id each time, until it is said to be there."""
        names = sorted(self.waiting)
        name = names[self.dice.below(len(names))]
        wish = server.domain.aggregate(wishes, name)
        try:
            wish.send(self.waiting[name], id=name).result(20)
            if name == BELL or self.dice.chance(0.5):
                wish.send(Ask(word="remind"), id=f"{name} remind").result(20)
        except (ComityError, Crashed, TimeoutError):
            return
        del self.waiting[name]

    def _come_to_rest(self) -> None:
        """Let all faults end, and wait until everything is done."""
        self.world.disk.faults = DiskFaults()
        while self.waiting:
            self._ask(self._server())
        server = self._server()

        def done() -> bool:
            status = server.domain.processes()[0]
            return status.ended == len(self.names) and not status.orders

        hold(server.runtime.wait_until(done, 20_000), f"not done: {server.domain.processes()}")

    def _check_bell(self) -> None:
        """It rings once, now or before."""
        server = self._server()
        server.runtime.ahead = 60_000.0
        server.runtime.wait_until(lambda: False, 30)
        state = server.domain.process(trip).state(BELL)
        hold(state is not None and state.rang == 1, f"the bell: {state}")

    def _check_whole_or_undone(self) -> None:
        """Each trip has all of its places, once, or none."""
        domain = self._server().domain
        taken = {one: domain.aggregate(vessels, one).look().state.trips for one in VESSELS}
        for name in self.names:
            state = domain.process(trip).state(name)
            assert state is not None
            places = [one for one in VESSELS for trip_ in taken[one] if trip_ == name]
            hold(sorted(places) == sorted(state.booked), f"{name} has {places}: {state}")
            hold(places in ([], sorted(state.places, key=VESSELS.index)), f"{name}: {places}")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_fails_each_trip_is_whole_or_undone(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    Story(seed).play()


async def traveller(person: Person) -> None:
    """Ask for trips, one after the other."""
    for number in range(3):
        await person.look(wishes, f"{person.name} {number}")
        await person.do(Ask(places=("LH1", "Hilton")))
        await person.think(60)


def at_most_two(vessel: Vessel) -> None:
    """No vessel has more trips than places."""
    assert len(vessel.trips) <= 2


@pytest.mark.parametrize("real_time", [None, RealTime(speed=100_000)])
def test_a_scenario_plays_with_processes(
    real_time: RealTime | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    scenario = Scenario(
        "trips", deciders=DECIDERS, processes=[trip], crowds=[Crowd(traveller, 3)], hours=0.1,
        faults=[] if real_time else [crash(every=60, down=5)],
        invariants=[always(vessels, at_most_two)],
    )  # fmt: skip
    run = scenario.play(seed=1, real_time=real_time)
    assert run.failure is None
    assert run.outcomes["applied"] == 9


if __name__ == "__main__":
    logging.getLogger("comity").setLevel(logging.CRITICAL)
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        try:
            Story(number).play()
        except BaseException:
            print("seed", number)
            raise
