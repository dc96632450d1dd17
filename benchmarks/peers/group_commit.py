"""Hand-written SQLite with group commit: a store that a strong engineer writes in a week.

One thread has the connection and the states. It takes all waiting commands, checks and writes them
in one transaction, and answers after the flush: threads through a lock each, event loops with one
call per batch. Conflicts are impossible, since only this thread decides. It has no merging, no
receipts, no retries by command id, and does not isolate boards from each other's bugs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from benchmarks.board import Boards, Card, Change, Refused
from benchmarks.contender import Ticket
from benchmarks.peers.sqlite_board import SqliteBoard

MOST: Final = 4_096
"""The most commands in one transaction."""


class Reply:
    """A command in flight, and its waiting thread or future."""

    __slots__ = ("_lock", "change", "error", "future")

    def __init__(self, change: Change, future: asyncio.Future[None] | None = None) -> None:
        self.change = change
        self.future = future
        self.error: Refused | None = None
        self._lock = None if future else threading.Lock()
        if self._lock:
            self._lock.acquire()

    def give(self) -> None:
        """Wake the thread."""
        if self._lock:
            self._lock.release()

    def wait(self) -> None:
        """Send a command, and wait in a thread."""
        assert self._lock
        self._lock.acquire()
        if self.error:
            raise self.error


class GroupCommit:
    """The writer's queue."""

    def __init__(self, path: Path, *, read_model: bool) -> None:
        self._store = SqliteBoard(path, read_model=read_model)
        self._queue: SimpleQueue[Reply | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="writer")
        self._writer.start()

    def set_up(self, changes: Sequence[Change]) -> None:
        """Apply the changes directly, before other commands."""
        self._store.set_up(changes)

    def call(self, change: Change) -> None:
        """Send a command, and wait in a thread."""
        reply = Reply(change)
        self._queue.put(reply)
        reply.wait()

    async def ask(self, change: Change) -> None:
        """Send a command, and wait in a task."""
        reply = Reply(change, asyncio.get_running_loop().create_future())
        self._queue.put(reply)
        assert reply.future
        await reply.future

    def send(self, change: Change) -> Ticket:
        """Send a command without waiting."""
        reply = Reply(change)
        self._queue.put(reply)
        return reply.wait

    def catch_up(self) -> None:
        """Do nothing: rows are written together with events."""

    def log(self) -> Iterable[Change]:
        """Read the log as stored."""
        return self._store.log()

    def boards(self) -> Boards:
        """The states in memory."""
        return self._store.states

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read the rows as stored."""
        return self._store.rows()

    def facts(self) -> Mapping[str, float]:
        """The number of commits and their size."""
        return {"commits": self._store.commits}

    def close(self) -> None:
        """Close after the waiting commands."""
        self._queue.put(None)
        self._writer.join()
        self._store.connection.close()

    def _decide(self, reply: Reply) -> None:
        """Decide a command; subclasses may refuse it for other reasons."""
        self._store.decide(reply.change)

    def _write(self) -> None:
        queue, store = self._queue, self._store
        while (first := queue.get()) is not None:
            batch = [first]
            try:
                while len(batch) < MOST:
                    reply = queue.get_nowait()
                    if reply is None:
                        queue.put(None)
                        break
                    batch.append(reply)
            except Empty:
                pass
            for reply in batch:
                try:
                    self._decide(reply)
                except Refused as refusal:
                    reply.error = refusal
            store.commit()
            _answer(batch)


def _answer(batch: Sequence[Reply]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[Reply]] = {}
    for reply in batch:
        if reply.future:
            loops.setdefault(reply.future.get_loop(), []).append(reply)
        else:
            reply.give()
    for loop, replies in loops.items():
        loop.call_soon_threadsafe(_finish, replies)


def _finish(replies: Sequence[Reply]) -> None:
    for reply in replies:
        assert reply.future
        if reply.future.done():
            continue
        if reply.error:
            reply.future.set_exception(reply.error)
        else:
            reply.future.set_result(None)


def open_board(folder: Path, *, read_model: bool) -> GroupCommit:
    """Open the contender in an empty folder."""
    return GroupCommit(folder / "boards.sqlite", read_model=read_model)
