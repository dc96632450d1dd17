"""Safe access to comity's own folders. The engine and the read models use it for everything that
they do with a name, a link or a small file from the disk.

While comity is closed, other programs may have changed the folder: a restored backup, a copy by a
tool that follows links, a hostile archive. So nothing in it is trusted. A name is used only if it
has a form that comity gives. A link is used only if it leads to a real folder beside it. A file is
used only if it is a regular file; this is checked before opening, since opening a fifo may wait for
ever and opening a device may do anything. No more of it is read than comity writes. Only real
direct children are renamed or removed, and files that comity did not make stay.

Everything here raises `OSError`; its callers turn it into errors of a journal or a model.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from comity.engine.runtime.system import token

FRESH: Final = "[0-9a-f]{8}"
"""A pattern for the names that `fresh` makes."""

_DEEPEST: Final = 4
"""How deep comity nests folders: a build, a shard, a generation, and one to spare."""

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
}


class NotOurs(OSError):
    """Something is there that comity did not make; the text says what it is and what to do."""


class NotPermitted(NotOurs):
    """This user lacks a right that comity needs."""


def fresh() -> str:
    """A random text that makes a name unique, so that it need not be looked up."""
    return token(4)


# --- files ----------------------------------------------------------------------------------------


def check_plain(file: Path, *, write: bool) -> None:
    """Refuse a file that exists and is not a regular file, or that this user may not use.

    Args:
        file: the file that will be opened, for example by LMDB, which follows links.
        write: whether it will be written; then a file with hard links is refused too.

    Raises:
        NotOurs: it is not a regular file, or it has hard links.
        NotPermitted: this user may not read it, or not write it.
    """
    found = look_at(file)
    if found is None:
        return
    if not stat.S_ISREG(found.st_mode):
        raise NotOurs(f"{file} is {_kind(found)}, where comity has a file of its own: move it away")
    if write and found.st_nlink > 1:
        raise NotOurs(
            f"{file} has a hard link (a second name elsewhere), and writing to it would change "
            "both: put a copy in its place"
        )
    if not _may(file, os.R_OK | (os.W_OK if write else 0)):
        if look_at(file) is None:  # another program has removed it meanwhile
            return
        rights = "read and write" if write else "read"
        raise NotPermitted(f"this user may not {rights} {file}: give it the right to")


def open_file(file: Path, flags: int, mode: int = 0o600) -> int:
    """`os.open` after `check_plain`; it follows no link and never waits.

    Raises:
        OSError: it cannot be opened.
    """
    check_plain(file, write=flags & os.O_ACCMODE != os.O_RDONLY)
    descriptor = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):  # it was replaced after the check
        os.close(descriptor)
        raise NotOurs(f"{file} is {_kind(found)}, where comity has a file of its own: move it away")
    return descriptor


def read_file(file: Path, most: int) -> bytes:
    """The first bytes of a file, at most `most`.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = open_file(file, os.O_RDONLY)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def write_file(file: Path, data: bytes) -> None:
    """Replace a small file's content in one step, and flush it.

    Raises:
        OSError: it cannot be written; the old content is still there.
    """
    aside = file.with_name(f"{file.name}-{fresh()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        aside.replace(file)
    except OSError:
        aside.unlink()
        raise
    flush_folder(file.parent)


def flush_folder(path: Path) -> None:
    """Flush a folder's list of names to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def look_at(path: Path) -> os.stat_result | None:
    """`os.lstat`: of a link itself, not of its target; None if nothing is there."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotPermitted(
            f"this user may not look at {path}: give it the right to read and enter {path.parent}"
        ) from error


def _kind(found: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(found.st_mode), "a device")


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


# --- folders --------------------------------------------------------------------------------------


def is_folder(path: Path) -> bool:
    """Whether the path is a real folder, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def check_folder(path: Path) -> None:
    """Refuse a path that is not a real folder that this user may read.

    Raises:
        NotOurs: it is missing, or is something else.
        NotPermitted: this user may not read it.
    """
    found = look_at(path)
    if found is None:
        raise NotOurs(f"{path} does not exist (any more)")
    if not stat.S_ISDIR(found.st_mode):
        raise NotOurs(
            f"{path} is {_kind(found)}, where comity has a folder of its own: move it away"
        )
    if not _may(path, os.R_OK | os.X_OK):
        raise NotPermitted(f"this user may not read {path}: give it the right to")


def is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder.

    Raises:
        OSError: it is no folder, or cannot be read.
    """
    with os.scandir(folder) as every:
        return next(every, None) is None


def names_in(folder: Path, form: re.Pattern[str]) -> list[str]:
    """The names in a folder that match the pattern, of any kind.

    Raises:
        OSError: the folder cannot be read, so it is unknown what is in it.
    """
    with os.scandir(folder) as every:
        return [each.name for each in every if form.fullmatch(each.name)]


