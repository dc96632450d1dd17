"""The folder of one model: its generations, and which one answers. Projectors and readers use it.

    Cards/
        current -> g000002     the generation that answers; replaced by renaming, atomically
        g000002/               data.mdb, lock.mdb, mark, power; also `damaged` once it is found so
        g000003/               a generation that is being built
        left                   columns that an older program has left out, if any
        version                the hash of the model that the leader has
        version-0123456789abcdef/  the same again, for another version of the model, while programs
                               of both run
        writer.lock            held by the process that projects
        writer.lock-7          its lease, if others have the model open, too: see `epochs`

When a generation's files are removed, processes that have it open can still read it. Its disk space
is freed when the last of them closes it.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from comity.engine.errors import (
    ModelDamaged,
    ModelInUse,
    NotReady,
    ReadModelError,
    StorageFailed,
    WiringError,
)
from comity.engine.files.disk import check_looked, disk_errors
from comity.engine.files.own_folder import (
    FRESH,
    NotOurs,
    OwnFolder,
    check_folder,
    fresh,
    look_at,
    write_file,
)
from comity.engine.files.writer_lock import WriterLock
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.lease_watch import LeaseWatch
from comity.engine.sharing.program import this_program
from comity.readmodels.storage.damage_mark import is_noted
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.meaning import MODEL
from comity.readmodels.storage.power_mark import is_sound, mark_flushed, mark_open
from comity.readmodels.tables.read_model import NAME
from comity.readmodels.tables.schema import META, Described
from comity.readmodels.tables.state import DESCRIBED

MODELS: Final = "models"
"""The folder of the models inside a domain's directory."""

_CURRENT: Final = "current"
_NEXT: Final = "next"
LOCK: Final = "writer.lock"
"""The file whose lock the process that projects has."""

_GENERATION: Final = re.compile(r"g(?:[0-9]{6}|[1-9][0-9]{6,8})")
VERSION: Final = "version"
VERSIONS: Final = re.compile(rf"{VERSION}-[0-9a-f]{{16}}")
"""Folders of other versions of the model; see `versions`."""
ASKED: Final = "compact"
"""A file by which `comity compact` asks the process that projects for a compact copy."""
_INSIDE: Final = re.compile(
    rf"beside|merged|shard-[0-9]{{1,4}}|[1-9][0-9]{{0,3}}|{VERSIONS.pattern}"
)
"""Folders in which other processes than the domain build generations, or have another version."""
_BEGUN: Final = re.compile(rf"{_GENERATION.pattern}|beside|{_CURRENT}|{LOCK}")
"""Names that show that a folder belongs to a model."""
_LEFT: Final = re.compile(rf"(?:gone|new)-{FRESH}")
_LINKS: Final = re.compile(rf"(?:{_CURRENT}|{_NEXT})-{FRESH}")
_FILES: Final = re.compile(
    rf"data\.mdb|lock\.mdb|mark|build|damaged|(?:power|left|{ASKED}|{VERSION})(?:-{FRESH})?"
    rf"|writer\.lock(?:-[1-9][0-9]{{0,15}}|-new-{FRESH})?"
)
_OURS: Final = re.compile(
    "|".join(
        each.pattern
        for each in (_GENERATION, _INSIDE, _LEFT, _LINKS, _FILES, re.compile(f"{_CURRENT}|{_NEXT}"))
    )
)
"""All names that comity gives in the folder of a model."""

_log = logging.getLogger("comity")


