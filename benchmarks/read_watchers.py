"""10,000 watchers in one event loop: their memory, and the latency of a change. For `read_side`.

Each measurement has its own process, so that memory is measured separately. The floor is the same
number of tasks that wait for a bare future each, all woken by one call from another thread.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from benchmarks.read_board import (
    AssignCard,
    BoardCommand,
    CardRow,
    Cards,
    CreateCard,
    RenameCard,
    board,
)
from benchmarks.read_table import Scale, Table, percentiles, resident
from comity.actors import Domain
from comity.readmodels import Selection

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Pipe: TypeAlias = Connection[Any, Any]

_CARDS = 100
_ROUNDS = 20
"""How often the row that all watch is changed."""


class Watched(NamedTuple):
    """The measurements of one process."""

    bytes_each: float
    seconds_each: float
    """Seconds per watcher to start and to read the current rows."""
    single: list[float]
    """Seconds from the receipt to the only watcher of a row."""
    every: list[float]
    """The same for each watcher, if all watch the same row."""
    last: list[float]
    """The same for the last watcher."""


def run(table: Table, scale: Scale, folder: Path) -> None:
    """Measure watches of rows by their key, then by a key of an index."""
    count = scale.watchers
    table.begin("watchers", f"{count:,} of them in one event loop; floor: a task and a future each")
    touches = 200 if scale.pairs < count else 1_000
    bare = _in_process(_bare, folder, count, touches, trace=False)
    traced = _in_process(_bare, folder, count, 10, trace=True)
    for kind, watch in (("rows", _watch_rows), ("keys of an index", _watch_keys)):
        found = _in_process(watch, folder, count, touches, trace=False)
        memory = _in_process(watch, folder, count, 10, trace=True)
        table.add(f"{kind}: memory of each, RSS", found.bytes_each, "bytes", bare.bytes_each)
        table.add(
            f"{kind}: memory of each, tracemalloc", memory.bytes_each, "bytes", traced.bytes_each
        )
        table.add(
            f"{kind}: to begin, each", found.seconds_each * 1e6, "µs", bare.seconds_each * 1e6
        )
        p50, p99, _ = percentiles(found.single)
        floors = percentiles(bare.single)
        table.add(f"{kind}: one row, from receipt to delivery, p50", p50, "ms", floors[0])
        table.add(f"{kind}: one row, from receipt to delivery, p99", p99, "ms", floors[1])
        p50, p99, _ = percentiles(found.every)
        floors = percentiles(bare.every)
        table.add(f"{kind}: a row that all watch, p50", p50, "ms", floors[0])
        table.add(f"{kind}: a row that all watch, p99", p99, "ms", floors[1])
        last, floor = statistics.median(found.last), statistics.median(bare.last)
        table.add(f"{kind}: a row that all watch, the last", last * 1e3, "ms", floor * 1e3)


def _in_process(
    measure: Callable[..., None], folder: Path, count: int, touches: int, *, trace: bool
) -> Watched:
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(
        target=measure, args=(there, folder, count, touches), kwargs={"trace": trace}
    )
    process.start()
    there.close()
    found: Watched = here.recv()
    process.join(60)
    assert process.exitcode == 0
    return found


def _watch_rows(pipe: Pipe, folder: Path, count: int, touches: int, *, trace: bool) -> None:
    """Each watcher watches a row of its own, by the row's key."""
    _in_domain(pipe, folder, count, touches, lambda number: Cards.rows[_place(number)], trace=trace)


def _watch_keys(pipe: Pipe, folder: Path, count: int, touches: int, *, trace: bool) -> None:
    """Each watcher watches the rows of one person, which is one row."""
    _in_domain(
        pipe, folder, count, touches, lambda number: Cards.by_assignee[_who(number)], trace=trace
    )


def _in_domain(
    pipe: Pipe,
    folder: Path,
    count: int,
    touches: int,
    select: Callable[[int], Selection[CardRow]],
    *,
    trace: bool,
) -> None:
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        Domain.open(Path(place) / "boards", deciders=[board], read_models=[Cards]) as domain,
    ):
        for start in range(0, count, _CARDS):
            commands: list[BoardCommand] = []
            for number in range(start, min(start + _CARDS, count)):
                card = _place(number)[1]
                commands.append(CreateCard(card=card, title="New"))
                commands.append(AssignCard(card=card, assignee=_who(number)))
            domain.aggregate(board, _place(start)[0]).send_many(commands).result(30)
        domain.read(Cards, after=2 * count, timeout=60).close()
        pipe.send(asyncio.run(_measure(_Watching(domain, select), count, touches, trace=trace)))


