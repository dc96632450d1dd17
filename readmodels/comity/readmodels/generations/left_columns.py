"""A small file in a model's folder: the columns that an older program's rebuild has left out.

A program goes on without a rebuild because no event before it can have filled its new columns. If
a newer program has worked here and was taken back, that is not so: the events that it wrote may
fill them. So the columns are noted when the older program finds them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import msgpack
from pydantic import TypeAdapter

from comity.engine.files.own_folder import read_file, write_file
from comity.readmodels.tables.growth import Columns

FILE: Final = "left"
_MOST: Final = 1 << 20
"""The most bytes of the file."""
_COLUMNS: Final = TypeAdapter(dict[str, list[str]])

_log = logging.getLogger("comity")


def left_columns(folder: Path) -> Columns | None:
    """The columns that were left out, by table; None if the file cannot be read."""
    try:
        return _COLUMNS.validate_python(msgpack.unpackb(read_file(folder / FILE, _MOST)))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, msgpack.UnpackException) as error:
        _log.warning("%s cannot be read: %s", folder / FILE, error)
        return None


def note_left(folder: Path, old: Columns, new: Columns) -> None:
    """Note the columns that an older generation has and this class does not have."""
    left = {table: sorted(set(names) - set(new.get(table, ()))) for table, names in old.items()}
    known = left_columns(folder) or {}
    noted = {
        table: sorted({*left.get(table, ()), *known.get(table, ())})
        for table in left.keys() | known.keys()
    }
    if any(set(names) - set(known.get(table, ())) for table, names in noted.items()):
        try:
            write_file(folder / FILE, msgpack.packb(noted))
        except OSError as error:
            _log.warning("%s cannot be written: %s", folder / FILE, error)
