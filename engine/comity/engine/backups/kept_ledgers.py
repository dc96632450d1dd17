"""The ledgers of outlets in a backup: rows of LMDB tables that the engine does not understand.

A new backup writes them under a new generation before it copies commits, and names that generation
when it is complete. So an interrupted backup leaves the earlier ledgers, and no ledger is ahead of
the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from comity.engine.backups.description import BACKUP
from comity.engine.errors import JournalDamaged, OutletError, OutletInUse
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.copy_writer import CopyWriter
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.lmdb.transaction import Writing
from comity.engine.runtime.system import pause

Row: TypeAlias = tuple[str, bytes, bytes]
"""The table, the key and the value of a row of a ledger."""
LedgerRows: TypeAlias = Callable[[], Iterable[Row]]
"""Reads the rows of a ledger, all of one moment."""
Ledgers: TypeAlias = Mapping[str, LedgerRows]
"""The ledgers to back up, by the names of their outlets."""

_LEDGER: Final = b"ledger"
_GENERATION_BYTES: Final = 4
_MANY: Final = 10_000
"""Rows that are written, read or deleted in one transaction."""


_TRIES: Final = 50
_REST: Final = 0.02
"""Seconds between two tries."""


def keep_ledgers(
    copy: CopyWriter, generation: int, ledgers: Ledgers, before: Collection[str]
) -> dict[str, str]:
    """Write the rows of all ledgers under a generation, which has none yet.

    A ledger that cannot be read prevents no backup: its rows of the generation before are kept.

    Args:
        copy: the backup.
        generation: the new generation.
        ledgers: the ledgers.
        before: the outlets whose ledgers the generation before has.

    Returns:
        The outlets whose ledgers could not be read, with the reasons.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    failed: dict[str, str] = {}
    for name, read in ledgers.items():
        start = _start(generation, name)
        try:
            _keep(copy, start, _patiently(read))
        except OutletError as error:
            failed[name] = str(error)
            _drop(copy, start)
            if name in before:
                _keep(copy, start, kept_rows(copy.store, generation - 1, name))
    return failed


def _keep(copy: CopyWriter, start: bytes, rows: Iterable[Row]) -> None:
    every = iter(rows)
    while some := list(islice(every, _MANY)):
        copy.write(partial(_put, start, some))


def _put(start: bytes, rows: Sequence[Row], txn: Writing) -> None:
    for table, key, value in rows:
        full = start + table.encode() + b"\0" + key
        txn.put(BACKUP, full, seal(full, value))


def _patiently(read: LedgerRows) -> Iterator[Row]:
    """Read a ledger; wait while this process opens or closes it, which takes a moment."""
    for left in reversed(range(_TRIES)):
        rows = iter(read())
        try:
            first = list(islice(rows, 1))
        except OutletInUse:
            if not left:
                raise
            pause(_REST)
        else:
            yield from first
            yield from rows
            return


def kept_rows(store: LmdbStore, generation: int, name: str) -> Iterator[Row]:
    """Read the rows of a ledger from a backup.

    Raises:
        JournalDamaged: a row is not what was written.
    """
    start, more = _start(generation, name), True
    after = start
    while more:
        more, found = False, list[tuple[bytes, bytes]]()
        with store.reading() as txn:
            for key, value in txn.rows(BACKUP, after):
                if not key.startswith(start):
                    break
                if len(found) >= _MANY:
                    more = True
                    break
                found.append((key, unseal(key, value, f"the ledger of {name}")))
        for key, data in found:
            table, divider, rest = key[len(start) :].partition(b"\0")
            if not divider:
                raise JournalDamaged(f"the ledger of {name} has a row without a table: {key!r}")
            yield table.decode(), rest, data
        after = found[-1][0] + b"\0" if found else after


def drop_ledgers(copy: CopyWriter, besides: int) -> None:
    """Delete the rows of all generations but one.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    while (generation := _other(copy.store, besides)) is not None:
        _drop(copy, _LEDGER + generation.to_bytes(_GENERATION_BYTES))


def _drop(copy: CopyWriter, start: bytes) -> None:
    deleted = _MANY

    def delete(txn: Writing) -> None:
        nonlocal deleted
        deleted = txn.delete(BACKUP, start, _MANY)

    while deleted == _MANY:
        copy.write(delete)


def _other(store: LmdbStore, besides: int) -> int | None:
    with store.reading() as txn:
        for wanted in (_LEDGER, _LEDGER + (besides + 1).to_bytes(_GENERATION_BYTES)):
            for key, _ in txn.rows(BACKUP, wanted):
                if not key.startswith(_LEDGER):
                    break
                at = len(_LEDGER)
                generation = int.from_bytes(key[at : at + _GENERATION_BYTES])
                if generation != besides:
                    return generation
                break
    return None


def _start(generation: int, name: str) -> bytes:
    return _LEDGER + generation.to_bytes(_GENERATION_BYTES) + name.encode() + b"\0"
