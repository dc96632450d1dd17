"""The reading half of the LMDB journal. `LmdbJournal` extends it.

Readers see no commit after the last one that is known to be durable: after a failed flush LMDB may
show more than is on the disk. Commits of other processes are durable once LMDB shows them. A read
looks at the tail in memory before it begins its transaction: so it misses no row that moves from
the tail to the stored index meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias, TypeVar

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import JournalDamaged
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import CommitHead
from comity.engine.journal.commit_layout import Layout, read_commit
from comity.engine.journal.event_kind import EventKind, kinds_in
from comity.engine.journal.gaps import read_gaps
from comity.engine.journal.journal import JournalFigures
from comity.engine.journal.kind_counts import read_counts
from comity.engine.journal.lmdb_caches import LmdbCaches
from comity.engine.journal.located import Located
from comity.engine.journal.numbered import Numbered
from comity.engine.journal.record import Record
from comity.engine.journal.since import read_since
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.snapshots import read_snapshot
from comity.engine.journal.tip import NO_TIP, Tip
from comity.engine.journal.whole_commits import WholeCommits
from comity.engine.lmdb.environment import Room
from comity.engine.lmdb.transaction import Reading

_COPY_BYTES: Final = 1 << 17
"""How many bytes are copied and unpacked at a time: 128 KiB, or one larger turn or commit.
With 1 MiB, reading a whole journal takes half as long again, because of the garbage collector."""
_COPY_BACK_BYTES: Final = 1 << 14
"""The same for reading backwards, 16 KiB: such readers seldom read far."""
_MOST_BYTES: Final = 1 << 23
_BATCH: Final = 32
"""So many records are given to a follower together, or those of one larger turn. The more, the more
objects are alive at once, and the more work the garbage collector has."""
_LISTED: Final = 1_000
"""How many aggregates are listed at a time."""

T = TypeVar("T")

_Copy: TypeAlias = tuple[int, int, bytes, Layout]
"""A commit's number, a turn's offset in the commit, the turn's bytes, and their layout."""


