"""One process of several that have the boards open: as a web worker, it has clients of its own.

python -m benchmarks.experiments.sharing_worker PART: reads a step and its arguments from each line
of its input, and answers with a line.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.board import SETUP, Change, card_id, title
from benchmarks.client import Crowd
from benchmarks.contender import Contender, opened
from benchmarks.latency import Latency
from benchmarks.peers.comity_board import ComityBoard
from benchmarks.proof import prove
from benchmarks.shape import Shape

CARDS: Final = 4
"""Cards of each board at the start. Each process makes some, so that each board is live in each."""


@dataclass(frozen=True)
class Part:
    """What one of the processes does."""

    contender: str
    folder: str
    boards: int
    mode: str
    clients: int
    """Those of all processes."""
    number: int
    """This process: from 0 …"""
    of: int
    """… to one below this."""

    def as_json(self) -> str:
        """The argument for the process."""
        return json.dumps(asdict(self))

    @property
    def shape(self) -> Shape:
        """The shape of all processes together."""
        return Shape("c", "many boards", self.boards, CARDS, self.clients)

    @property
    def own(self) -> range:
        """The numbers of this process's clients."""
        return range(self.number, self.clients, self.of)

    def setting_up(self) -> Iterator[Change]:
        """This process's part of the changes before the first command."""
        first, end = (CARDS * each // self.of for each in (self.number, self.number + 1))
        for board in self.shape.names:
            for card in range(first, end):
                yield Change(board, "create", card_id(SETUP, card), title(SETUP, card))


class Worker:
    """The process: it has the boards open, and does what it is told."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._contender: Contender = opened(part.contender, Path(part.folder), read_model=False)
        self._crowd = Crowd(self._contender, part.shape, part.mode, part.own)

    def do(self, step: str, *arguments: object) -> object:
        """Do a step; returns what it found out."""
        steps: dict[str, Callable[..., object]] = {
            "set up": self.set_up,
            "work": self.work,
            "prove": self.prove,
            "end": self.end,
        }
        return steps[step](*arguments)

    def set_up(self) -> None:
        """Make this process's cards."""
        self._contender.set_up(list(self._part.setting_up()))
        gc.collect()
        gc.freeze()

    def work(self, begin: float, seconds: float) -> dict[str, Any]:
        """Let the clients work, from a moment on that is the same in all processes."""
        time.sleep(max(0.0, begin - time.monotonic()))
        before, stale = self._contender.facts().get("commits", 0), self._stale()
        window = self._crowd.work(seconds)
        return {
            "commands": window.commands,
            "seconds": window.seconds,
            "cpu": window.cpu,
            "commits": self._contender.facts().get("commits", 0) - before,
            "stale": self._stale() - stale,
            "latency": Latency.of(window.times).as_json(),
            "answered": self._crowd.answered,
        }

    def prove(self, answered: Sequence[int]) -> str:
        """Check all boards against the answers of all processes."""
        return prove(self._contender, self._part.shape, answered, read_model=False)

    def end(self) -> None:
        """Close the boards."""
        self._contender.close()

    def _stale(self) -> int:
        contender = self._contender
        return contender.stale() if isinstance(contender, ComityBoard) else 0


def main() -> None:
    """Do each step of the input; a step that fails ends the process, with all its threads."""
    try:
        worker = Worker(Part(**json.loads(sys.argv[1])))
        for line in sys.stdin:
            print(json.dumps(worker.do(*json.loads(line))), flush=True)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    main()
