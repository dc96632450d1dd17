"""Hand-written group commit with a version column: who is stale is refused, and asks again.

Kinder than most: the refusal says the newest version at once, so that reloading costs nothing, and
the states are in memory, so that a stale command costs no query. It knows nothing finer than the
board's version: whoever is second in a batch is stale, whatever the two had changed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.board import Change, Refused
from benchmarks.peers.group_commit import GroupCommit, Reply


class Stale(Refused):
    """Somebody else was first."""

    def __init__(self, version: int) -> None:
        super().__init__("the board has another version")
        self.version = version
        """The newest."""


class Checked(Reply):
    """A command with the version that its sender had seen; then with the one that it made."""

    __slots__ = ("version",)

    def __init__(self, change: Change, future: asyncio.Future[None], seen: int) -> None:
        super().__init__(change, future)
        self.version = seen


class VersionChecked(GroupCommit):
    """What a client sends names the version that it had seen."""

    async def ask_at(self, change: Change, seen: int) -> int:
        """The version that the command made.

        Raises:
            Stale: the board has another version than the one that was seen.
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
    """On an empty folder."""
    return VersionChecked(folder / "boards.sqlite", read_model=False)
