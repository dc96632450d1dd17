"""Queries per second, compared with bare py-lmdb and msgpack on the same bytes. For `read_side`.

The floor uses encoded keys and returns lists; comity's side encodes keys and returns rows.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import lmdb
import msgpack

from benchmarks.read_board import (
    COLUMNS,
    PEOPLE,
    CardRow,
    Cards,
    Expected,
    RenameCard,
    board,
    person,
)
from benchmarks.read_table import Scale, Table, percentiles
from comity.actors import Domain, ReadModels
from comity.engine.files.seal import CRC_BYTES
from comity.readmodels.keys.encoding import after, encode, prefix

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Pipe: TypeAlias = Connection[Any, Any]

_PAGE = 20
_RATES = (0, 1_000)
"""Commands per second beside reading processes; on two cores a third busy process slows both."""
_WARM = 200
"""The cards that commands change, so that their boards are in memory."""


class Brief(NamedTuple):
    """Two columns of five."""

    card: str
    title: str


class Raw(NamedTuple):
    """py-lmdb's environment of a domain's model."""

    env: lmdb.Environment
    rows: lmdb._Database
    by_column: lmdb._Database
    by_assignee: lmdb._Database

    @classmethod
    def of(cls, domain: Domain) -> Raw:
        """Take it from comity's objects, since a process must not open an LMDB file twice."""
        environment = domain.model(Cards).access.reader.environment()
        assert environment is not None
        env = cast("lmdb.Environment", vars(environment)["_env"])
        handles = environment.handles
        return cls(
            env,
            handles["rows"].table,
            handles["by_column"].table,
            handles["by_assignee"].table,
        )


@dataclass(frozen=True)
class Query:
    """A query for both sides, repeated with many arguments."""

    name: str
    asked: Sequence[Any]
    """The arguments of comity's side."""
    raw_asked: Sequence[Any]
    """The same arguments as bytes."""
    ask: Callable[[Cards, Any], object]
    raw: Callable[[lmdb.Transaction[bytes], Any], object]
    same: Callable[[Any], object]
    """Converts comity's answer to the raw side's form."""


def run(table: Table, scale: Scale, path: Path, expected: Expected) -> None:
    """Measure one thread, then other processes."""
    with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
        domain.read(Cards, after=scale.events, timeout=600).close()
        table.begin("query", f"{len(expected):,} rows; floor: py-lmdb and msgpack, the same bytes")
        _in_one_thread(table, scale, domain, expected)
        _in_processes(table, scale, domain, path, expected)


def _in_one_thread(table: Table, scale: Scale, domain: Domain, expected: Expected) -> None:
    raw = Raw.of(domain)
    queries = _queries(raw, expected)
    rates: dict[str, list[tuple[float, float]]] = {}
    for _ in range(scale.rounds):
        for query in queries:
            with domain.read(Cards) as cards, raw.env.begin() as txn:
                found = [query.raw(txn, one) for one in query.raw_asked]
                assert [query.same(query.ask(cards, one)) for one in query.asked] == found
                took = _seconds(partial(query.ask, cards), query.asked)
                floor = _seconds(partial(query.raw, txn), query.raw_asked)
            pair = len(query.asked) / took, len(query.asked) / floor
            rates.setdefault(f"{query.name}, in one snapshot", []).append(pair)
            found = [_fresh_raw(raw, query.raw, one) for one in query.raw_asked]
            assert [query.same(_fresh(domain, query.ask, one)) for one in query.asked] == found
            took = _seconds(partial(_fresh, domain, query.ask), query.asked)
            floor = _seconds(partial(_fresh_raw, raw, query.raw), query.raw_asked)
            pair = len(query.asked) / took, len(query.asked) / floor
            rates.setdefault(f"{query.name}, a snapshot for each", []).append(pair)
    for name, pairs in rates.items():
        table.add_rounds(name, [pair[0] for pair in pairs], "/s", [pair[1] for pair in pairs])