class ModelFolder:
    """The folder of one model's generations."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own = OwnFolder(path, _OURS)

    def make(self) -> None:
        """Make the folder, unless it exists.

        Raises:
            StorageFailed: it cannot be made, or something else has its path.
        """
        with disk_errors(f"{self.path} cannot be made"):
            self._own.make(0o750)

    def lock(self) -> WriterLock:
        """Take the lock of a process that projects alone.

        Raises:
            ModelInUse: another process has it; the text names that process.
        """
        return WriterLock(self.path, LOCK, ModelInUse, "read it here with ReadModels.open")

    def lease(self, over: LeaseWatch | None = None) -> Lease | None:
        """Take the lease of the process that projects, among all that have the model open.

        Args:
            over: the look of a standby, which may take over from a leader that hangs.

        Returns:
            None if another process leads.

        Raises:
            StorageFailed: the disk is full or failed, or this user may not write here.
        """
        return Lease.take(self.path / LOCK, this_program(), over=over)

    def look(self) -> LeaseWatch:
        """Return a standby's watch of that lease."""
        return LeaseWatch(self.path / LOCK)

    def is_led(self) -> bool:
        """Whether a process has that lease."""
        return self.path.exists() and not self.look().free()

    def is_begun(self) -> bool:
        """Whether it holds files of a model; else the folder may belong to another program."""
        return bool(self._own.names(_BEGUN))

    def ask(self) -> None:
        """Ask the process that leads for a compact copy; see `is_asked`.

        Raises:
            StorageFailed: the disk is full, or failed.
        """
        with disk_errors(f"{self.path / ASKED} cannot be written"):
            write_file(self.path / ASKED, b"comity compact waits for a compact copy\n")

    def is_asked(self) -> bool:
        """Whether somebody waits for a compact copy."""
        try:
            return look_at(self.path / ASKED) is not None
        except OSError:
            return False

    def answer(self) -> None:
        """Tell whoever asked that there is a copy, or will be none."""
        with suppress(OSError):
            (self.path / ASKED).unlink()

    def current(self) -> Path | None:
        """The generation that answers, or None.

        Raises:
            StorageFailed: the link cannot be read.
        """
        return self._linked(_CURRENT)

    def generations(self) -> list[Path]:
        """All complete generations, including `current`, oldest first."""
        names = self._own.folders(_GENERATION)
        return [self.path / name for name in sorted(names, key=_number)]

    def create(self, described: Described) -> Path:
        """Make a new, empty generation beside the others.

        Raises:
            StorageFailed: the disk is full, or failed; nothing of it is left.
        """

        def fill(path: Path) -> None:
            Environment.create(path, described.tables)
            environment = Environment(path, described.tables)
            try:
                with environment.writing() as writing:
                    writing.put(environment.handles[META], DESCRIBED, described.pack())
            finally:
                environment.close()

        return self._made(fill)

    def copy(self, source: Environment) -> Path:
        """Make a new generation with the same content, but without unused pages.

        Raises:
            StorageFailed: the disk is full, or failed; nothing of it is left.
        """
        return self._made(source.copy)

    def take(self, generation: Path) -> Path:
        """Move a generation that was built elsewhere into this folder, as the newest.

        Raises:
            StorageFailed: it cannot be moved.
        """
        with disk_errors(f"no generation can be put into {self.path}"):
            while True:
                try:
                    return self._own.take(generation, self._new_name())
                except OSError as error:  # another process has just taken this number
                    if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                        raise

    def swap(self, path: Path) -> None:
        """Let this generation answer from now on, atomically for every process."""
        self._link(_CURRENT, path)

    def offer(self, path: Path) -> None:
        """Offer a generation that was built elsewhere to the process that projects."""
        self._link(_NEXT, path)

    def offered(self) -> Path | None:
        """The generation that is on offer, or None."""
        return self._linked(_NEXT)

    def withdraw(self) -> None:
        """Remove the offer."""
        with disk_errors(f"{self.path / _NEXT} cannot be removed"):
            self._own.unlink(_NEXT)

    def discard(self, path: Path) -> None:
        """Remove a generation, finished or not. Processes that have it open can still read it."""
        self._remove(path.name)

    def sweep(self) -> None:
        """Remove leftovers of crashed programs. Needs the lock."""
        for name in self._own.folders(_LEFT):
            self._remove(name)
        for name in self._own.names(_LINKS):
            with suppress(OSError):
                self._own.unlink(name)

    def inside(self, name: str) -> ModelFolder:
        """A subfolder for generations that are built outside of the domain."""
        return ModelFolder(self.path / name)

    def insides(self) -> list[str]:
        """The names of these subfolders."""
        return sorted(self._own.folders(_INSIDE))

    def _linked(self, name: str) -> Path | None:
        try:
            found = self._own.linked(name, _GENERATION)
        except OSError as error:
            check_looked(error)
            return None
        return None if found is None else self.path / found

    def _made(self, fill: Callable[[Path], None]) -> Path:
        """Make a new generation, complete or not at all."""
        with disk_errors(f"no generation can be made in {self.path}"):
            aside = self._own.add(f"new-{fresh()}", 0o750)
            try:
                fill(aside)
                mark_open(aside)
                return self.take(aside)
            except BaseException:
                self._remove(aside.name)
                raise

    def _new_name(self) -> str:
        """A name with the next free number."""
        taken = {_number(name) for name in self._own.names(_GENERATION)}
        number = max((_number(path.name) for path in self.generations()), default=0) + 1
        while number in taken:
            number += 1
        return f"g{number:06}"

    def _link(self, name: str, path: Path) -> None:
        with disk_errors(f"{self.path / name} cannot be set"):
            moved = self._own.link(name, path.name)
        if moved is not None:
            _log.warning("%s was not a link: it was renamed to %s", self.path / name, moved)

    def _remove(self, name: str) -> None:
        aside = f"gone-{fresh()}"
        try:
            if not self._own.remove(name, aside):
                _log.warning("%s stays: it holds files that cannot be removed", self.path / aside)
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("%s stays: %s", self.path / name, error)


