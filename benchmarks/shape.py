"""The shapes of the board's workload: the numbers of boards and clients, and who uses which."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from benchmarks.board import COLUMNS, SETUP, Change, Kind, card_id, person, setting_up, title

_TURNS: Final[tuple[Kind, ...]] = (
    "create", "rename", "move", "assign", "rename", "move", "assign", "rename", "move", "assign",
)  # fmt: skip
_PICKS: Final = 4_096
"""The number of boards that a client visits before it starts again with the first."""


@dataclass(frozen=True)
class Shape:
    """One shape."""

    name: str
    about: str
    boards: int
    cards: int
    """Cards on each board at the start."""
    clients: int
    zipf: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the boards."""
        return _names(self.boards)

    def setting_up(self) -> list[Change]:
        """The changes before the first command."""
        return setting_up(self.names, self.cards)

    def script(self, client: int, clients: int) -> Iterator[Change]:
        """A client's endless commands, the same in each run and for each contender."""
        chance = random.Random(f"{self.name} {client} {clients}")  # noqa: S311 - repeatable
        picks = self._picks(chance, _PICKS * max(1, 64 // clients))
        there = [card_id(SETUP, number) for number in range(self.cards)]
        cards = chance.choices(there, k=len(picks))
        places = itertools.cycle(zip(picks, cards, strict=True))
        for number, (board, card) in enumerate(places):
            kind = _TURNS[number % len(_TURNS)]
            if kind == "rename":
                yield Change(board, kind, card, title(client, number))
            elif kind == "move":
                yield Change(board, kind, card, COLUMNS[number % 3])
            elif kind == "assign":
                yield Change(board, kind, card, person(number))
            else:
                yield Change(board, kind, card_id(client, number), title(client, number))

    def _picks(self, chance: random.Random, count: int) -> Sequence[str]:
        if self.boards == 1:
            return self.names * count
        weights = _zipf(self.boards) if self.zipf else None
        return chance.choices(self.names, cum_weights=weights, k=count)


@cache
def _names(boards: int) -> list[str]:
    return [f"board-{number:06}" for number in range(boards)]


@cache
def _zipf(boards: int) -> Sequence[float]:
    return list(itertools.accumulate(1 / rank for rank in range(1, boards + 1)))


MANY: Final = 10_000

SHAPES: Final = {
    shape.name: shape
    for shape in (
        Shape("a", "one board, one client that waits", 1, 100, 1),
        Shape("b", "one hot board, 64 clients", 1, 100, 64),
        Shape("c", f"{MANY:,} boards, 64 clients, uniform", MANY, 2, 64),
        Shape("d", f"{MANY:,} boards, 64 clients, zipf", MANY, 2, 64, zipf=True),
    )
}
