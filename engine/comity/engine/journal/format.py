"""What an LMDB journal says of itself: its format, and what made it. Written when it is made."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from msgpack import UnpackException, packb, unpackb

from comity.engine.errors import JournalDamaged, NotAJournal
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.commit_record import FORMAT
from comity.engine.lmdb.store import ENGINE_VERSION, LIBRARY

FORMAT_KEY: Final = b"format"


class JournalFormat(NamedTuple):
    """The format record."""

    format: int
    """The number of the layout; a newer one cannot be read."""
    library: str
    """Which py-lmdb made it."""
    engine: str
    """Which LMDB, and so which layout of data.mdb."""
    created: int
    """When, in microseconds since 1970."""
    fsync: bool
    """Whether all of it was flushed; false for ever once it was opened with unsafe_no_fsync."""


def new_format() -> JournalFormat:
    """What a journal that is made now says."""
    created = time.time_ns() // 1_000
    return JournalFormat(FORMAT, LIBRARY, ENGINE_VERSION, created, fsync=True)


def pack_format(record: JournalFormat) -> bytes:
    """The sealed row of a format record."""
    return seal(FORMAT_KEY, packb(record._asdict()))


def read_format(sealed: memoryview | None) -> JournalFormat:
    """The format record in this row.

    Raises:
        NotAJournal: there is none, or it is of a newer format.
        JournalDamaged: it is not what was written.
    """
    if sealed is None:
        raise NotAJournal("this is an LMDB environment without the format record of a journal")
    data = unseal(FORMAT_KEY, sealed, "the format record")
    try:
        fields = unpackb(data)
        if fields["format"] <= FORMAT:
            return JournalFormat(**fields)
    except (KeyError, TypeError, ValueError, UnpackException) as error:
        raise JournalDamaged(
            f"the format record does not hold what it should: {error!r}; restore a backup"
        ) from error
    raise NotAJournal(
        f"this journal has format {fields['format']}, this version of comity reads up to "
        f"{FORMAT}: upgrade comity"
    )
