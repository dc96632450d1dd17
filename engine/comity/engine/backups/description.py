"""What a backup says of itself, in one row beside its journal's tables; and the backup's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self, cast

from msgpack import UnpackException, packb, unpackb

from comity.engine import formats
from comity.engine.errors import JournalDamaged, JournalInUse, NotAJournal, StorageFailed
from comity.engine.files.seal import seal, unseal
from comity.engine.journal.commit_log import COMMITS
from comity.engine.journal.journal_folder import TABLES
from comity.engine.journal.lmdb_store import LmdbStore
from comity.engine.lmdb.meaning import Meaning
from comity.engine.lmdb.transaction import Reading, Writing

BACKUP: Final = "backup"
"""The table that a backup has beside those of its journal."""
BACKUP_TABLES: Final[dict[str, bool]] = {**TABLES, BACKUP: False}

UNSEALED: Final = frozenset([COMMITS.encode()])
"""The tables whose values do not end with a checksum: commits have their own."""

_OUTLET: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""The names of outlets become names of folders, so others are refused."""
_KEY: Final = b"description"
_MEND: Final = (
    "begin a new backup at another path, and keep this one if the journal is lost: "
    "`comity salvage` writes what can be read from it into a new journal"
)


class Description(NamedTuple):
    """Which journal a backup is of, and how far. Stored as a map, so a newer comity may add fields.

    The commits themselves are in the backup's journal, which may have more of them than the last
    complete backup: those of one that was interrupted.
    """

    path: str
    """Where the journal was."""
    format: int = formats.BACKUP
    comity: str = ""
    """The version of comity that wrote it last."""
    commit: int = 0
    """The last commit of the last complete backup; 0 if there is none …"""
    crc: int = 0
    """… its checksum …"""
    time: int = 0
    """… and when that backup was complete, in microseconds since 1970."""
    aim: int = 0
    """The last commit of the backup that was begun after that one; 0 if none was."""
    ledgers: int = 0
    """The generation of the ledgers' rows, see `kept_ledgers`."""
    outlets: Sequence[str] = ()
    """The outlets whose ledgers are in the backup."""

    @property
    def is_complete(self) -> bool:
        """Whether the last backup was not interrupted."""
        return not self.aim

    def row(self) -> tuple[bytes, bytes]:
        """Return the key and the sealed value."""
        return _KEY, seal(_KEY, packb(self._asdict()))

    def put(self, txn: Writing) -> None:
        """Store it."""
        txn.put(BACKUP, *self.row())

    @classmethod
    def read(cls, txn: Reading) -> Self:
        """Read it.

        Raises:
            NotAJournal: there is none.
            TooNew: only a newer comity reads the backup.
            JournalDamaged: it is not what was written.
        """
        sealed = txn.get(BACKUP, _KEY)
        if sealed is None:
            raise NotAJournal("the backup has no description: something else than comity made it")
        try:
            fields = cast("dict[str, Any]", unpackb(unseal(_KEY, sealed, "the description")))
            if fields["format"] > formats.BACKUP:
                what, known = f"this backup has format {fields['format']}", f"{formats.BACKUP}"
                raise formats.too_new(what, f"format {known}", fields.get("comity", ""))
            found = cls(**{name: fields[name] for name in cls._fields if name in fields})
            strange = [one for one in found.outlets if not _OUTLET.fullmatch(one)]
        except (KeyError, TypeError, ValueError, UnpackException) as error:
            raise JournalDamaged(f"the backup's description cannot be read: {error!r}") from error
        if strange:
            raise JournalDamaged(f"the backup names {strange[:3]!r}, which are no outlets")
        return found


class BackupStore(LmdbStore):
    """The LMDB environment of a backup."""

    meaning = Meaning(
        damaged=JournalDamaged,
        foreign=NotAJournal,
        barred=StorageFailed,
        in_use=JournalInUse,
        crowded=StorageFailed,
        gone=StorageFailed,
        mend=_MEND,
        find="put it back, or give another path",
    )
