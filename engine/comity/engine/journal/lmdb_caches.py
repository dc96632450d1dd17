"""What a journal's readers and writer keep in memory, and how it keeps up with other writers.

If others may write, each read first asks LMDB for the number of the newest transaction. If it has
moved, the caches catch up, under the lock `_refreshing`, inside a transaction and the gate.
`LmdbReader` extends this.
"""

from __future__ import annotations

from typing import Final

from comity.engine.aggregate_id import AggregateId
from comity.engine.journal import commit_log as log
from comity.engine.journal import index
from comity.engine.journal.commit_head import NO_COMMIT, CommitHead
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.heard import Heard, HeardTurn
from comity.engine.journal.kind_counts import KindCounts, read_counts
from comity.engine.journal.lasting_counts import LastingCounts
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.journal.looking import ListeningWakes, LookingWakes
from comity.engine.journal.skimming import Kinds, skim
from comity.engine.journal.tip import Tip
from comity.engine.journal.wakes import Wakes
from comity.engine.journal.window import Window
from comity.engine.lmdb.transaction import Reading
from comity.engine.runtime.system import Lock
from comity.engine.sharing.member import Member

_TIPS: Final = 32_768
"""How many tips of aggregates each of two caches keeps in memory: about 20 MB."""
_FAR: Final = 8_192
"""A writer that is so many records behind the stored index, a quarter of a second of two busy
processes, begins there and forgets its caches: it is not worth while to read them all."""


class LmdbCaches:
    """The caches: the tail of the index, tips, counts, what others wrote. Any thread may look."""

    def __init__(
        self,
        store: LmdbStore,
        *,
        window: Window,
        read_only: bool,
        member: Member | None,
    ) -> None:
        self._store = store
        self.window = window
        """Which command ids it still knows."""
        self._read_only = read_only
        self.member = member
        """The place of this process among those that share the journal; None: it does not."""
        self._others = read_only or member is not None
        """Whether other processes may write."""
        self._refreshing = Lock()
        self._wakes = self._new_wakes()
        self._tips: dict[AggregateId, Tip] = {}
        self._old_tips: dict[AggregateId, Tip] = {}
        """Two caches of stored tips, for writers only: they look at every commit."""
        self._tail = index.Tail()
        """The index of the commits after the marker."""
        self._kinds = KindCounts()
        self._counts = LastingCounts(self._count_lasting, self._tip)
        self._heard = Heard(self._counts)
        self._marker = 0
        self._last = NO_COMMIT
        """The last commit that is known to be durable."""
        self._seen = 0
        """The number of the newest LMDB transaction that these caches include."""
        self._in_doubt = False
        """Whether a commit of this process is being flushed, or has failed midway."""
        self._doubtful = range(0), 0
        """The numbers of its transactions, and how often the files had been opened then. Once LMDB
        shows one, it is on the disk, unless they are opened again: then LMDB may show more."""
        self._foreign = 0
        """How many commits were found in the journal, and not appended here."""

    def _catch_up(self) -> CommitHead:
        """Return the last commit to show; look for those of other processes first."""
        self._store.check_open()
        if self._others and self._store.newest() != self._seen:
            self._refresh()
        return self._last

    def _refresh(self) -> None:
        with self._store.reading() as txn:
            self._follow(txn)

    def _follow(self, txn: Reading, *, anew: bool = False) -> None:
        """Bring the caches up to what the transaction sees; `anew` forgets them first."""
        with self._refreshing:
            if not anew and self._is_news(txn.sees):
                self._add_own(txn)
            if anew or self._is_news(txn.sees):
                marker = index.read_marker(txn)
                far = anew or self._is_far(txn, marker)
                last = log.head_of(txn, marker) if far else self._last
                if far:
                    self._kinds.join(*read_counts(txn))
                heard: list[HeardTurn] = []
                added, newest = self._skim(txn, last, None if self._read_only or far else heard)
                if far:
                    self._forget(added, marker)
                else:
                    self._take_over(added, marker, heard)
                self._foreign += 1 if anew else newest.number - self._last.number
                self._last, self._seen = newest, txn.sees

    def _add_own(self, txn: Reading) -> None:
        """Add this process's commit if it is stored, and its thread has not gone on yet."""

    def _is_news(self, number: int) -> bool:
        doubtful, opened = self._doubtful
        if self._in_doubt and number in doubtful and self._store.opened > opened:
            return False
        return number > self._seen  # another thread may have been first

    def _is_far(self, txn: Reading, marker: int) -> bool:
        """Whether to begin after the marker, instead of reading every commit."""
        if marker <= self._last.number:
            return False
        missing = log.head_of(txn, marker).last_record - self._last.last_record
        return self._read_only or not self._last.number or missing > _FAR

    def _skim(
        self, txn: Reading, last: CommitHead, heard: list[HeardTurn] | None
    ) -> tuple[index.Tail, CommitHead]:
        """Read the commits after `last`; return their rows, and the head of the newest one."""
        added, first = index.Tail(), last.number + 1
        # Readers look for new commits often, and count when somebody asks.
        kinds: Kinds | None = None if self._read_only or not self._kinds.lacks(first) else {}
        for number, commit in log.commits_from(txn, first):
            last = skim(number, commit, last, added, kinds, heard)
        if kinds is not None and last.number >= first:
            counted = {EventKind._make(kind): many for kind, many in kinds.items()}
            self._kinds.add(first, [counted], last.number)
        return added, last

    def _take_over(self, added: index.Tail, marker: int, heard: list[HeardTurn]) -> None:
        """Add the rows of new commits; drop those of commits up to the marker, which are stored."""
        self._heard.add(heard)
        self._tail.extend(added)
        if marker > self._marker:
            self._keep_tips()
            self._tail, self._marker = self._tail.after(marker), marker

    def _forget(self, tail: index.Tail, marker: int) -> None:
        """Forget the caches; `tail` has the rows of the commits after the marker."""
        self._counts.clear()
        self._heard.clear()
        self._tips, self._old_tips = {}, {}
        self._tail, self._marker = tail, marker

    def _keep_tips(self) -> None:
        """Keep the tips of the tail, which is about to lose them."""
        if not self._read_only:
            if len(self._tips) > _TIPS:
                self._old_tips, self._tips = self._tips, {}
            self._tips.update(self._tail.tips)

    def _tip(self, aggregate: AggregateId) -> Tip:
        tip = self._tail.tips.get(aggregate) or self._tips.get(aggregate)
        tip = tip or self._old_tips.get(aggregate)
        if tip is None:
            with self._store.reading() as txn:
                tip = index.newest_tip(txn, aggregate)
        return tip

    def _count_lasting(self, aggregate: AggregateId) -> int:
        many = 0
        with self._store.reading() as txn:
            for tip, frame, _, _ in log.turns_back(txn, self._tip(aggregate)):
                many += frame.lasting
                if frame.before.version < tip.version:  # it has events
                    break
        return many

    def _new_wakes(self) -> Wakes:
        if self.member is not None:
            return ListeningWakes(self.member)
        return LookingWakes(self._newest_commit) if self._read_only else Wakes()

    def _newest_commit(self) -> int:
        return self._catch_up().number
