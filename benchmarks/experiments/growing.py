"""What grows, and by how many bytes: a journal by commands, ids, snapshots; a ledger by events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.experiments.compacting import send
from benchmarks.experiments.finding import Finding
from benchmarks.peers.comity_board import CreateCard, board
from comity.actors import Domain
from comity.actors.delivering.forms import Origin, Progress, digest_of
from comity.actors.delivering.lane import Lane
from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.lmdb_tables import LmdbTables, make_ledger
from comity.engine import formats
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.commit_log import COMMITS
from comity.engine.journal.index import IDS, STREAMS
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.snapshots import SNAPSHOTS
from comity.engine.lmdb.transaction import Reading

_SIZES: Final = {2.0: 20_000, 0.5: 5_000, 0.0: 200}
"""Commands of each kind, by the least seconds of a window."""
_BOARDS: Final = 16
_CARDS: Final = 20
_THERE, _MISSING = "card-0000", "card-9999"


def run(folder: Path, seconds: float) -> list[Finding]:
    """Commands one at a time and in groups, each in a journal of its own; then a ledger."""
    many = next(size for least, size in _SIZES.items() if seconds >= least)
    found: list[Finding] = []
    sizes = dict[str, float]()
    for card, what in ((_MISSING, "a refusal"), (_THERE, "an event")):
        for flight in (1, 512):
            path = folder / f"{what} {flight}"
            sizes = _journal(path, card, many, flight)
            how = "one at a time" if flight == 1 else f"{flight} in flight"
            found.append(
                Finding(f"{what}, {how}", sizes["commits"] / many, "bytes", note="without its id")
            )
    found += [
        Finding("a command id", sizes["ids"] / sizes["commands"], "bytes"),
        Finding("an aggregate", sizes["streams"] / _BOARDS, "bytes"),
        Finding(f"a snapshot of {_CARDS} cards", sizes["snapshots"] / sizes["kept"], "bytes"),
    ]
    return [*found, *_ledger(folder / "Mails", many)]


def _journal(path: Path, card: str, many: int, flight: int) -> dict[str, float]:
    with Domain.open(path, deciders=[board]) as domain:
        handles = [domain.aggregate(board, f"board-{each}") for each in range(_BOARDS)]
        for handle, number in itertools.product(handles, range(_CARDS)):
            handle.send(CreateCard(card=f"card-{number:04}", title="there")).result(60)
    before = _rows(path)
    with Domain.open(path, deciders=[board]) as domain:
        handles = [domain.aggregate(board, f"board-{each}") for each in range(_BOARDS)]
        send(handles, many, card, flight)
    after = _rows(path)
    return {**after, "commits": after["commits"] - before["commits"]}


def _rows(path: Path) -> dict[str, float]:
    """The bytes of all rows of each table."""
    tables = {"commits": COMMITS, "ids": IDS, "streams": STREAMS, "snapshots": SNAPSHOTS}
    with closing(LmdbJournal.open(path, read_only=True)) as journal:
        sizes: dict[str, float] = {
            name: journal.look(partial(_size, table)) for name, table in tables.items()
        }
        kept = journal.look(lambda txn, _: txn.count([SNAPSHOTS]))
        return {**sizes, "commands": journal.figures().records, "kept": max(1, kept)}


def _beginning(origin: Origin) -> tuple[Origin, Progress]:
    return origin, Progress()


def _size(table: str, txn: Reading, _: CommitHead) -> int:
    return sum(len(key) + len(row) for key, row in txn.rows(table))


def _ledger(path: Path, many: int) -> list[Finding]:
    def keys(number: int) -> str:
        return f"customer-{number:06}"

    ways: dict[str, Callable[[int], str]] = {
        "a waiting event of an outlet, each of another key": keys,
        "… all of one key": lambda _: keys(0),
    }
    found: list[Finding] = []
    for number, (what, key) in enumerate(ways.items()):
        place = path / f"{number}"
        origin = Origin(formats.LEDGER, "Mails", "now", 0, 0)
        make_ledger(place, partial(_beginning, origin))
        with closing(LmdbTables(place)) as tables:
            ledger, lanes = Ledger(tables), dict[str, Lane]()
            for position in range(1, many + 1):
                name = key(position)
                lane = lanes.setdefault(name, Lane(digest_of(name), name))
                ledger.add(lane, position, position)
                if ledger.is_full:
                    ledger.write(ledger.progress)
            ledger.write(ledger.progress)
        size = (place / "data.mdb").stat().st_size
        found.append(Finding(what, size / many, "bytes", note="of the file"))
    return found
