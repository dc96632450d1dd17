"""What a switch lets happen before each call of a part's function: it raises, waits or hangs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from comity.actors.runtime.thread_runtime import ThreadRuntime
from comity.engine.arguments import check_seconds
from comity.engine.errors import Invalid, WiringError
from comity.engine.runtime.system import Flag

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime

LOOK = 0.01
"""Seconds between two looks of a coroutine whether it still hangs."""


class Fault(Protocol):
    """Called before each call of the function that is switched."""

    def now(self) -> None:
        """Before a plain function."""
        ...

    async def on_loop(self) -> None:
        """Before an async one."""
        ...


class Raises:
    """Raises an error at each call."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def now(self) -> None:
        """Raise it."""
        raise self.error

    async def on_loop(self) -> None:
        """Raise it."""
        raise self.error


class Waits:
    """Waits at each call, for the part's runtime: a simulation's time is virtual.

    Raises:
        Invalid: it is no number of seconds, or below 0.
    """

    def __init__(self, seconds: float, runtime: Runtime) -> None:
        self.seconds = check_seconds(seconds, "seconds")
        if seconds < 0:
            raise Invalid(f"seconds: expected 0 or more, got {seconds!r:.100}")
        self._runtime = runtime

    def now(self) -> None:
        """Wait on this thread."""
        self._runtime.sleeper().sleep(self.seconds)

    async def on_loop(self) -> None:
        """Wait, and let the loop go on."""
        if isinstance(self._runtime, ThreadRuntime):
            await asyncio.sleep(self.seconds)
        else:
            self.now()


class Hangs:
    """Waits at each call until `end`.

    Raises:
        WiringError: the runtime has one thread, on which then nothing would go on.
    """

    def __init__(self, runtime: Runtime) -> None:
        if not isinstance(runtime, ThreadRuntime):
            msg = "hanging needs threads: on one thread nothing else would go on; use slow"
            raise WiringError(f"{msg}, or a domain without runtime=")
        self._over = Flag()

    def end(self) -> None:
        """Let all calls go on."""
        self._over.set()

    def now(self) -> None:
        """Wait on this thread."""
        self._over.wait()

    async def on_loop(self) -> None:
        """Wait, and let the loop go on."""
        while not self._over.is_set():  # noqa: ASYNC110 - the block ends on another thread
            await asyncio.sleep(LOOK)
