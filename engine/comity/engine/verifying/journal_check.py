"""Reads all of a journal's data file, a state of it, and notes what is wrong. `verify` uses it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.seal import seal
from comity.engine.journal.commit_log import COMMITS
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.format import FORMAT_KEY, read_format
from comity.engine.journal.gaps import GAPS, gaps_in
from comity.engine.journal.index import IDS, MARKER, META, STREAMS
from comity.engine.journal.journal_folder import TABLES
from comity.engine.journal.kind_counts import KINDS, counts_in
from comity.engine.journal.snapshots import SNAPSHOTS
from comity.engine.lmdb.data_pages import Meta, PageFile
from comity.engine.lmdb.data_rows import RowReader, exhaust
from comity.engine.lmdb.data_tree import NO_TREE, FreePages, Names, Tree, Wrong
from comity.engine.verifying.commits import Commits
from comity.engine.verifying.faults import Faults
from comity.engine.verifying.ids import Ids
from comity.engine.verifying.streams import check_snapshots, check_streams

if TYPE_CHECKING:
    from comity.engine.files.file_mark import Mark

_NUMBER: Final = 8
"""The size of a commit's key."""


class JournalCheck:
    """One reading of a state of a data file.

    Args:
        descriptor: the file.
        state: the state.
        mark: the mark beside the file, if there is one.
        faults: where faults are noted.
        told: see `PageFile`.
    """

    def __init__(
        self,
        descriptor: int,
        state: Meta,
        mark: Mark | None,
        faults: Faults,
        told: Callable[[int, int], None],
    ) -> None:
        self._faults = faults
        self._mark = mark
        self._state = state
        self._pages = PageFile(descriptor, state, told)
        self._trees: dict[str, Tree] = {}
        self._marker: int | None = None
        """The last commit that the stored index covers; None: that cannot be read."""
        self._counted = 0, Counter[EventKind]()
        self._gaps = 0
        """How many records were dropped, as the journal says."""
        self.commits = Commits(faults, _nobody, counted=0, marked=0, marker=0)
        self.ids = self.snapshots = 0

    @property
    def pages(self) -> int:
        """How many pages are in use."""
        return self._pages.pages

    def read(self) -> None:
        """Read everything.

        Raises:
            NotAJournal: it is a sound file of something else.
            TooNew: a newer comity wrote it.
        """
        left = self._free()
        if self._name():
            self._meta()
            self._content()
            for name in sorted(self._trees.keys() - TABLES.keys()):
                exhaust(self._reader(name))  # a table of a newer comity
        if left is not None and not self._faults.counts["pages"]:
            try:
                self._pages.check_free(left.left)
            except Wrong as error:
                self._faults.add("pages", str(error))

    def _free(self) -> FreePages | None:
        free = FreePages(self._pages, self._state.free)
        try:
            free.walk()
        except Wrong as error:
            self._faults.add("pages", str(error))
            return None
        return free

    def _name(self) -> bool:
        """Find the trees of the tables."""
        names = Names(self._pages, self._state.named)
        try:
            names.walk()
        except Wrong as error:
            self._faults.add("pages", str(error), page=self._state.named.root)
            return False
        self._trees = {name.decode(errors="replace"): tree for name, tree in names.trees}
        missing = sorted(TABLES.keys() - self._trees.keys())
        if {COMMITS, META} <= set(missing):
            raise NotAJournal("this is an LMDB environment without the tables of a journal")
        for name in missing:
            self._faults.add("pages", f"table {name} is missing")
        return True

    def _reader(self, name: str) -> RowReader:
        def tell(page: int, what: str) -> None:
            self._faults.add("pages", what, page=page)

        tree = self._trees.get(name, NO_TREE)
        return RowReader(self._pages, name, tree, tell, sealed=name != COMMITS)

    def _meta(self) -> None:
        reader = self._reader(META)
        rows = {key: value for leaf in reader.rows() for key, value in leaf}
        sealed = rows.get(FORMAT_KEY)
        if sealed is not None:
            try:
                read_format(memoryview(seal(FORMAT_KEY, sealed)))
            except JournalDamaged as error:
                self._faults.add("format", str(error))
        elif not reader.faults:
            self._faults.add("format", "the format record is missing")
        if MARKER in rows or not reader.faults:
            self._marker = int.from_bytes(rows.get(MARKER, b"")[:_NUMBER])
        try:
            self._gaps = gaps_in(rows[GAPS]).records if GAPS in rows else 0
        except (ValueError, TypeError):
            self._faults.add("commits", "the row of gaps is not what was written")
        try:
            if KINDS in rows:
                self._counted = counts_in(rows[KINDS])
        except (ValueError, TypeError, LookupError):
            self._faults.add("kinds", "the counts of kinds are not what was written")

    def _content(self) -> None:
        faults, reader = self._faults, self._reader(IDS)
        marked = self._mark.number if self._mark else 0
        marker = sys.maxsize if self._marker is None else self._marker
        commits = self.commits = Commits(
            faults, _nobody, counted=self._counted[0], marked=marked, marker=marker
        )
        ids = Ids(faults, reader, marker, commits.lost, commits.thinned)
        ids.may_lack = self._marker is None
        commits.ids = ids.note
        self._commits()
        ids.finish()
        self.ids = ids.rows
        streams = self._reader(STREAMS)
        if self._marker is None:
            exhaust(streams)
        else:
            check_streams(faults, streams, commits)
            if marker > commits.number:
                what = f"the index covers commits up to {marker}, the last is {commits.number}"
                faults.add("commits", what, commit=marker)
        self.snapshots = check_snapshots(faults, self._reader(SNAPSHOTS), commits)
        if not commits.lost:
            self._check_kinds()
            self._check_gaps()
        self._check_mark()

    def _commits(self) -> None:
        reader = self._reader(COMMITS)
        for leaf in reader.rows():
            for key, value in leaf:
                if len(key) == _NUMBER:
                    self.commits.take(int.from_bytes(key), value, reader.page)
                else:
                    what = f"the row {key!r} is not one of a commit"
                    self._faults.add("commits", what, page=reader.page)
        known = self._trees.get(COMMITS, NO_TREE).entries
        if known > self.commits.number:
            self.commits.end(known)

    def _check_kinds(self) -> None:
        counted, stored = self._counted
        found = self.commits.kinds
        if counted > self.commits.number:
            what = f"the counts cover commits up to {counted}, the last is {self.commits.number}"
            self._faults.add("kinds", what)
        elif found is not None and _plain(stored) != found:
            what = f"the counts of kinds up to commit {counted} differ from the commits"
            self._faults.add("kinds", what)

    def _check_gaps(self) -> None:
        found, said = self.commits.dropped, self._gaps
        if found != said:
            what = f"{found} records are dropped from the commits, and the row of gaps says {said}"
            self._faults.add("commits", what)

    def _check_mark(self) -> None:
        mark, commits = self._mark, self.commits
        if mark is None or not mark.number or mark.number in commits.lost:
            return
        if commits.mark_crc != mark.crc:
            what = f"commit {mark.number} was durable, and is not there, or is another one"
            self._faults.add("mark", what, commit=mark.number)


def _nobody(*_: object) -> None:
    """Take command ids, and do nothing with them."""


def _plain(counts: Counter[EventKind]) -> dict[tuple[object, ...], int]:
    return {tuple(kind): many for kind, many in counts.items() if many}
