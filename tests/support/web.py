"""The web example's writer in this process, on a real port, and what tests ask of it over HTTP."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

import httpx2
import uvicorn
from examples.web.settings import Settings
from examples.web.streams import Streams
from examples.web.writer import writer as make_writer
from fastapi import FastAPI

SOON = 60.0
"""Seconds in which something has to come about."""

Told: TypeAlias = dict[str, Any]


class Writer:
    """The writer's app on a real port, and what is inside of it."""

    def __init__(self, app: FastAPI, origin: str) -> None:
        self.app = app
        self.http = httpx2.Client(base_url=origin, timeout=SOON)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        return self.http.get(path, headers=headers)

    @property
    def streams(self) -> Streams:
        return cast("Streams", self.app.state.streams)


class Board:
    """One board of a writer, and the position of the last thing that was done to it here."""

    names = itertools.count(1)

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.http = writer.http
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
def serving(
    path: Path, make: Callable[[Settings], FastAPI] = make_writer, port: int = 0
) -> Generator[Writer]:
    app = make(Settings(str(path), "http://127.0.0.1", ()))
    config = uvicorn.Config(
        app, log_level="critical", timeout_graceful_shutdown=3, lifespan="on", ws="none"
    )
    server = uvicorn.Server(config)
    tcp = socket.IPPROTO_TCP  # or else asyncio leaves Nagle's algorithm on: 40 ms an answer
    with socket.socket(proto=tcp) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            until = time.monotonic() + SOON
            while not server.started and thread.is_alive() and time.monotonic() < until:
                time.sleep(0.005)
            assert server.started
            writer = Writer(app, f"http://127.0.0.1:{listening.getsockname()[1]}")
            with writer.http:
                yield writer
        finally:
            server.should_exit = True
            thread.join(SOON)
            assert not thread.is_alive()


@contextmanager
def listening(
    http: httpx2.Client, path: str, last: str | None = None
) -> Generator[Iterator[httpx2.ServerSentEvent]]:
    headers = {} if last is None else {"Last-Event-ID": last}
    with http.sse(path, headers=headers) as source:
        assert source.response.status_code == 200
        yield iter(source)


def data(event: httpx2.ServerSentEvent) -> Told:
    return cast("Told", event.json())


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
