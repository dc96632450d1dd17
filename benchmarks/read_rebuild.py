"""Rebuilding a model: events per second, and the effect on commands. For `read_side`."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from benchmarks.read_board import Card, Cards, Expected, RenameCard, board, check_cards
from benchmarks.read_table import Scale, Table, percentiles
from comity.actors import Domain
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_routes import ModelRoutes
from comity.actors.projecting.progress import Progress
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels.generations.generations import new_projection
from comity.readmodels.generations.model_folder import ModelFolder
from comity.readmodels.generations.reader import Reader

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from comity.engine.merging.decider import AnyDecider
    from comity.readmodels.projecting.projection import Projection

    Pipe: TypeAlias = Connection[Any, Any]

_CLIENTS = 64
_BOARDS = 50
"""The boards that commands use, so that they are in memory."""


def run(table: Table, scale: Scale, path: Path, expected: Expected) -> None:
    """Measure building alone, then commands beside it."""
    table.begin("rebuild", f"{scale.events:,} events, two indexes and a count")
    _alone(table, scale, path, expected)
    _beside_commands(table, scale, path, expected)


# --- alone ----------------------------------------------------------------------------------------


def _alone(table: Table, scale: Scale, path: Path, expected: Expected) -> None:
    scans: list[float] = []
    decodes: list[float] = []
    builds: list[float] = []
    for _ in range(max(2, scale.rounds // 2)):
        journal = LmdbJournal.open(path, read_only=True)
        try:
            scans.append(scale.events / _scan(journal, scale.events))
            decodes.append(scale.events / _decode(journal, scale.events))
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                began = time.perf_counter()
                projection = _build(journal, ModelFolder(Path(folder)))
                builds.append(scale.events / (time.perf_counter() - began))
                _check(projection, Path(folder), expected)
        finally:
            journal.close()
    table.add("scan of the journal", statistics.median(scans), "events/s")
    table.add_rounds("scan and decode", decodes, "events/s", scans, note="floor: the scan")
    table.add_rounds("build", builds, "events/s", decodes, note="floor: scan and decode")
    each = 1e6 * (1 / statistics.median(builds) - 1 / statistics.median(decodes))
    table.add("build, beyond scan and decode", each, "µs/event")
    with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
        domain.read(Cards, after=scale.events, timeout=600).close()
        rebuild = Rebuilding(domain)
        rebuild.start()
        seconds = rebuild.wait(scale.events)
        with domain.read(Cards, after=scale.events) as cards:
            check_cards(cards, expected)
    table.add(
        "rebuild in a domain, until the swap",
        scale.events / seconds,
        "events/s",
        statistics.median(builds),
        note="floor: build",
    )


def _scan(journal: LmdbJournal, events: int) -> float:
    began, seen = time.perf_counter(), 0
    for batch in journal.follow():
        if not batch:
            break
        seen += sum(len(record.events) for record in batch)
    assert seen == events
    return time.perf_counter() - began


def _decode(journal: LmdbJournal, events: int) -> float:
    began, last = time.perf_counter(), 0
    for batch in journal.follow():
        if not batch:
            break
        for record in batch:
            for at in recorded(board, record):
                last = at.position
    assert last == events
    return time.perf_counter() - began


def _build(journal: LmdbJournal, folder: ModelFolder) -> Projection:
    folder.make()
    projection = new_projection(Cards, folder)
    driver = ModelFollower(projection, journal, _routes(), SYSTEM_CLOCK)
    while not driver.at_end:
        driver.step()
        assert not driver.error, driver.error
    return projection


def _check(projection: Projection, folder: Path, expected: Expected) -> None:
    reader = Reader(Cards, ModelFolder(folder), follows=False)
    reader.use(projection.environment)
    with reader.snapshot() as cards:
        check_cards(cards, expected)
    projection.environment.close()


def _routes() -> ModelRoutes:
    return ModelRoutes(Cards, [cast("AnyDecider", board)])


class Rebuilding:
    """A rebuild in a domain."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.position = 0
        self._began = 0.0
        self._reached = threading.Event()

    def start(self) -> None:
        """Start the rebuild."""
        self._folder = self.domain.model(Cards).folder
        self._before = self._folder.current()
        self._began = time.perf_counter()
        self.domain.model(Cards).rebuild(self._progress)

    def wait(self, events: int) -> float:
        """Wait until the new tables answer; returns the seconds since the start."""
        assert self._reached.wait(600)
        while self._folder.current() == self._before:
            time.sleep(0.002)
        assert self.position >= events
        return time.perf_counter() - self._began

    @property
    def is_done(self) -> bool:
        """Whether it has reached the journal's end."""
        return self._reached.is_set()

    def _progress(self, progress: Progress) -> None:
        self.position = progress.position
        if progress.position >= progress.end:
            self._reached.set()


