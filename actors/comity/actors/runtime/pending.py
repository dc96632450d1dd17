"""The answer to a command that is on its way: `.result()` in threads, `await` in asyncio.

Small on purpose: a reply object can cost more than a decision. The committer settles many at once,
with one lock for the batch and one wake-up for each event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.engine_thread import check_may_wait
from comity.actors.runtime.runtime import Callback
from comity.engine.arguments import check_seconds
from comity.engine.errors import ComityError
from comity.engine.merging.refusals import Refused
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.runtime.runtime import Runtime

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_log = logging.getLogger("comity")


Waiter: TypeAlias = "Callback | asyncio.Future[None]"
"""A function that wakes a thread or passes a callback on, or the future of a task that awaits.

A future is finished on its own loop.
"""

_lock = Lock()  # guards every pending's waiters: held for microseconds, once per batch


class Pending(Generic[R_co]):
    """An answer that is not there yet. Any number of threads and tasks may wait for it.

    Cancelling a task that awaits it cancels the waiting and nothing else: the command may still
    happen. To find out, await again, or send the command again with the same `id`.
    """

    __slots__ = ("_answer", "_runtime", "_waiters", "id")

    def __init__(self, id: str, runtime: Runtime) -> None:
        self.id = id
        """The command's id; send the same command with the same id to retry safely."""
        self._runtime = runtime
        self._answer = None
        self._waiters = ()

    _answer: object
    _waiters: tuple[Waiter | Pending[Any], ...]

    def done(self) -> bool:
        """Whether the answer is there, so that `result` returns or raises at once."""
        return self._answer is not None

    def result(self, timeout: float | None = None) -> R_co:
        """Wait for the answer, at most `timeout` seconds, and return it.

        Raises:
            Refused: a rule said no; `NotExecuted`: it was not done; `OutcomeUnknown`.
            TimeoutError: no answer yet; the command may still happen.
            WiringError: called inside decide or a listener, where waiting could block forever.
            Invalid: `timeout` is no number of seconds.
        """
        if self._answer is None or timeout is not None:
            self.wait(timeout)
        return self._open()

    def wait(self, timeout: float | None = None) -> None:
        """Wait as `result` does, but return nothing and raise no answer."""
        seconds = None if timeout is None else check_seconds(timeout, "timeout")
        if self._answer is None:
            check_may_wait()
            sleeper = self._runtime.sleeper()
            wake = sleeper.wake
            if self._enlist(wake):
                try:
                    sleeper.sleep(seconds)
                finally:
                    self._leave(wake)
                if self._answer is None:
                    msg = (
                        f"no answer within {timeout} s; the command may still happen (id {self.id})"
                    )
                    raise TimeoutError(msg)

    def __await__(self) -> Generator[object, None, R_co]:
        if self._answer is None:
            check_may_wait()
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if self._enlist(future):
                try:
                    yield from future
                finally:
                    self._leave(future)
        return self._open()

    def add_done_callback(self, callback: Callback) -> None:
        """Call `callback()` once the answer is there: at once, or later on a thread of comity's.

        The callback may send, wait or close the domain. Be brief: other callbacks wait for it. Its
        exceptions are logged.
        """
        if not self._enlist(partial(self._runtime.call_soon, callback)):
            attempt(callback)

    def call_at_once(self, callback: Callback) -> None:
        """Call `callback()` on the thread that answers, or at once if the answer is there.

        For the engine's own actors: it must return at once and not raise, since others wait for it.
        """
        if not self._enlist(callback):
            callback()

    def follow(self, first: Pending[R_co]) -> bool:
        """Get the same answer as `first`. False: `first` is answered already."""
        return first._enlist(self)

    def answer(self) -> R_co | ComityError:
        """Return the answer as a value, even if it is an error. Only when `done()`."""
        return cast("R_co | ComityError", self._answer)

    @staticmethod
    def settle(answers: Sequence[tuple[Pending[R], R | ComityError]]) -> list[Waiter]:
        """Give each pending its answer; returns the waiters to wake. See the function `settle`."""
        waiters: list[Waiter] = []
        with _lock:
            for pending, answer in answers:
                if pending._answer is None:
                    pending._answer = answer
                    if pending._waiters:
                        pending._dismiss(waiters)
        return waiters

    def _dismiss(self, waiters: list[Waiter]) -> None:
        """Add the waiters of this pending and its followers. The caller holds the lock."""
        mine, self._waiters = self._waiters, ()
        for waiter in mine:
            if not isinstance(waiter, Pending):
                waiters.append(waiter)
            elif waiter._answer is None:
                waiter._answer = self.answer()
                waiter._dismiss(waiters)

    def _enlist(self, waiter: Waiter | Pending[Any]) -> bool:
        """Add a waiter. False: the answer is there already."""
        with _lock:
            if self._answer is not None:
                return False
            self._waiters += (waiter,)
            return True

    def _leave(self, waiter: Waiter) -> None:
        """Remove a waiter after a timeout: some callers wait again and again."""
        if self._answer is None:
            with _lock:
                self._waiters = tuple([one for one in self._waiters if one is not waiter])

    def _open(self) -> R_co:
        answer = self.answer()
        if isinstance(answer, Refused):
            # The answer itself would hold the frames of its waiter, and these hold the answer: a
            # cycle of 20 objects for each refusal, which waits for the garbage collector.
            raise answer.again()
        if isinstance(answer, ComityError):
            raise answer.with_traceback(
                None
            )  # one error, many waiters: do not collect their frames
        return answer

    def __repr__(self) -> str:
        return f"Pending({self.id!r}, {'done' if self.done() else 'waiting'})"