def _seconds(ask: Callable[[Any], object], asked: Sequence[Any]) -> float:
    """The seconds to run all these queries; answers are dropped at once."""
    began = time.perf_counter()
    for one in asked:
        ask(one)
    return time.perf_counter() - began


def _fresh(domain: Domain, ask: Callable[[Cards, Any], object], asked: object) -> object:
    with domain.read(Cards) as cards:
        return ask(cards, asked)


def _fresh_raw(
    raw: Raw, get: Callable[[lmdb.Transaction[bytes], Any], object], asked: object
) -> object:
    with raw.env.begin() as txn:
        return get(txn, asked)


def _bare(value: bytes | None) -> list[Any]:
    """Unpack a row without checking its checksum, which is part of comity's work."""
    assert value is not None
    row: list[Any] = msgpack.unpackb(value[:-CRC_BYTES])
    return row


def _queries(raw: Raw, expected: Expected) -> list[Query]:
    chance = random.Random(3)  # noqa: S311 - the same questions each time
    keys = chance.choices(list(expected), k=5_000)
    spans = [(name, chance.choice(COLUMNS)) for name, _ in keys[:500]]
    people = [person(number) for number in range(PEOPLE)] * 20
    starts = [prefix(*span) for span in spans]
    bounds = [(start, after(start) or b"") for start in starts]

    def page(txn: lmdb.Transaction[bytes], span: tuple[bytes, bytes]) -> list[Any]:
        low, high = span
        cursor = txn.cursor(raw.by_column)
        cursor.set_range(low)
        get = txn.get
        return [
            _bare(get(key[:-CRC_BYTES], None, raw.rows))
            for entry, key in islice(cursor.iternext(), _PAGE)
            if entry < high
        ]

    def brief(txn: lmdb.Transaction[bytes], span: tuple[bytes, bytes]) -> list[Any]:
        return [(row[1], row[2]) for row in page(txn, span)]

    def count(txn: lmdb.Transaction[bytes], key: bytes) -> int:
        cursor = txn.cursor(raw.by_assignee)
        return cursor.count() if cursor.set_key(key) else 0

    def rows(found: Sequence[CardRow]) -> list[object]:
        return [list(row.__dict__.values()) for row in found]

    return [
        Query(
            "point query",
            keys,
            [encode(key) for key in keys],
            lambda cards, key: cards.rows.get(key),
            lambda txn, key: _bare(txn.get(key, None, raw.rows)),
            lambda row: list(row.__dict__.values()),
        ),
        Query(
            f"top {_PAGE} by an index",
            spans,
            bounds,
            lambda cards, span: cards.by_column.prefix(*span).page(limit=_PAGE).rows,
            page,
            rows,
        ),
        Query(
            f"top {_PAGE}, into 2 of 5 columns",
            spans,
            bounds,
            lambda cards, span: cards.by_column.prefix(*span).into(Brief).page(limit=_PAGE).rows,
            brief,
            list,
        ),
        Query(
            "count of a key of an index",
            people,
            [encode(who) for who in people],
            lambda cards, who: cards.by_assignee[who].count(),
            count,
            int,
        ),
        Query(
            "count of a table",
            people,
            people,
            lambda cards, _: cards.rows.count(),
            lambda txn, _: txn.stat(raw.rows)["entries"],
            int,
        ),
    ]


# --- other processes ------------------------------------------------------------------------------