class OwnFolder:
    """A folder of comity's own. It changes only children whose names match a pattern."""

    def __init__(self, path: Path, ours: re.Pattern[str]) -> None:
        """`ours` matches every name that comity gives in the folder and in its subfolders."""
        self.path = path
        self._text = os.fspath(path)
        self._ours = ours

    def make(self, mode: int) -> None:
        """Make the folder, unless it exists.

        Raises:
            NotOurs: something else is at its path.
            OSError: it cannot be made.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.path.mkdir(mode)
        check_folder(self.path)

    def names(self, form: re.Pattern[str]) -> list[str]:
        """The names in it that match the pattern, of any kind; none if it is not a real folder."""
        with suppress(OSError), self._opened() as here, os.scandir(here) as every:
            return [each.name for each in every if form.fullmatch(each.name)]
        return []

    def folders(self, form: re.Pattern[str]) -> list[str]:
        """The names in it that match the pattern and are real folders."""
        return [name for name in self.names(form) if is_folder(self.path / name)]

    def linked(self, name: str, form: re.Pattern[str]) -> str | None:
        """The folder in here that a link leads to; None if it is no real folder of this pattern.

        Raises:
            OSError: the link or its target does not exist, or cannot be read.
        """
        here = self._text  # readers ask every 0.5 ms, and Path takes ten times as long
        target = os.readlink(f"{here}/{name}")  # noqa: PTH115 - as above
        if not form.fullmatch(target):
            return None
        real = all(stat.S_ISDIR(os.lstat(each).st_mode) for each in (here, f"{here}/{target}"))
        return target if real else None

    def link(self, name: str, target: str) -> str | None:
        """Make a link lead to a folder in here; it changes in one step for every process.

        Returns:
            If something else had the link's name, the new name that it was given.
        """
        aside, moved = f"{name}-{fresh()}", None
        with self._opened() as here:
            self._check(name, aside, target)
            if not self._is(name, here, stat.S_ISLNK, absent=True):
                moved = f"strange-{fresh()}-{name}"
                os.rename(name, moved, src_dir_fd=here, dst_dir_fd=here)
            os.symlink(target, aside, dir_fd=here)
            os.replace(aside, name, src_dir_fd=here, dst_dir_fd=here)
        return moved

    def unlink(self, name: str) -> None:
        """Remove a link; anything else with this name stays."""
        with self._opened() as here:
            self._check(name)
            if self._is(name, here, stat.S_ISLNK):
                os.unlink(name, dir_fd=here)

    def add(self, name: str, mode: int) -> Path:
        """Make a new folder in here, and return its path."""
        with self._opened() as here:
            self._check(name)
            os.mkdir(name, mode, dir_fd=here)
        return self.path / name

    def take(self, folder: Path, name: str) -> Path:
        """Move a folder, from here or elsewhere, to a free name in here."""
        with self._opened() as here:
            self._check(name)
            check_folder(folder)
            os.rename(folder, name, dst_dir_fd=here)
        return self.path / name

    def remove(self, name: str, aside: str) -> bool:
        """Remove a folder in here, with everything that comity put into it.

        Args:
            name: its name.
            aside: its name meanwhile, so that no program opens half of it.

        Returns:
            False if something stays, under the name `aside`: files that comity did not make, or
            that this user may not remove.

        Raises:
            OSError: it could not be renamed; nothing was removed.
        """
        with self._opened() as here:
            self._check(name, aside)
            if not self._is(name, here, stat.S_ISDIR):
                raise NotOurs(f"{self.path / name} is not a folder, so it was not removed")
            os.rename(name, aside, src_dir_fd=here, dst_dir_fd=here)
            return self._clear(aside, here, _DEEPEST)

    def _clear(self, name: str, parent: int, depth: int) -> bool:
        """Remove a folder that no program uses, except files in it that comity did not make."""
        try:
            here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except OSError:
            return False
        try:
            with os.scandir(here) as every:
                ours = [each for each in every if self._ours.fullmatch(each.name)]
            for each in ours:
                with suppress(OSError):
                    if not each.is_dir(follow_symlinks=False):
                        os.unlink(each.name, dir_fd=here)
                    elif depth:  # comity makes no deeper ones
                        self._clear(each.name, here, depth - 1)
        finally:
            os.close(here)
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            return False
        return True

    @contextmanager
    def _opened(self) -> Generator[int]:
        """A descriptor of the folder, so that work stays in it even if its path is replaced."""
        here = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield here
        finally:
            os.close(here)

    def _check(self, *names: str) -> None:
        for name in names:
            if not self._ours.fullmatch(name):
                raise NotOurs(f"{name!r} is not a name that comity gives in {self.path}")

    @staticmethod
    def _is(name: str, here: int, kind: Callable[[int], bool], *, absent: bool = False) -> bool:
        try:
            return kind(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return absent
