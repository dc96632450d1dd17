"""What errors of the operating system mean where a disk fails. Whoever writes files uses it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from comity.engine.errors import StorageFailed, StorageFull

FULL: Final = frozenset([errno.ENOSPC, errno.EDQUOT])
"""The numbers of errors that mean that there is no room."""

FAILED: Final = FULL | {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Those that say nothing of what stands on the disk, since it could not be looked at."""


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
        remedy = "; give this user the right to" if isinstance(error, PermissionError) else ""
        raise kind(f"{said}: {error}{remedy}") from error


def check_looked(error: OSError) -> None:
    """Raise where an error says that nobody could look, and not that nothing is there.

    Raises:
        StorageFailed: the disk failed, or the process is short of files or memory.
    """
    if error.errno in FAILED:
        raise StorageFailed(f"the disk cannot be read: {error}") from error
