"""The streams that an app is sending: how many there may be, and how they end. Each app has one."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeAlias

from examples.web.problems import BUSY, Problem

MOST = 500

Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


class Closeable(Protocol):
    """A watch, or a stream of events: what is being sent ends when it is closed."""

    def close(self) -> None:
        """End it."""
        ...


class Streams:
    """Streams never end by themselves, and a server waits for them before it stops."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: set[Closeable] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def hold(self, stream: Closeable) -> Generator[None]:
        """Count it while it is sent; close it at the end, however that comes.

        Raises:
            Problem: there are too many.
        """
        try:
            if self._closed or len(self._open) >= self._most:
                raise Problem(BUSY, "Too many pages are being kept up to date.", retry_after=5)
            self._open.add(stream)
            yield
        finally:
            self._open.discard(stream)
            stream.close()

    def close(self) -> None:
        """End all, and take no more."""
        self._closed = True
        for stream in list(self._open):
            stream.close()

    @contextmanager
    def closed_at_signals(self) -> Generator[None]:
        """End all as soon as the server is told to stop: it waits for them otherwise."""
        loop = asyncio.get_running_loop()
        before: dict[signal.Signals, Handler] = {}

        def stop(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.close)  # the signal may have come amid anything
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)
            self.close()
