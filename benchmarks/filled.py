"""Fills a large journal without actors, for measurements that need a long history."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.board import title
from benchmarks.peers.comity_board import BoardEvent, CardCreated, CardRenamed, board
from comity.engine import AggregateId
from comity.engine.history.note import fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.result import Stored
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store
from comity.engine.merging.report import Outcome

_GROUP: Final = 512
_AT: Final = 1_700_000_000_000_000
CARDS: Final = 100
"""The most cards of a board."""


def names(boards: int) -> Sequence[str]:
    """What the boards are called."""
    return [f"board-{number:07}" for number in range(boards)]


def fill(path: Path, boards: int, each: int) -> None:
    """Write boards with `each` events each: first cards are made, then they are renamed."""
    note = fold("ann", "s", None, "RenameCard", None, Outcome.APPLIED, {})
    journal = LmdbJournal.open(path)
    try:
        turns = _turns(boards, each, note)
        while group := list(itertools.islice(turns, _GROUP)):
            for result in journal.append(group):
                assert isinstance(result, Stored)
        assert journal.position() == boards * each
    finally:
        journal.close()


def _turns(boards: int, each: int, note: object) -> Iterator[Turn]:
    places = itertools.product(range(each), names(boards))
    for number, (version, name) in enumerate(places):
        id_ = f"{number:016x}{0:016x}"
        stored = (store(event_at(version)),)
        entry = Entry(id_, stored, _AT + number, note)
        yield Turn.of(AggregateId(board.name, name), version, (entry,))


def event_at(version: int) -> BoardEvent:
    """The event of each board at this version."""
    if version < CARDS:
        return CardCreated(card=f"card-{version:04}", title=title(0, version))
    return CardRenamed(card=f"card-{version % CARDS:04}", title=title(0, version))
