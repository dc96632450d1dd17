"""What do more workers of a web server bring? `examples.web` with 1, 2 and 4 of them.

64 clients on keep-alive connections ask again and again, in rounds that take turns: commands, each
client at its own board, then pages of cards. The clients run in this process, on the same cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.experiments.web_clients import Client, connected, keep_asking
from benchmarks.latency import Latency
from benchmarks.process import ROOT
from benchmarks.proof import Wrong

_CLIENTS: Final = 64
_ROUNDS: Final = 5
_WORKERS: Final = (1, 2, 4)
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A running server, and what was measured of it."""

    workers: int
    port: int
    process: int
    sent: list[int] = field(default_factory=lambda: [0] * _CLIENTS)
    """The commands that each client has sent."""
    rates: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Requests per second of each round, by what was asked for."""
    took: dict[str, Latency] = field(default_factory=dict[str, Latency])
    costs: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Seconds of CPU of the workers for each request."""
    own: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Seconds of CPU of the clients for each request."""

    def rate(self, what: str) -> float:
        """Requests per second: the median of the rounds."""
        return median(self.rates[what])

    def cpu(self) -> float:
        """Seconds of CPU that the server and its workers have used."""
        pids = [self.process, *_children(self.process)]
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICK


def run(folder: Path, seconds: float) -> list[Finding]:
    """Requests per second, by the number of workers."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_serving(folder, many)) for many in _WORKERS]
        for server in servers:
            asyncio.run(_fill(server))
        for _ in range(_ROUNDS):
            for server in servers:
                asyncio.run(_round(server, seconds))
        for server in servers:
            asyncio.run(_prove(server))
    return [_finding(server, what, servers[0]) for what in servers[0].rates for server in servers]


def _finding(server: Server, what: str, alone: Server) -> Finding:
    took = server.took[what]
    note = (
        f"p50 {took.quantile(0.5) * 1e3:.1f} ms, p99 {took.quantile(0.99) * 1e3:.1f} ms; CPU of a "
        f"request: {median(server.costs[what]) * 1e6:.0f} µs in the workers, "
        f"{median(server.own[what]) * 1e6:.0f} µs in the clients"
    )
    name = f"{what}, {server.workers} worker{'s' if server.workers > 1 else ''}"
    return Finding(name, server.rate(what), "requests/s", alone.rate(what), note)


@contextmanager
def _serving(folder: Path, workers: int) -> Generator[Server]:
    command = [sys.executable, "-m", "examples.web", str(folder / f"{workers}.db")]
    command += ["--port", "0", "--workers", str(workers)]
    with subprocess.Popen(  # noqa: S603 - this project's own
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(6)]
            yield Server(workers, int(told[1].partition("/?")[0].rpartition(":")[2]), process.pid)
        finally:
            process.terminate()
            process.communicate()


def _children(process: int) -> list[int]:
    """The workers, of which each is a child; Python starts one more process, which does nothing."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(pid) for pid in found]


async def _fill(server: Server) -> None:
    async with connected(server.port, _CLIENTS, server.workers) as clients:
        for number, client in enumerate(clients):
            for card in range(1, 6):
                fields = {"card": f"c{card}", "number": card, "title": f"Task {card}"}
                await client.ask(_command(number, "AddCard", fields))


async def _round(server: Server, seconds: float) -> None:
    def command(number: int, at: int) -> bytes:
        title = f"Title {server.sent[number] + at}"
        return _command(number, "RenameCard", {"card": f"c{at % 5 + 1}", "title": title})

    async with connected(server.port, _CLIENTS, server.workers) as clients:
        sent = await _measure(server, "commands", clients, command, seconds)
        server.sent = [one + other for one, other in zip(server.sent, sent, strict=True)]
        await _measure(server, "pages", clients, lambda number, _: _page(number), seconds)


async def _measure(
    server: Server,
    what: str,
    clients: list[Client],
    request: Callable[[int, int], bytes],
    seconds: float,
) -> list[int]:
    began, cpu, own = time.perf_counter(), server.cpu(), time.process_time()
    sent, took = await keep_asking(clients, request, seconds)
    spent = time.perf_counter() - began
    server.rates.setdefault(what, []).append(sum(sent) / spent)
    server.took.setdefault(what, Latency()).add(Latency.of(took))
    server.costs.setdefault(what, []).append((server.cpu() - cpu) / sum(sent))
    server.own.setdefault(what, []).append((time.process_time() - own) / sum(sent))
    return sent


async def _prove(server: Server) -> None:
    """Compare the version of each board with the number of commands that were answered."""
    async with connected(server.port, _CLIENTS, server.workers) as clients:
        for number, client in enumerate(clients):
            answer = await client.ask(_page(number))
            version = json.loads(answer.partition(b"\r\n\r\n")[2])["version"]
            if version != server.sent[number] + 5:
                raise Wrong(f"board {number}: {version - 5} of {server.sent[number]} commands")


def _command(board: int, name: str, fields: Mapping[str, object]) -> bytes:
    body = json.dumps(fields).encode()
    return (
        b"POST /boards/board-%d/commands/%s HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n"
        b"X-Person: ann\r\nX-Session: tab-of-ann\r\n\r\n%s"
    ) % (board, name.encode(), len(body), body)


def _page(board: int) -> bytes:
    return b"GET /boards/board-%d/cards HTTP/1.1\r\nHost: localhost\r\n\r\n" % board
