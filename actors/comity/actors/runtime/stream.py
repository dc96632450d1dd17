"""The base of streams, which yield items one by one: `for`, `async for`, `next(timeout)`."""

from __future__ import annotations

import abc
import os
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
    """Looks for the next item when asked, and waits for a bell if there is none.

    The bell is a pending, made before the look, so that no item is missed in between. A stream
    never ends by itself: close it, or leave the `with` block.

    Args:
        runtime: makes the waiting threads sleep.
        name: the stream's name in errors.
    """

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime = runtime
        self._stream = name
        self._process = os.getpid()
        self._lock = Lock()
        self._ready: list[T_co] = []  # hundreds of items at most; an empty deque takes 600 bytes
        self._bell: Pending[int] | None = None
        self._closed = False

    @abc.abstractmethod
    def _look(self) -> None:
        """Put the next items into `_ready`, if there are any."""

    @abc.abstractmethod
    def _leave(self) -> None:
        """Deregister the stream, which is being closed, from the object that rings its bell."""

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
        """Return the next item, or None if none comes within `timeout` seconds.

        Raises:
            Closed: the stream or the domain is closed.
            Forked: this process is a fork of the one that opened the stream.
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
        """End the stream and wake the threads that wait for it. Closing twice is harmless."""
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
        """Note that there may be more items; returns the bell to settle, if a consumer waits."""
        if self._bell is None:  # who hangs it up from now on looks afterwards
            return None
        with self._lock:
            return self._take_bell()

    def _hang_up_bell(self) -> Pending[int] | None:
        """Return the bell for the next items; None: the stream is closed, or an item is ready."""
        if self._ready:
            return None
        if (bell := self._bell) is not None:  # if it is just being rung, nobody waits for it
            return bell
        with self._lock:
            if self._bell is None and not self._closed:
                self._bell = Pending(self._stream, self._runtime)
            return self._bell

    def _take_bell(self) -> Pending[int] | None:
        """Remove and return the bell. The caller holds the lock."""
        bell, self._bell = self._bell, None
        return bell

    def _has_next(self) -> bool:
        """Whether an item is ready; looks for one if not."""
        if os.getpid() != self._process:
            msg = (
                f"this process is a fork of the one with the {self._stream}: open it after forking"
            )
            raise Forked(msg)
        if not self._ready and not self._closed:
            self._look()
        return bool(self._ready)

    def _take(self) -> T_co:
        return self._ready.pop(0)
