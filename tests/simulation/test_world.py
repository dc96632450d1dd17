"""A simulated world: processes crash and start again, the disk fails, and promises are checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from tests.support.guests import Guests
from tests.support.party import Invite, Party, PartyCommand, PartyEvent, party

from comity.actors import Aggregate
from comity.engine import Behind, OutcomeUnknown, StorageFailed
from comity.simulation.world.broken import PromiseBroken
from comity.simulation.world.disk import DiskFaults
from comity.simulation.world.process import Process
from comity.simulation.world.world import World

X, Y = Invite(guest="a", name="x"), Invite(guest="b", name="y")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")


@pytest.fixture
def world() -> Iterator[World]:
    with World(7, deciders=[party], read_models=[Guests]) as world:
        yield world


def monday(process: Process) -> Aggregate[Party, PartyCommand, PartyEvent]:
    return process.domain.session("ann").aggregate(party, "monday")


def send(world: World, process: Process, command: PartyCommand, id: str | None = None) -> str:
    handle = monday(process)
    pending = handle.send(command, id=id)
    world.ledger.send(process, handle, "ann", command, pending)
    return pending.id


def test_what_was_answered_is_there_after_a_crash(world: World) -> None:
    first = world.start()
    receipt = monday(first).send(X).result(10)
    world.crash()
    assert monday(world.start()).send(X, id=receipt.id).result(10) == receipt


def test_a_crashed_process_answers_nothing_more(world: World) -> None:
    process = world.start()
    send(world, process, X)
    world.crash()
    world.runtime.wait_until(lambda: False, 60)
    assert world.ledger.sent[0].lost
    assert world.ledger.sent[0].answer is None
    assert monday(world.start()).version == 0


def test_models_of_a_crashed_process_go_on_where_they_were(world: World) -> None:
    for number in range(4):
        process = world.start()
        monday(process).send(Invite(guest=f"{number}", name="x")).result(10)
        world.runtime.wait_until(lambda: False, 0.0002 * number)
        world.crash()
    world.start()
    world.check_models()


def test_a_model_that_cannot_be_written_catches_up_later(world: World) -> None:
    process = world.start()
    world.check_models()
    process.fail(Guests)
    position = monday(process).send(X).result(10).position
    with pytest.raises(Behind):
        process.domain.reached(Guests, position, timeout=1).result(10)
    process.fail(Guests, fails=False)
    world.check_models()


def test_two_processes_write_one_journal(world: World) -> None:
    one, two = world.start("one"), world.start("two")
    send(world, one, X)
    send(world, two, Y)
    world.runtime.wait_until(lambda: all(sent.answer for sent in world.ledger.sent), 10)
    world.check()
    world.check_models()
    assert monday(one).look().state.names == {"a": "x", "b": "y"}


def test_a_power_cut_loses_what_is_not_flushed_and_nothing_else() -> None:
    with World(7, deciders=[party]) as world:
        monday(world.start()).send(X).result(10)
        world.disk.faults = DiskFaults(power_cut=1.0)
        send(world, world.processes["server"], Y)
        world.runtime.wait_until(lambda: not world.processes["server"].alive, 10)
        assert monday(world.start()).look().state.names == {"a": "x"}
        world.check()


def test_a_disk_that_fails_is_answered_so_until_it_works_again() -> None:
    with World(7, deciders=[party]) as world:
        process = world.start()
        world.disk.is_down = True
        with pytest.raises(StorageFailed):
            monday(process).send(X).result(10)
        world.disk.is_down = False
        world.runtime.wait_until(lambda: False, 2)
        assert monday(process).send(X).result(10).version == 1


def test_a_commit_of_which_nothing_is_known_is_found_out_by_its_id() -> None:
    for seed in range(8):
        with World(seed, deciders=[party], faults=DiskFaults(unknown=0.5)) as world:
            process = world.start()
            for _ in range(30):
                try:
                    monday(process).send(X, id="x").result(10)
                    break
                except (StorageFailed, OutcomeUnknown):
                    world.runtime.wait_until(lambda: False, 1)
            assert monday(process).version == 1


def test_a_clock_that_jumps_back_changes_no_order(world: World) -> None:
    process = world.start()
    send(world, process, X)
    process.jump(-3600)
    send(world, process, Y)
    world.runtime.wait_until(lambda: all(sent.answer for sent in world.ledger.sent), 10)
    world.check()
    first, second = [sent.pending.result(1) for sent in world.ledger.sent]
    assert (first.version, second.version) == (1, 2)


def test_a_receipt_that_the_journal_does_not_have_is_found(world: World) -> None:
    process = world.start()
    sent = send(world, process, X)
    world.ledger.sent[0].pending.result(10)
    world.check()
    del world.disk.data._ids[sent]  # pyright: ignore[reportPrivateUsage] - as if it were lost
    with pytest.raises(PromiseBroken, match="the journal does not have it"):
        world.check()


def test_a_state_that_is_not_the_fold_is_found(world: World) -> None:
    process = world.start()
    send(world, process, X)
    world.ledger.sent[0].pending.result(10)
    view = monday(process).look()
    view.state.names["a"] = "somebody else"
    world.ledger.look(monday(process), view)
    with pytest.raises(PromiseBroken, match="its events give"):
        world.check()
