"""A runtime whose executors take their turns when they are told to, in the thread that tells them.

`stages` uses it: one thread does everything, so each stage of a command can be timed by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator

from comity.actors.runtime.runtime import Callback, Couriers, Errands, Runnable
from comity.engine.runtime import system


class ByHand:
    """Runs a domain in one thread. Who waits for an answer takes all turns that are queued."""

    now = staticmethod(system.now)
    monotonic = staticmethod(system.monotonic)
    token = staticmethod(system.token)

    def __init__(self) -> None:
        self._executors: list[HandExecutor] = []

    def executor(self, name: str, threads: int = 1, most: int = 1) -> HandExecutor:
        """Make an executor without a thread."""
        made = HandExecutor(name)
        self._executors.append(made)
        return made

    def timers(self, name: str) -> NoTimers:
        """Make timers that never call."""
        return NoTimers()

    def couriers(self, name: str, errands: Errands) -> Couriers:
        """Make none: the stages have no outlets."""
        raise NotImplementedError

    def sleeper(self) -> HandSleeper:
        """Make a sleeper that takes turns until it is woken."""
        return HandSleeper(self)

    def call_soon(self, callback: Callback) -> None:
        """Call it now."""
        callback()

    def start(self, name: str, function: Callback) -> None:
        """Call it now."""
        function()

    def may_help(self) -> bool:
        """No: the stages are taken one after the other."""
        return False

    def named(self, name: str) -> HandExecutor:
        """The only executor with this name."""
        (found,) = [one for one in self._executors if one.name == name]
        return found

    def others(self, names: Container[str]) -> list[HandExecutor]:
        """The executors with other names."""
        return [one for one in self._executors if one.name not in names]

    def turns(self) -> Iterator[None]:
        """Take the queued turns of all executors, one for each `next`, until there is none."""
        while waiting := [one for one in self._executors if one.queued]:
            for one in waiting:
                one.turn()
                yield


class HandExecutor:
    """An executor that only queues."""

    threads = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.queued: deque[Runnable] = deque()

    def schedule(self, runnable: Runnable) -> None:
        """Queue it for one turn."""
        self.queued.append(runnable)

    def turn(self) -> None:
        """Take the first turn."""
        self.queued.popleft().run()

    def run(self) -> int:
        """Take turns until none is queued; returns how many."""
        taken = 0
        while self.queued:
            self.queued.popleft().run()
            taken += 1
        return taken

    def relieve(self) -> None:
        """Do nothing: no thread can be held up."""

    def stop(self, timeout: float) -> bool:
        """Take the queued turns."""
        self.run()
        return True


class HandSleeper:
    """A host's wait: it takes turns until one of them wakes it."""

    def __init__(self, runtime: ByHand) -> None:
        self._runtime = runtime
        self._woken = False

    def wake(self) -> None:
        """Let the wait end."""
        self._woken = True

    def sleep(self, seconds: float | None) -> bool:
        """Take turns until `wake` was called. False: no turn is left."""
        turns = self._runtime.turns()
        while not self._woken and next(turns, self) is None:
            pass
        return self._woken


class NoTimers:
    """Timers that never call: nothing here takes long enough for a deadline or a chore."""

    def call_later(self, seconds: float, callback: Callback) -> NoTimers:
        """Forget it."""
        return self

    def cancel(self) -> None:
        """Do nothing."""

    def stop(self, timeout: float) -> None:
        """Do nothing."""
