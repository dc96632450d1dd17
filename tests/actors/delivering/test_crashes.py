"""After any crash each event is delivered at least once, in order for its key, and seldom twice."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest
from tests.actors.delivering.posts import Office, Posts
from tests.actors.notebook import NotebookEvent, Stamp, notebook

from comity.actors import Delivery, Domain, Outlet
from comity.engine import Recorded, StorageFailed
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime


class Hasty(Posts):
    """Tries soon and often."""

    back_off = (0.05, 0.5)
    tries = 1_000

    def key(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> str:
        """Two notebooks have one key."""
        return str(int(at.aggregate.key[1:]) // 2)


def in_order(seen: list[int]) -> bool:
    """Whether each is there, and what comes twice comes in the same order again."""
    first = list(dict.fromkeys(seen))
    steps = pairwise(seen)
    return first == sorted(first) and all(next_ <= one + 1 for one, next_ in steps)


@pytest.mark.parametrize("seed", range(8))
def test_crashes_lose_nothing_and_keep_the_order(seed: int) -> None:
    dice = Random(seed)
    office = Office(Hasty(), seed=seed)
    office.outlet.fails = lambda _: dice.random() < 0.3
    keys = [f"n{number}" for number in range(8)]
    for _ in range(12):
        office.stamp(*dice.choices(keys, k=20))
        office.idle(dice.random() * dice.choice([0.02, 2.0]))
        if dice.random() < 0.5:
            office.crash()
    office.outlet.fails = lambda _: False
    office.wait(lambda: office.handle.status().lag_events == 0)
    office.wait(lambda: office.handle.status().waiting == 0)
    office.idle(1.0)
    for key in keys:
        seen = office.outlet.of(key)
        count = seen.count(1) and max(seen)
        assert {*seen} == set(range(1, count + 1))
        assert in_order(seen), (key, seen)
    assert len({*office.outlet.seen}) == 240 == office.journal.position()


def test_what_was_written_down_is_not_delivered_again() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.aggregate.key == "bad"
    office.stamp("bad", *["good"] * 10)
    office.wait(lambda: len(office.outlet.seen) == 10)
    office.idle(0.2)
    office.crash()
    office.idle(0.5)
    assert len(office.outlet.seen) == 10


def test_what_is_finished_behind_a_slow_delivery_is_not_delivered_again() -> None:
    office = Office()
    office.stamp("slow", *["good"] * 5)
    office.wait(lambda: len(office.outlet.seen) == 6)
    office.idle(0.2)
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    progress = dispatcher.ledger.progress
    # As if the first delivery had not ended when the ledger was written.
    dispatcher.ledger.write(progress._replace(position=0, microseconds=0, ahead=(2, 3, 4, 5, 6)))
    office.crash()
    office.wait(lambda: len(office.outlet.seen) == 7)
    office.idle(1.0)
    assert office.outlet.seen[6:] == [("slow", 1)]
    assert office.handle.status().position == 6


def test_a_key_whose_events_fill_the_memory_goes_to_the_ledger() -> None:
    class Narrow(Posts):
        at_once = 1

    office = Office(Narrow())
    office.runtime.slow["comity-Narrow-couriers"] = 0.01
    office.handle.pause()
    office.stamp(*["hot"] * 1_100)
    office.stamp("other")
    office.handle.resume()
    office.wait(lambda: office.outlet.of("other") == [1], seconds=60)
    assert len(office.outlet.of("hot")) < 1_100
    office.wait(lambda: office.outlet.of("hot") == [*range(1, 1_101)], seconds=60)


def test_a_ledger_that_cannot_be_written_holds_deliveries_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office()
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    tables = dispatcher.ledger.tables
    fails, write = [True], tables.write

    def failing(changes: object) -> None:
        if fails[0]:
            raise StorageFailed("no room")
        write(changes)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - passed on

    monkeypatch.setattr(tables, "write", failing)
    office.stamp("a")
    office.wait(lambda: office.handle.status().state == "waiting")
    assert "no room" in office.handle.status().error
    office.stamp("a", "b")
    office.idle(5.0)
    assert office.outlet.seen == [("a", 1)]
    fails[0] = False
    office.wait(lambda: len(office.outlet.seen) == 3, seconds=1.0)
    assert office.handle.status().error == ""


def test_a_closed_domain_takes_no_more_and_delivers_the_rest_after_its_next_start() -> None:
    office = Office()
    office.runtime.slow["comity-Posts-couriers"] = 0.3
    office.stamp(*["a"] * 5)
    office.domain.close()
    delivered = len(office.outlet.seen)
    office.runtime.slow.clear()
    office.open()
    office.wait(lambda: {*office.outlet.of("a")} == {1, 2, 3, 4, 5})
    assert delivered < 5
    assert in_order(office.outlet.of("a"))


class Waits(Outlet[NotebookEvent]):
    """It would wait."""

    start = "now"

    async def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Wait."""
        await asyncio.sleep(0.1)


def test_an_outlet_of_a_simulated_domain_must_not_wait() -> None:
    office, runtime = Office(), SimulatedRuntime()
    with Domain(office.journal, deciders=[notebook], outlets=[Waits()], runtime=runtime) as domain:
        domain.aggregate(notebook, "a").do(Stamp(page="p1", stamps=1))
        assert runtime.wait_until(lambda: bool(domain.outlet(Waits).status().error), 5)
        assert "in a simulation deliver must not wait" in domain.outlet(Waits).status().error


def test_clocks_that_are_set_back_hold_up_no_key() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.attempt == 1
    office.stamp("a")
    office.wait(lambda: office.handle.status().waiting == 1)
    office.idle(0.3)
    office.runtime.ahead -= 100_000
    office.idle(0.1)
    office.wait(lambda: office.outlet.of("a") == [1], seconds=10)


def test_nothing_fires_again_because_a_journal_in_memory_is_read_again() -> None:
    office = Office()
    office.stamp("a", "b")
    office.wait(lambda: office.handle.status().delivered == 2)
    office.domain.close()
    office.open()
    office.idle(5.0)
    assert len(office.outlet.seen) == 2
