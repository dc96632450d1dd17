"""What people want when they look at a board: something that makes sense on what they see."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

from examples.board.domain import (
    AddCard,
    AssignCard,
    Board,
    BoardCommand,
    Comment,
    LimitColumn,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
)

from comity.engine import Command

VERBS = ("Ship", "Fix", "Test", "Draw", "Explain", "Speed up", "Simplify", "Translate", "Review")
NOUNS = ("the login", "the search", "the invoice", "the import", "the map", "the help", "the menu")

WEIGHTS: dict[type[Command], int] = {
    RenameCard: 18,
    MoveCard: 26,
    AssignCard: 12,
    Upvote: 16,
    Comment: 18,
    AddCard: 6,
    RemoveCard: 3,
    LimitColumn: 1,
}


class Wisher:
    """One person's wishes; the same seed wishes the same on the same boards."""

    def __init__(self, who: str, seed: str) -> None:
        self._who = who
        self._random = Random(seed)
        self._new = (f"{who}-{number}" for number in itertools.count(1))

    def think(self) -> float:
        """Seconds between looking and acting."""
        return self._random.uniform(0, 0.3)

    def choose(self, board: Board) -> BoardCommand:
        """What to do about the board that is shown."""
        kind = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if kind is AddCard or not board.cards:
            return AddCard(card=next(self._new), number=board.next_number, title=self.title())
        # The first cards of a board are on everybody's mind.
        card = list(board.cards)[int(self._random.random() ** 2 * len(board.cards))]
        wishes: dict[type[Command], Callable[[], BoardCommand]] = {
            RenameCard: lambda: RenameCard(card=card, title=self.title()),
            MoveCard: lambda: MoveCard(card=card, column=self._column(board, card)),
            AssignCard: lambda: AssignCard(card=card, assignee=self._who),
            Upvote: lambda: Upvote(card=card, voter=self._who),
            Comment: lambda: Comment(card=card, comment=next(self._new), text=self.title()),
            RemoveCard: lambda: RemoveCard(card=card),
            LimitColumn: lambda: LimitColumn(column="doing", limit=self._random.randint(3, 8)),
        }
        return wishes[kind]()

    def title(self) -> str:
        """What a card might say."""
        return f"{self._random.choice(VERBS)} {self._random.choice(NOUNS)}"

    def _column(self, board: Board, card: str) -> str:
        """Nobody drags a card where it is, or into a column that they see is full."""
        there = board.cards[card].column
        room = [
            column
            for column, limit in board.limits.items()
            if column != there and (limit is None or board.holds(column) < limit)
        ]
        return self._random.choice(room)
