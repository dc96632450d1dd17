"""Clients of a web server, in this process: each keeps a connection, asks, and asks again.

They are written for little CPU, since they share the cores with the server that is measured.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, cast

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_WORKER: Final = re.compile(rb"\r\nworker: (\d+)\r\n", re.IGNORECASE)
_HELLO: Final = b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n"
_END: Final = b"\r\n\r\n"


class Client(asyncio.Protocol):
    """One connection: `ask` sends a request and waits for its answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._got = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._got += data
        head = self._got.find(_END)
        if head < 0 or self._answer is None:
            return
        length = _LENGTH.search(self._got, 0, head + 2)
        if len(self._got) >= head + len(_END) + (int(length[1]) if length else 0):
            got, self._got, answer = self._got, b"", self._answer
            self._answer = None
            answer.set_result(got)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way."""
        if self._answer is not None:
            self._answer.set_exception(exc or ConnectionResetError("the server has ended"))

    async def ask(self, request: bytes) -> bytes:
        """The whole answer to a request."""
        self._answer = self._loop.create_future()
        self._transport.write(request)
        return await self._answer

    async def worker(self) -> int:
        """The process that answers on this connection."""
        said = _WORKER.search(await self.ask(_HELLO))
        return int(said[1]) if said else 0

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


@asynccontextmanager
async def connected(port: int, many: int, workers: int) -> AsyncGenerator[list[Client]]:
    """As many clients, the same number at each worker.

    The system gives a connection to any worker, mostly to the one that is idle. So clients of a
    worker that has enough are closed, and others connect.
    """
    loop = asyncio.get_running_loop()
    found: dict[int, list[Client]] = {}
    share = -(-many // workers)
    while sum(map(len, found.values())) < many:
        _, client = await loop.create_connection(Client, "127.0.0.1", port)
        of_worker = found.setdefault(await client.worker(), [])
        if len(of_worker) < share:
            of_worker.append(client)
        else:
            client.close()
    clients = [client for some in found.values() for client in some]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()
        await asyncio.sleep(0)


async def keep_asking(
    clients: list[Client], request: Callable[[int, int], bytes], seconds: float
) -> tuple[list[int], list[float]]:
    """Let each client ask again and again.

    Args:
        clients: the connections.
        request: the request of a client, by its number and the number of the request.
        seconds: how long they ask.

    Returns:
        How many answers each client got, and the seconds of each answer.
    """
    until = time.perf_counter() + seconds
    took: list[float] = []

    async def one(number: int, client: Client) -> int:
        asked = 0
        while (began := time.perf_counter()) < until:
            answer = await client.ask(request(number, asked))
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer[:300])
            took.append(time.perf_counter() - began)
            asked += 1
        return asked

    counts = await asyncio.gather(*(one(at, client) for at, client in enumerate(clients)))
    return counts, took
