"""Watches who leads each model, outlet and process, from outside, and how long nobody does."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from comity.engine.sharing.epochs import EpochFile

_FILE = re.compile(r"(.+\.lock)-([1-9][0-9]*)")
_PROCESS = re.compile(r"process ([0-9]+) ")


class TakeOver(NamedTuple):
    """Somebody leads again."""

    name: str
    """The lock file, as a path in the domain's folder."""
    why: str
    """What became of the leader before."""
    seconds: float


class Leaders:
    """Call `lost` when a program is killed, and `look` a hundred times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost: dict[str, tuple[float, str]] = {}
        self.taken: list[TakeOver] = []

    def leading(self, process: int) -> list[str]:
        """The names that a process leads."""
        return [name for name, leader in self._leaders().items() if leader == process]

    def lost(self, names: Collection[str], why: str) -> None:
        """Note that these have no leader that works, since now."""
        for name in names:
            self._lost.setdefault(name, (time.monotonic(), why))

    def look(self, living: Collection[int]) -> None:
        """Note who has taken over, of the processes that work."""
        if not self._lost:
            return
        leaders = self._leaders()
        for name, (since, why) in list(self._lost.items()):
            if leaders.get(name, 0) in living:
                del self._lost[name]
                self.taken.append(TakeOver(name, why, time.monotonic() - since))

    def _leaders(self) -> dict[str, int]:
        newest: dict[str, tuple[int, int]] = {}
        for file in self._path.rglob("*.lock-*"):
            found = _FILE.fullmatch(str(file.relative_to(self._path)))
            if found:
                epoch = int(found[2]), _leader(file)
                newest[found[1]] = max(newest.get(found[1], epoch), epoch)
        return {name: process for name, (_, process) in newest.items()}


def _leader(file: Path) -> int:
    """The process that leads; 0 if nobody does."""
    try:
        epoch = EpochFile(file)
        found = _PROCESS.match(epoch.said()) if epoch.is_led() else None
    except OSError:  # it was removed meanwhile
        return 0
    return int(found[1]) if found else 0
