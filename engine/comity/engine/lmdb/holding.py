"""Holds a state of an LMDB data file, so that its pages can be read without LMDB beside a writer.

A read transaction keeps writers from using the pages of its state again. LMDB ends the process at a
damaged page, so a child process holds the transaction. It ends with its parent, and when the parent
lets go. Meanwhile the file grows by all that is written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import lmdb

from comity.engine.files.own_folder import NotOurs, check_plain, look_at, open_file
from comity.engine.lmdb.data_pages import META_BYTES, Meta, read_state
from comity.engine.lmdb.data_tree import Wrong
from comity.engine.lmdb.library import ENGINE, READERS

_TRIES: Final = 1_000
"""A writer may replace the page that names the state, before it was read."""


class Held:
    """A state that is held until the end of the `with` block.

    `state` is None if no state can be held: nobody has the environment open, or LMDB cannot read
    the file, or no more readers are possible.

    Args:
        path: the environment's folder, of which only lock.mdb is changed, as by any reader; None:
            no state is held.
    """

    def __init__(self, path: Path | None) -> None:
        self.state: Meta | None = None
        self.child: subprocess.Popen[str] | None = None
        """The process that holds it."""
        if path is None or not _has_lock(path):
            return  # without lock.mdb nobody has it open; LMDB would make the file
        with suppress(OSError):
            self.child = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, "-m", __name__, os.fspath(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                start_new_session=True,  # Ctrl-C is for the parent, which then lets go
            )
        self.state = self._said()

    def _said(self) -> Meta | None:
        child = self.child
        if child is None or child.stdout is None:
            return None
        try:
            page, said = child.stdout.readline().split()
            return read_state(bytes.fromhex(said), int(page), 0)
        except (ValueError, OSError, Wrong):
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        child, self.child = self.child, None
        if child is not None:
            with suppress(OSError):
                child.communicate()


NOT_HELD: Final = Held(None)
"""For a file that nobody writes."""


def _has_lock(path: Path) -> bool:
    try:
        check_plain(path / "data.mdb", write=False)
        check_plain(path / "lock.mdb", write=True)
        return look_at(path / "lock.mdb") is not None
    except NotOurs:
        return False


def _hold(path: Path) -> None:
    """Hold the newest state, say which page names it and what is there, and wait for the end."""
    file = open_file(path / "data.mdb", os.O_RDONLY)
    with lmdb.open(
        os.fspath(path), readonly=True, create=False, max_readers=READERS, lib_version=ENGINE
    ) as env:
        for _ in range(_TRIES):
            with env.begin() as txn:
                page = txn.id() % 2
                size = env.stat()["psize"]
                found = os.pread(file, META_BYTES, page * size)
                if read_state(found, page, 0).number == txn.id():
                    sys.stdout.write(f"{page} {found.hex()}\n")
                    sys.stdout.flush()
                    sys.stdin.read()
                    return


if __name__ == "__main__":
    _hold(Path(sys.argv[1]))
