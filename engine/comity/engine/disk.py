"""What it means when the operating system cannot write. Whoever writes files without LMDB uses it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from comity.engine.errors import StorageFailed, StorageFull

FULL: Final = frozenset([errno.ENOSPC, errno.EDQUOT])
"""The numbers of errors that mean that there is no room."""


@contextmanager
def disk_errors(said: str) -> Generator[None]:
    """Raise errors of the operating system as what they are here, beginning with what is `said`.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    try:
        yield
    except OSError as error:
        kind = StorageFull if error.errno in FULL else StorageFailed
        raise kind(f"{said}: {error}") from error
