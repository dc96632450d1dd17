"""Threads that wait for an answer, woken one after the other. `Pending` uses it.

The committer answers many at once. Woken all together they would fight for the GIL, each for a
few microseconds of work; here each of them wakes the next. In a prototype 64 clients then sent
39 % more commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from threading import TIMEOUT_MAX, Lock

_lock = Lock()  # guards `_called` and `_gone` of every sleeper


class Sleeper:
    """One thread, asleep once."""

    __slots__ = ("_asleep", "_called", "_gone", "next")

    def __init__(self) -> None:
        self.next: Sleeper | None = None
        """Who is woken after it; set before it is called."""
        self._asleep = Lock()
        self._asleep.acquire()
        self._called = False
        self._gone = False

    def sleep(self, timeout: float | None) -> bool:
        """Until it is called, at most so many seconds. False: it was not called."""
        woken = False
        try:
            woken = self._asleep.acquire(
                timeout=-1 if timeout is None else min(TIMEOUT_MAX, max(0.0, timeout))
            )
        finally:  # also when Ctrl-C ends the waiting: the others must not sleep for ever
            with _lock:
                self._gone = True
                woken = woken or self._called
            if woken:
                self.call_next()
        return woken

    def call(self) -> bool:
        """Wake it. False: it does not sleep any more, and will call nobody."""
        with _lock:
            self._called = True
            if self._gone:
                return False
        self._asleep.release()
        return True

    def call_next(self) -> None:
        """Wake who comes after it and still sleeps."""
        sleeper = self.next
        while sleeper is not None and not sleeper.call():
            sleeper = sleeper.next


def wake_in_turn(sleepers: Sequence[Sleeper]) -> None:
    """Wake the first; it wakes the second, and so on."""
    if not sleepers:
        return
    for sleeper, after in pairwise(sleepers):
        sleeper.next = after
    first = sleepers[0]
    if not first.call():
        first.call_next()
