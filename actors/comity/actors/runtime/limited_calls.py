"""Calls under way, each with a time limit: what the couriers on threads and on loops share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.runtime import Errands, Told
from comity.actors.runtime.thread_timers import ThreadTimers


class Call:
    """A call under way."""

    __slots__ = ("call", "ended", "told", "until")

    def __init__(self, call: Callable[[], object], told: Told, until: float) -> None:
        self.call = call
        self.told = told
        self.until = until
        self.ended = False
        """Whether it has returned."""


class LimitedCalls:
    """The calls under way, and those that are past their limit and still go on.

    Args:
        name: the name of the threads.
        errands: their limits.
        grace: seconds after the limit until a call is written off.
    """

    def __init__(self, name: str, errands: Errands, grace: float = 0.0) -> None:
        self.name = name
        self.errands = errands
        self.stopped = False
        self.hung = 0
        """How many calls are past their limit and have not returned."""
        self._allowed = errands.seconds + grace
        self._look_every = max(0.005, min(0.25, errands.seconds / 4))
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._under_way: dict[int, Call] = {}  # oldest first
        self._timers = ThreadTimers(f"{name}-limits")
        self._looking = False

    @property
    def full(self) -> str:
        """See `Couriers.full`."""
        if self.hung < self.errands.most_hung:
            return ""
        limit = f"{self.errands.seconds:g} s"
        return f"{self.hung} deliveries hang: they have not returned long after their {limit}"

    def begin(self, call: Callable[[], object], told: Told) -> Call | None:
        """Add a call; None if no more are made."""
        one = Call(call, told, time.monotonic() + self._allowed)
        with self._lock:
            stopped = self.stopped
            if not stopped:
                self._under_way[id(one)] = one
            look, self._looking = not (self._looking or stopped), True
        if stopped:
            return None
        if look:
            self._timers.call_later(self._look_every, self._look)
        return one

    def end(self, one: Call, error: BaseException | None) -> bool:
        """Note that a call has returned. False: it was written off before."""
        with self._lock:
            one.ended = True
            known = self._under_way.pop(id(one), None) is not None
            self.hung -= not known
            self._changed.notify_all()
        if known:
            self._tell(one, error)
        return known

    def expects(self, one: Call) -> bool:
        """Whether a call is to be made: it was not written off while it waited."""
        with self._lock:
            return id(one) in self._under_way

    def write_off(self, one: Call, error: BaseException) -> None:
        """End a call that goes on. What it comes to is ignored."""
        with self._lock:
            known = self._under_way.pop(id(one), None) is not None
            self.hung += known
            self._changed.notify_all()
        if known:
            self._tell(one, error)

    def under_way(self) -> list[Call]:
        """The calls under way, oldest first."""
        with self._lock:
            return list(self._under_way.values())

    def wait(self, seconds: float) -> None:
        """Wait until no call is under way, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, seconds)

    def stop(self) -> None:
        """Tell nobody any more."""
        with self._lock:
            self.stopped = True
            self._under_way.clear()
        self._timers.stop(0.0)

    def late(self, one: Call) -> BaseException:
        """The error of a call that is past its limit."""
        return TimeoutError(f"no answer within {self.errands.seconds:g} s")

    def may_write_off(self, one: Call) -> bool:
        """Hook: whether it is known that a call that is past its limit hangs by itself."""
        return True

    def look(self) -> None:
        """Hook: called a few times a second while calls are under way."""

    def _look(self) -> None:
        attempt(self.look)
        now = time.monotonic()
        for one in self.under_way():
            if one.until > now:
                break
            if self.may_write_off(one):
                self.write_off(one, self.late(one))
        with self._lock:
            self._looking = bool(self._under_way) and not self.stopped
            looking = self._looking
        if looking:
            self._timers.call_later(self._look_every, self._look)

    def _tell(self, one: Call, error: BaseException | None) -> None:
        if not self.stopped:
            one.told(error)
