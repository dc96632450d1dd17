"""The folder of one model: its generations, and which answers. Projectors and readers use it.

    Cards/
        current -> g000002     the generation that answers; changed by renaming, so at once for all
        g000002/               data.mdb, lock.mdb, mark, power; damaged, once that is noticed
        g000003/               one that is being built beside it
        writer.lock            held by whoever projects

A generation whose files are removed lives on in the processes that have it open, and its room on
the disk is free when the last of them lets go.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.errors import ModelInUse, NotReady, StorageFailed
from comity.engine.writer_lock import WriterLock
from comity.readmodels.environment import DAMAGED, Environment, translated
from comity.readmodels.power_mark import is_sound, mark_open
from comity.readmodels.schema import META, Described
from comity.readmodels.state import DESCRIBED

MODELS: Final = "models"
"""The folder inside of a domain's directory that holds its models."""

_CURRENT: Final = "current"
_NEXT: Final = "next"
_LOCK: Final = "writer.lock"


class ModelFolder:
    """Where one model's generations are."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, if it is not there."""
        try:
            self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{self.path} cannot be made: {error}"
            raise StorageFailed(msg) from error

    def lock(self) -> WriterLock:
        """Become the one who projects.

        Raises:
            ModelInUse: somebody is; the text says who.
        """
        return WriterLock(self.path, _LOCK, ModelInUse)

    def current(self) -> Path | None:
        """The generation that answers, if there is one."""
        try:
            return self.path / os.readlink(self.path / _CURRENT)  # noqa: PTH115 - 3 µs instead of 12
        except OSError:
            return None

    def generations(self) -> list[Path]:
        """All that are whole, oldest first, `current` among them."""
        with suppress(OSError):
            return sorted(each for each in self.path.glob("g[0-9]*") if each.name[1:].isdecimal())
        return []

    def create(self, described: Described) -> Path:
        """Make a new, empty generation beside the others."""
        path = self._new_path()
        aside = self.path / f"new-{os.getpid()}-{path.name}"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(mode=0o750)
            Environment.create(aside, described.tables)
            environment = Environment(aside, described.tables)
            with environment.writing() as writing:
                writing.put(environment.handles[META], DESCRIBED, described.pack())
            environment.close()
            mark_open(aside)
            aside.rename(path)
        except OSError as error:
            msg = f"no generation can be made in {self.path}: {error}"
            raise StorageFailed(msg) from error
        return path

    def swap(self, path: Path) -> None:
        """Let this generation answer from now on: at once, for every process."""
        self._link(_CURRENT, path)

    def offer(self, path: Path) -> None:
        """Have whoever projects go on with this generation, which was built beside."""
        self._link(_NEXT, path)

    def offered(self) -> Path | None:
        """The generation that was offered, if any."""
        try:
            return self.path / os.readlink(self.path / _NEXT)  # noqa: PTH115 - as above
        except OSError:
            return None

    def withdraw(self) -> None:
        """Nothing is offered any more."""
        (self.path / _NEXT).unlink(missing_ok=True)

    def copy(self, source: Environment) -> Path:
        """A new generation with what this one holds, and without what it wastes."""
        path = self._new_path()
        aside = self.path / f"new-{os.getpid()}-{path.name}"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(mode=0o750)
            source.copy(aside)
            mark_open(aside)
            aside.rename(path)
        except OSError as error:
            msg = f"no generation can be made in {self.path}: {error}"
            raise StorageFailed(msg) from error
        return path

    def discard(self, path: Path) -> None:
        """Remove a generation; those who have it open keep it until they let go."""
        gone = path.with_name(f"gone-{os.getpid()}-{path.name}")
        with suppress(OSError):
            path.rename(gone)  # at once, so that nobody opens half of it
        shutil.rmtree(gone, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what crashed programs have left. Only with the lock."""
        for pattern in ("gone-*", "new-*", f"{_CURRENT}-*", f"{_NEXT}-*"):
            for left in self.path.glob(pattern):
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)

    def _new_path(self) -> Path:
        newest = self.generations()[-1:]
        return self.path / f"g{int(newest[0].name[1:]) + 1 if newest else 1:06}"

    def _link(self, name: str, path: Path) -> None:
        aside = self.path / f"{name}-{os.getpid()}"
        aside.unlink(missing_ok=True)
        aside.symlink_to(path.name)
        aside.replace(self.path / name)


def describe(path: Path, *, locked: bool = False) -> Described:
    """What a generation says of itself. Nobody in this process has it open.

    Args:
        path: the generation's.
        locked: the caller has the writer's lock; else who has it may be writing.

    Raises:
        NotReady: it is not there, or a power cut may have torn it.
        ModelDamaged: it is not what was written.
    """
    _check_marks(path)
    with translated(path):
        environment = Environment(
            path, {META: False}, read_only=True, lock=None if locked else path.parent / _LOCK
        )
    try:
        with environment.reading() as reading:
            return Described.unpack(reading.get(environment.handles[META], DESCRIBED))
    finally:
        environment.close()


def open_generation(
    path: Path,
    tables: Mapping[str, bool],
    *,
    map_size: int,
    read_only: bool = True,
    locked: bool = False,
) -> Environment:
    """Open a generation; to write, which takes the lock, its mark is set first.

    Raises:
        NotReady: it is not there, or a power cut may have torn it.
        ModelDamaged: it is not what was written.
    """
    _check_marks(path)
    if not read_only:
        mark_open(path)
    lock = None if locked or not read_only else path.parent / _LOCK
    return Environment(path, tables, map_size=map_size, read_only=read_only, lock=lock)


def _check_marks(path: Path) -> None:
    if (path / DAMAGED).exists():
        msg = f"{path} is damaged: the domain builds it anew"
        raise NotReady(msg)
    if not is_sound(path):
        msg = f"{path} was not closed before the power went: the domain builds it anew"
        raise NotReady(msg)
