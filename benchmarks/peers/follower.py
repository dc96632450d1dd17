"""Keeps a read model's table up to date from a log, on a thread of its own, in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.board import Change
from benchmarks.peers.rows_table import RowsTable

Read: TypeAlias = Callable[[int], tuple[Sequence[Change], int]]
"""A function from a position to some changes after it and the position of the last."""


class Follower:
    """A thread that is woken after each command, and reads the new changes."""

    def __init__(self, path: Path, read: Read) -> None:
        self.table = RowsTable(path)
        self._read = read
        self._position = 0
        self._failure: BaseException | None = None
        self._over = False
        self._moved = threading.Condition()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower")
        self._thread.start()

    def wake(self) -> None:
        """Tell the thread that there are new changes."""
        self._wanted.set()

    def catch_up(self, position: int) -> None:
        """Wait until it has reached a position."""
        self.wake()
        with self._moved:
            self._moved.wait_for(lambda: self._position >= position or self._failure is not None)
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """End the thread."""
        self._over = True
        self.wake()
        self._thread.join()
        self.table.close()

    def _follow(self) -> None:
        try:
            while not self._over:
                self._wanted.wait()
                self._wanted.clear()
                self._work_off()
        except BaseException as failure:
            with self._moved:
                self._failure = failure
                self._moved.notify_all()

    def _work_off(self) -> None:
        while True:
            changes, position = self._read(self._position)
            if position == self._position:
                return
            self.table.write(changes)
            with self._moved:
                self._position = position
                self._moved.notify_all()
