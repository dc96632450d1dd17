"""The warehouse as a service of its own process, which can be killed and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
READY = 30.0
"""Seconds that it may take to start."""


class Service:
    """The warehouse's endpoint on a free port.

    Args:
        path: the warehouse's journal.
    """

    def __init__(self, path: Path) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port: int = free.getsockname()[1]
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            OSError: it does not.
        """
        words = ["uvicorn", "examples.shop_and_warehouse.receiver:make", "--factory"]
        words += ["--host", HOST, "--port", str(self.port), "--log-level", "critical"]
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", *words],
            env=os.environ | {"WAREHOUSE": str(self._path)},
            cwd=ROOT,
        )
        until = time.monotonic() + READY
        while self._process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection((HOST, self.port), timeout=READY).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise OSError("the warehouse has not started")

    def kill(self) -> None:
        """Kill it with SIGKILL, in the middle of its work."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.kills += 1

    def stop(self) -> None:
        """End it. Stopping twice is harmless."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def killing(service: Service, kills: int) -> Callable[[], None]:
    """Return what kills the service so many times, a second after its last start."""
    last = time.monotonic()

    def kill() -> None:
        nonlocal last
        if service.kills < kills and time.monotonic() - last > 1:
            service.kill()
            service.start()
            last = time.monotonic()

    return kill
