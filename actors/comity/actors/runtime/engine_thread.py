"""Which threads are the engine's: they must never wait for an answer. Whoever waits asks here."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from comity.engine.errors import WiringError
from comity.engine.runtime.system import ThreadLocal

_marks = ThreadLocal()


def enter_engine_thread() -> None:
    """Mark this thread as one that must never wait for an answer."""
    _marks.here = True


def is_engine_thread() -> bool:
    """Whether this thread is one of the engine's, or one that helps it."""
    return getattr(_marks, "here", False)


def is_helping() -> bool:
    """Whether this thread is a host's that decides and writes for a while."""
    return getattr(_marks, "helps", False)


def check_may_wait() -> None:
    """Refuse to wait on a thread that is to bring the answer, or another one's.

    Raises:
        WiringError: it is one of the engine's, or one that helps it.
    """
    if is_engine_thread():
        msg = "decide, evolve and listeners must not wait for an answer: send, and go on"
        raise WiringError(msg)


@contextmanager
def acting(*, engine: bool) -> Generator[None]:
    """Have this thread count as the engine's, or a host's: for a runtime that has but this one."""
    before, _marks.here = is_engine_thread(), engine
    try:
        yield
    finally:
        _marks.here = before


class Helping:
    """Marks this thread, a host's, as one that decides and writes, inside of a `with` block."""

    def __enter__(self) -> None:
        _marks.here = _marks.helps = True

    def __exit__(self, *_: object) -> None:
        _marks.here = _marks.helps = False