def _place(number: int) -> tuple[str, str]:
    return f"board-{number // _CARDS:03}", f"card-{number % _CARDS:03}"


def _who(number: int) -> str:
    return f"person-{number}"


class _Waiting(Protocol):
    """A number of waiting tasks."""

    async def wait(self, number: int, told: Callable[[str], None]) -> None:
        """Call `told` with the current title, and then with each new one."""
        ...

    async def touch(self, number: int, title: str) -> float:
        """Change the row that this task waits for; returns the time of the change."""
        ...


class _Watching:
    """Tasks that watch rows of a domain."""

    def __init__(self, domain: Domain, select: Callable[[int], Selection[CardRow]]) -> None:
        self._domain = domain
        self._select = select

    async def wait(self, number: int, told: Callable[[str], None]) -> None:
        """Watch the rows."""
        with self._domain.watch(self._select(number)) as watch:
            async for update in watch:
                assert update.row is not None
                told(update.row.title)

    async def touch(self, number: int, title: str) -> float:
        """Send a command, and wait for its receipt."""
        name, card = _place(number)
        await self._domain.aggregate(board, name).send(RenameCard(card=card, title=title))
        return time.perf_counter()


class _Bare:
    """Tasks that wait for a future each."""

    def __init__(self) -> None:
        self._title = "New"
        self._futures: dict[int, list[asyncio.Future[None]]] = {}

    async def wait(self, number: int, told: Callable[[str], None]) -> None:
        """Wait for one future after the other."""
        while True:
            told(self._title)
            future = asyncio.get_running_loop().create_future()
            self._futures.setdefault(number, []).append(future)
            await future

    async def touch(self, number: int, title: str) -> float:
        """Let another thread finish the futures."""
        self._title = title
        futures = self._futures.pop(number)
        loop = asyncio.get_running_loop()

        def fire() -> float:
            began = time.perf_counter()
            loop.call_soon_threadsafe(_finish, futures)
            return began

        return await asyncio.to_thread(fire)


def _finish(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _bare(pipe: Pipe, folder: Path, count: int, touches: int, *, trace: bool) -> None:
    """The floor."""
    pipe.send(asyncio.run(_measure(_Bare(), count, touches, trace=trace)))


# --- measuring ------------------------------------------------------------------------------------


async def _measure(waiting: _Waiting, count: int, touches: int, *, trace: bool) -> Watched:
    if trace:
        tracemalloc.start()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0] if trace else resident()
    crowd = _Crowd(waiting, range(count))
    began = time.perf_counter()
    await crowd.begin()
    seconds_each = (time.perf_counter() - began) / count
    gc.collect()
    after = tracemalloc.get_traced_memory()[0] if trace else resident()
    single: list[float] = []
    for turn in range(touches):
        number = turn * 7919 % count
        single += await crowd.touch(number, f"Title {turn}", [number])
    await crowd.end()
    crowd = _Crowd(waiting, [0] * count)
    await crowd.begin()
    turns = range(1 if trace else _ROUNDS)
    rounds = [await crowd.touch(0, f"All {turn}", range(count)) for turn in turns]
    await crowd.end()
    every = [one for each in rounds for one in each]
    return Watched((after - before) / count, seconds_each, single, every, list(map(max, rounds)))


class _Crowd:
    """The tasks, and the last title and its time for each."""

    def __init__(self, waiting: _Waiting, numbers: Sequence[int]) -> None:
        self._waiting = waiting
        self._numbers = numbers
        self._told = [("", 0.0)] * len(numbers)
        self._open = len(numbers)
        """How many tasks have not received the title yet."""
        self._all_told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Start the tasks, and wait until each has the current title."""
        for place, number in enumerate(self._numbers):
            told = partial(self._tell, place)
            self._tasks.append(asyncio.create_task(self._waiting.wait(number, told)))
        await self._all_told.wait()

    async def touch(self, number: int, title: str, places: Sequence[int]) -> list[float]:
        """Change the row that these tasks wait for; returns the latency of each in seconds."""
        self._open = len(places)
        self._all_told.clear()
        began = await self._waiting.touch(number, title)
        await asyncio.wait_for(self._all_told.wait(), 60)
        assert all(self._told[place][0] == title for place in places), "told something else"
        return [max(0.0, self._told[place][1] - began) for place in places]

    async def end(self) -> None:
        """Cancel the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell(self, place: int, title: str) -> None:
        self._told[place] = (title, time.perf_counter())
        self._open -= 1
        if not self._open:
            self._all_told.set()
