"""A folder of comity's own, and what a stranger may have made of it. The engine and the read models
read, rename and remove here whatever they do by a name, a link or a small file from the disk.

Between two openings anybody may have put anything there: a restored backup, a copy by a tool that
follows links, a hostile archive. So all of it is data. A name counts where comity could have given
it. A link counts where it leads to a real folder right beside it. A file counts where it is plain,
which is looked up before it is opened, because opening a fifo may wait for ever and opening a
device may do anything; and no more of it is read than comity writes. What is renamed or removed is
a real direct child; whatever else a stranger has put into it stays.

Everything here raises `OSError`; the layers above say what that means for a journal or a model.
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
"""What `fresh` gives, as a pattern."""

_DEEPEST: Final = 4
"""Folders in folders that comity makes: a build, a shard, a generation, and one to spare."""

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
}


class NotOurs(OSError):
    """Something is not as comity makes it; the text says what is there, and what to do."""


class NotPermitted(NotOurs):
    """This user may not do with it what comity has to."""


def fresh() -> str:
    """What makes a name new: nobody has to look who had it before."""
    return token(4)


# --- files ----------------------------------------------------------------------------------------


def check_plain(file: Path, *, write: bool) -> None:
    """Refuse a file that is there and is not one of comity's that this user may use.

    Args:
        file: what is to be opened, by LMDB for example, which follows links and makes files.
        write: to write into it; then another name of it, elsewhere, is refused as well.

    Raises:
        NotOurs: it is of another kind, or has another name.
        NotPermitted: this user may not read it, or not write.
    """
    found = look_at(file)
    if found is None:
        return
    if not stat.S_ISREG(found.st_mode):
        raise NotOurs(f"{file} is {_kind(found)}, where comity has a file of its own: move it away")
    if write and found.st_nlink > 1:
        raise NotOurs(
            f"{file} is a file with another name elsewhere (a hard link), which would change with "
            "it: put a copy in its place"
        )
    if not _may(file, os.R_OK | (os.W_OK if write else 0)):
        rights = "read and write" if write else "read"
        raise NotPermitted(f"this user may not {rights} {file}: give it the right to")


def open_file(file: Path, flags: int, mode: int = 0o600) -> int:
    """`os.open` of a file that `check_plain` finds right; it follows no link and waits for nobody.

    Raises:
        OSError: it cannot be opened.
    """
    check_plain(file, write=flags & os.O_ACCMODE != os.O_RDONLY)
    descriptor = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):  # it was put there this moment
        os.close(descriptor)
        raise NotOurs(f"{file} is {_kind(found)}, where comity has a file of its own: move it away")
    return descriptor


def read_file(file: Path, most: int) -> bytes:
    """The first bytes of a small file, whatever stands there, and however long it is.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = open_file(file, os.O_RDONLY)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def write_file(file: Path, data: bytes) -> None:
    """Have a small file hold this, on the disk, in one step.

    Raises:
        OSError: it cannot be written; what was there before still is.
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
    """Put the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def look_at(path: Path) -> os.stat_result | None:
    """What stands there itself, and not what it leads to; None where nothing does."""
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
    """Whether there is a real folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def check_folder(path: Path) -> None:
    """Refuse something else where comity has a folder of its own.

    Raises:
        NotOurs: it is something else, or is not there.
        NotPermitted: this user may not read it.
    """
    found = look_at(path)
    if found is None:
        raise NotOurs(f"{path} is not there, or not any more")
    if not stat.S_ISDIR(found.st_mode):
        raise NotOurs(
            f"{path} is {_kind(found)}, where comity has a folder of its own: move it away"
        )
    if not _may(path, os.R_OK | os.X_OK):
        raise NotPermitted(f"this user may not read {path}: give it the right to")


class OwnFolder:
    """A folder of comity's own, in which it gives names of certain forms, and touches no others."""

    def __init__(self, path: Path, ours: re.Pattern[str]) -> None:
        """`ours` matches every name that comity gives in it, and in the folders inside of it."""
        self.path = path
        self._text = os.fspath(path)
        self._ours = ours

    def make(self, mode: int) -> None:
        """Make it, unless it is there.

        Raises:
            NotOurs: something else is.
            OSError: it cannot be made.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.path.mkdir(mode)
        check_folder(self.path)

    def names(self, form: re.Pattern[str]) -> list[str]:
        """The names of this form, whatever they stand for; none where this is no real folder."""
        with suppress(OSError), self._opened() as here, os.scandir(here) as every:
            return [each.name for each in every if form.fullmatch(each.name)]
        return []

    def folders(self, form: re.Pattern[str]) -> list[str]:
        """Those of them that stand for real folders."""
        return [name for name in self.names(form) if is_folder(self.path / name)]

    def linked(self, name: str, form: re.Pattern[str]) -> str | None:
        """Which real folder in here a link leads to, if its name has this form.

        Raises:
            OSError: there is no such link, or nothing where it leads to, or nobody can look.
        """
        here = self._text  # readers look every half millisecond, and paths take ten times as long
        target = os.readlink(f"{here}/{name}")  # noqa: PTH115 - as above
        if not form.fullmatch(target):
            return None
        real = all(stat.S_ISDIR(os.lstat(each).st_mode) for each in (here, f"{here}/{target}"))
        return target if real else None

    def link(self, name: str, target: str) -> str | None:
        """Have a link lead to a folder in here: in one step, for every process.

        Returns:
            The new name of what stood there and was no link, which is not comity's to replace.
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
        """Remove a link; of anything else of its name nothing happens."""
        with self._opened() as here:
            self._check(name)
            if self._is(name, here, stat.S_ISLNK):
                os.unlink(name, dir_fd=here)

    def add(self, name: str, mode: int) -> Path:
        """Make a new folder in here."""
        with self._opened() as here:
            self._check(name)
            os.mkdir(name, mode, dir_fd=here)
        return self.path / name

    def take(self, folder: Path, name: str) -> Path:
        """Give a folder, from in here or from elsewhere, a name in here that is free."""
        with self._opened() as here:
            self._check(name)
            check_folder(folder)
            os.rename(folder, name, dst_dir_fd=here)
        return self.path / name

    def remove(self, name: str, aside: str) -> bool:
        """Remove a folder in here with what comity has put into it.

        Args:
            name: its name.
            aside: its name meanwhile, so that nobody opens half of it.

        Returns:
            False where something stays under the name `aside`: what a stranger has put there, or
            what this user may not remove.

        Raises:
            OSError: it was not renamed; nothing is removed.
        """
        with self._opened() as here:
            self._check(name, aside)
            if not self._is(name, here, stat.S_ISDIR):
                raise NotOurs(f"{self.path / name} is no folder, and not removed")
            os.rename(name, aside, src_dir_fd=here, dst_dir_fd=here)
            return self._clear(aside, here, _DEEPEST)

    def _clear(self, name: str, parent: int, depth: int) -> bool:
        """Remove a folder that nobody uses, and nothing in it that comity has not made."""
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
                    elif depth:  # deeper ones are none that comity has made
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
        """The folder itself: what is done by it is done in it, whatever its path means by then."""
        here = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield here
        finally:
            os.close(here)

    def _check(self, *names: str) -> None:
        for name in names:
            if not self._ours.fullmatch(name):
                raise NotOurs(f"{name!r} is no name that comity gives in {self.path}")

    @staticmethod
    def _is(name: str, here: int, kind: Callable[[int], bool], *, absent: bool = False) -> bool:
        try:
            return kind(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return absent
