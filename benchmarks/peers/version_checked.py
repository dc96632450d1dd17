"""Hand-written group commit with a version column: it refuses stale commands.

It is faster than most: the refusal has the newest version, so that reloading costs nothing, and the
states are in memory, so that a stale command costs no query. It compares only the board's version:
the second command in a batch is stale, whatever the two change.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.board import Change, Refused
from benchmarks.peers.group_commit import GroupCommit, Reply


class Stale(Refused):
    """Another command was first."""

    def __init__(self, version: int) -> None:
        super().__init__("the board has another version")
        self.version = version
        """The newest version."""


class Checked(Reply):
    """A command with the version that its sender saw; after it, with the version that it made."""

    __slots__ = ("version",)

    def __init__(self, change: Change, future: asyncio.Future[None], seen: int) -> None:
        super().__init__(change, future)
        self.version = seen


class VersionChecked(GroupCommit):
    """A store whose commands have the version that their sender saw."""

    async def ask_at(self, change: Change, seen: int) -> int:
        """Send a command; returns the version after it.

        Raises:
            Stale: the board's version is not the seen one.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        reply = Checked(change, future, seen)
        self._queue.put(reply)
        await future
        return reply.version

    def _decide(self, reply: Reply) -> None:
        if not isinstance(reply, Checked):
            super()._decide(reply)
            return
        version = self._store.version(reply.change.board)
        if reply.version != version:
            raise Stale(version)
        super()._decide(reply)
        reply.version = version + 1


def open_board(folder: Path) -> VersionChecked:
    """Open the contender in an empty folder."""
    return VersionChecked(folder / "boards.sqlite", read_model=False)
