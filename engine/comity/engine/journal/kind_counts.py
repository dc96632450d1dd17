"""How many events of each kind an LMDB journal has, so that nobody need read it to know.

The counts are one row in `meta`, which is written with the index and can be made again from the
commits. It has its own marker, the last commit that it covers: an older comity writes the index
and leaves this row as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from msgpack import unpackb

from comity.engine.errors import JournalDamaged
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.event_kind import EventKind
from comity.engine.journal.index import META
from comity.engine.journal.packing import packed
from comity.engine.lmdb.transaction import Reading, Writing
from comity.engine.runtime.system import Lock

KINDS: Final = b"kinds"
"""The key of the counts in `meta`."""
_FIELDS: Final = len(EventKind._fields)


class KindCounts:
    """The counts up to one commit, in memory. Any thread may call its methods."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._upto = 0
        self._counts = Counter[EventKind]()
        self.caught_up = False
        """Whether commits were read to count them. Then it is worth while to store the counts."""

    def add(
        self, commit: int, turns: Iterable[Mapping[EventKind, int]], upto: int | None = None
    ) -> None:
        """Count the events of the next commit, or of the next commits up to `upto`.

        Nothing happens if commits before them are missing.
        """
        with self._lock:
            if commit == self._upto + 1:
                self._upto, counts = commit if upto is None else upto, self._counts
                for kinds in turns:
                    for kind, many in kinds.items():
                        counts[kind] += many

    def lacks(self, commit: int) -> bool:
        """Whether this commit is the next one to count."""
        return commit == self._upto + 1

    def join(self, upto: int, counts: Counter[EventKind]) -> None:
        """Take over counts that reach further."""
        with self._lock:
            if upto > self._upto:
                self._upto, self._counts = upto, counts.copy()

    def copy(self) -> tuple[int, Counter[EventKind]]:
        """Return the last commit that is counted, and a copy of the counts up to it."""
        with self._lock:
            return self._upto, self._counts.copy()


def write_counts(txn: Writing, counted: KindCounts, last: int) -> None:
    """Store the counts, if they reach up to the journal's last commit."""
    upto, counts = counted.copy()
    if upto == last:
        rows = [(*kind, many) for kind, many in sorted(counts.items())]
        txn.put(META, KINDS, seal(KINDS, packed((upto, rows))))


def read_counts(txn: Reading) -> tuple[int, Counter[EventKind]]:
    """Return the stored counts and the last commit that they cover.

    Without a usable row this is commit 0: then the commits are counted again.
    """
    sealed = txn.get(META, KINDS)
    if sealed is None:
        return 0, Counter()
    try:
        return counts_in(unseal(KINDS, sealed, "the row of kinds"))
    except (JournalDamaged, ValueError, TypeError, LookupError):
        return 0, Counter()


def counts_in(row: bytes) -> tuple[int, Counter[EventKind]]:
    """Return the counts in a row, and the last commit that they cover.

    Raises:
        ValueError, TypeError, LookupError: it is no such row.
    """
    upto, rows, *_ = unpackb(row, use_list=False)
    return upto, Counter({EventKind._make(each[:_FIELDS]): each[_FIELDS] for each in rows})
