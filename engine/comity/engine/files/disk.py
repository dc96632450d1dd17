"""Turns the operating system's errors into `StorageFailed`. Code that writes files uses it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from comity.engine.errors import StorageFailed, StorageFull

FULL: Final = frozenset([errno.ENOSPC, errno.EDQUOT])
"""Error numbers that mean that the disk is full."""

FAILED: Final = FULL | {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Error numbers that mean that the disk could not be read, so a file may exist or not."""


@contextmanager
def disk_errors(said: str) -> Generator[None]:
    """Turn an `OSError` in the block into `StorageFailed`; its text begins with `said`.

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
    """Raise if the error means that the disk could not be read; return if no file is there.

    Raises:
        StorageFailed: the disk failed, or the process has too few file descriptors or memory.
    """
    if error.errno in FAILED:
        raise StorageFailed(f"the disk cannot be read: {error}") from error
