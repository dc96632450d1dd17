"""What the sound part of a damaged file's trees says: which commits there are, and its index.

`salvage` uses it. All of it may be missing; then the commits themselves are all that is known.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from msgpack import UnpackException

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.seal import seal
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.commit_log import COMMITS
from comity.engine.journal.format import FORMAT_KEY, JournalFormat, read_format
from comity.engine.journal.index import IDS, META, STREAMS
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.snapshots import SNAPSHOTS, snapshot_in
from comity.engine.journal.tip import Tip
from comity.engine.lmdb.data_pages import Meta, PageFile
from comity.engine.lmdb.data_rows import Row, RowReader
from comity.engine.lmdb.data_tree import Names, Tree, Wrong
from comity.engine.verifying.raw_commits import head_at

_KEY: Final = 8


class Listed:
    """What the trees of a state say.

    Args:
        descriptor: the file.
        state: its newest state.
        told: see `PageFile`.
    """

    def __init__(self, descriptor: int, state: Meta, told: Callable[[int, int], None]) -> None:
        self._pages = PageFile(descriptor, state, told)
        self._trees: dict[str, Tree] = {}
        self.commits: dict[int, CommitHead | None] = {}
        """The commits that the tree names, with their heads, if these are sound."""
        self.last: int | None = None
        """The number of the last commit, if the tree's size is known."""
        self.format: JournalFormat | None = None
        self._name(state.named)
        self._list()

    def _name(self, tree: Tree) -> None:
        names = Names(self._pages, tree)
        with suppress(Wrong):
            names.walk()
            self._trees = {name.decode(errors="replace"): tree for name, tree in names.trees}
            if COMMITS not in self._trees and META not in self._trees:
                raise NotAJournal("this is an LMDB environment without the tables of a journal")
        if COMMITS in self._trees:
            self.last = self._trees[COMMITS].entries

    def _list(self) -> None:
        for key, value in self._rows(META):
            if key == FORMAT_KEY:
                with suppress(JournalDamaged):
                    self.format = read_format(memoryview(seal(key, value)))
        for key, value in self._rows(COMMITS):
            if len(key) == _KEY:
                head = head_at(value, 0)
                number = int.from_bytes(key)
                same = head is not None and head.number == number
                self.commits[number] = head if same else None
        if self.last is not None:
            self.last = max(self.last, max(self.commits, default=0))

    def ids(self) -> Iterator[tuple[str, int, int]]:
        """Read the index of command ids: gives each with its commit and offset."""
        for key, value in self._rows(IDS):
            with suppress(ValueError, struct.error):
                id_, (_, commit, offset) = index.id_in(key, value)
                yield id_, commit, offset

    def tips(self) -> Iterator[tuple[AggregateId, Tip]]:
        """Read the index of aggregates."""
        for key, value in self._rows(STREAMS):
            with suppress(ValueError, struct.error):
                yield index.tip_in(key, value)

    def snapshots(self) -> Iterator[Snapshot]:
        """Read the snapshots."""
        for key, value in self._rows(SNAPSHOTS):
            with suppress(ValueError, TypeError, struct.error, UnpackException):
                yield snapshot_in(key, value)

    def _rows(self, name: str) -> Iterator[Row]:
        if name in self._trees:
            sealed = name != COMMITS
            reader = RowReader(self._pages, name, self._trees[name], _nobody, sealed=sealed)
            for leaf in reader.rows():
                yield from leaf


def _nobody(_page: int, _what: str) -> None:
    """Tell nobody of a fault: what is missing counts, and not why."""
