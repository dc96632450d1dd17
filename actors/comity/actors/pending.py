"""The answer to a command that is on its way: `.result()` in threads, `await` in asyncio.

Small on purpose: a reply object can cost more than a decision. The committer answers many at once
through `settle`, with one lock for the batch and one wake-up for each event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeAlias, TypeVar, cast

from comity.engine.arguments import check_seconds
from comity.engine.errors import ComityError, WiringError

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Callback: TypeAlias = Callable[[], None]


class _Sleeper:
    """A thread that waits."""

    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()


_Waiter: TypeAlias = Callback | _Sleeper | asyncio.Future[None]
"""A callback, a thread, or the future of a task that awaits, to be finished on its own loop."""

_lock = threading.Lock()  # guards every pending's waiters: held for microseconds, a batch at a time
_engine_thread = threading.local()


class Pending(Generic[R_co]):
    """An answer that is not there yet. Any number of threads and tasks may wait for it.

    Cancelling a task that awaits it cancels the waiting and nothing else: the command may still
    happen. To find out, await again, or send the command again with the same `id`.
    """

    __slots__ = ("_answer", "_waiters", "id")

    def __init__(self, id: str) -> None:
        self.id = id
        """The command's id; send the same command with the same id to retry safely."""
        self._answer: object = None
        self._waiters: tuple[_Waiter, ...] = ()

    def done(self) -> bool:
        """Whether the answer is there, so that `result` returns or raises at once."""
        return self._answer is not None

    def result(self, timeout: float | None = None) -> R_co:
        """Wait for the answer, at most `timeout` seconds, and return it.

        Raises:
            Refused: a rule said no; `NotExecuted`: it was not done; `OutcomeUnknown`.
            TimeoutError: no answer yet; the command may still happen.
            WiringError: called inside decide or a listener, where waiting could wait for itself.
            Invalid: `timeout` is no number of seconds.
        """
        self.wait(timeout)
        return self._open()

    def wait(self, timeout: float | None = None) -> None:
        """Wait as `result` does, and leave the answer where it is."""
        seconds = -1 if timeout is None else check_seconds(timeout, "timeout")
        if self._answer is None:
            if getattr(_engine_thread, "here", False):
                msg = "decide, evolve and listeners must not wait for an answer: send, and go on"
                raise WiringError(msg)
            sleeper = _Sleeper()
            if self._enlist(sleeper) and not sleeper.lock.acquire(timeout=seconds):
                msg = f"no answer within {timeout} s; the command may still happen (id {self.id})"
                raise TimeoutError(msg)

    def __await__(self) -> Generator[object, None, R_co]:
        if self._answer is None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if self._enlist(future):
                yield from future
        return self._open()

    def add_done_callback(self, callback: Callback) -> None:
        """Call `callback()` once the answer is there, on the thread that brings it: be brief."""
        if not self._enlist(callback):
            callback()

    def answer(self) -> R_co | ComityError:
        """The answer as a value, a refusal too. Only when `done()`."""
        return cast("R_co | ComityError", self._answer)

    @staticmethod
    def settle(answers: Sequence[tuple[Pending[R], R | ComityError]]) -> list[_Waiter]:
        """Give each pending its answer, and say who is to be woken. Call `settle` instead."""
        waiters: list[_Waiter] = []
        with _lock:
            for pending, answer in answers:
                if pending._answer is None:
                    pending._answer = answer
                    if pending._waiters:
                        waiters += pending._waiters
                        pending._waiters = ()
        return waiters

    def _enlist(self, waiter: _Waiter) -> bool:
        """Have the waiter woken with the answer; False when that is there already."""
        with _lock:
            if self._answer is not None:
                return False
            self._waiters += (waiter,)
            return True

    def _open(self) -> R_co:
        answer = self._answer
        if isinstance(answer, ComityError):
            raise answer.with_traceback(
                None
            )  # one error, many waiters: do not pile their frames up
        return cast("R_co", answer)

    def __repr__(self) -> str:
        return f"Pending({self.id!r}, {'done' if self.done() else 'waiting'})"


class Batch(Generic[R_co]):
    """The answers to several commands sent together, in their order."""

    __slots__ = ("pendings",)

    def __init__(self, pendings: Sequence[Pending[R_co]]) -> None:
        self.pendings = tuple(pendings)
        """One for each command."""

    def done(self) -> bool:
        """Whether every answer is there."""
        return all(pending.done() for pending in self.pendings)

    def result(self, timeout: float | None = None) -> tuple[R_co | ComityError, ...]:
        """Wait for all answers, at most `timeout` seconds each; refusals are values here.

        Raises:
            TimeoutError: an answer is missing.
            WiringError, Invalid: as of one.
        """
        for pending in self.pendings:
            pending.wait(timeout)
        return self._answers()

    def __await__(self) -> Generator[object, None, tuple[R_co | ComityError, ...]]:
        for pending in self.pendings:
            try:
                yield from pending.__await__()
            except ComityError:
                continue
        return self._answers()

    def _answers(self) -> tuple[R_co | ComityError, ...]:
        return tuple(pending.answer() for pending in self.pendings)


def settle(
    answers: Sequence[tuple[Pending[R], R | ComityError]],
    elsewhere: Callable[[Callback], None] | None = None,
) -> None:
    """Give each pending its answer and wake who waits. An answer that is there already stays.

    Args:
        answers: each pending with its answer.
        elsewhere: takes the callbacks of hosts, where this thread must not run them.
    """
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in Pending.settle(answers):
        if isinstance(waiter, _Sleeper):
            waiter.lock.release()
        elif callable(waiter):
            (elsewhere or _call)(waiter)
        else:
            loops.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in loops.items():
        try:
            loop.call_soon_threadsafe(_finish, futures)
        except RuntimeError:  # the loop is closed, and nobody waits there any more
            continue


def _call(callback: Callback) -> None:
    callback()


def _finish(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def enter_engine_thread() -> None:
    """Mark this thread as one that must never wait for an answer."""
    _engine_thread.here = True


@contextmanager
def helping() -> Generator[None]:
    """Mark this thread, a host's, as one that decides and writes for a while."""
    _engine_thread.here = _engine_thread.helps = True
    try:
        yield
    finally:
        _engine_thread.here = _engine_thread.helps = False


def is_helping() -> bool:
    """Whether this thread is a host's that decides and writes for a while."""
    return getattr(_engine_thread, "helps", False)


def may_help() -> bool:
    """Whether this thread may decide and write, as one of a host's.

    Not the main thread: Ctrl-C would interrupt it in the middle of a decision or a commit. And
    none of the engine's, which must not wait.
    """
    if getattr(_engine_thread, "here", False):
        return False
    return threading.current_thread() is not threading.main_thread()
