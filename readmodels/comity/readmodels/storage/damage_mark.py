"""The mark of a generation that anybody has found damaged: an empty file beside data.mdb."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.files.disk import check_looked
from comity.engine.files.own_folder import look_at, open_file

DAMAGED: Final = "damaged"


def note_damaged(generation: Path) -> None:
    """Have nobody open it again, in any process."""
    with suppress(OSError):
        os.close(open_file(generation / DAMAGED, os.O_WRONLY | os.O_CREAT))


def is_noted(generation: Path) -> bool:
    """Whether damage of a generation was noted.

    Raises:
        StorageFailed: that cannot be read now.
    """
    try:
        return look_at(generation / DAMAGED) is not None
    except OSError as error:  # of a folder that this user may not enter it says nothing
        check_looked(error)
        return False
