"""How long a process waits for its own write, and for a watch, if another one leads the model?

Two processes have one domain open. The other one was first, so it leads the model: a command of
this process wakes it, it projects the event, and wakes this process.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from benchmarks.experiments.finding import Finding
from benchmarks.latency import Latency
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from benchmarks.read_board import Cards, CreateCard, RenameCard, board
from comity.actors import Domain

_EVERY: Final = 0.005
_FEWEST: Final = 20
_BOARD: Final = "sprint-42"


def run(folder: Path, seconds: float) -> list[Finding]:
    """The waits after a receipt, with another process as the leader, and with this one."""
    path, pairs = folder / "boards", max(_FEWEST, int(seconds / _EVERY))
    command = [sys.executable, "-m", __spec__.name, str(path)]
    with subprocess.Popen(  # noqa: S603 - this project's own
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        if not other.stdout.readline():
            raise Wrong("the other process did not begin")
        with _opened(path) as domain:
            if not domain.model(Cards).status().led_by:
                raise Wrong("this process leads")
            far = _measured(domain, "far", pairs)
            other.stdin.close()
            other.wait(60)
            while domain.model(Cards).status().led_by:
                time.sleep(0.01)
            near = _measured(domain, "near", pairs)
    names = ("read after a receipt", "a watch after a receipt")
    return [
        Finding(
            f"{name}, {share}", latency.quantile(part) * 1e3, "ms", here.quantile(part) * 1e3,
            f"most {latency.longest * 1e3:.1f} ms; beside it: the model is led in this process",
        )
        for name, latency, here in zip(names, far, near, strict=True)
        for share, part in (("p50", 0.5), ("p99", 0.99))
    ]  # fmt: skip


def _opened(path: Path) -> Domain:
    return Domain.open(path, deciders=[board], read_models=[Cards])


def _measured(domain: Domain, card: str, pairs: int) -> tuple[Latency, Latency]:
    """The waits from the receipt to the read, and from the receipt to the watch."""
    handle = domain.aggregate(board, _BOARD)
    handle.send(CreateCard(card=card, title="New")).result(30)
    reads: list[float] = []
    for number in range(pairs):
        receipt = handle.send(RenameCard(card=card, title=f"read {number}")).result(30)
        began = time.monotonic()
        with domain.read(Cards, after=receipt, timeout=10) as cards:
            found = cards.rows[_BOARD, card].title
        reads.append(time.monotonic() - began)
        if found != f"read {number}":
            raise Wrong(f"stale: {found!r} instead of number {number}")
        time.sleep(_EVERY / 10)
    return Latency.of(reads), Latency.of(_watched(domain, card, pairs))


def _watched(domain: Domain, card: str, pairs: int) -> list[float]:
    """The waits from the receipt to the watch; 0 if the watch was first."""
    handle = domain.aggregate(board, _BOARD)
    heard: dict[str, float] = {}
    last = f"watch {pairs - 1}"

    def hear() -> None:
        for update in watch:
            if update.row is not None:
                heard[update.row.title] = time.monotonic()
                if update.row.title == last:
                    return

    with domain.watch(Cards.rows[_BOARD, card]) as watch:
        hearing = threading.Thread(target=hear)
        hearing.start()
        told: dict[str, float] = {}
        for number in range(pairs):
            title = f"watch {number}"
            handle.send(RenameCard(card=card, title=title)).result(30)
            told[title] = time.monotonic()
            until = told[title] + 10
            while title not in heard and time.monotonic() < until:
                time.sleep(_EVERY / 10)
        hearing.join(30)
    if set(told) - set(heard):
        raise Wrong(f"{len(set(told) - set(heard))} changes were not heard of")
    return [max(0.0, heard[title] - when) for title, when in told.items()]


def _lead(path: Path) -> None:
    """Be the other process: lead the model until the input ends."""
    with _opened(path) as domain:
        domain.read(Cards, timeout=30).close()
        print("open", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _lead(Path(sys.argv[1]))
