"""The interfaces through which a domain gets time, random numbers, turns, timers and waiting.

`ThreadRuntime` implements them with threads. A test may implement them with one thread and its own
order of turns: nothing outside of this room starts a thread, waits, or reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from comity.engine.errors import ComityError
from comity.engine.runtime.clock import Clock

Callback: TypeAlias = Callable[[], None]


class Runnable(Protocol):
    """An object that takes turns on an executor, never two turns at once."""

    def run(self) -> None:
        """Take one turn. It must not raise."""
        ...


class Executor(Protocol):
    """Gives turns to the runnables that are scheduled on it."""

    def schedule(self, runnable: Runnable) -> None:
        """Queue the runnable for one turn. The runnable itself avoids being queued twice."""
        ...

    def relieve(self) -> None:
        """Add a thread if runnables wait while all threads are held up. Call it now and then."""
        ...

    @property
    def threads(self) -> int:
        """How many threads there are."""
        ...

    def stop(self, timeout: float) -> bool:
        """End after the queued turns, waiting at most `timeout` seconds for them.

        False: a turn takes longer.
        """
        ...


class Timer(Protocol):
    """A callback that is due at a later time."""

    def cancel(self) -> None:
        """Drop the callback, unless it has begun."""
        ...


class Timers(Protocol):
    """Calls callbacks at a later time. A callback must be quick: the others wait for it."""

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        """Call `callback` after `seconds`, but never once the timers are stopped."""
        ...

    def stop(self, timeout: float) -> None:
        """Call nothing more. Waits at most `timeout` seconds for the current callback."""
        ...


Told: TypeAlias = Callable[[BaseException | None], None]
"""Called with what a call raised, or None. It must be quick, and may be called on any thread."""


class Interrupted(ComityError):
    """A call ended through no fault of its own: it may be made again, and does not count.

    Its text says all: it is shown to people without the name of this class.
    """


class Couriers(Protocol):
    """Calls a host's functions, many at once, that wait for other systems and may hang."""

    @property
    def full(self) -> str:
        """Why they take no more calls; empty if they take some."""
        ...

    def send(self, call: Callable[[], object], told: Told) -> None:
        """Call `call` soon, and then `told`, once, with what was raised.

        After the time limit `told` gets a `TimeoutError`, and what the call comes to is ignored.
        """
        ...

    def stop(self, timeout: float) -> None:
        """Give the calls under way so many seconds, then end them; nobody is told any more."""
        ...

    def kill(self) -> None:
        """Tell nobody anything any more, as when the process is killed."""
        ...


class Errands(NamedTuple):
    """How couriers work."""

    seconds: float
    """The time limit of a call."""
    most_hung: int
    """How many calls that are past their limit may go on, before no more are made."""
    on_loop: bool
    """Whether the functions are async: they run on an event loop; else on threads."""
    open: Callable[[], object]
    """Called before the first call, and again on each new event loop. Async, if they are."""
    close: Callable[[], object]
    """Called after the last one."""


class Sleeper(Protocol):
    """A host's thread that waits for something, once."""

    def wake(self) -> None:
        """Let the thread go on, now or as soon as it sleeps. Any thread, once."""
        ...

    def sleep(self, seconds: float | None) -> bool:
        """Wait for `wake`, at most `seconds`; None: without limit. False: they are over."""
        ...


class Runtime(Clock, Protocol):
    """Runs any number of domains, each with executors and timers of its own."""

    def token(self, size: int, /) -> str:
        """Return `size` random bytes, in hexadecimal."""
        ...

    def executor(self, name: str, threads: int = 1, most: int = 1) -> Executor:
        """Make an executor with so many threads, and up to `most` if all are held up."""
        ...

    def timers(self, name: str) -> Timers:
        """Make new timers."""
        ...

    def couriers(self, name: str, errands: Errands) -> Couriers:
        """Make couriers, for one outlet."""
        ...

    def sleeper(self) -> Sleeper:
        """Make a sleeper for the calling thread."""
        ...

    def call_soon(self, callback: Callback) -> None:
        """Call a host's callback on a thread where it may be slow, send, wait or close."""
        ...

    def start(self, name: str, function: Callback) -> None:
        """Call `function` on a new thread; directly if no thread can be started any more."""
        ...

    def may_help(self) -> bool:
        """Whether the calling thread may decide and write in place of the engine's threads."""
        ...
