"""`comity compact`: what it gives back, how long it takes, and what commands notice of it."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.experiments.finding import Finding
from benchmarks.peers.comity_board import BoardEvent, CreateCard, Handle, RenameCard, board
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending
from comity.engine import Command, Decider, Event, Receipt, Recorded, Rejected
from comity.engine.compacting.compact import plan
from comity.engine.journal.window import Window
from comity.readmodels import ReadModel, Row, Table

_SIZES: Final = {2.0: (100_000, 1_000_000), 0.5: (10_000, 100_000), 0.0: (1_000, 20_000)}
"""Refusals and rows, by the least seconds of a window."""
_IN_FLIGHT: Final = 512
_BOARDS: Final = 64
_AT_ONCE: Final = 1_000
_ROUNDS: Final = 3
_KEEP: Final = "1000"
"""The window: so many newest commands."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Refusals of a journal, then rows of a model; both beside a domain that goes on."""
    refusals, rows = next(sizes for least, sizes in _SIZES.items() if seconds >= least)
    return [*_refusals(folder / "boards", refusals, seconds), *_rows(folder / "stock", rows)]


# --- refusals -------------------------------------------------------------------------------------


def _refusals(path: Path, many: int, seconds: float) -> Iterator[Finding]:
    with Domain.open(path, deciders=[board]) as domain:
        handles = [domain.aggregate(board, f"board-{each}") for each in range(_BOARDS)]
        for handle in handles:
            handle.do(CreateCard(card="card-0000", title="there"))
        empty = (path / "data.mdb").stat().st_size
        send(handles, many, "card-9999")
        full = (path / "data.mdb").stat().st_size
        yield Finding("a refusal takes", (full - empty) / many, "bytes", note="512 in flight")
        alone = statistics.median(_rate(handles, seconds) for _ in range(_ROUNDS))
        done, rate, took = _beside(path, handles)
        dropped = done["done"]["refusals"]["many"]
        if not many - 2_000 <= dropped <= many:
            raise Wrong(f"{dropped:,} refusals were dropped of {many:,}")
        yield Finding(
            f"compact --refusals of {dropped:,} refusals beside a domain", took, "s",
            note=f"{done['done']['refusals']['bytes'] / 1e6:.1f} MB dropped, "
            f"{done['done']['free'] / 1e6:.1f} MB of the file are free then",
        )  # fmt: skip
        yield Finding("commands a second meanwhile", rate, "1/s", alone, "beside without it")
    began = time.perf_counter()
    done = _compact(path)
    took = time.perf_counter() - began
    size = (path / "data.mdb").stat().st_size
    yield Finding(
        "compact once the domain is closed", took, "s",
        note=f"the file took {done['size_before'] / 1e6:.1f} MB and takes {size / 1e6:.1f}",
    )  # fmt: skip
    if plan(path, refusals=True, window=Window.of(int(_KEEP))).ids.many:
        raise Wrong("command ids are left outside of the window")


def _beside(path: Path, handles: list[Handle]) -> tuple[dict[str, Any], float, float]:
    """Compact in another process, and send commands until it ends."""
    process = subprocess.Popen(  # noqa: S603 - this project's own
        _command(path), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    began, sent = time.perf_counter(), 0
    while process.poll() is None:
        sent += send(handles, _IN_FLIGHT, "card-0000")
    took = time.perf_counter() - began
    out, _ = process.communicate()
    return json.loads(out), sent / took, took


def _compact(path: Path) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - this project's own
        _command(path), cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _command(path: Path) -> list[str]:
    words = ["compact", str(path), "--yes", "--refusals", "--keep-ids", _KEEP, "--json"]
    return [sys.executable, "-m", "comity.cli", *words]


def _rate(handles: list[Handle], seconds: float) -> float:
    began, sent = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        sent += send(handles, _IN_FLIGHT, "card-0000")
    return sent / (time.perf_counter() - began)


def send(handles: list[Handle], many: int, card: str, flight: int = _IN_FLIGHT) -> int:
    """Send so many commands, and wait for all answers; of a card that is not there: refusals."""
    waiting: deque[Pending[Receipt[BoardEvent]]] = deque()
    for number in range(many):
        rename = RenameCard(card=card, title=f"title {number}")
        waiting.append(handles[number % len(handles)].send(rename))
        if len(waiting) >= flight:
            _answer(waiting.popleft())
    for pending in waiting:
        _answer(pending)
    return many


def _answer(pending: Pending[Receipt[BoardEvent]]) -> None:
    with suppress(Rejected):
        pending.result(600)


# --- rows of a model ------------------------------------------------------------------------------


class Stack(Command):
    """Put a thousand things on a shelf, or take them away."""

    shelf: int
    there: bool


class Stacked(Event):
    """They were put there, or taken away."""

    shelf: int
    there: bool


def _decide(stacks: int, command: Stack) -> Iterator[Stacked]:
    yield Stacked(shelf=command.shelf, there=command.there)


def _evolve(stacks: int, event: Stacked) -> int:
    return stacks + 1


_stock: Final = Decider("stock", int, _decide, _evolve)


class Thing(Row):
    """A thing on a shelf."""

    shelf: int
    number: int
    name: str


class Things(ReadModel[Stacked]):
    """All things."""

    rows = Table(Thing, key=lambda row: (row.shelf, row.number))

    def project(self, event: Stacked, at: Recorded[Stacked]) -> None:
        """A thousand rows."""
        for number in range(_AT_ONCE):
            if event.there:
                name = f"thing {number} of shelf {event.shelf}"
                self.rows.put(Thing(shelf=event.shelf, number=number, name=name))
            else:
                self.rows.delete((event.shelf, number))


def _rows(path: Path, many: int) -> Iterator[Finding]:
    shelves = many // _AT_ONCE
    with Domain.open(path, deciders=[_stock], read_models=[Things]) as domain:
        stock = domain.aggregate(_stock, "one")
        last = None
        for there in (True, False):
            for shelf in range(shelves):
                last = stock.do(Stack(shelf=shelf, there=there))
            domain.reached(Things, last, timeout=3_600).result(3_600)
            if there:
                size = _size_of(path)
                yield Finding("a row takes", size / many, "bytes", note=f"{many:,} rows, a model")
        began = time.perf_counter()
        (found,) = _compact(path)["files"]
        took = time.perf_counter() - began
    yield Finding(
        f"compact of a model whose {many:,} rows were deleted, by its leader", took, "s",
        note=f"its file took {found['size'] / 1e6:.1f} MB, of which {found['free'] / 1e6:.1f} were "
        f"free, and takes {(found['size_after'] or found['size']) / 1e6:.1f}",
    )  # fmt: skip


def _size_of(path: Path) -> int:
    return (path / "models" / "Things" / "current" / "data.mdb").stat().st_size
