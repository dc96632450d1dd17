"""How far read models fall behind a write side at full speed. For `read_side`."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.read_board import (
    MODELS,
    Activity,
    BoardEvent,
    Boards,
    Cards,
    CreateCard,
    RenameCard,
    board,
    check_cards,
)
from benchmarks.read_table import Scale, Table
from comity.actors import Domain, Pending
from comity.engine import Receipt
from comity.readmodels.tables.read_model import AnyReadModel

_CLIENTS = 64
_BOARDS = [f"board-{number:03}" for number in range(100)]
_CARDS = 20
_IN_FLIGHT = 8
"""Commands in flight per client."""
_EVERY = 0.25
"""Seconds between two samples of the lag."""


class Lagging(NamedTuple):
    """A sample of one model's lag."""

    model: str
    at: float
    """Seconds since the first command."""
    events: int
    seconds: float


class Written(NamedTuple):
    """One window at full speed."""

    per_second: float
    lags: Sequence[Lagging]
    caught_up: float
    """Seconds from the last answer until every model had caught up."""


def run(table: Table, scale: Scale, folder: Path) -> None:
    """Measure with and without models in turn."""
    table.begin(
        "keep-up", f"{_CLIENTS} clients with {_IN_FLIGHT} commands each, {len(_BOARDS)} boards"
    )
    seconds = max(2.0, 2 * scale.seconds)
    without: list[float] = []
    follow: list[Written] = []
    for _ in range(max(2, scale.rounds // 2)):
        without.append(_written(folder, seconds, ()).per_second)
        follow.append(_written(folder, seconds, MODELS))
    rates = [one.per_second for one in follow]
    table.add_rounds(
        "commands, three models", rates, "/s", without, note="floor: without any model"
    )
    for model in MODELS:
        name = model.stored_as
        lags = [[lag for lag in one.lags if lag.model == name] for one in follow]
        most = statistics.median(max(lag.events for lag in each) for each in lags)
        longest = statistics.median(max(lag.seconds for lag in each) for each in lags)
        course = ", ".join(f"{lag.events:,}" for lag in lags[-1][:: max(1, len(lags[-1]) // 6)])
        table.add(f"{name}: most events behind", most, "events", note=f"in time: {course}")
        table.add(f"{name}: longest behind", longest, "s")
    caught_up = [one.caught_up for one in follow]
    table.add(
        "until all three have caught up, after the end",
        statistics.median(caught_up),
        "s",
        seconds,
        note="floor: the time of writing",
    )


def _written(folder: Path, seconds: float, models: Sequence[type[AnyReadModel]]) -> Written:
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        Domain.open(Path(place) / "boards", deciders=[board], read_models=models) as domain,
    ):
        for name in _BOARDS:
            commands = [CreateCard(card=f"card-{n}", title="New") for n in range(_CARDS)]
            domain.aggregate(board, name).send_many(commands).result(30)
        began = domain.statistics().position
        for model in models:
            domain.read(model, after=began, timeout=60).close()
        lags: list[Lagging] = []
        over = threading.Event()
        looker = threading.Thread(target=_look, args=(domain, models, lags, over))
        looker.start()
        asyncio.run(_send(domain, seconds))
        ended = time.perf_counter()
        position = domain.statistics().position
        for model in models:
            domain.read(model, after=position, timeout=600).close()
        caught_up = time.perf_counter() - ended
        over.set()
        looker.join()
        _check(domain, models)
    return Written((position - began) / seconds, lags, caught_up)


async def _send(domain: Domain, seconds: float) -> None:
    until = time.perf_counter() + seconds
    await asyncio.gather(*[_client(domain, number, until) for number in range(_CLIENTS)])


async def _client(domain: Domain, number: int, until: float) -> None:
    waiting: deque[Pending[Receipt[BoardEvent]]] = deque()
    handles = [domain.aggregate(board, name) for name in _BOARDS]
    turn = number
    while time.perf_counter() < until:
        command = RenameCard(card=f"card-{turn % _CARDS}", title=f"{number} {turn}")
        waiting.append(handles[turn * 31 % len(handles)].send(command))
        turn += 1
        if len(waiting) >= _IN_FLIGHT:
            await waiting.popleft()
    for pending in waiting:
        await pending


def _look(
    domain: Domain,
    models: Sequence[type[AnyReadModel]],
    lags: list[Lagging],
    over: threading.Event,
) -> None:
    began = time.perf_counter()
    while models and not over.wait(_EVERY):
        for model in models:
            with domain.read(model, stale=True) as found:
                lag = found.lag()
            lags.append(
                Lagging(model.stored_as, time.perf_counter() - began, lag.events, lag.seconds)
            )


def _check(domain: Domain, models: Sequence[type[AnyReadModel]]) -> None:
    """Check each model against the aggregates' states and versions."""
    if not models:
        return
    handles = {name: domain.aggregate(board, name) for name in _BOARDS}
    with domain.read(Cards) as cards:
        states = {name: domain.state(handle) for name, handle in handles.items()}
        check_cards(
            cards,
            {(name, key): card for name, one in states.items() for key, card in one.cards.items()},
        )
    versions = {name: handle.version for name, handle in handles.items()}
    with domain.read(Boards) as boards:
        assert {row.board: row.changes for row in boards.rows.all()} == versions
    with domain.read(Activity) as activity:
        assert dict(activity.by_board.items()) == versions
        assert activity.by_kind.total() == sum(versions.values())
