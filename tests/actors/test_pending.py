"""Answers on their way: in threads, in asyncio, in both at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.actors.notebook import MISCHIEF, Misbehave, Stall, Stamp, Write, notebook

from comity.actors import Domain
from comity.actors.pending import Pending, settle
from comity.engine import Rejected, WiringError


def test_an_answer_wakes_every_thread_that_waits() -> None:
    pending: Pending[int] = Pending("id")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(pending.result, 10) for _ in range(8)]
        settle([(pending, 7)])
        assert [one.result() for one in waiting] == [7] * 8


def test_an_answer_wakes_tasks_of_several_event_loops() -> None:
    pending: Pending[int] = Pending("id")

    async def wait() -> int:
        return await pending

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(asyncio.run, wait()) for _ in range(4)]
        settle([(pending, 7)])
        assert [one.result(10) for one in waiting] == [7] * 4


def test_a_time_out_says_that_the_command_may_still_happen() -> None:
    with pytest.raises(TimeoutError, match="may still happen"):
        Pending[int]("id").result(0.01)


def test_the_first_answer_stays() -> None:
    pending: Pending[int] = Pending("id")
    settle([(pending, 1)])
    settle([(pending, 2)])
    assert pending.result() == 1


def test_a_refusal_is_raised_to_each_who_waits_without_piling_up_frames() -> None:
    pending: Pending[int] = Pending("id")
    settle([(pending, Rejected("no"))])
    depths: list[int] = []
    for _ in range(3):
        with pytest.raises(Rejected) as refused:
            pending.result()
        depths.append(len(refused.traceback))
    assert len(set(depths)) == 1


def test_a_callback_is_called_once_the_answer_is_there() -> None:
    pending: Pending[int] = Pending("id")
    called: list[str] = []
    pending.add_done_callback(lambda: called.append("before"))
    settle([(pending, 1)])
    pending.add_done_callback(lambda: called.append("after"))
    assert called == ["before", "after"]


async def _cancelled(domain: Domain) -> int:
    stall = MISCHIEF["stall"] = Stall()
    book = domain.aggregate(notebook, "a")
    book.send(Misbehave(name="stall", where="decide"))
    pending = book.send(Stamp(page="p", stamps=1))
    task = asyncio.ensure_future(_wait(pending))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stall.released.set()
    return (await book.send(Stamp(page="p", stamps=1), id=pending.id)).version


async def _wait(pending: Pending[object]) -> None:
    await pending


def test_cancelling_the_wait_cancels_nothing_else_and_the_id_makes_a_retry_safe(
    domain: Domain,
) -> None:
    assert asyncio.run(_cancelled(domain)) == 2
    assert domain.state(domain.aggregate(notebook, "a")).stamps == {"p": 1}


def test_waiting_for_an_answer_does_not_block_the_event_loop(domain: Domain) -> None:
    stall = MISCHIEF["stall"] = Stall()

    async def tick_while_waiting() -> int:
        pending = domain.aggregate(notebook, "a").send(Misbehave(name="stall", where="decide"))
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.001)
            ticks += 1
        assert not pending.done()
        stall.released.set()
        await pending
        return ticks

    assert asyncio.run(tick_while_waiting()) == 20


def test_threads_and_event_loops_use_one_domain_at_once(domain: Domain) -> None:
    book = domain.aggregate(notebook, "a")

    async def loop() -> None:
        await asyncio.gather(*[book.send(Stamp(page="p", stamps=1)) for _ in range(100)])

    def thread() -> None:
        for _ in range(100):
            book.send(Stamp(page="p", stamps=1)).result(10)

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(asyncio.run, loop()) for _ in range(2)] + [
            pool.submit(thread) for _ in range(2)
        ]:
            one.result(30)
    assert domain.state(book).stamps == {"p": 400}


def test_a_batch_can_be_awaited(domain: Domain) -> None:
    async def send() -> int:
        batch = domain.aggregate(notebook, "a").send_many([Stamp(page="p", stamps=1)] * 3)
        return len(await batch)

    assert asyncio.run(send()) == 3


def test_waiting_inside_decide_is_an_error_and_not_a_deadlock(domain: Domain) -> None:
    other = domain.aggregate(notebook, "b")
    caught: list[str] = []
    done = threading.Event()

    def wait() -> None:
        try:
            other.send(Write(page="p", text="x")).result(5)
        except WiringError as error:
            caught.append(str(error))
        done.set()

    MISCHIEF["wait"] = wait
    domain.aggregate(notebook, "a").send(Misbehave(name="wait", where="decide")).result(5)
    assert done.is_set()
    assert "must not wait" in caught[0]