class Batch(Generic[R_co]):
    """The answers to several commands sent together, in their order."""

    __slots__ = ("pendings",)

    def __init__(self, pendings: Sequence[Pending[R_co]]) -> None:
        self.pendings = tuple(pendings)
        """One pending for each command, in their order."""

    def __len__(self) -> int:
        """How many commands were sent together."""
        return len(self.pendings)

    def done(self) -> bool:
        """Whether every answer is there."""
        return all(pending.done() for pending in self.pendings)

    def result(self, timeout: float | None = None) -> tuple[R_co | ComityError, ...]:
        """Wait for all answers, at most `timeout` seconds each; refusals are values here.

        Raises:
            TimeoutError: an answer is missing.
            WiringError, Invalid: see `Pending.result`.
        """
        for pending in self.pendings:
            pending.wait(timeout)
        return self._answers()

    def __await__(self) -> Generator[object, None, tuple[R_co | ComityError, ...]]:
        for pending in self.pendings:
            try:
                yield from pending.__await__()
            except ComityError:
                if not pending.done():
                    raise
        return self._answers()

    def _answers(self) -> tuple[R_co | ComityError, ...]:
        return tuple(pending.answer() for pending in self.pendings)


def settle(answers: Sequence[tuple[Pending[R], R | ComityError]]) -> None:
    """Give each pending its answer and wake its waiters. A pending with an answer keeps it.

    It never raises, so that a failing waiter does not hold up the others.
    """
    if waiters := Pending.settle(answers):
        wake(waiters)


def wake(waiters: Sequence[Waiter]) -> None:
    """Wake waiters whose answers are there."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        if callable(waiter):
            waiter()
        else:
            loops.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in loops.items():
        try:
            loop.call_soon_threadsafe(_finish, futures)
        except Exception:  # if the loop is closed, nothing waits there any more
            if not loop.is_closed():
                _log.exception("%r cannot be told that answers are there", loop)


def _finish(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _after_fork_in_child() -> None:
    """Replace the lock: a thread of the parent may hold it, and would never release it here."""
    global _lock  # noqa: PLW0603 - one for all
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
