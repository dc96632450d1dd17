"""What must be right before LMDB maps its files into memory. `LmdbEnvironment` sees to it.

A mapped page that has no place on the disk, because its file is truncated or the disk is full, is
no error when it is touched but a SIGBUS, which ends the host program.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from comity.engine.errors import StorageFailed, StorageFull
from comity.engine.files.disk import FULL
from comity.engine.files.file_mark import Look, Mark
from comity.engine.files.own_folder import NotOurs, check_plain, look_at, open_file
from comity.engine.lmdb.data_pages import find_wrong
from comity.engine.lmdb.meaning import Meaning

_MAGIC: Final = 0xBEEFC0DE
_PAGE_HEADER_BYTES: Final = 16
_LARGEST_PAGE_BYTES: Final = 1 << 16
_LARGEST_LOCK_BYTES: Final = 1 << 20
"""Sixteen times what lock.mdb takes here, where another program has made room for more readers."""
_NO_PAGE: Final = (1 << 64) - 1

_TREE = "IHHQQQQQ"
_META = struct.Struct(f"=IIQQ{_TREE}{_TREE}QQ")
"""How LMDB 0.9 writes a meta page on 64 bits: magic, version, address, map size, two trees, last
page, transaction. A tree: page size, flags, depth, pages of three kinds, entries, root page."""


class _Meta(NamedTuple):
    transaction: int
    page_size: int
    roots: tuple[int, ...]


def check_files(path: Path, *, write: bool) -> None:
    """Refuse files that are none of comity's: LMDB follows links, makes files through them, and
    waits for what a fifo says.

    Raises:
        NotOurs: data.mdb or lock.mdb is of another kind or size, or this user may not use it.
    """
    check_plain(path / "data.mdb", write=write)
    lock = path / "lock.mdb"
    check_plain(lock, write=True)  # readers write down there what they read
    found = look_at(lock)
    if found is not None and found.st_size > _LARGEST_LOCK_BYTES:
        raise NotOurs(
            f"{lock} takes {found.st_size} bytes, and LMDB would map them all: while nobody has it "
            "open, move it away"
        )


def check_length(file: Path, meaning: Meaning) -> None:
    """Check that the root pages of the newest state are not beyond the end of the data file.

    It finds 91 % of all truncations, and gave no false alarm in 3,000 states of sound files. A
    file that is not LMDB's passes: LMDB says so itself.

    Raises:
        meaning.damaged: one is.
        meaning.foreign: the file is empty; LMDB would begin a new environment in it.
    """
    try:
        with os.fdopen(open_file(file, os.O_RDONLY), "rb") as opened:
            start = opened.read(2 * _LARGEST_PAGE_BYTES)
            size = os.fstat(opened.fileno()).st_size
    except OSError:
        return
    if not start:
        raise meaning.foreign(f"{file} is empty: {meaning.mend}")
    first = _read_meta(start, 0)
    if first is None:
        return
    newest = max(first, _read_meta(start, first.page_size) or first)
    for root in newest.roots:
        if root != _NO_PAGE and (root + 1) * newest.page_size > size:
            raise meaning.damaged(
                f"{file} is truncated: it takes {size} bytes, and its page {root} of "
                f"{newest.page_size} bytes is beyond that; {meaning.mend}"
            )


def check_file(
    directory: Path,
    mark: Mark | None,
    unsealed: Container[bytes],
    lock: Path | None,
    meaning: Meaning,
) -> None:
    """Check that LMDB can map and read data.mdb: all of it, unless it is known.

    It is known where nobody has written it since its mark was, and where somebody holds the
    writer's `lock`: that one has checked it, works with it, and writes it meanwhile. A file that
    is not LMDB's passes, as above.

    Args:
        directory: where data.mdb is.
        mark: the one that was found beside it.
        unsealed: the tables whose values end with no checksum of their own.
        lock: the writer's; None for who holds it.
        meaning: what is in it.

    Raises:
        meaning.damaged: something is not as LMDB wrote it.
        meaning.foreign: the file is empty.
        StorageFailed: it cannot be read.
    """
    check_length(directory / "data.mdb", meaning)
    try:
        while not (mark and mark.knows(Look.at(directory))) and not (lock and _is_held(lock)):
            looked = Look.at(directory)
            wrong = _find_wrong(directory / "data.mdb", unsealed)
            if not wrong:
                return
            if looked == Look.at(directory) and not (lock and _is_held(lock)):
                raise meaning.damaged(f"{directory} is damaged: {wrong}; {meaning.mend}")
            mark = Mark.read(directory)  # somebody has begun to write meanwhile
    except FileNotFoundError:
        return  # LMDB says so in its own words
    except OSError as error:
        if error.errno == errno.EIO:  # LMDB would end the process where it met this
            raise meaning.damaged(f"{directory} cannot be read: {error}; {meaning.mend}") from error
        raise StorageFailed(f"{directory} cannot be read: {error}") from error


def _find_wrong(file: Path, unsealed: Container[bytes]) -> str:
    with file.open("rb") as opened:
        if _read_meta(opened.read(_LARGEST_PAGE_BYTES), 0) is None:
            return ""
        return find_wrong(opened.fileno(), unsealed)


def _is_held(lock: Path) -> bool:
    """Whether somebody holds a `WriterLock`."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def allocate_lock_file(file: Path, readers: int) -> None:
    """Give lock.mdb all its blocks on the disk; LMDB makes it sparse.

    Never while this process has the environment open: LMDB would lose its locks.

    Raises:
        StorageFull: the disk is.
    """
    size = 192 + 64 * readers
    with suppress(OSError):
        if file.lstat().st_blocks * 512 >= size:
            return
    try:
        descriptor = open_file(file, os.O_RDWR | os.O_CREAT)
        try:
            if hasattr(os, "posix_fallocate"):  # macOS has none
                os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"there is no room for {file}: {error}") from error
        # A file system that is read-only, or cannot allocate: LMDB says what it cannot do.


def _read_meta(start: bytes, page: int) -> _Meta | None:
    try:
        fields = _META.unpack_from(start, page + _PAGE_HEADER_BYTES)
    except struct.error:
        return None
    magic, page_size, *roots, transaction = (fields[each] for each in (0, 4, 11, 19, 21))
    return _Meta(transaction, page_size, tuple(roots)) if magic == _MAGIC else None
