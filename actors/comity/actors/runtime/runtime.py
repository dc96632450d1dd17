"""What a domain asks of whatever runs it: time, randomness, turns, timers, waiting.

`ThreadRuntime` answers with threads. A test may answer with one thread and an order of its own:
nothing outside of this room starts a thread, waits, or reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from comity.engine.runtime.clock import Clock

Callback: TypeAlias = Callable[[], None]


class Runnable(Protocol):
    """What an executor runs: a turn at a time, never two at once."""

    def run(self) -> None:
        """Take one turn. It must not raise."""
        ...


class Executor(Protocol):
    """Gives turns to those that want one."""

    def schedule(self, runnable: Runnable) -> None:
        """Give it a turn when its time comes. It sees to it that it is scheduled once."""
        ...

    def relieve(self) -> None:
        """Add a thread if some wait while all threads are held up. Call it now and then."""
        ...

    @property
    def threads(self) -> int:
        """How many threads there are."""
        ...

    def stop(self, timeout: float) -> bool:
        """End after the turns that are wanted, waiting at most `timeout` seconds for them.

        False: one of them is held up.
        """
        ...


class Timer(Protocol):
    """Something that is to happen at a later time."""

    def cancel(self) -> None:
        """Let it not happen, unless it does already."""
        ...


class Timers(Protocol):
    """Does things at a later time. What is called must be quick: the others wait for it."""

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """Call it after so many seconds; never once this is stopped."""
        ...

    def stop(self, timeout: float) -> None:
        """Call nothing more, waiting at most so many seconds for what is being called."""
        ...


class Sleeper(Protocol):
    """A host's thread that waits for something, once."""

    def wake(self) -> None:
        """Let it go on, now or as soon as it sleeps. Any thread, once."""
        ...

    def sleep(self, seconds: float | None) -> bool:
        """Wait until woken, at most so many seconds. False: they are over."""
        ...


class Runtime(Clock, Protocol):
    """Runs domains: any number of them, each with executors and timers of its own."""

    def token(self, size: int, /) -> str:
        """So many random bytes, in hexadecimal."""
        ...

    def executor(self, name: str, threads: int = 1, most: int = 1) -> Executor:
        """A new one with so many threads, and up to `most` where some are held up."""
        ...

    def timers(self, name: str) -> Timers:
        """A new one."""
        ...

    def sleeper(self) -> Sleeper:
        """A new one, for the thread that asks."""
        ...

    def call_soon(self, callback: Callback) -> None:
        """Call what a host has left, where it may take its time, send, wait or close the domain."""
        ...

    def start(self, name: str, function: Callback) -> None:
        """Call it besides; at once, where nothing can be done besides any more."""
        ...

    def may_help(self) -> bool:
        """Whether who asks may decide and write in place of the engine's threads."""
        ...
