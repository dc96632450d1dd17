"""A tiny story of two people in every order of its first steps, with a crash after each of them."""

from __future__ import annotations

import logging

import pytest
from tests.simulation.planted import FAULTS, always
from tests.support.party import Invite, PartyCommand, Rename, party

from comity.simulation.runtime.order import DepthFirst
from comity.simulation.runtime.tape import Tape
from comity.simulation.world.broken import PromiseBroken
from comity.simulation.world.disk import DiskFaults
from comity.simulation.world.world import World

DEPTH = 3
"""Choices that are tried in all ways."""
STEPS = 8
"""Steps after which everything is done: more than that, and the crash comes last."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


def play(order: DepthFirst, steps: int) -> None:
    """Two people send to two processes; one process crashes after so many steps."""
    with World(
        Tape(0), deciders=[party], order=order, faults=DiskFaults(slow=1.0, seconds=0.001)
    ) as world:
        for name, invited in (("one", "x"), ("two", "y")):
            command: PartyCommand = Invite(guest="a", name=invited)
            process = world.start(name)
            handle = process.domain.session(name, id=name).aggregate(party, "monday")
            world.ledger.send(process, handle, name, command, handle.send(command, 0, id=name))
        world.runtime.wait_until(lambda: world.runtime.steps >= steps, 5)
        world.crash("one")
        process = world.start("one")
        handle = process.domain.session("one", id="one").aggregate(party, "monday")
        again: list[tuple[PartyCommand, str]] = [
            (Invite(guest="a", name="x"), "one"), (Rename(guest="a", name="z"), "z"),
        ]  # fmt: skip
        for command, own in again:
            pending = handle.send(command, 0, id=own)
            world.ledger.send(process, handle, "one", command, pending)
        sent = world.ledger.sent
        assert world.runtime.wait_until(lambda: all(one.lost or one.answer for one in sent), 30)
        world.check()


def play_all() -> int:
    """Play every order, with a crash after each number of steps; how many runs that were."""
    runs = 0
    for steps in range(STEPS):
        order = DepthFirst(DEPTH)
        while order.has_more():
            play(order, steps)
            runs += 1
    return runs


def test_all_promises_hold_in_every_order() -> None:
    assert play_all() > 100


def test_an_early_acknowledgement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS["acknowledge early"](monkeypatch, always)
    with pytest.raises(PromiseBroken):
        play_all()
