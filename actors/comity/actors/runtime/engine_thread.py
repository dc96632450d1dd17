"""Marks the engine's threads, which must never wait for an answer. Waiting checks the mark."""

from __future__ import annotations

from comity.engine.errors import WiringError
from comity.engine.runtime.system import ThreadLocal

_marks = ThreadLocal()


def enter_engine_thread() -> None:
    """Mark this thread as the engine's: it must never wait for an answer."""
    _marks.here = True


def is_engine_thread() -> bool:
    """Whether this thread is one of the engine's, or one that helps it."""
    return getattr(_marks, "here", False)


def is_helping() -> bool:
    """Whether this thread is a host's that decides and writes now."""
    return getattr(_marks, "helps", False)


def check_may_wait() -> None:
    """Refuse to wait on a thread that brings answers.

    Raises:
        WiringError: this thread is one of the engine's, or one that helps it.
    """
    if is_engine_thread():
        msg = "decide, evolve and listeners must not wait for an answer: send, and go on"
        raise WiringError(msg)


class Acting:
    """Lets this thread count as the engine's or a host's, inside of a `with` block.

    A runtime with a single thread does so at each step.
    """

    __slots__ = ("_before", "_engine")

    def __init__(self, *, engine: bool) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._before, _marks.here = is_engine_thread(), self._engine

    def __exit__(self, *_: object) -> None:
        _marks.here = self._before


class Helping:
    """Marks a host's thread as one that decides and writes, inside of a `with` block."""

    def __enter__(self) -> None:
        _marks.here = _marks.helps = True

    def __exit__(self, *_: object) -> None:
        _marks.here = _marks.helps = False
