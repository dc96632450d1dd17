"""Trips that a process books: with random refusals, and with kill -9 again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, cast

from examples.trip.domain import (
    AskForTrip,
    ConfirmTrip,
    JourneyEvent,
    OpenPlaces,
    Reserve,
    cars,
    flights,
    hotels,
    journeys,
)
from examples.trip.process import trip

from benchmarks.costs.rounds import size
from benchmarks.experiments.finding import Finding
from benchmarks.process import ROOT
from benchmarks.proof import Wrong
from comity.actors import Domain, Pending
from comity.engine import Event, Receipt
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.merging.decider import AggregateType
from comity.engine.processes.process import AnyProcess
from comity.simulation.world.process_promises import check_process

_IN_FLIGHT: Final = 64
_VESSELS: Final = 100
"""So many flights, hotels and cars; each has places for nine tenths of those who want one."""
_PLACES: Final = {"flight": flights, "hotel": hotels, "car": cars}
_DECIDERS: Final[list[AggregateType]] = [flights, hotels, cars, journeys]
_LIFE: Final = (0.5, 3.0)
"""Seconds that the program lives after it has opened its domain."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """Trips per second with a process, beside the same commands without one; then the kills."""
    many = size(seconds, 10_000)
    by_hand = _by_hand(folder / "by hand", many)
    by_process, ends = _by_process(folder / "process", many)
    kills, took, killed = _killed(folder / "killed", many)
    return [
        Finding("a trip, its commands sent by hand", by_hand * 1e3, "ms"),
        Finding(
            "a trip, booked by a process", by_process * 1e3, "ms", by_hand * 1e3,
            f"{1 / by_process:,.0f} trips a second; {ends}",
        ),
        Finding(
            "a trip, booked by a process that is killed again and again", took / many * 1e3, "ms",
            by_hand * 1e3, f"{kills} kills; {killed}",
        ),
    ]  # fmt: skip


def live(path: Path, many: int, first: int) -> None:
    """The program that is killed: it sends wishes from the first on, and waits for all trips."""
    with Domain.open(path, deciders=_DECIDERS, processes=[trip]) as domain:
        print("open", flush=True)
        _ask(domain, first, many, lambda number: print(number, flush=True))
        _wait(domain, many)


def _by_hand(path: Path, many: int) -> float:
    """Seconds for one trip whose commands are sent by a program, 64 trips at once."""
    with Domain.open(path, deciders=_DECIDERS) as domain:
        _open_places(domain, many)
        began = time.perf_counter()
        for first in range(0, many, _IN_FLIGHT):
            trips = [str(number) for number in range(first, min(many, first + _IN_FLIGHT))]
            wishes = {one: _wish(int(one)) for one in trips}
            asked = [domain.aggregate(journeys, one).send(wishes[one]) for one in trips]
            _answers(asked)
            _answers(
                domain.aggregate(decider, getattr(wishes[one], what)).send(Reserve(trip=one))
                for what, decider in _PLACES.items()
                for one in trips
            )
            _answers(domain.aggregate(journeys, one).send(ConfirmTrip()) for one in trips)
        return (time.perf_counter() - began) / many


def _answers(several: Iterable[Pending[Receipt[Event]]]) -> None:
    """Wait for all answers, refusals too."""
    for pending in list(several):
        pending.wait(60)


def _by_process(path: Path, many: int) -> tuple[float, str]:
    """Seconds for one trip that a process books, and how the trips ended."""
    with Domain.open(path, deciders=_DECIDERS, processes=[trip]) as domain:
        _open_places(domain, many)
        began = time.perf_counter()
        _ask(domain, 0, many)
        _wait(domain, many)
        took = (time.perf_counter() - began) / many
    return took, _ends(path, many)


def _killed(path: Path, many: int) -> tuple[int, float, str]:
    """Kill the program until it ends by itself: the kills, the seconds, how the trips ended."""
    with Domain.open(path, deciders=_DECIDERS, processes=[trip]) as domain:
        _open_places(domain, many)
    dice, first, kills, began = random.Random(1), 0, 0, time.perf_counter()  # noqa: S311
    code = "import sys; from pathlib import Path; from benchmarks.experiments import trips"
    call = "trips.live(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    while True:
        with subprocess.Popen(  # noqa: S603 - this project's own
            [sys.executable, "-c", f"{code}; {call}", str(path), f"{many}", f"{first}"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as child:  # fmt: skip
            assert child.stdout is not None
            child.stdout.readline()
            try:
                child.wait(dice.uniform(*_LIFE))
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
            said = child.stdout.read().split("\n")[:-1]
            first = int(said[-1]) if said else first
        if child.returncode == 0:
            return kills, time.perf_counter() - began, _ends(path, many)
        if child.returncode != -signal.SIGKILL:
            msg = f"the program ended with {child.returncode}"
            raise Wrong(msg)
        kills += 1


def _wish(number: int) -> AskForTrip:
    dice = random.Random(number)  # noqa: S311 - no secret; the same after a kill
    flight, hotel, car = (f"{dice.randrange(_VESSELS)}" for _ in range(3))
    return AskForTrip(flight=flight, hotel=hotel, car=car)


def _open_places(domain: Domain, many: int) -> None:
    places = max(1, many * 9 // (10 * _VESSELS))
    opened = [
        domain.aggregate(decider, f"{number}").send(OpenPlaces(places=places))
        for decider in _PLACES.values()
        for number in range(_VESSELS)
    ]
    for pending in opened:
        pending.result(60)


def _ask(
    domain: Domain, first: int, many: int, told: Callable[[int], object] = lambda _: None
) -> None:
    """Ask for the trips from the first on; `told` hears how far all are durable."""
    waiting: deque[Pending[Receipt[JourneyEvent]]] = deque()
    for number in range(first, many):
        waiting.append(
            domain.aggregate(journeys, f"{number}").send(_wish(number), id=f"ask {number}")
        )
        if len(waiting) >= _IN_FLIGHT:
            waiting.popleft().result(60)
            if number % 50 == 0:
                told(number - _IN_FLIGHT)
    for pending in waiting:
        pending.result(60)
    told(many)


def _wait(domain: Domain, many: int) -> None:
    while True:
        status = domain.processes()[0]
        if status.ended == many and not (status.orders or status.lag_events):
            return
        time.sleep(0.05)


def _ends(path: Path, many: int) -> str:
    """Check that each trip is whole or wholly undone, and each order took effect once."""
    journal = LmdbJournal.open(path)
    try:
        check_process(journal, cast("AnyProcess", trip))
    finally:
        journal.close()
    whole = 0
    with Domain.open(path, deciders=_DECIDERS) as domain:
        taken = {
            (what, one)
            for what, decider in _PLACES.items()
            for number in range(_VESSELS)
            for one in domain.aggregate(decider, f"{number}").look().state.trips
        }
        for number in range(many):
            places = sum((what, f"{number}") in taken for what in _PLACES)
            status = domain.aggregate(journeys, f"{number}").look().state
            expected = len(_PLACES) if status == "confirmed" else 0
            if places != expected or status in ("", "requested"):
                msg = f"trip {number} is {status!r} and has {places} places"
                raise Wrong(msg)
            whole += status == "confirmed"
    return f"{whole:,} whole, {many - whole:,} wholly undone, 0 in between"
