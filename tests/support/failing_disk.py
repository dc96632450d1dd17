"""A disk that fails when told, for programs that run with `failing_disk.c` loaded before libc.

The test starts a program with `environment(folder)`; the program steers the disk with `Disk`.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

WRITE, FLUSH, META, OPEN, FOLDER, LINK, GROW = 1, 2, 4, 8, 16, 32, 64
"""What fails: writing of data, flushing, writing of a meta page, opening, making a folder, renaming
and linking and unlinking, growing a file."""
EVERYTHING: Final = 127

SHORT: Final = 0
"""In place of an error: half of it is written, and nothing said."""
EIO, ENOSPC, EDQUOT, EROFS = errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS

_SOURCE: Final = Path(__file__).with_suffix(".c")
_FIELDS: Final = struct.Struct("=IiIIIII1024s")
_VARIABLE: Final = "COMITY_DISK"

COMPILER: Final = shutil.which("cc") or shutil.which("gcc")


@cache
def _library(folder: Path) -> Path:
    made = folder / "failing_disk.so"
    assert COMPILER is not None
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O1", "-o", os.fspath(made), os.fspath(_SOURCE), "-ldl"],
        check=True,
    )
    return made


def environment(folder: Path) -> dict[str, str]:
    """What a program needs in its environment to run on such a disk; `folder` is the test's own."""
    control = folder / "disk"
    control.write_bytes(bytes(_FIELDS.size))
    return {**os.environ, "LD_PRELOAD": os.fspath(_library(folder)), _VARIABLE: os.fspath(control)}


class Disk:
    """The disk of this program, which was started with `environment`."""

    def __init__(self) -> None:
        with Path(os.environ[_VARIABLE]).open("r+b") as control:
            self._map = mmap.mmap(control.fileno(), _FIELDS.size)

    def fail(
        self,
        folder: Path,
        kinds: int,
        error: int,
        *,
        after: int = 0,
        times: int = 0,
        done: int = 0,
        hang: bool = False,
    ) -> None:
        """Fail from now on.

        Args:
            folder: what stands in it is concerned.
            kinds: of calls, added.
            error: the errno, or `SHORT`.
            after: so many succeed before.
            times: so many fail; 0: all, until `mend`.
            done: so many of those are done all the same.
            hang: what fails does so only when it is mended.
        """
        self.mend()
        name = os.fspath(folder).encode()
        fields = (0, error, after, times, 0, done, hang, name)
        self._map[:] = _FIELDS.pack(*fields)
        self._map[:4] = struct.pack("=I", kinds)  # at last: another thread may be writing

    def mend(self) -> None:
        """Fail no more."""
        self._map[:4] = bytes(4)

    @property
    def hits(self) -> int:
        """How many calls have failed."""
        return int(_FIELDS.unpack(self._map[:])[4])

    @contextmanager
    def failing(self, folder: Path, kinds: int, error: int) -> Generator[None]:
        """Fail inside of the block."""
        self.fail(folder, kinds, error)
        try:
            yield
        finally:
            self.mend()
