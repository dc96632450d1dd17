"""The open streams of an app: limits their number and ends them. Each app has one."""

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
    """A watch or a stream of events; closing it ends the HTTP stream."""

    def close(self) -> None:
        """End it."""
        ...


class Streams:
    """The open streams. They never end by themselves, and a stopping server waits for them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: set[Closeable] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def hold(self, stream: Closeable) -> Generator[None]:
        """Count a stream while it is sent, and close it at the end.

        Raises:
            Problem: there are too many streams.
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
        """Close all streams, and refuse new ones."""
        self._closed = True
        for stream in list(self._open):
            stream.close()

    @contextmanager
    def closed_at_signals(self) -> Generator[None]:
        """Close all streams at the server's stop signal; else the server would wait for them."""
        loop = asyncio.get_running_loop()
        before: dict[signal.Signals, Handler] = {}

        def stop(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.close)  # a signal may interrupt any code
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
