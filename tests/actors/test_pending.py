"""Answers on their way: in threads, in asyncio, in both at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from tests.actors.notebook import (
    MISCHIEF,
    Misbehave,
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stall,
    Stamp,
    Write,
    notebook,
    raising,
)

from comity.actors import Aggregate, Domain
from comity.actors.runtime.callbacks import Callbacks
from comity.actors.runtime.pending import Batch, Pending, settle
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine import Closed, Receipt, Rejected, WiringError
from comity.engine.journal.memory_journal import MemoryJournal


def test_an_answer_wakes_every_thread_that_waits() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(pending.result, 10) for _ in range(8)]
        settle([(pending, 7)])
        assert [one.result() for one in waiting] == [7] * 8


def test_an_answer_wakes_tasks_of_several_event_loops() -> None:
    pending: Pending[int] = Pending("id", THREADS)

    async def wait() -> int:
        return await pending

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(asyncio.run, wait()) for _ in range(4)]
        settle([(pending, 7)])
        assert [one.result(60) for one in waiting] == [7] * 4


def test_a_time_out_says_that_the_command_may_still_happen() -> None:
    with pytest.raises(TimeoutError, match="may still happen"):
        Pending[int]("id", THREADS).result(0.01)


def test_the_first_answer_stays() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    settle([(pending, 1)])
    settle([(pending, 2)])
    assert pending.result() == 1


def test_a_refusal_is_raised_to_each_who_waits_without_piling_up_frames() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    settle([(pending, Rejected("no"))])
    depths: list[int] = []
    for _ in range(3):
        with pytest.raises(Rejected) as refused:
            pending.result()
        depths.append(len(refused.traceback))
    assert len(set(depths)) == 1


def test_a_refusal_is_freed_as_soon_as_its_waiter_has_handled_it() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    settle([(pending, Rejected("no"))])

    def handled(waited_for: Pending[int]) -> weakref.ref[Rejected]:
        try:
            waited_for.result()
        except Rejected as refusal:
            return weakref.ref(refusal)
        raise AssertionError("it was refused")

    gc.disable()  # it would free a cycle too, but late
    try:
        assert handled(pending)() is None
    finally:
        gc.enable()


def test_a_callback_is_called_once_the_answer_is_there() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    called: SimpleQueue[str] = SimpleQueue()
    pending.add_done_callback(lambda: called.put("before"))
    settle([(pending, 1)])
    assert called.get(timeout=60) == "before"
    pending.add_done_callback(lambda: called.put("after"))
    assert called.get_nowait() == "after"


EVERY_KIND = [ValueError("v"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()]


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_a_callback_that_raises_keeps_nobody_else_waiting(
    error: BaseException, domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    stall = MISCHIEF["stall"] = Stall()
    books = [domain.aggregate(notebook, key) for key in "ab"]
    books[0].send(Misbehave(name="stall", where="decide"))
    pendings = [book.send(Stamp(page="p", stamps=1)) for book in books for _ in range(3)]
    called: SimpleQueue[int] = SimpleQueue()
    for pending in pendings:
        pending.add_done_callback(raising(error))
        pending.add_done_callback(lambda: called.put(1))
    with ThreadPoolExecutor(len(pendings)) as pool:
        waiting = [pool.submit(pending.result, 10) for pending in pendings]
        stall.released.set()
        assert len([one.result() for one in waiting]) == len(pendings)
    assert [called.get(timeout=60) for _ in pendings] == [1] * len(pendings)
    assert books[0].send(Stamp(page="p", stamps=1)).result(60).version == 5
    assert type(error).__name__ in caplog.text


def test_a_callback_that_hangs_keeps_no_answer_back(domain: Domain) -> None:
    hang = Stall()
    book = domain.aggregate(notebook, "a")
    book.send(Stamp(page="p", stamps=1)).add_done_callback(hang)
    assert hang.entered.wait(60)
    assert [book.send(Stamp(page="p", stamps=1)).result(60).version for _ in range(3)] == [2, 3, 4]
    hang.released.set()


def test_a_callback_may_send_and_wait_and_close_the_domain(journal: MemoryJournal) -> None:
    domain = Domain(journal, deciders=[notebook])
    book = domain.aggregate(notebook, "a")
    versions: SimpleQueue[int] = SimpleQueue()

    def callback() -> None:
        versions.put(book.send(Stamp(page="p", stamps=1)).result(60).version)
        domain.close()
        versions.put(0)

    book.send(Stamp(page="p", stamps=1)).add_done_callback(callback)
    assert versions.get(timeout=60) == 2
    assert versions.get(timeout=60) == 0
    with pytest.raises(Closed):
        book.send(Stamp(page="p", stamps=1))


def test_where_no_thread_can_be_had_callbacks_are_called_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[int] = []

    def no_more(_thread: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", no_more)
    alone = Callbacks()
    alone.soon(raising(ValueError("v")))
    alone.soon(lambda: called.append(1))
    assert called == [1]


def test_who_has_waited_long_enough_is_not_kept() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            pending.result(0)
    asyncio.run(_waits_in_vain(pending))
    assert pending._waiters == ()  # pyright: ignore[reportPrivateUsage]


async def _waits_in_vain(pending: Pending[int]) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_wait(pending), 0.001)


@pytest.mark.parametrize("timeout", [1e300, float("inf")])
def test_one_may_wait_for_as_long_as_one_likes(timeout: float) -> None:
    pending: Pending[int] = Pending("id", THREADS)
    threading.Timer(0.05, lambda: settle([(pending, 7)])).start()
    assert pending.result(timeout) == 7


def test_a_loop_that_was_closed_meanwhile_keeps_nobody_else_waiting() -> None:
    pending: Pending[int] = Pending("id", THREADS)
    closed = asyncio.new_event_loop()
    waits = closed.create_task(_wait(pending))
    closed.run_until_complete(asyncio.sleep(0))
    closed.close()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asyncio.run, _answer_of(pending))
        settle([(pending, 7)])
        assert waiting.result(60) == 7
    assert not waits.done()


async def _answer_of(pending: Pending[int]) -> int:
    return await pending


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
            book.send(Stamp(page="p", stamps=1)).result(60)

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


async def _one_at_a_time(pendings: Batch[Receipt[NotebookEvent]]) -> None:
    await pendings


WAITS: dict[str, Callable[[Aggregate[Notebook, NotebookCommand, NotebookEvent]], object]] = {
    "result": lambda other: other.send(Write(page="p", text="x")).result(60),
    "result of a batch": lambda other: other.send_many([Write(page="p", text="x")]).result(60),
    "await": lambda other: asyncio.run(_wait(other.send(Write(page="p", text="x")))),
    "await a batch": lambda other: asyncio.run(
        _one_at_a_time(other.send_many([Write(page="p", text="x")]))
    ),
    "do": lambda other: other.do(Write(page="p", text="x")),
    "preview": lambda other: other.preview(Write(page="p", text="x")).result(60),
}


@pytest.mark.parametrize("how", WAITS)
def test_waiting_inside_decide_is_an_error_and_not_a_deadlock(how: str, domain: Domain) -> None:
    other = domain.aggregate(notebook, "b")
    caught: list[str] = []

    def wait() -> None:
        try:
            WAITS[how](other)
        except WiringError as error:
            caught.append(str(error))

    MISCHIEF["wait"] = wait
    domain.aggregate(notebook, "a").send(Misbehave(name="wait", where="decide")).result(60)
    assert "must not wait" in caught[0]
