"""The tables of a ledger: their names, what reads and writes them, and a version in memory.

`LmdbTables` is the durable version; both only know bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

from comity.engine.errors import OutletInUse
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.engine.sharing.lease import Lease

META: Final = "meta"
"""The origin and the progress."""
LANES: Final = "lanes"
"""digest of a key -> `LaneRow`."""
EVENTS: Final = "events"
"""digest, position -> the time of the event: what waits, in order for each key."""
DUE: Final = "due"
"""time, digest: when waiting keys are tried next."""
HEADS: Final = "heads"
"""`w` or `p`, position of the first event, digest: waiting and parked keys in the journal's
order."""

NAMES: Final[tuple[str, ...]] = (META, LANES, EVENTS, DUE, HEADS)

Changes: TypeAlias = Mapping[str, Mapping[bytes, bytes | None]]
"""For each table the values to set, by key; None deletes the row."""


class Tables(Protocol):
    """The tables of one ledger. Any thread reads; one writes."""

    @property
    def lease(self) -> Lease | None:
        """The right to deliver, while other programs may want it; None if nobody else can."""
        ...

    def get(self, table: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        ...

    def rows(
        self, table: str, start: bytes, prefix: bytes, most: int
    ) -> Sequence[tuple[bytes, bytes]]:
        """Up to `most` rows from this key on, in order, whose keys have the prefix."""
        ...

    def write(self, changes: Changes) -> None:
        """Make all changes, or none; they are durable when it returns.

        Raises:
            StorageFailed, OutcomeUnknown: call again with the same changes later.
            OutletInUse: another program has taken over; nothing was changed.
            LedgerDamaged: the tables cannot be read.
        """
        ...

    def check_place(self) -> None:
        """Check that the files are still where they were opened.

        Raises:
            LedgerDamaged: they were moved or deleted.
        """
        ...

    def close(self) -> None:
        """Release the tables and their lock."""
        ...

    def kill(self) -> None:
        """Release them as the end of a killed process does."""
        ...

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        ...


class MemoryTables:
    """Tables in memory, of an outlet over a journal in memory."""

    lease: Lease | None = None

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[str, dict[bytes, bytes]] = {name: {} for name in NAMES}
        self._keys: dict[str, list[bytes]] = {name: [] for name in NAMES}
        self._held = False

    def hold(self) -> None:
        """Take the lock of whoever delivers.

        Raises:
            OutletInUse: another domain over the same journal has it.
        """
        with self._lock:
            if self._held:
                raise OutletInUse("another domain over this journal delivers through this outlet")
            self._held = True

    def get(self, table: str, key: bytes) -> bytes | None:
        """See `Tables.get`."""
        with self._lock:
            return self._values[table].get(key)

    def rows(
        self, table: str, start: bytes, prefix: bytes, most: int
    ) -> Sequence[tuple[bytes, bytes]]:
        """See `Tables.rows`."""
        with self._lock:
            keys, values = self._keys[table], self._values[table]
            place = bisect_left(keys, start)
            found = [key for key in keys[place : place + most] if key.startswith(prefix)]
            return [(key, values[key]) for key in found]

    def write(self, changes: Changes) -> None:
        """See `Tables.write`."""
        with self._lock:
            for table, rows in changes.items():
                keys, values = self._keys[table], self._values[table]
                for key, value in rows.items():
                    if value is not None:
                        if key not in values:
                            insort(keys, key)
                        values[key] = value
                    elif values.pop(key, None) is not None:
                        del keys[bisect_left(keys, key)]

    def check_place(self) -> None:
        """See `Tables.check_place`."""

    def close(self) -> None:
        """See `Tables.close`."""
        self._held = False

    kill = abandon = close


_LEDGERS: Final = WeakKeyDictionary[MemoryJournal, dict[str, MemoryTables]]()
_lock = Lock()


def tables_beside(journal: MemoryJournal, outlet: str) -> MemoryTables:
    """The ledger of an outlet over a journal in memory; it lasts as long as the journal."""
    with _lock:
        ledgers = _LEDGERS.setdefault(journal, {})
        return ledgers.setdefault(outlet, MemoryTables())