def number(path: Path) -> int:
    """The number of a generation; a newer one has a higher number."""
    return _number(path.name)


def _number(name: str) -> int:
    return int(name[1:])


def models_folder(path: Path | None, told: Path | None) -> Path:
    """The models folder of the domain at `path`: the one that the host gave, or the one inside.

    Raises:
        ReadModelError: the path inside is not a folder.
        WiringError: the domain has no path, and the host gave no folder.
    """
    if told is not None:
        return told
    if path is None:
        msg = "this journal has no folder of its own: pass folder=, the path of its models' folder"
        raise WiringError(msg)
    inside = path / MODELS
    try:
        if look_at(inside) is not None:
            check_folder(inside)
    except NotOurs as error:
        msg = f"{error}; if the models are in another folder, pass it when opening"
        raise ReadModelError(msg) from error
    except OSError:  # there is no domain
        pass
    return inside


def models_in(folder: Path) -> list[str]:
    """The names of the models that have a folder in `folder`.

    Raises:
        ReadModelError: it does not exist, or this user may not read it.
    """
    try:
        check_folder(place := folder.resolve())
    except (OSError, RuntimeError) as error:
        msg = f"there are no read models at {folder}: {error}"
        raise ReadModelError(msg) from error
    return sorted(OwnFolder(place, NAME).folders(NAME))


def put_away(environment: Environment) -> None:
    """Flush everything to the disk, and close it.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    try:
        environment.flush()
    finally:
        environment.close()
    mark_flushed(environment.path)


def describe(path: Path, *, locked: bool = False) -> Described:
    """Read a generation's description. This process must not have it open.

    Args:
        path: the folder of the generation.
        locked: whether the caller holds the writer's lock; else another process may be writing.

    Raises:
        NotReady: it does not exist, or a power cut may have damaged it.
        ModelDamaged: it is damaged.
        OtherFormat: another version of comity built it.
    """
    _check_marks(path)
    with MODEL.told(path):
        environment = Environment(
            path, {META: False}, read_only=True, lock=None if locked else path.parent / LOCK
        )
    try:
        return described_in(environment)
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
    """Open a generation. To write, the caller must hold the lock; the mark is set first.

    Raises:
        NotReady: it does not exist, or a power cut may have damaged it.
        ModelDamaged: it is damaged.
    """
    _check_marks(path)
    if not read_only:
        _mark_open(path)
    lock = None if locked or not read_only else path.parent / LOCK
    return Environment(path, tables, map_size=map_size, read_only=read_only, lock=lock)


def write_in(environment: Environment, patience: float) -> None:
    """Write in a generation that was opened for reading; its writer has ended. Needs the lock.

    Raises:
        ModelDamaged: this user may not write it.
        StorageFailed: the disk is full, or failed; the generation can still be read.
    """
    _mark_open(environment.path)
    environment.write_from_now_on(patience)


def described_in(environment: Environment) -> Described:
    """The description of an open generation.

    Raises:
        ModelDamaged: it is damaged.
        OtherFormat: another version of comity built it.
    """
    with environment.reading() as reading:
        return Described.unpack(reading.get(environment.handles[META], DESCRIBED))


def _mark_open(path: Path) -> None:
    try:
        mark_open(path)
    except StorageFailed as error:
        if isinstance(error.__cause__, PermissionError):
            raise ModelDamaged(f"{error}, or let its domain rebuild the model") from error
        raise


def _check_marks(path: Path) -> None:
    if is_noted(path):
        msg = f"{path} is damaged: its domain rebuilds it"
        raise NotReady(msg)
    if not is_sound(path):
        msg = f"{path} was not flushed before a power cut: its domain rebuilds it"
        raise NotReady(msg)
