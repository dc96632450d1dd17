"""Many commands on their way: one client with 512 in flight, or 64 clients that wait in tasks."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.proof import Wrong
from benchmarks.write_side import Board, CardRenamed, RenameCard, board
from comity.actors import Aggregate, Domain, Pending
from comity.engine import Receipt

_IN_FLIGHT: Final = 512
_CLIENTS: Final = 64

Handle: TypeAlias = Aggregate[Board, RenameCard, CardRenamed]


def run(job: Job, folder: Path) -> Result:
    """CPU of all threads for each command."""
    options = job.case.options
    send, boards = _WAYS[options["way"]], int(options["boards"])
    many, numbers = size(job.seconds, 6_400), itertools.count()
    opened = partial(Domain.open, keep_commands=True) if options.get("keep") else Domain.open
    with in_memory(folder) as path, opened(path / "boards", deciders=[board]) as domain:
        names = [f"board-{number}" for number in range(boards)]

        def measure() -> float:
            began = time.process_time()
            send(domain, names, many, next(numbers))
            return (time.process_time() - began) / many * 1e6

        found = costs(measure, job.seconds, 8)
        expected = many * next(numbers)
        if (position := domain.statistics().position) != expected:
            msg = f"{position:,} events instead of {expected:,}"
            raise Wrong(msg)
    return result(found, "µs CPU", f"{position:,} events")


def _pipelined(domain: Domain, names: Sequence[str], many: int, number: int) -> None:
    session = domain.session("ann")
    handles = [session.aggregate(board, name) for name in names]
    waiting: deque[Pending[Receipt[CardRenamed]]] = deque()
    for one, handle in enumerate(itertools.islice(itertools.cycle(handles), many)):
        waiting.append(handle.send(_rename(one, number)))
        if len(waiting) >= _IN_FLIGHT:
            waiting.popleft().result(60)
    for pending in waiting:
        pending.result(60)


def _in_tasks(domain: Domain, names: Sequence[str], many: int, number: int) -> None:
    async def client(own: Sequence[str], who: int, count: int) -> None:
        session = domain.session(f"person {who}")
        handles = itertools.cycle([session.aggregate(board, name) for name in own])
        for one, handle in enumerate(itertools.islice(handles, count)):
            await handle.send(_rename(one, number, who))

    async def clients() -> None:
        each, more = divmod(many, _CLIENTS)
        await asyncio.gather(
            *[
                client(names[who::_CLIENTS] or names, who, each + (who < more))
                for who in range(_CLIENTS)
            ]
        )

    asyncio.run(clients())


def _rename(one: int, number: int, who: int = 0) -> RenameCard:
    return RenameCard(card=f"card-{one % 20}", title=f"title {number} {one} {who}")


_WAYS: Final[Mapping[str, Callable[[Domain, Sequence[str], int, int], None]]] = {
    "pipelined": _pipelined,
    "in tasks": _in_tasks,
}
