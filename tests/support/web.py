"""The web example, with a worker in this process or several of their own, and questions to it."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, cast

import httpx2
import uvicorn
from examples.web.app import make_app
from examples.web.streams import Streams
from fastapi import FastAPI

ROOT = Path(__file__).parents[2]
SOON = 60.0
"""Seconds in which something has to come about."""

Told: TypeAlias = dict[str, Any]


class Worker:
    """A worker in this process, on a real port, and what is inside of it."""

    def __init__(self, app: FastAPI, origin: str) -> None:
        self.app = app
        self.http = httpx2.Client(base_url=origin, timeout=SOON)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self.http.get(path, headers=headers)

    @property
    def streams(self) -> Streams:
        return cast("Streams", self.app.state.streams)


class Board:
    """One board at a worker, and the position of the last thing that was done to it here."""

    names = itertools.count(1)

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.http = worker.http
        self.path = f"/boards/board-{next(Board.names)}"
        self.position = 0

    def post(
        self,
        command: str,
        fields: object,
        *,
        seen: int | None = None,
        who: str = "ann",
        tab: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        named = {"X-Person": who, "X-Session": tab or f"tab-of-{who}"}
        if seen is not None:
            named["If-Match"] = f'"{seen}"'
        named |= headers or {}
        return self.http.post(f"{self.path}/commands/{command}", json=fields, headers=named)

    def done(
        self,
        command: str,
        fields: object,
        *,
        seen: int | None = None,
        who: str = "ann",
        tab: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        answer = self.post(command, fields, seen=seen, who=who, tab=tab, headers=headers)
        assert answer.status_code == 200, answer.text
        self.position = told(answer)["position"]
        return told(answer)

    def get(self, what: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """Ask of this board, after all that was done to it here."""
        newest = {"After": str(self.position)}
        return self.http.get(f"{self.path}/{what}", headers={**newest, **(headers or {})})

    @property
    def version(self) -> int:
        return cast("int", told(self.get("cards"))["version"])


def told(answer: httpx2.Response) -> Told:
    return cast("Told", answer.json())


@contextmanager
def serving(path: Path) -> Generator[Worker]:
    app = make_app(path)
    config = uvicorn.Config(
        app, log_level="critical", timeout_graceful_shutdown=3, lifespan="on", ws="none"
    )
    server = uvicorn.Server(config)
    tcp = socket.IPPROTO_TCP  # or else asyncio leaves Nagle's algorithm on: 40 ms an answer
    with socket.socket(proto=tcp) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            until = time.monotonic() + SOON
            while not server.started and thread.is_alive() and time.monotonic() < until:
                time.sleep(0.005)
            assert server.started
            worker = Worker(app, f"http://127.0.0.1:{listening.getsockname()[1]}")
            with worker.http:
                yield worker
        finally:
            server.should_exit = True
            thread.join(SOON)
            assert not thread.is_alive()


class Workers:
    """`python -m examples.web` as people run it: workers in processes of their own."""

    def __init__(self, path: Path, number: int, stack: ExitStack) -> None:
        self.process = stack.enter_context(started(path, number))
        assert self.process.stdout
        lines = [self.process.stdout.readline() for _ in range(6)]
        self.origin = lines[1].strip().removesuffix("/?me=ann")
        self._stack = stack
        eventually(lambda: len(self.running()) == number)
        eventually(lambda: all(map(is_ready, self.each().values())))

    def _client(self) -> httpx2.Client:
        # Without certificates, which take 60 ms of CPU to read.
        return httpx2.Client(base_url=self.origin, timeout=SOON, verify=False)

    def running(self) -> list[int]:
        """The process ids of the workers that have the domain open."""
        with self._client() as http:
            return [one["process"] for one in told(http.get("/workers"))["processes"]]

    def each(self) -> dict[int, httpx2.Client]:
        """A new connection to each worker, by its process id."""
        running, found = self.running(), dict[int, httpx2.Client]()
        while len(found) < len(running):
            client = self._stack.enter_context(self._client())
            pid = int(client.get("/favicon.ico").headers["Worker"])
            if pid in found:
                client.close()
            else:
                found[pid] = client
        return dict(sorted(found.items()))

    def kill(self, pid: int) -> None:
        """End one worker, as a crash would."""
        assert pid in self.running()
        os.kill(pid, signal.SIGKILL)


def is_ready(http: httpx2.Client) -> bool:
    """Whether a worker can read all tables, also if another one builds them."""
    paths = ("/workload", *(f"/boards/none/{what}" for what in ("cards", "activity", "closing")))
    return all(http.get(path).status_code == 200 for path in paths)


@contextmanager
def several(path: Path, number: int = 2) -> Generator[Workers]:
    with ExitStack() as stack:
        yield Workers(path, number, stack)


@contextmanager
def started(path: Path, number: int) -> Generator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "examples.web", str(path), "--port", "0"]
    words += ["--workers", str(number)]
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left behind


@contextmanager
def listening(
    http: httpx2.Client, path: str, last: str | None = None
) -> Generator[Iterator[httpx2.ServerSentEvent]]:
    headers = {} if last is None else {"Last-Event-ID": last}
    with http.sse(path, headers=headers) as source:
        assert source.response.status_code == 200
        yield (event for event in source if event.event != "worker")


def data(event: httpx2.ServerSentEvent) -> Told:
    return cast("Told", event.json())


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
