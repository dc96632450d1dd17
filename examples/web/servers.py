"""The server processes: one writer and any number of readers. `python -m examples.web` and the
tests start them, with the same commands that a person would type.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
READY = 30.0
"""Seconds that a server may take to start."""
GONE = 10.0
"""Seconds that a server may take to end before it is killed."""


class Servers:
    """A writer and its readers, running; end them with `stop`, or leave the `with` block."""

    def __init__(self, path: str | os.PathLike[str], *, port: int = 0, readers: int = 2) -> None:
        """Start the servers, and wait until all are ready.

        Args:
            path: the journal's directory.
            port: the writer's port; 0 means any free one.
            readers: the number of readers.

        Raises:
            OSError: the port is taken, or a server does not start.
        """
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.writer, *self.readers = _origins(port, readers)
        environment = os.environ | {
            "COMITY_PATH": str(Path(path).absolute()),
            "COMITY_WRITER": self.writer,
            "COMITY_READERS": " ".join(self.readers),
        }
        try:
            self._start("writer", self.writer, environment)
            for reader in self.readers:
                self._start("reader", reader, environment)
        except BaseException:
            self.stop()
            raise

    @property
    def running(self) -> bool:
        """Whether all servers are running."""
        return all(process.poll() is None for process in self._processes.values())

    def kill(self, origin: str) -> None:
        """Kill one server, as a crash would."""
        process = self._processes.pop(origin)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all servers at the same time. Stopping twice is harmless."""
        for process in self._processes.values():
            process.terminate()
        while self._processes:
            _, process = self._processes.popitem()
            try:
                process.wait(GONE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, app: str, origin: str, environment: dict[str, str]) -> None:
        port = origin.rpartition(":")[2]
        words = ["uvicorn", f"examples.web.{app}:app", "--host", HOST, "--port", port]
        words += ["--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        command = [sys.executable, "-m", *words]
        process = subprocess.Popen(command, env=environment, cwd=ROOT)  # noqa: S603 - our own words
        self._processes[origin] = process
        until = time.monotonic() + READY
        while self.running and time.monotonic() < until:
            try:
                socket.create_connection((HOST, int(port)), timeout=READY).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        msg = f"the {app} at {origin} has not started"
        raise OSError(msg)


def _origins(port: int, readers: int) -> list[str]:
    """The servers' origins, on ports that are free now."""
    with ExitStack() as stack:
        ports: list[int] = []
        for wanted in (port, *([0] * readers)):
            free = stack.enter_context(socket.socket())
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                free.bind((HOST, wanted))
            except OSError as error:
                msg = f"port {wanted}: {error.strerror}; use --port 0 for any free port"
                raise OSError(msg) from error
            ports.append(free.getsockname()[1])
        return [f"http://{HOST}:{one}" for one in ports]
