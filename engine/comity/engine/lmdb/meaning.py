"""Translates LMDB's errors, by their class, into errors of comity.

Journals and read models have the same faults, but different error classes and advice: each subclass
of `LmdbEnvironment` has its own `Meaning`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import lmdb

from comity.engine.errors import ComityError, StorageFailed, StorageFull
from comity.engine.files.disk import FULL
from comity.engine.files.own_folder import NotOurs, NotPermitted
from comity.engine.lmdb.library import READERS


class Meaning(NamedTuple):
    """The errors of one use of LMDB; errors of the disk are the same for all uses."""

    damaged: type[ComityError]
    """The stored data are not what was written."""
    foreign: type[ComityError]
    """The files are something else, or a table is missing."""
    barred: type[ComityError]
    """This user has no permission for the files."""
    in_use: type[ComityError]
    """This process has the environment open already."""
    crowded: type[ComityError]
    """All reader slots are taken."""
    gone: type[ComityError]
    """The data file does not exist, or was moved or deleted."""
    mend: str
    """What to do about damage."""
    find: str
    """What to do if the data file is gone."""
    full: type[ComityError] = StorageFull
    failed: type[ComityError] = StorageFailed

    def of(self, error: Exception, path: Path) -> ComityError:
        """Translate an error of LMDB, or of the check of its files, for the files at this path."""
        cause, said = _BY_CLASS.get(type(error)) or _by_code(error, path)
        meant: type[ComityError] = getattr(self, cause)
        return meant(said.format(path=path, error=error, mend=self.mend, find=self.find))

    @contextmanager
    def told(self, path: Path) -> Generator[None]:
        """Raise errors inside the `with` block as their translations by `of`."""
        try:
            yield
        except (lmdb.Error, NotOurs) as error:
            raise self.of(error, path) from error


def is_full(error: BaseException) -> bool:
    """Return whether the error means no room, on the disk or in the map."""
    if isinstance(error, lmdb.MapFullError | lmdb.DiskError):
        return True
    code = error.errno if isinstance(error, OSError) else getattr(error, "code", None)
    return code in FULL


def _by_code(error: Exception, path: Path) -> tuple[str, str]:
    """Translate an error of the operating system, for which LMDB has no class."""
    code = getattr(error, "code", None)
    if code in FULL:
        return _FULL
    if code == errno.ENOENT or (code != errno.EIO and not os.path.lexists(path / "data.mdb")):
        return "gone", "{path} is not there, or not any more: {error}; {find}"
    return "failed", "{path} could not be used: {error!r}"


_DAMAGED: Final = "damaged", "LMDB cannot read {path}: {error}; {mend}"
_FOREIGN: Final = "foreign", "{path} is not what comity makes: {error}; {mend}"
_FULL: Final = "full", "there is no room for {path}: {error}"

_BY_CLASS: Final[Mapping[type[Exception], tuple[str, str]]] = {
    lmdb.CorruptedError: _DAMAGED,
    lmdb.PageNotFoundError: _DAMAGED,
    lmdb.PageFullError: _DAMAGED,
    lmdb.CursorFullError: _DAMAGED,  # a tree that is too deep
    lmdb.InvalidError: _FOREIGN,
    lmdb.VersionMismatchError: _FOREIGN,
    lmdb.IncompatibleError: _FOREIGN,
    lmdb.NotFoundError: _FOREIGN,  # a table
    lmdb.DiskError: _FULL,
    lmdb.MapFullError: (
        "full",
        "there is no room in the map of {path}, open it with a larger map_size: {error}",
    ),
    lmdb.ReadersFullError: (
        "crowded",
        f"all {READERS} reader slots of {{path}} are taken: {{error}}",
    ),
    lmdb.LockError: (
        "crowded",
        (
            "a process in another container has {path} open and has this one's process id, by "
            "which LMDB knows its readers: let both containers have one pid namespace ({error})"
        ),
    ),
    NotPermitted: ("barred", "{error}"),
    NotOurs: ("foreign", "{error}, or {mend}"),
}
"""For each error class: a field of `Meaning`, and a text. `_by_code` translates the others."""
