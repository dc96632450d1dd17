"""A journal of everything that a journal can have, and its pages by what they hold.

The pages are found with a reader of its own, which believes what it reads: it is for sound files.
"""

from __future__ import annotations

import struct
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn

PAGE = 4_096
LONG = AggregateId("board", "long")
"""It has more than a block of versions."""


def make(path: Path, boards: int = 120, rounds: int = 28) -> None:
    """Commits small and large, turns of many entries, refusals, lasting records, snapshots."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        journal = LmdbJournal.open(path, unsafe_no_fsync=True)
    numbers = iter(range(1_000_000))
    try:
        for round_ in range(rounds):
            turns = [board_turn(next(numbers), AggregateId("board", f"b{number:04}"), round_)
                     for number in range(boards)]  # fmt: skip
            states = [Snapshot(turns[number].aggregate, round_ + 1, "hash", b"s" * 200)
                      for number in range(0, boards, 5)]  # fmt: skip
            journal.append(turns[:1])
            journal.append(turns[1:], states if round_ % 4 == 3 else ())
            journal.append([long_turn(next(numbers), journal.version(LONG))])
    finally:
        journal.close()


def board_turn(number: int, aggregate: AggregateId, version: int) -> Turn:
    """A turn of one event, with a refusal or a lasting record behind it now and then."""
    entries = [Entry(f"id-{number}-a", (event(number),), number * 1_000, ["note", number])]
    if number % 7 == 0:
        entries.append(Entry(f"id-{number}-b", (), number * 1_000, "refused"))
    if number % 11 == 0:
        entries.append(Entry(f"id-{number}-c", (), number * 1_000, "kept", lasting=True))
    return Turn.of(aggregate, version, entries)


def long_turn(number: int, version: int) -> Turn:
    """A turn that takes several pages."""
    events = tuple([event(number * 100 + each) for each in range(60)])
    return Turn.of(LONG, version, [Entry(f"id-{number}-long", events, number * 1_000, None)])


def event(number: int) -> StoredEvent:
    """An event of a few bytes, of one of two kinds."""
    return StoredEvent(("Moved", "Named")[number % 2], 1, b"%020d" % number, 7, 0)


# --- its pages ------------------------------------------------------------------------------------

_HEADER = struct.Struct("=QHHHH")
_NODE = struct.Struct("=HHHH")
_TREE = struct.Struct("=IHHQQQQQ")
_FREE, _MAIN = 16 + 24, 16 + 24 + 48
_NUMBER = 16 + 24 + 96 + 8
_NONE = (1 << 64) - 1


class Pages:
    """The pages of a sound data file by what they hold: `first`, `free list`, `branch`, `overflow`,
    `unused`, and the leaves of each table by its name."""

    def __init__(self, file: Path) -> None:
        self._data = file.read_bytes()
        newest = max((0, 1), key=lambda page: self._long(page * PAGE + _NUMBER)) * PAGE
        self.kinds = defaultdict[str, list[int]](list)
        self.kinds["first"] = [0, 1]
        free = _TREE.unpack_from(self._data, newest + _FREE)[-1]
        for _, flags, value in self._leaves(free, "free list"):
            self._big(flags, value, "free list")
        main = _TREE.unpack_from(self._data, newest + _MAIN)[-1]
        for key, _, value in self._leaves(main, "names"):
            root = _TREE.unpack(value)[-1]
            for _, flags, each in self._leaves(root, key.decode()):
                self._big(flags, each, "overflow")
        used = {page for pages in self.kinds.values() for page in pages}
        self.kinds["unused"] = sorted(set(range(len(self._data) // PAGE)) - used)

    def _long(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 8], "little")

    def _big(self, flags: int, value: bytes, kind: str) -> None:
        if flags == 1:
            page = int.from_bytes(value, "little")
            count = int.from_bytes(self._data[page * PAGE + 12 : page * PAGE + 16], "little")
            self.kinds[kind] += range(page, page + count)

    def _leaves(self, page: int, kind: str) -> Iterator[tuple[bytes, int, bytes]]:
        if page == _NONE:
            return
        _, _, flags, lower, _ = _HEADER.unpack_from(self._data, page * PAGE)
        self.kinds[kind if flags == 2 else "branch"].append(page)
        for each in range(16, lower, 2):
            at = page * PAGE + int.from_bytes(
                self._data[page * PAGE + each : page * PAGE + each + 2], "little"
            )
            low, high, flags_, size = _NODE.unpack_from(self._data, at)
            start = at + 8 + size
            if flags == 1:
                yield from self._leaves(low | high << 16 | flags_ << 32, kind)
            else:
                end = start + (8 if flags_ == 1 else low | high << 16)
                yield self._data[at + 8 : start], flags_, self._data[start:end]
