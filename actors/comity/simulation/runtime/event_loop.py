"""Runs many coroutines in an event loop of asyncio, with waits of a person in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from comity.actors.runtime.pending import Pending
from comity.engine.errors import ComityError, WiringError

POLL = 0.05
"""Seconds between two looks at whether to stop."""


def check_none_runs() -> None:
    """Check that a new event loop can be run in this thread.

    Raises:
        WiringError: one runs already.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    msg = 'an event loop runs in this thread: play with way="threads", or in another thread'
    raise WiringError(msg)


def run_all(
    several: Sequence[Callable[[], Coroutine[object, object, None]]], stop: Callable[[], bool]
) -> None:
    """Run all coroutines in a new event loop, until they have ended or `stop()` is true."""
    asyncio.run(_run_all(several, stop))


async def _run_all(
    several: Sequence[Callable[[], Coroutine[object, object, None]]], stop: Callable[[], bool]
) -> None:
    tasks = {asyncio.ensure_future(one()) for one in several}
    while tasks and not stop():
        _, tasks = await asyncio.wait(tasks, timeout=POLL)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def sleep(seconds: float) -> None:
    """Wait without blocking the loop."""
    await asyncio.sleep(seconds)


async def wait_for(pendings: Sequence[Pending[object]], seconds: float) -> None:
    """Wait until all answers are there, at most `seconds`."""
    waiting = [asyncio.ensure_future(_wait(pending)) for pending in pendings]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=seconds)
        for one in late:
            one.cancel()


async def _wait(pending: Pending[object]) -> None:
    try:
        await pending
    except ComityError:
        return  # the person reads it from the pending