# --- beside commands ------------------------------------------------------------------------------


class Commands(NamedTuple):
    """The latencies and the rate of commands in one window."""

    per_second: float
    p50: float
    p99: float
    built: float
    """The events per second of the rebuild in the same window."""


def _beside_commands(table: Table, scale: Scale, path: Path, expected: Expected) -> None:
    windows: dict[tuple[int, str], list[Commands]] = {}
    cards = dict(expected)
    targets = [key for key in cards if int(key[0].removeprefix("board-")) < _BOARDS]
    with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
        sender = _Sender(domain, cards, targets)
        sender.run(_CLIENTS, scale.seconds)  # warm, and not counted
        for _ in range(max(2, scale.rounds // 3)):
            for clients in (1, _CLIENTS):
                quiet = sender.run(clients, scale.seconds)
                rebuild = Rebuilding(domain)
                rebuild.start()
                here = sender.run(clients, scale.seconds)
                assert not rebuild.is_done, "the journal is too short for this window"
                here = here._replace(built=rebuild.position / scale.seconds)
                rebuild.wait(scale.events)
                elsewhere = _beside_a_builder(sender, clients, path, scale)
                for name, window in (
                    ("without", quiet),
                    ("rebuild in the domain", here),
                    ("build in another process", elsewhere),
                ):
                    windows.setdefault((clients, name), []).append(window)
        position = domain.statistics().position
        with domain.read(Cards, after=position, timeout=60) as model:
            check_cards(model, cards)
    for clients in (1, _CLIENTS):
        without = windows[clients, "without"]
        for name in ("without", "rebuild in the domain", "build in another process"):
            found = windows[clients, name]
            built = statistics.median(one.built for one in found)
            note = f"{built:,.0f} events/s built meanwhile" if built else ""
            who = "1 client" if clients == 1 else f"{clients} clients"
            for what, unit in (("per_second", "/s"), ("p50", "ms"), ("p99", "ms")):
                table.add_rounds(
                    f"{who}, {name}: {what.replace('_', ' ')}",
                    [getattr(one, what) for one in found],
                    unit,
                    [getattr(one, what) for one in without],
                    note=note,
                )


class _Sender:
    """Clients that wait for each answer, each with boards and cards of its own."""

    def __init__(
        self, domain: Domain, cards: dict[tuple[str, str], Card], targets: list[tuple[str, str]]
    ) -> None:
        self._domain = domain
        self._cards = cards
        self._targets = targets
        self._numbers = itertools.count()

    def run(self, clients: int, seconds: float) -> Commands:
        """Send for some seconds."""
        waits: list[float] = []

        async def client(number: int, until: float) -> None:
            for name, card in itertools.cycle(self._targets[number::clients]):
                began = time.perf_counter()
                if began > until:
                    return
                title = f"Beside {next(self._numbers)}"
                self._cards[name, card] = self._cards[name, card]._replace(title=title)
                await self._domain.aggregate(board, name).send(RenameCard(card=card, title=title))
                waits.append(time.perf_counter() - began)

        async def everybody() -> None:
            until = time.perf_counter() + seconds
            await asyncio.gather(*[client(number, until) for number in range(clients)])

        asyncio.run(everybody())
        p50, p99, _ = percentiles(waits)
        return Commands(len(waits) / seconds, p50, p99, 0.0)


def _beside_a_builder(sender: _Sender, clients: int, path: Path, scale: Scale) -> Commands:
    """Measure commands while another process builds the model repeatedly from the same journal."""
    here, there = get_context("spawn").Pipe()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=path.parent))
        process = get_context("spawn").Process(
            target=_build_on, args=(there, path, Path(folder)), daemon=True
        )
        process.start()
        assert here.recv() == "building"
        commands = sender.run(clients, scale.seconds)
        here.send("enough")
        built: float = here.recv()
        process.join(60)
        assert process.exitcode == 0
    return commands._replace(built=built)


def _build_on(pipe: Pipe, path: Path, folder: Path) -> None:
    """In another process: build until told to stop; sends the events per second."""
    journal = LmdbJournal.open(path, read_only=True)
    built, began = 0, 0.0
    for number in itertools.count():
        place = ModelFolder(folder / str(number))
        place.make()
        driver = ModelFollower(new_projection(Cards, place), journal, _routes(), SYSTEM_CLOCK)
        if not began:
            pipe.send("building")
            began = time.perf_counter()
        while not (driver.at_end or pipe.poll()):
            driver.step()
            assert not driver.error, driver.error
        built += driver.position
        if pipe.poll():
            pipe.send(built / (time.perf_counter() - began))
            os._exit(0)
