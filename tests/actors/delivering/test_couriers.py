"""Couriers call what may hang, block, or raise anything: each call ends, and the others go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from queue import Queue

import pytest
from tests.actors.shelf import until

from comity.actors.runtime.runtime import Couriers, Errands, Interrupted
from comity.actors.runtime.thread_runtime import THREADS
from comity.engine.runtime.system import pause

Made = Callable[..., Couriers]
LIMIT = 0.05
TENANT = ContextVar("TENANT", default="")


def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def made() -> Iterator[Made]:
    """Makes couriers, and stops them after the test."""
    every: list[Couriers] = []

    def make(
        on_loop: bool,  # noqa: FBT001 - a parameter of tests
        seconds: float = LIMIT,
        most_hung: int = 3,
        open_: Callable[[], object] = nothing,
        close: Callable[[], object] = nothing,
    ) -> Couriers:
        errands = Errands(seconds, most_hung, on_loop, open_, close)
        every.append(THREADS.couriers("tested", errands))
        return every[-1]

    yield make
    for one in every:
        one.stop(0.0)


class Ended:
    """What became of a call."""

    def __init__(self) -> None:
        self._ended: Queue[BaseException | None] = Queue()

    def __call__(self, error: BaseException | None) -> None:
        self._ended.put(error)

    def result(self) -> BaseException | None:
        return self._ended.get(timeout=20)

    @property
    def told(self) -> bool:
        return not self._ended.empty()


def sent(couriers: Couriers, call: Callable[[], object]) -> Ended:
    couriers.send(call, ended := Ended())
    return ended


async def well() -> None:
    """Do nothing."""


def _raising(error: BaseException) -> tuple[Callable[[], object], Callable[[], object]]:
    def plain() -> None:
        raise error

    async def on_loop() -> None:
        await asyncio.sleep(0)
        raise error

    return plain, on_loop


@pytest.mark.parametrize("on_loop", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"), asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1),
        GeneratorExit(), StopIteration(), TimeoutError("theirs"),
    ],
    ids=repr,
)  # fmt: skip
def test_whatever_is_raised_ends_that_call_only(
    made: Made, error: BaseException, *, on_loop: bool
) -> None:
    couriers = made(on_loop, seconds=5.0)
    result = sent(couriers, _raising(error)[on_loop]).result()
    assert type(result) is (
        RuntimeError if type(error) is StopIteration and on_loop else type(error)
    )
    assert sent(couriers, well if on_loop else nothing).result() is None


@pytest.mark.parametrize("on_loop", [False, True])
def test_what_a_call_sets_in_a_context_variable_no_later_call_sees(
    made: Made, *, on_loop: bool
) -> None:
    couriers, seen = made(on_loop, seconds=20.0), list[str]()

    def plain() -> None:
        seen.append(TENANT.get())
        TENANT.set("acme")

    async def waits() -> None:
        plain()

    for _ in range(3):
        assert sent(couriers, waits if on_loop else plain).result() is None
    assert seen == ["", "", ""]


@pytest.mark.parametrize("on_loop", [False, True])
def test_many_calls_are_under_way_at_once(made: Made, *, on_loop: bool) -> None:
    couriers, gate, inside = made(on_loop, seconds=20.0), threading.Event(), [0]

    def plain() -> None:
        inside[0] += 1
        gate.wait(20)

    async def waits() -> None:
        inside[0] += 1
        while not gate.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.001)

    several = [sent(couriers, waits if on_loop else plain) for _ in range(5)]
    assert until(lambda: inside[0] == 5)
    gate.set()
    assert [one.result() for one in several] == [None] * 5


def test_a_plain_call_that_hangs_is_written_off_and_what_it_comes_to_is_ignored(made: Made) -> None:
    couriers, gate = made(on_loop=False), threading.Event()
    hanging = sent(couriers, lambda: gate.wait(20))
    assert str(hanging.result()) == "no answer within 0.05 s"
    assert until(lambda: sent(couriers, nothing).result() is None)  # one may get no processor
    gate.set()
    assert until(lambda: getattr(couriers, "hung") == 0)  # noqa: B009 - it is not for others
    assert not hanging.told


def test_when_too_many_hang_no_more_are_called(made: Made) -> None:
    couriers, gate, called = made(on_loop=False), threading.Event(), list[int]()

    def hangs() -> None:
        called.append(1)
        gate.wait(60)

    while len(called) < 3:  # one that got no processor within its limit was not called
        assert isinstance(sent(couriers, hangs).result(), TimeoutError)
    assert until(lambda: "3 deliveries hang" in couriers.full)
    gate.set()
    assert until(lambda: not couriers.full)


def test_an_async_call_is_cancelled_after_its_limit(made: Made) -> None:
    couriers, cancelled = made(on_loop=True), threading.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    assert str(sent(couriers, waits).result()) == "no answer within 0.05 s"
    assert cancelled.wait(20)


def stubborn(gate: threading.Event) -> Callable[[], object]:
    """A call that ignores its cancellation until the gate is open."""

    async def call() -> None:
        while not gate.is_set():
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                continue

    return call


def test_an_async_call_that_ignores_its_cancellation_is_written_off(made: Made) -> None:
    couriers, gate = made(on_loop=True, most_hung=1), threading.Event()
    hanging = sent(couriers, stubborn(gate))
    assert isinstance(hanging.result(), TimeoutError)
    assert couriers.full
    gate.set()
    assert until(lambda: not couriers.full)
    assert sent(couriers, well).result() is None
    assert not hanging.told


def test_a_loop_that_answers_at_once_is_not_blocked(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = asyncio.BaseEventLoop.call_soon_threadsafe

    def and_let_it_run(self: asyncio.BaseEventLoop, callback: Callable[[], object]) -> object:
        handle = schedule(self, callback)
        pause(0.02)
        return handle

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_soon_threadsafe", and_let_it_run)
    couriers, gate = made(on_loop=True), threading.Event()
    hanging = sent(couriers, stubborn(gate))
    assert isinstance(hanging.result(), TimeoutError)
    gate.set()


def test_a_loop_that_is_blocked_is_left_and_others_are_not_to_blame(made: Made) -> None:
    couriers, gate, waiting = made(on_loop=True), threading.Event(), threading.Event()

    async def waits() -> None:
        waiting.set()
        await asyncio.sleep(20)

    async def blocks() -> None:
        gate.wait(20)

    other = sent(couriers, waits)
    assert waiting.wait(20)
    blocking = sent(couriers, blocks)
    assert "blocked the event loop for" in str(blocking.result())
    assert isinstance(other.result(), Interrupted | TimeoutError)
    assert sent(couriers, well).result() is None
    gate.set()
    assert not blocking.told


def test_what_waited_for_a_blocked_loop_is_not_called_there_later(made: Made) -> None:
    couriers, gate, called = made(on_loop=True), threading.Event(), list[int]()

    async def blocks() -> None:
        gate.wait(20)

    async def calls() -> None:
        called.append(1)

    blocking = sent(couriers, blocks)
    waiting = sent(couriers, calls)
    assert isinstance(blocking.result(), TimeoutError)
    assert isinstance(waiting.result(), Interrupted)
    gate.set()
    assert until(lambda: getattr(couriers, "hung") == 0)  # noqa: B009 - it is not for others
    assert called == []


def test_when_too_many_loops_are_blocked_no_more_are_called(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.actors.runtime.loop_couriers.MOST_LEFT", 1)
    couriers, gate = made(on_loop=True), threading.Event()

    async def blocks() -> None:
        gate.wait(20)

    assert isinstance(sent(couriers, blocks).result(), TimeoutError)
    assert "1 event loops are blocked" in couriers.full
    gate.set()
    assert until(lambda: not couriers.full)


def test_a_task_of_the_hosts_that_exits_does_not_end_the_loop(
    made: Made, caplog: pytest.LogCaptureFixture
) -> None:
    couriers = made(on_loop=True, seconds=5.0)

    async def leaves() -> None:
        raise SystemExit(1)

    async def starts() -> None:
        task = asyncio.ensure_future(leaves())
        await asyncio.sleep(0.01)
        assert isinstance(task.exception(), SystemExit)

    assert sent(couriers, starts).result() is None
    assert sent(couriers, well).result() is None
    assert "it goes on" in caplog.text


def test_a_plain_function_that_returns_something_to_await_is_told_so(made: Made) -> None:
    result = sent(made(on_loop=False), well).result()
    assert "write `async def deliver`" in str(result)


@pytest.mark.parametrize("on_loop", [False, True])
def test_open_is_called_before_and_close_after_on_the_same_loop(
    made: Made, *, on_loop: bool
) -> None:
    told: list[tuple[str, object]] = []

    def note(what: str) -> Callable[[], object]:
        async def on_the_loop() -> None:
            told.append((what, asyncio.get_running_loop()))

        return on_the_loop if on_loop else lambda: told.append((what, None))

    couriers = made(on_loop, open_=note("open"), close=note("close"), seconds=5.0)
    for _ in range(3):
        assert sent(couriers, note("call")).result() is None
    couriers.stop(5.0)
    assert [what for what, _ in told] == ["open", "call", "call", "call", "close"]
    assert len({loop for _, loop in told}) == 1


@pytest.mark.parametrize("on_loop", [False, True])
def test_while_open_raises_no_call_is_made_nor_to_blame(made: Made, *, on_loop: bool) -> None:
    fails, called = [True], list[int]()

    def opens() -> None:
        if fails[0]:
            raise ConnectionError("refused")

    async def opens_on_loop() -> None:
        opens()

    async def calls() -> None:
        called.append(1)

    couriers = made(on_loop, open_=opens_on_loop if on_loop else opens, seconds=5.0)
    call = calls if on_loop else lambda: called.append(1)
    result = sent(couriers, call).result()
    assert isinstance(result, Interrupted)
    assert str(result) == "open raised ConnectionError: refused"
    assert called == []
    fails[0] = False
    assert sent(couriers, call).result() is None


@pytest.mark.parametrize("on_loop", [False, True])
def test_while_open_hangs_no_call_is_to_blame_nor_made_later(made: Made, *, on_loop: bool) -> None:
    gate, called = threading.Event(), list[int]()

    async def waits() -> None:
        await asyncio.sleep(20)

    couriers = made(on_loop, open_=waits if on_loop else lambda: gate.wait(20))

    async def calls() -> None:
        called.append(1)

    result = sent(couriers, calls if on_loop else lambda: called.append(1)).result()
    assert isinstance(result, Interrupted)
    assert "no answer within 0.05 s" in str(result)
    gate.set()
    assert until(lambda: getattr(couriers, "hung") == 0)  # noqa: B009 - it is not for others
    assert called == []


@pytest.mark.parametrize("on_loop", [False, True])
def test_stopping_gives_calls_a_moment_and_tells_nobody_afterwards(
    made: Made, *, on_loop: bool
) -> None:
    couriers, gate, inside = made(on_loop, seconds=20.0), threading.Event(), threading.Event()

    def plain() -> None:
        inside.set()
        gate.wait(20)

    async def waits() -> None:
        inside.set()
        await asyncio.sleep(20)

    hanging = sent(couriers, waits if on_loop else plain)
    assert inside.wait(20)
    couriers.stop(0.01)
    gate.set()
    late = sent(couriers, well if on_loop else nothing)
    assert not hanging.told
    assert not late.told
