"""A service outside of the domain, with a ledger on the disk. It fails half of the time.

It runs in a process of its own, outlives the programs that are killed, and answers a line of JSON
on a Unix socket. It takes a request before it fails to say so, or refuses it, or hangs with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Ends: TypeAlias = Literal["takes", "takes and fails", "takes and hangs", "refuses", "hangs"]

CHANCES: dict[Ends, float] = {
    "takes": 0.5, "refuses": 0.3, "takes and fails": 0.12, "takes and hangs": 0.04, "hangs": 0.04,
}  # fmt: skip
LONGEST = 2.0
"""Seconds for which it hangs at most, unless the client goes earlier."""


class Request(NamedTuple):
    """A line of the ledger: what somebody wanted, and what became of it."""

    life: int
    """Which life of the killed program it was."""
    outlet: str
    key: str
    position: int
    id: str
    end: Ends = "takes"

    @property
    def taken(self) -> bool:
        """Whether it took effect."""
        return self.end.startswith("takes")


def read_ledger(path: Path) -> Iterator[Request]:
    """The requests, in the order in which they came."""
    with path.open() as lines:
        for line in lines:
            yield Request(*json.loads(line))


# --- the service ----------------------------------------------------------------------------------


def serve(place: Path, ledger: Path, seed: int, chances: dict[Ends, float]) -> None:
    """Serve until killed."""
    asyncio.run(_Service(ledger, seed, chances).serve(place))


class _Service:
    def __init__(self, ledger: Path, seed: int, chances: dict[Ends, float]) -> None:
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._dice = random.Random(seed)
        self._ends = list(chances)
        self._weights = list(chances.values())

    async def serve(self, place: Path) -> None:
        async with await asyncio.start_unix_server(self._answer, place, backlog=1_000) as server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line.endswith(b"\n"):  # otherwise its sender was killed before it was complete
                await self._end(self._noted(line), reader, writer)
        except ConnectionError:  # the sender was killed
            pass
        finally:
            writer.close()

    def _noted(self, line: bytes) -> Ends:
        """Choose what becomes of a request, and write it down at once: later nothing is certain."""
        (end,) = self._dice.choices(self._ends, self._weights)
        asked: list[object] = json.loads(line)
        os.write(self._ledger, json.dumps([*asked, end]).encode() + b"\n")
        return end

    async def _end(
        self, end: Ends, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if end.endswith("hangs"):
            await asyncio.wait([asyncio.create_task(reader.read())], timeout=LONGEST)
        else:
            writer.write(b"taken\n" if end == "takes" else b"failed\n")
            await writer.drain()


# --- its clients ----------------------------------------------------------------------------------


class ServiceFailed(Exception):
    """The service did not say that it has taken the request."""


def ask(service: Path, *asked: object) -> None:
    """Send a request, and wait for the answer.

    Raises:
        ServiceFailed: it was refused, or nobody knows.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(LONGEST)
        client.connect(str(service))
        client.sendall(_line(asked))
        _check(client.recv(100))


async def ask_async(service: Path, *asked: object) -> None:
    """Do as `ask` does, on an event loop."""
    reader, writer = await asyncio.open_unix_connection(service)
    try:
        writer.write(_line(asked))
        _check(await reader.readline())
    finally:
        writer.close()


def _line(asked: tuple[object, ...]) -> bytes:
    return json.dumps(asked).encode() + b"\n"


def _check(answer: bytes) -> None:
    if answer != b"taken\n":
        raise ServiceFailed(answer.decode().strip() or "it closed the connection")
