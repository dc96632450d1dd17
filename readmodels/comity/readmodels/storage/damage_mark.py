"""The mark of a damaged generation: an empty file beside data.mdb, set by any process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.files.disk import check_looked
from comity.engine.files.own_folder import look_at, open_file

DAMAGED: Final = "damaged"


def note_damaged(generation: Path) -> None:
    """Mark a generation as damaged, so that no process opens it again."""
    with suppress(OSError):
        os.close(open_file(generation / DAMAGED, os.O_WRONLY | os.O_CREAT))


def is_noted(generation: Path) -> bool:
    """Whether a generation is marked as damaged.

    Raises:
        StorageFailed: the mark cannot be read now.
    """
    try:
        return look_at(generation / DAMAGED) is not None
    except OSError as error:  # False if this user may not enter the folder
        check_looked(error)
        return False
