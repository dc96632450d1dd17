"""Reading your own writes, in this and in another process: the waiting time. For `read_side`."""

from __future__ import annotations

import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.read_board import Cards, CreateCard, RenameCard, board
from benchmarks.read_table import Scale, Table, percentiles
from comity.actors import Domain, ReadModels

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Pipe: TypeAlias = Connection[Any, Any]

_CARDS = 50
_BOARD = "sprint-42"


def run(table: Table, scale: Scale, folder: Path) -> None:
    """Measure pairs of a command and a read that must include it."""
    table.begin("own-writes", f"{scale.pairs:,} pairs of a command and a read after it")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "boards"
        with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
            handle = domain.aggregate(board, _BOARD)
            handle.send_many(
                [CreateCard(card=f"card-{n}", title="New") for n in range(_CARDS)]
            ).result(30)
            elsewhere, pings = _elsewhere(domain, path, scale.pairs)
            here, commands = _here(domain, scale.pairs)
    p50, p99, most = percentiles(commands)
    table.add("the command itself, p50", p50, "ms", note=f"p99 {p99:.2f} ms, most {most:.1f} ms")
    floor, *_ = percentiles(pings)
    table.add("a question and an answer through the pipe, p50", floor, "ms")
    for name, waits in (("another process", elsewhere), ("the same process", here)):
        wait, slow, most = percentiles(waits)
        table.add(f"read after a receipt, {name}, p50", wait, "ms", p50, note="floor: the command")
        table.add(f"read after a receipt, {name}, p99", slow, "ms", p99, note=f"most {most:.1f} ms")
    table.add("stale answers", 0, "")


def _elsewhere(domain: Domain, path: Path, pairs: int) -> tuple[list[float], list[float]]:
    """The waits of the other process, and the time of the pipe alone."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_reads, args=(there, path), daemon=True)
    process.start()
    assert here.recv() == "ready"
    waits: list[float] = []
    pings: list[float] = []
    for number in range(pairs):
        card, title, position, _ = _write(domain, number)
        here.send((card, position))
        found, waited = here.recv()
        assert found == title, f"stale: {found!r} instead of {title!r} at {position}"
        waits.append(waited)
        if number % 10 == 0:
            began = time.perf_counter()
            here.send(None)
            here.recv()
            pings.append(time.perf_counter() - began)
    here.close()
    process.join(10)
    assert process.exitcode == 0
    return waits, pings


def _here(domain: Domain, pairs: int) -> tuple[list[float], list[float]]:
    """The waits of this process, and the latencies of the commands."""
    waits: list[float] = []
    commands: list[float] = []
    for number in range(pairs):
        card, title, position, took = _write(domain, pairs + number)
        began = time.perf_counter()
        with domain.read(Cards, after=position, timeout=10) as cards:
            found = cards.rows[_BOARD, card].title
        waits.append(time.perf_counter() - began)
        commands.append(took)
        assert found == title, f"stale: {found!r} instead of {title!r} at {position}"
    return waits, commands


def _write(domain: Domain, number: int) -> tuple[str, str, int, float]:
    card, title = f"card-{number % _CARDS}", f"Title {number}"
    began = time.perf_counter()
    command = RenameCard(card=card, title=title)
    receipt = domain.aggregate(board, _BOARD).send(command).result(30)
    return card, title, receipt.position, time.perf_counter() - began


def _reads(pipe: Pipe, path: Path) -> None:
    """The other process: answers until the pipe is closed."""
    with ReadModels.open(path, [Cards]) as models:
        models.read(Cards).close()
        pipe.send("ready")
        while True:
            try:
                asked = pipe.recv()
            except EOFError:
                return
            if asked is None:
                pipe.send(None)
                continue
            card, position = asked
            began = time.perf_counter()
            with models.read(Cards, after=position, timeout=10) as cards:
                title = cards.rows[_BOARD, card].title
            pipe.send((title, time.perf_counter() - began))
