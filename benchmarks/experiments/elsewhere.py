"""How long does a process wait for its own write, and for a watch, if another one leads the model?

Two processes have one domain open. The other one was first, so it leads the model: a command of
this process wakes it, it projects the event, and wakes this process. Then the other one is killed,
or stopped, and this one takes over.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
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
_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""
_TIMES: Final = 10
"""How often the leader is killed, and stopped, in earnest."""
_BOARD: Final = "sprint-42"
_PATIENCE: Final = 30.0


def run(folder: Path, seconds: float) -> list[Finding]:
    """The waits after a receipt, with another process as the leader, and with this one."""
    path, pairs = folder / "boards", max(_FEWEST, int(seconds / _EVERY))
    with _leader(path) as other, _opened(path) as domain:
        if not domain.model(Cards).status().led_by:
            raise Wrong("this process leads")
        far = _measured(domain, "far", pairs)
        other.terminate()
        while domain.model(Cards).status().led_by:
            time.sleep(_EVERY)
        near = _measured(domain, "near", pairs)
    names = ("read after a receipt", "a watch after a receipt")
    return [
        Finding(
            f"{name}, {share}", latency.quantile(part) * 1e3, "ms", here.quantile(part) * 1e3,
            f"most {latency.longest * 1e3:.1f} ms; beside it: the model is led in this process",
        )
        for name, latency, here in zip(names, far, near, strict=True)
        for share, part in (("p50", 0.5), ("p99", 0.99))
    ] + list(_take_overs(folder, _TIMES if seconds >= _LONG else 1))  # fmt: skip


def _opened(path: Path) -> Domain:
    return Domain.open(path, deciders=[board], read_models=[Cards])


@contextmanager
def _leader(path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process, which leads the model; it is killed at the end."""
    command = [sys.executable, "-m", __spec__.name, str(path)]
    with subprocess.Popen(  # noqa: S603 - this project's own
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        try:
            if not other.stdout.readline():
                raise Wrong("the other process did not begin")
            yield other
        finally:
            other.kill()


def _measured(domain: Domain, card: str, pairs: int) -> tuple[Latency, Latency]:
    """The waits from the receipt to the read, and from the receipt to the watch."""
    handle = domain.aggregate(board, _BOARD)
    handle.send(CreateCard(card=card, title="New")).result(_PATIENCE)
    reads: list[float] = []
    for number in range(pairs):
        receipt = handle.send(RenameCard(card=card, title=f"read {number}")).result(_PATIENCE)
        began = time.monotonic()
        with domain.read(Cards, after=receipt, timeout=_PATIENCE) as cards:
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
            handle.send(RenameCard(card=card, title=title)).result(_PATIENCE)
            told[title] = time.monotonic()
            until = told[title] + _PATIENCE
            while title not in heard and time.monotonic() < until:
                time.sleep(_EVERY / 10)
        hearing.join(_PATIENCE)
    if lost := set(told) - set(heard):
        raise Wrong(f"{len(lost)} changes were not heard of")
    return [max(0.0, heard[title] - when) for title, when in told.items()]


def _take_overs(folder: Path, times: int) -> Iterator[Finding]:
    for what, number in (("is killed", signal.SIGKILL), ("is stopped", signal.SIGSTOP)):
        took = [
            _take_over(folder / f"{what.replace(' ', '-')}-{turn}", number)
            for turn in range(times)
        ]  # fmt: skip
        yield Finding(
            f"the leader {what}: until a command is in the model, p50", _middle(took), "s", None,
            f"most {max(took):.2f} s of {times}",
        )  # fmt: skip


def _take_over(path: Path, number: signal.Signals) -> float:
    """Seconds from the signal until a command of this process is in the model."""
    with _leader(path) as other, _opened(path) as domain:
        handle = domain.aggregate(board, _BOARD)
        before = handle.send(CreateCard(card="card", title="New")).result(_PATIENCE)
        domain.read(Cards, after=before, timeout=_PATIENCE).close()
        began = time.monotonic()
        other.send_signal(number)
        receipt = handle.send(RenameCard(card="card", title="Newer")).result(_PATIENCE)
        with domain.read(Cards, after=receipt, timeout=_PATIENCE) as cards:
            took = time.monotonic() - began
            if cards.rows[_BOARD, "card"].title != "Newer":
                raise Wrong("the newest title is not in the model")
    return took


def _middle(figures: Sequence[float]) -> float:
    return sorted(figures)[len(figures) // 2]


def _lead(path: Path) -> None:
    """Be the other process: lead the model until it is killed."""
    with _opened(path) as domain:
        domain.read(Cards, timeout=_PATIENCE).close()
        print("open", flush=True)
        signal.pause()


if __name__ == "__main__":
    _lead(Path(sys.argv[1]))