class LmdbReader(LmdbCaches):
    """The reading methods of `Journal`; any thread may call them at any time."""

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """See `Journal.read`. Events that are appended meanwhile are left out."""
        self._catch_up()
        newest = self._tip(aggregate)
        end = newest.version if upto is None else min(upto, newest.version)
        start, last, more = after, NO_TIP, after < end
        while more:
            copies, last, more = self._copy_on(aggregate, start, end, newest, last)
            yield from _in_range(_unpack(copies, aggregate), after, end)
            start = last.version

    def since(self, aggregate: AggregateId, version: int, lasting: int | None) -> Iterator[Record]:
        """See `Journal.since`. What other processes have written lately is still in memory."""
        self._catch_up()
        found = self._heard.since(aggregate, version, lasting)
        return read_since(self.read, aggregate, version, lasting) if found is None else found

    def read_backwards(self, aggregate: AggregateId, upto: int | None = None) -> Iterator[Record]:
        """See `Journal.read_backwards`. Events that are appended meanwhile are left out."""
        self._catch_up()
        newest = self._tip(aggregate)
        end = newest.version if upto is None else min(upto, newest.version)
        with self._store.reading() as txn:
            tip = _tip_near(txn, aggregate, end + 1, newest)
        while end > 0 and tip.version:
            copies, tip = self._copy_back(tip, end)
            yield from _in_range(_unpack(copies, aggregate, reverse=True), 0, end)

    def read_all(self, after: int = 0) -> Iterator[Record]:
        """See `Journal.read_all`. It reads up to the position at the first call of `next`."""
        end = self.position()
        for batch in self.follow(after):
            for record in batch:
                if record.position >= end:
                    return
                yield record
            if not batch:
                return

    def read_every(self, after: int = 0) -> Iterator[Numbered]:
        """See `Journal.read_every`. It reads up to the last record at the first call of `next`."""
        present = self._catch_up()
        if after >= present.last_record:
            return
        with self._store.reading() as txn:
            number = log.head_of_record(txn, after, present).number
            before = log.head_of(txn, number - 1)
        for turn in self._turns(before, present):
            for earlier, record in turn.numbered():
                if earlier >= after:
                    yield Numbered(earlier + 1, record)

    def _turns(self, last: CommitHead, present: CommitHead) -> Iterator[Located]:
        """Read the turns of the commits after `last` up to `present`; it holds no transaction."""
        while last.number < present.number:
            for number, commit in self._copy_commits(last.number + 1):
                if number > present.number:
                    return
                last, found = read_commit(number, commit, last)
                yield from found

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """See `Journal.follow`. It holds no transaction while a reader has a batch."""
        present = self._catch_up()
        with self._store.reading() as txn:
            last = log.head_before(txn, after, present)
        while True:
            while last.number < self._catch_up().number:
                for number, commit in self._copy_commits(last.number + 1):
                    last, found = read_commit(number, commit, last)
                    yield from _batches(found, after)
            yield ()

    def find(self, command_id: str) -> Record | None:
        """See `Journal.find`. The arguments of `LmdbJournal.open` set the window."""
        last = self._catch_up()
        oldest = self.window.begin(last)
        place = self._tail.ids.get(command_id)
        with self._store.reading() as txn:
            place = place or index.find_id(txn, command_id, oldest, last.last_record)
            if place is None:
                return None
            newest, commit, offset = place
            turn = log.turn_at(txn, commit, offset) if newest >= oldest else None
        if turn is None:
            return None
        for number, found in turn.numbered():
            if found.command_id == command_id:
                return None if self.window.is_over(number, found.time, last) else found
        if turn.gaps:
            return None
        raise JournalDamaged(f"the index of ids leads from {command_id!r} to another turn")

    def version(self, aggregate: AggregateId) -> int:
        """Return how many events the aggregate has."""
        self._catch_up()
        return self._tip(aggregate).version

    def look(self, work: Callable[[Reading, CommitHead], T]) -> T:
        """Let `work` read the tables in a short transaction; see `LmdbJournal.tidy`.

        Args:
            work: gets the transaction and the head of the journal's last commit. An open
                transaction makes the file grow, so it should take a few milliseconds only.
        """
        last = self._catch_up()
        with self._store.reading() as txn:
            return work(txn, last)

    def room(self) -> Room:
        """Return how large data.mdb is, and how much of it is free for what is written next."""
        self._store.check_open()
        return self._store.room()

    def lasting(self, aggregate: AggregateId) -> int:
        """Return how many lasting records the aggregate has at its current version."""
        self._catch_up()
        known = self._counts.known(aggregate)
        return self._count_lasting(aggregate) if known is None else known

    def position(self) -> int:
        """Return the position of the last event, which is the number of events without gaps."""
        return self._catch_up().last_position

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Journal.wake`. Other processes ring; a read-only journal polls."""
        self._store.check_open()
        return self._wakes.add(callback)

    def aggregates(self, start: AggregateId | None = None) -> Iterator[tuple[AggregateId, int]]:
        """See `Journal.aggregates`. An aggregate that begins meanwhile may be missing."""
        self._catch_up()
        recent = sorted(self._tail.tips.copy().items())  # copy() is one step for other threads
        if start is not None:
            recent = recent[bisect_left(recent, start, key=itemgetter(0)) :]
        for aggregate, tips in groupby(merge(self._stored_tips(start), recent), itemgetter(0)):
            version = max(tip.version for _, tip in tips)
            if version:  # else it has lasting records only
                yield aggregate, version

    def snapshot(self, aggregate: AggregateId, upto: int | None = None) -> Snapshot | None:
        """See `Journal.snapshot`. Snapshots that are damaged or not yet durable are ignored."""
        version = self.version(aggregate)
        with self._store.reading() as txn:
            return read_snapshot(txn, aggregate, version if upto is None else min(upto, version))

    def kinds(self) -> Mapping[EventKind, int]:
        """See `Journal.kinds`. Commits that are not counted yet are read, once."""
        present = self._catch_up()
        upto, counts = self._kinds.copy()
        if upto < present.number:
            with self._store.reading() as txn:
                self._kinds.join(*read_counts(txn))
                upto, counts = self._kinds.copy()
                before = log.head_of(txn, upto)
            more = self._turns(before, present)
            counts += kinds_in(record for turn in more for record in turn.records)
            self._kinds.join(present.number, counts)
            self._kinds.caught_up = True
        return counts

    def figures(self) -> JournalFigures:
        """Return the journal's counts; `size` is the size of data.mdb, which never shrinks."""
        last = self._catch_up()
        events, size = last.last_position, self._store.size()
        with self._store.reading() as txn:
            gaps = read_gaps(txn).records
        return JournalFigures(events, events, last.number, last.last_record, size, gaps)

    def whole_commits(self) -> WholeCommits:
        """Return the commits as they are stored, up to the newest one of now, to copy them."""
        return WholeCommits(self._store, self._catch_up())

    # --- copies, each made in one short transaction ----------------------------------------------

    def _copy_on(
        self, aggregate: AggregateId, after: int, end: int, newest: Tip, last: Tip
    ) -> tuple[list[_Copy], Tip, bool]:
        """Copy the next turns, from the turn of version after+1 on, at most up to `end`.

        `last` is the tip of the last copied turn, or `NO_TIP`. Returns the copies, the new
        `last`, and whether turns remain.
        """
        copies: list[_Copy] = []
        size = 0
        with self._store.reading() as txn:
            found: list[tuple[Tip, memoryview, Layout]] = []
            start = _tip_near(txn, aggregate, after + 1, newest)
            for tip, (_, _, before, _), view, layout in log.turns_back(txn, start):
                if tip[1:] <= last[1:] or (not last.commit and tip.version <= after):
                    break
                if before.version < end or tip.version == end:
                    found.append((tip, view, layout))
                if not last.commit and before.version <= after:
                    break
            total = sum(len(view) for _, view, _ in found)
            # An eighth of a long way, so that it is not walked back too often.
            while found and size < max(_COPY_BYTES, min(total >> 3, _MOST_BYTES)):
                last, view, layout = found.pop()
                copies.append((last.commit, last.offset, bytes(view), layout))
                size += len(view)
        # A stored tip may have lasting records after it, at the same version.
        return copies, last, bool(found) or (start != newest and start.version <= end)

    def _copy_back(self, start: Tip, end: int) -> tuple[list[_Copy], Tip]:
        """Copy turns from a tip back, none after `end`; return also the tip before them."""
        copies: list[_Copy] = []
        size, before = 0, start
        with self._store.reading() as txn:
            for tip, (_, _, before, _), view, layout in log.turns_back(txn, start):
                if before.version < end or tip.version == end:
                    copies.append((tip.commit, tip.offset, bytes(view), layout))
                    size += len(view)
                if size >= _COPY_BACK_BYTES:
                    break
        return copies, before

    def _copy_commits(self, number: int) -> list[tuple[int, bytes]]:
        copies: list[tuple[int, bytes]] = []
        size, last = 0, self._last.number
        with self._store.reading() as txn:
            for each, commit in log.commits_from(txn, number):
                if each > last or size >= _COPY_BYTES:
                    break
                copies.append((each, bytes(commit)))
                size += len(commit)
        if not copies:
            raise JournalDamaged(f"commit {number} is missing")
        return copies

    def _stored_tips(self, first: AggregateId | None) -> Iterator[tuple[AggregateId, Tip]]:
        start: bytes | None = b"" if first is None else index.first_row(first)
        while start is not None:
            with self._store.reading() as txn:
                tips, start = index.stored_tips(txn, start, _LISTED)
            yield from tips


def _batches(turns: Iterable[Located], after: int) -> Iterator[Sequence[Record]]:
    """Give the records that have an event after position `after`, in batches that are not empty."""
    batch: list[Record] = []
    for turn in turns:
        batch += [
            record
            for record in turn.records
            if record.events and (record.position >= after or record.last_position > after)
        ]
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _tip_near(txn: Reading, aggregate: AggregateId, version: int, newest: Tip) -> Tip:
    """Return a tip at this version or later, and close to it."""
    if newest.version - version >> index.BLOCK_BITS:
        tip = index.tip_from(txn, aggregate, version)
        if tip.version:
            return tip
    return newest


def _unpack(
    copies: list[_Copy], aggregate: AggregateId, *, reverse: bool = False
) -> Iterator[Record]:
    """Read the copied turns; gives the records of each turn in order, or the last one first."""
    for commit, offset, copy, layout in copies:
        records = layout.locate(commit, offset, memoryview(copy)).records
        if records[0].aggregate != aggregate:
            raise JournalDamaged(
                f"commit {commit}, offset {offset}: expected a turn of {aggregate}, found one of "
                f"{records[0].aggregate}"
            )
        yield from reversed(records) if reverse else records


def _in_range(records: Iterable[Record], after: int, end: int) -> Iterator[Record]:
    """Give the records that have an event after `after` and up to `end`, and lasting ones there."""
    for record in records:
        in_time = record.version < end if record.events else record.version <= end
        if in_time and record.last_version > after and (record.events or record.lasting):
            yield record
