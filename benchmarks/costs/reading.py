"""A query: a row by its key, and a page of 20 by an index."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.board import COLUMNS
from benchmarks.costs.cards import CARDS, Cards, keys, names, write
from benchmarks.costs.rounds import costs, in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import CardRow, board
from benchmarks.proof import Wrong
from comity.actors import Domain

_BOARDS: Final = 10
_PAGE: Final = 20

Asked: TypeAlias = tuple[str, str]
"""A board with a card or a column."""
Ask: TypeAlias = Callable[[Cards, Asked], Sequence[CardRow]]


def run(job: Job, folder: Path) -> Result:
    """CPU of a query, in one snapshot or with a snapshot for each."""
    ask, spans, wanted = _QUERIES[job.case.options["what"]]
    chance = random.Random(3)  # noqa: S311 - the same questions each time
    asked = chance.choices(spans(), k=size(job.seconds, 1_000))
    every = _in_one if job.case.options["once"] else _fresh
    with (
        in_memory(folder) as path,
        Domain.open(path / "boards", deciders=[board], read_models=[Cards]) as domain,
    ):
        events = write(domain, _BOARDS * 10 * CARDS)
        domain.read(Cards, after=events, timeout=60).close()
        found = costs(lambda: every(domain, ask, asked), job.seconds, 15)
        with domain.read(Cards) as cards:
            rows = list(cards.rows.all())
            for one in asked[:50]:
                if list(ask(cards, one)) != wanted(rows, one):
                    msg = f"{one}: {ask(cards, one)}"
                    raise Wrong(msg)
    return result(found, "µs CPU", f"50 answers are those of a scan of {len(rows):,} rows")


def _row(cards: Cards, key: Asked) -> Sequence[CardRow]:
    row = cards.rows.get(key)
    return () if row is None else (row,)


def _row_of(rows: Sequence[CardRow], key: Asked) -> list[CardRow]:
    return [row for row in rows if (row.board, row.card) == key]


def _page(cards: Cards, span: Asked) -> Sequence[CardRow]:
    return cards.by_column.prefix(*span).page(limit=_PAGE).rows


def _page_of(rows: Sequence[CardRow], span: Asked) -> list[CardRow]:
    found = [row for row in rows if (row.board, row.column) == span]
    return sorted(found, key=lambda row: (row.title, row.card))[:_PAGE]


def _columns() -> list[Asked]:
    return [(name, column) for name in names(_BOARDS) for column in COLUMNS]


def _in_one(domain: Domain, ask: Ask, asked: Sequence[Asked]) -> float:
    with domain.read(Cards) as cards:
        began = time.thread_time()
        for one in asked:
            ask(cards, one)
        return (time.thread_time() - began) / len(asked) * 1e6


def _fresh(domain: Domain, ask: Ask, asked: Sequence[Asked]) -> float:
    began = time.thread_time()
    for one in asked:
        with domain.read(Cards) as cards:
            ask(cards, one)
    return (time.thread_time() - began) / len(asked) * 1e6


_QUERIES: Final[
    Mapping[
        str,
        tuple[
            Ask,
            Callable[[], list[Asked]],
            Callable[[Sequence[CardRow], Asked], list[CardRow]],
        ],
    ]
] = {
    "a row": (_row, lambda: keys(_BOARDS), _row_of),
    "a page": (_page, _columns, _page_of),
}
