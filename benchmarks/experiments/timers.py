"""A million timers: what setting them takes, their memory, and how late they ring."""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.costs.rounds import size
from benchmarks.experiments.finding import Finding
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending, Policy
from comity.engine import (
    Answered,
    Command,
    Decider,
    End,
    Event,
    Heard,
    Process,
    Rang,
    Receipt,
    SetTimer,
)
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.messages.moment import microseconds_of
from comity.engine.processes.events import TimerRang

_EACH: Final = 100
"""Timers of one instance, of those that only wait."""
_RATE: Final = 1_000
"""Timers that are due in one second."""
_AHEAD: Final = 5.0
"""Seconds between the last timer that is set and the first that is due."""
_IN_FLIGHT: Final = 64
_SMALL: Final = Policy(max_live=2_000)
"""Few aggregates stay in memory, so that the memory is that of the timers."""


class Begin(Command):
    """Set some timers, due at this time, in milliseconds since 1970, and a second apart."""

    due: int
    many: int
    touches = "timers"


class Begun(Event):
    """Timers are to be set."""

    due: int
    many: int
    touches = "timers"


@dataclass
class Waiting:
    """An instance with timers."""

    rang: int = 0


def _decide(begun: int, command: Begin) -> Iterator[Begun]:
    yield Begun(due=command.due, many=command.many)


def _count(begun: int, event: Begun) -> int:
    return begun + 1


def _key(event: Begun, heard: Heard) -> str:
    return heard.aggregate.key


def _evolve(waiting: Waiting, thing: Begun | Answered | Rang) -> Waiting:
    waiting.rang += isinstance(thing, Rang)
    return waiting


def _react(waiting: Waiting, thing: Begun | Answered | Rang) -> Iterator[SetTimer | End]:
    match thing:
        case Begun(due=due, many=many):
            first = datetime.fromtimestamp(due / 1_000, UTC)
            for number in range(many):
                yield SetTimer(f"t{number}", at=first + timedelta(seconds=number))
        case Rang():
            yield End()
        case Answered():
            pass


tasks: Final = Decider("task", int, _decide, _count)
waits: Final = Process("waits", Waiting, _key, _evolve, _react, starts=[Begun])


def run(folder: Path, seconds: float) -> list[Finding]:
    """Set a million timers, then twenty thousand of which a thousand are due each second."""
    many, ringing = size(seconds, 1_000_000), size(seconds, 20_000)
    path = folder / "domain"
    with Domain.open(path, deciders=[tasks], processes=[waits], policy=_SMALL) as domain:
        gc.collect()
        before, far = _resident(), _milliseconds(1e7)
        each = _set(domain, "far", many // _EACH, lambda _: far, _EACH) / many
        gc.collect()
        grown = _resident() - before
        one = _set(domain, "near", ringing, lambda n: far + n, 1) / ringing
    gc.collect()
    before, began = _resident(), time.perf_counter()
    with Domain.open(path, deciders=[tasks], processes=[waits], policy=_SMALL) as domain:
        opened = time.perf_counter() - began
        time.sleep(1.0)
        waiting = _resident() - before
        soon = _milliseconds(ringing * one * 1.5 + _AHEAD)
        _set(domain, "due", ringing, lambda n: soon + n * 1_000 // _RATE, 1)
        if _milliseconds(0) > soon:
            raise Wrong("the first timers were due before the last one was set")
        _wait(domain, ended=ringing)
        left = domain.processes()[0].timers
    if left != many + ringing:
        msg = f"{left:,} timers are set, {many + ringing:,} were expected"
        raise Wrong(msg)
    late = sorted(_lateness(path))
    if len(late) != ringing:
        msg = f"{len(late):,} timers rang, {ringing:,} were due"
        raise Wrong(msg)
    agenda = sum(one.stat().st_blocks for one in (path / "models").rglob("data.mdb")) * 512
    return [
        Finding(
            f"setting a timer, {_EACH} in an instance", each * 1e6, "µs",
            note=f"{many:,} timers in {many * each:,.0f} s",
        ),
        Finding("setting a timer, one in an instance", one * 1e6, "µs", note="an instance begins"),
        Finding(
            f"memory of {many:,} timers, after they were set", grown / 1e6, "MB",
            note="without the pages of files; with 2,000 instances in memory",
        ),
        Finding("the same, once the domain was opened again", waiting / 1e6, "MB"),
        Finding(f"disk of the agenda of {many:,} timers", agenda / 1e6, "MB"),
        Finding(f"opening with {many:,} timers", opened * 1e3, "ms"),
        Finding(
            "lateness, p50", statistics.median(late) * 1e3, "ms", note=f"{_RATE:,} due a second"
        ),
        Finding(
            "lateness, p99", late[len(late) * 99 // 100] * 1e3, "ms",
            note=f"{ringing:,} rang once, the latest {late[-1] * 1e3:.0f} ms late",
        ),
    ]  # fmt: skip


def _set(domain: Domain, name: str, instances: int, due: Callable[[int], int], many: int) -> float:
    """Begin instances with so many timers each; returns the seconds until all are set."""
    expected = domain.processes()[0].timers + instances * many
    began = time.perf_counter()
    waiting: deque[Pending[Receipt[Begun]]] = deque()
    for number in range(instances):
        begin = Begin(due=due(number), many=many)
        waiting.append(domain.aggregate(tasks, f"{name}-{number}").send(begin))
        if len(waiting) >= _IN_FLIGHT:
            waiting.popleft().result(60)
    for pending in waiting:
        pending.result(60)
    while domain.processes()[0].timers < expected:
        time.sleep(0.05)
    return time.perf_counter() - began


def _wait(domain: Domain, *, ended: int) -> None:
    while domain.processes()[0].ended < ended:
        time.sleep(0.1)


def _lateness(path: Path) -> Iterator[float]:
    """By how many seconds each ring was decided late."""
    journal = LmdbJournal.open(path)
    try:
        for record in journal.read_all():
            if record.aggregate.type == waits.name:
                for one in recorded(waits.decider, record):
                    if isinstance(one.event, TimerRang):
                        yield (one.microseconds - microseconds_of(one.event.due)) / 1e6
    finally:
        journal.close()


def _milliseconds(later: float) -> int:
    return int((time.time() + later) * 1_000)


def _resident() -> int:
    """Bytes of this process that are not of a file, from Linux."""
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in line
    ]
    return int(line.split()[1]) * 1_024
