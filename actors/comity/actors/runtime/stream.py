"""What comes bit by bit, for as long as somebody wants it: `for`, `async for`, `next(timeout)`."""

from __future__ import annotations

import abc
import os
from collections import deque
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from comity.actors.runtime.pending import Pending, settle
from comity.engine.arguments import check_seconds
from comity.engine.errors import Closed, Forked
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from types import TracebackType

    from comity.actors.runtime.runtime import Runtime

T_co = TypeVar("T_co", covariant=True)


class Stream(abc.ABC, Generic[T_co]):
    """Looks for what is next when it is asked, and waits for a bell where there is nothing.

    The bell is hung up before it looks, so that nothing is missed in between. It never ends by
    itself: close it, or leave the `with` block.

    Args:
        runtime: what those run on who wait.
        name: what it is called where it is closed.
    """

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime = runtime
        self._stream = name
        self._process = os.getpid()
        self._lock = Lock()
        self._ready: deque[T_co] = deque()
        self._bell: Pending[int] | None = None
        self._closed = False

    @abc.abstractmethod
    def _look(self) -> None:
        """Put what is next into `_ready`, if there is something."""

    @abc.abstractmethod
    def _leave(self) -> None:
        """It is being closed: let nobody ring it any more."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        while True:
            bell = self._hang_up_bell()
            if self._has_next():
                return self._take()
            if bell is None:
                raise StopIteration
            bell.result()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        while True:
            bell = self._hang_up_bell()
            if self._has_next():
                return self._take()
            if bell is None:
                raise StopAsyncIteration
            await bell

    def next(self, timeout: float) -> T_co | None:
        """The next one, or None if none comes within so many seconds.

        Raises:
            Closed, Forked: this, or the domain, is closed; or this is a fork.
        """
        until = self._runtime.monotonic() + check_seconds(timeout, "timeout")
        while True:
            bell = self._hang_up_bell()
            if self._has_next():
                return self._take()
            if bell is None:
                msg = f"this {self._stream} is closed"
                raise Closed(msg)
            try:
                bell.result(until - self._runtime.monotonic())
            except TimeoutError:
                return None

    def close(self) -> None:
        """End it; who waits for the next one stops waiting. Closing twice is harmless."""
        self._leave()
        with self._lock:
            self._closed = True
            bell = self._take_bell()
        if bell is not None:
            settle([(bell, 1)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def rung(self) -> Pending[int] | None:
        """There may be more: the bell to settle, if somebody has hung one up."""
        with self._lock:
            return self._take_bell()

    def _hang_up_bell(self) -> Pending[int] | None:
        """What rings when there may be more; None: it is closed, or something is ready."""
        if self._ready:
            return None
        with self._lock:
            if self._bell is None and not self._closed:
                self._bell = Pending(self._stream, self._runtime)
            return self._bell

    def _take_bell(self) -> Pending[int] | None:
        """Take it down. Only with the lock."""
        bell, self._bell = self._bell, None
        return bell

    def _has_next(self) -> bool:
        """Look, unless something is ready."""
        if os.getpid() != self._process:
            msg = (
                f"this process is a fork of the one with the {self._stream}: open it after forking"
            )
            raise Forked(msg)
        if not self._ready and not self._closed:
            self._look()
        return bool(self._ready)

    def _take(self) -> T_co:
        return self._ready.popleft()
