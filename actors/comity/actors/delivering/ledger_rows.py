"""The rows of outlets' ledgers, for backups: read all at one moment, and written into new ones.

The state that a program tells others, and its right to deliver, are not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.forms import EPOCH, LIVE
from comity.actors.delivering.ledger_tables import META
from comity.actors.delivering.lmdb_tables import LmdbTables, create_ledger, is_there
from comity.actors.delivering.options import NAME
from comity.engine.errors import LedgerDamaged
from comity.engine.files.disk import disk_errors
from comity.engine.files.own_folder import OwnFolder

if TYPE_CHECKING:
    from comity.actors.delivering.outlets import Outlets
    from comity.engine.backups.kept_ledgers import Ledgers, Row

_ANY: Final = re.compile(NAME)
_OF_A_PROGRAM: Final = frozenset([(META, EPOCH), (META, LIVE)])


def ledgers_in(folder: Path, here: Outlets | None = None) -> Ledgers:
    """Return what reads the ledgers in a folder, by the names of their outlets.

    Args:
        folder: the folder of all ledgers.
        here: the outlets of this process, which may have some of the ledgers open.

    Raises:
        StorageFailed: the folder cannot be read.
    """
    with disk_errors(f"{folder} cannot be read"):
        names = OwnFolder(folder, _ANY).folders(_ANY)
        return {
            name: partial(_rows, folder / name, here) for name in names if _was_there(folder / name)
        }


def make_ledger_of(folder: Path, rows: Iterable[Row]) -> None:
    """Make a ledger with these rows in a new folder.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    folder.mkdir(mode=0o700)
    create_ledger(folder, rows)


def _was_there(place: Path) -> bool:
    try:
        return is_there(place)
    except LedgerDamaged:
        return True  # it is told when the rows are read


def _rows(place: Path, here: Outlets | None) -> Iterator[Row]:
    tables = None if here is None else here.tables_in(place)
    if tables is not None:
        yield from _wanted(tables)
        return
    is_there(place)
    with closing(LmdbTables(place, read_only=True)) as own:
        yield from _wanted(own)


def _wanted(tables: LmdbTables) -> Iterator[Row]:
    for table, key, value in tables.every():
        if (table, key) not in _OF_A_PROGRAM:
            yield table, key, value