def _in_processes(
    table: Table, scale: Scale, domain: Domain, path: Path, expected: Expected
) -> None:
    """Measure point queries with a snapshot each, with and without commands."""
    totals: dict[tuple[str, int, int], list[float]] = {}
    waits: list[float] = []
    rounds = max(2, scale.rounds // 2)
    asked = random.Random(5).choices(list(expected), k=2_000)  # noqa: S311 - the same each time
    for key, card in asked[:_WARM]:
        domain.aggregate(board, key).send(RenameCard(card=card, title="Warm")).result(30)
    for _ in range(rounds):
        for way, number, rate in itertools.product(("comity", "raw"), (1, 2), _RATES):
            total, slow = _readers(domain, path, asked, way, number, rate, scale.seconds)
            totals.setdefault((way, number, rate), []).append(total)
            waits += slow
    for rate, number in itertools.product(_RATES, (1, 2)):
        table.add_rounds(
            f"{number} reading process{'es' if number > 1 else ''}, a snapshot for each",
            totals["comity", number, rate],
            "/s",
            totals["raw", number, rate],
            note=f"beside {rate:,} commands/s" if rate else "beside nothing",
        )
    p50, p99, _ = percentiles(waits)
    table.add("commands meanwhile, p50", p50, "ms")
    table.add("commands meanwhile, p99", p99, "ms")


def _readers(
    domain: Domain,
    path: Path,
    asked: Sequence[tuple[str, str]],
    way: str,
    number: int,
    rate: int,
    seconds: float,
) -> tuple[float, list[float]]:
    """All readers' queries per second, and the latency of each command."""
    context = get_context("spawn")
    reads = _read if way == "comity" else _read_raw
    pairs = [context.Pipe() for _ in range(number)]
    pipes = [here for here, _ in pairs]
    processes = [
        context.Process(target=reads, args=(there, path, asked, seconds), daemon=True)
        for _, there in pairs
    ]
    for process in processes:
        process.start()
    for pipe in pipes:
        assert pipe.recv() == "ready"
    for pipe in pipes:
        pipe.send("go")
    waits = asyncio.run(_paced(domain, asked, rate, seconds))
    total = 0.0
    for pipe in pipes:
        total += cast("int", pipe.recv()) / seconds
    for process in processes:
        process.join(10)
        assert process.exitcode == 0
    return total, waits


async def _paced(
    domain: Domain, cards: Sequence[tuple[str, str]], rate: int, seconds: float
) -> list[float]:
    """Send `rate` commands per second; returns the latency of each."""
    waits: list[float] = []

    async def send(number: int) -> None:
        name, card = cards[number % _WARM]
        began = time.perf_counter()
        await domain.aggregate(board, name).send(RenameCard(card=card, title=f"Moved at {began}"))
        waits.append(time.perf_counter() - began)

    began, sent, tasks = time.perf_counter(), 0, set[asyncio.Task[None]]()
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            task = asyncio.create_task(send(sent))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    return waits


def _read(pipe: Pipe, path: Path, asked: Sequence[tuple[str, str]], seconds: float) -> None:
    """In another process: queries, each with a snapshot of its own."""
    with ReadModels.open(path, [Cards]) as models:
        models.read(Cards).close()
        _answer(pipe, seconds, lambda number: _ask(models, asked[number % len(asked)]))


def _ask(models: ReadModels, key: tuple[str, str]) -> None:
    with models.read(Cards) as cards:
        row = cards.rows.get(key)
    assert row is not None
    assert (row.board, row.card) == key


def _read_raw(pipe: Pipe, path: Path, asked: Sequence[tuple[str, str]], seconds: float) -> None:
    """In another process: the same with bare LMDB."""
    folder = path / "models" / "Cards" / "current"
    with lmdb.open(str(folder.resolve()), readonly=True, max_dbs=16, max_spare_txns=16) as env:
        rows = env.open_db(b"rows", create=False)
        keys = [encode(key) for key in asked]

        def ask(number: int) -> None:
            place = number % len(keys)
            with env.begin() as txn:
                row = _bare(txn.get(keys[place], None, rows))
            assert tuple(row[:2]) == asked[place]

        _answer(pipe, seconds, ask)


def _answer(pipe: Pipe, seconds: float, ask: Callable[[int], None]) -> None:
    pipe.send("ready")
    with suppress(EOFError):
        pipe.recv()
        number, until = 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            for _ in range(100):
                ask(number)
                number += 1
        pipe.send(number)
