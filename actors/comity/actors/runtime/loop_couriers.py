"""Couriers that call async functions on an event loop of their own. `ThreadRuntime` makes them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from types import coroutine
from typing import Any, Final, cast

from comity.actors.runtime.limited_calls import Call, LimitedCalls
from comity.actors.runtime.runtime import Errands, Interrupted, Told
from comity.engine.errors import describe_error

_log = logging.getLogger("comity")

GRACE: Final = 0.5
"""Seconds after its limit in which a cancelled call may end; and for which a loop may be blocked
before that is noticed."""
STARVED: Final = 5.0
"""The same, while no call's code runs: then the loop is more likely to get no processor."""
MOST_LEFT: Final = 4
"""How many blocked loops may be left, each with its thread, before no more calls are made."""


class LoopCouriers(LimitedCalls):
    """One event loop on one thread. A loop that is blocked is left, and a new one is made."""

    def __init__(self, name: str, errands: Errands) -> None:
        super().__init__(name, errands, GRACE)
        self._loop: _Loop | None = None
        self._left: list[_Loop] = []

    @property
    def full(self) -> str:
        """See `Couriers.full`."""
        self._left = [loop for loop in self._left if loop.thread.is_alive()]
        if len(self._left) >= MOST_LEFT:
            return f"{len(self._left)} event loops are blocked by deliver, which must not wait so"
        return super().full

    def send(self, call: Callable[[], object], told: Told) -> None:
        """See `Couriers.send`."""
        one = self.begin(call, told)
        if one is None:
            return
        try:
            loop = self._loop = self._loop or _Loop(self)
            loop.begin(one)
        except RuntimeError as error:  # no thread can be started
            self._loop = None
            self.end(one, Interrupted(f"no event loop can be started: {error}"))

    def look(self) -> None:
        """Leave the loop if it is blocked and a call is past its limit for that."""
        loop, now = self._loop, time.monotonic()
        if loop is None:
            return
        under_way = self.under_way()
        patience = STARVED if loop.stepping is None else GRACE
        if loop.blocked() <= patience or not under_way or under_way[0].until > now:
            return
        self._loop = None
        self._left.append(loop)
        culprit = loop.stepping
        loop.leave()
        _log.error("%s: an event loop is blocked by deliver; a new one takes its place", self.name)
        for one in under_way:
            if one is culprit:
                limit = f"{self.errands.seconds:g} s"
                why: BaseException = TimeoutError(f"deliver has blocked the event loop for {limit}")
            else:
                why = Interrupted("another delivery has blocked the event loop")
            self.write_off(one, why)

    def may_write_off(self, one: Call) -> bool:
        """Whether the loop lives: else it is left, and the call that blocks it is to blame."""
        return self._loop is None or self._loop.lived > one.until

    def stop(self, timeout: float = 0.0) -> None:
        """See `Couriers.stop`."""
        self.wait(timeout)
        super().stop()
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.leave(close=True)
            loop.thread.join(max(0.2, min(timeout, self.errands.seconds)))

    def kill(self) -> None:
        """See `Couriers.kill`."""
        super().stop()
        if self._loop is not None:
            self._loop.leave()


class _Loop:
    """An event loop and its thread."""

    def __init__(self, couriers: LoopCouriers) -> None:
        self.stepping: Call | None = None
        """The call whose code runs now, if any."""
        self._couriers = couriers
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[BaseException | None] | None = None
        self._begun: deque[Call] = deque()
        self._told = False
        """Whether the loop will begin those calls."""
        self._pinged = 0.0
        self.lived = 0.0
        """When the loop gave its last sign of life."""
        self._left = self._closes = False
        self.thread = threading.Thread(target=self._work, name=couriers.name, daemon=True)
        try:
            self.thread.start()
        except RuntimeError:
            self._loop.close()
            raise

    def begin(self, one: Call) -> None:
        """Begin a call, from any thread."""
        self._begun.append(one)
        if not self._told:  # once for many: it takes a system call, and the GIL
            self._told = True
            self._loop.call_soon_threadsafe(self._begin_all)

    def blocked(self) -> float:
        """Ask the loop for a sign of life; returns the seconds for which the last is owed."""
        now, pinged = time.monotonic(), self._pinged  # the answer may come before this returns
        if not pinged:
            pinged = self._pinged = now
            with suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(self._pong)
        return now - pinged

    def leave(self, *, close: bool = False) -> None:
        """Let the loop end as soon as it can; with `close`, after the outlet's `close`."""
        self._closes = close
        self._left = True
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _pong(self) -> None:
        self._pinged, self.lived = 0.0, time.monotonic()

    def _begin_all(self) -> None:
        self._told = False  # before looking, so that no call is missed in between
        while self._begun:
            task = self._loop.create_task(self._run(self._begun.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._left:
            try:
                self._loop.run_forever()
            except BaseException:  # a task of deliver's own raised SystemExit, for example
                _log.exception("%s: the event loop was stopped; it goes on", self._couriers.name)
        try:
            self._loop.run_until_complete(self._finish())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        except BaseException:
            _log.exception("%s: the event loop could not be ended well", self._couriers.name)
        finally:
            self._loop.close()

    async def _finish(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE)
        if self._closes and self._opening is not None and not await self._opening:
            error = await self._limited(self._couriers.errands.close)
            if error is not None:
                _log.error("%s: close raised %s", self._couriers.name, describe_error(error))

    async def _run(self, one: Call) -> None:
        """Make a call. Nothing that it raises leaves here: some errors would end the loop."""
        error: BaseException | None = None
        try:
            await self._open()
            if not self._couriers.expects(one):  # the loop was blocked; it is made on another one
                self._couriers.end(one, None)
                return
            error = await self._limited(one.call, one)
        except BaseException as raised:
            error = raised
        self._couriers.end(one, error)

    async def _open(self) -> None:
        if self._opening is None:
            open_ = self._couriers.errands.open
            self._opening = self._loop.create_task(self._limited(open_))
        opening = self._opening
        error = await asyncio.shield(opening)
        if error is not None:
            if self._opening is opening:
                self._opening = None
            raise Interrupted(f"open raised {describe_error(error)}") from error

    async def _limited(
        self, call: Callable[[], object], one: Call | None = None
    ) -> BaseException | None:
        """Await what a call gives, with the time limit; returns what it raised."""
        limit = asyncio.timeout(self._couriers.errands.seconds)
        try:
            async with limit:
                answer = call()
                if answer is not None:
                    await _stepping(_coroutine(cast("Awaitable[object]", answer)), self, one)
        except BaseException as error:
            if isinstance(error, TimeoutError) and limit.expired():
                return TimeoutError(f"no answer within {self._couriers.errands.seconds:g} s")
            return error
        return None


async def _coroutine(answer: Awaitable[object]) -> None:
    await answer


@coroutine
def _stepping(
    inner: Coroutine[Any, Any, None], loop: _Loop, one: Call | None
) -> Generator[Any, Any, None]:
    """Run a coroutine, and note in `loop.stepping` while its code runs."""
    step: Callable[[Any], Any] = inner.send
    given: Any = None
    while True:
        loop.stepping = one
        try:
            yielded = step(given)
        except StopIteration:
            return
        finally:
            loop.stepping = None
        try:
            given = yield yielded
            step = inner.send
        except BaseException as error:
            given, step = error, inner.throw
