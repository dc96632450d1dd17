"""The board in comity for clients with old views: their commands are merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from benchmarks.board import Change
from benchmarks.peers.comity_board import ComityBoard, command_of


class ComityMerging(ComityBoard):
    """A board whose commands have the version that their sender saw."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, read_model=False)
        self._outcomes: Counter[str] = Counter()

    async def ask_at(self, change: Change, seen: int) -> int:
        """Send a command; returns the version after it, merged with the unseen events."""
        receipt = await self._handle(change.board).send(command_of(change), seen=seen)
        self._outcomes[receipt.outcome.value] += 1
        return receipt.version

    def facts(self) -> Mapping[str, float]:
        """The same facts, and the number of merged commands."""
        return {**super().facts(), "merged": self._outcomes["merged"]}


def open_board(folder: Path) -> ComityMerging:
    """Open the contender in an empty folder."""
    return ComityMerging(folder / "boards")
