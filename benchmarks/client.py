"""Clients: threads that wait, tasks that wait, or one client with many commands in flight."""

from __future__ import annotations

import asyncio
import importlib
import resource
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from benchmarks.board import Change
from benchmarks.contender import Contender, Ticket
from benchmarks.shape import Shape

MODES: Final = {
    "threads": "each client is a thread that waits for its answer",
    "asyncio": "each client is a task that waits for its answer",
    "uvloop": "the same with uvloop's event loop, if it is installed",
    "pipelined": "one client, 1,024 commands in flight",
}
LOOPS: Final = ("asyncio", "uvloop")
IN_FLIGHT: Final = 1_024


class Window(NamedTuple):
    """The measurements of a window."""

    commands: int
    seconds: float
    """Seconds until the last answer, including the read model's catching up."""
    cpu: float
    """CPU seconds of this process, all threads."""
    behind: float
    """The part of `seconds` from the last answer until the read model had caught up."""
    times: Sequence[float]
    """The latencies of the answers."""


@dataclass
class Client:
    """A client; each window continues its script."""

    script: Iterator[Change]
    answered: int = 0
    times: list[float] = field(default_factory=list[float])


class Crowd:
    """The clients of one run."""

    def __init__(
        self, contender: Contender, shape: Shape, mode: str, own: range | None = None
    ) -> None:
        """Make the clients with the numbers `own`, or all of the shape's."""
        self._contender = contender
        self._mode = mode
        count = 1 if mode == "pipelined" and own is None else shape.clients
        numbers = range(count) if own is None else own
        self._clients = [Client(shape.script(number, count)) for number in numbers]

    @property
    def answered(self) -> list[int]:
        """The number of answered commands of each client since the start."""
        return [client.answered for client in self._clients]

    def work(self, seconds: float) -> Window:
        """Let all clients work for some seconds, and wait for every answer."""
        for client in self._clients:
            client.times = []
        before, cpu, began = sum(self.answered), _cpu(), time.perf_counter()
        if self._mode == "threads":
            self._in_threads(began + seconds)
        elif self._mode in LOOPS:
            with asyncio.Runner(loop_factory=_loop_factory(self._mode)) as runner:
                runner.run(self._in_tasks(began + seconds))
        else:
            _pipeline(self._contender, self._clients[0], began + seconds)
        ended = time.perf_counter()
        self._contender.catch_up()
        now = time.perf_counter()
        times = [one for client in self._clients for one in client.times]
        return Window(sum(self.answered) - before, now - began, _cpu() - cpu, now - ended, times)

    def _in_threads(self, until: float) -> None:
        failures: list[BaseException] = []

        def work(client: Client) -> None:
            try:
                _wait_for_each(self._contender, client, until)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(client,)) for client in self._clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    async def _in_tasks(self, until: float) -> None:
        await asyncio.gather(
            *[_await_each(self._contender, client, until) for client in self._clients]
        )


def _loop_factory(mode: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The factory of the mode's event loop; None for asyncio's own."""
    if mode == "asyncio":
        return None
    module = importlib.import_module("uvloop")
    return cast("Callable[[], asyncio.AbstractEventLoop]", module.new_event_loop)


def _wait_for_each(contender: Contender, client: Client, until: float) -> None:
    clock, call, keep = time.perf_counter, contender.call, client.times.append
    now = clock()
    for change in client.script:
        call(change)
        client.answered += 1
        began, now = now, clock()
        keep(now - began)
        if now >= until:
            return


async def _await_each(contender: Contender, client: Client, until: float) -> None:
    clock, ask, keep = time.perf_counter, contender.ask, client.times.append
    now = clock()
    for change in client.script:
        await ask(change)
        client.answered += 1
        began, now = now, clock()
        keep(now - began)
        if now >= until:
            return


def _pipeline(contender: Contender, client: Client, until: float) -> None:
    clock, send, keep = time.perf_counter, contender.send, client.times.append
    waiting: deque[tuple[float, Ticket]] = deque()
    for change in client.script:
        began = clock()
        waiting.append((began, send(change)))
        if len(waiting) >= IN_FLIGHT:
            sent, ticket = waiting.popleft()
            ticket()
            keep(clock() - sent)
        if began >= until:
            break
    while waiting:
        sent, ticket = waiting.popleft()
        ticket()
        keep(clock() - sent)
    client.answered += len(client.times)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
