"""The versions of one model in its folder, while programs of several versions run.

Cards/
    version                   the hash of the class of the process that projects here
    version-0123456789abcdef/ the same folder again, for another version
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from comity.engine.errors import StorageFailed
from comity.engine.files.disk import disk_errors
from comity.engine.files.own_folder import read_file, write_file
from comity.readmodels.generations.model_folder import VERSION, VERSIONS

if TYPE_CHECKING:
    from comity.readmodels.generations.model_folder import ModelFolder

_MOST: Final = 100
"""The most bytes of the file; it has 16."""
_HASH: Final = re.compile(r"[0-9a-f]{16}")


class Versions:
    """Tells which version of a model has its folder, and where the other ones are."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        self._file = folder.path / VERSION

    def led(self) -> str:
        """The hash of the class of the process that projects here; empty if it is not known."""
        try:
            found = read_file(self._file, _MOST).decode(errors="replace")
        except OSError:
            return ""
        return found if _HASH.fullmatch(found) else ""

    def note(self, version: str) -> None:
        """Note the hash of the class of this process, which projects here. Needs the lease.

        Raises:
            StorageFailed: the disk is full, or failed.
        """
        if self.led() != version:
            with disk_errors(f"{self._file} cannot be written; if it is no file, move it away"):
                write_file(self._file, version.encode())

    def of(self, version: str) -> ModelFolder:
        """The folder of another version."""
        return self._folder.inside(f"{VERSION}-{version}")

    def others(self) -> list[ModelFolder]:
        """The folders of other versions that exist."""
        names = [name for name in self._folder.insides() if VERSIONS.fullmatch(name)]
        return [self._folder.inside(name) for name in names]

    def sweep(self, other: ModelFolder) -> bool:
        """Remove the folder of another version, if no process projects there; returns whether."""
        try:
            lease = other.lease()
        except StorageFailed:  # it is being removed, or this user has no right to
            return False
        if lease is None:
            return False
        self.remove(other)
        lease.release()
        return True

    def remove(self, other: ModelFolder) -> None:
        """Remove it. Needs its lease; processes that read there can go on."""
        self._folder.discard(other.path)
