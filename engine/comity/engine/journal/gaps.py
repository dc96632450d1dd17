"""What was dropped from a journal: a row in `meta`, which is changed with the commits."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgpack import unpackb

from comity.engine.errors import JournalDamaged
from comity.engine.files.seal import seal, unseal
from comity.engine.formats import grown
from comity.engine.journal.index import META
from comity.engine.journal.packing import packed
from comity.engine.lmdb.transaction import Reading, Writing

GAPS: Final = b"gaps"


class Gaps(NamedTuple):
    """What was dropped from a journal; new fields at the end."""

    records: int = 0
    """How many records were dropped."""
    upto: int = 0
    """The last commit that was looked at for records to drop: all before it need no other look."""


def read_gaps(txn: Reading) -> Gaps:
    """Return what was dropped.

    Raises:
        JournalDamaged: the row is not what was written.
    """
    sealed = txn.get(META, GAPS)
    if sealed is None:
        return Gaps()
    try:
        return gaps_in(unseal(GAPS, sealed, "the row of gaps"))
    except (ValueError, TypeError) as error:
        raise JournalDamaged(f"the row of gaps cannot be read: {error}") from error


def gaps_in(row: bytes | memoryview) -> Gaps:
    """Return what a row without its seal says.

    Raises:
        ValueError, TypeError: it is no such row.
    """
    return grown(Gaps, unpackb(row))


def write_gaps(txn: Writing, gaps: Gaps) -> None:
    """Store what was dropped."""
    txn.put(META, GAPS, seal(GAPS, packed(gaps)))
