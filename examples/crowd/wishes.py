"""Chooses what a person does with a board: a command that makes sense for the board on screen."""

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
    """Chooses one person's commands; the same seed gives the same commands for the same boards."""

    def __init__(self, who: str, seed: str) -> None:
        self._who = who
        self._random = Random(seed)
        self._new = (f"{who}-{number}" for number in itertools.count(1))

    def think(self) -> float:
        """Seconds between looking at the board and acting."""
        return self._random.uniform(0, 0.3)

    def choose(self, board: Board) -> BoardCommand:
        """The next command for the board on the screen."""
        kind = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if kind is AddCard or not board.cards:
            return AddCard(card=next(self._new), number=board.next_number, title=self.title())
        # Most people work on the first cards of a board.
        card = list(board.cards)[int(self._random.random() ** 2 * len(board.cards))]
        wishes: dict[type[Command], Callable[[], BoardCommand]] = {
            RenameCard: lambda: RenameCard(card=card, title=self.title()),
            MoveCard: lambda: MoveCard(card=card, column=self._column(board, card)),
            AssignCard: lambda: AssignCard(card=card, assignee=self._who),
            Upvote: lambda: Upvote(card=card),
            Comment: lambda: Comment(card=card, comment=next(self._new), text=self.title()),
            RemoveCard: lambda: RemoveCard(card=card),
            LimitColumn: lambda: LimitColumn(column="doing", limit=self._random.randint(3, 8)),
        }
        return wishes[kind]()

    def title(self) -> str:
        """A title for a card."""
        return f"{self._random.choice(VERBS)} {self._random.choice(NOUNS)}"

    def _column(self, board: Board, card: str) -> str:
        """Another column for a card, which is not full as far as the person can see."""
        there = board.cards[card].column
        room = [
            column
            for column, limit in board.limits.items()
            if column != there and (limit is None or board.holds(column) < limit)
        ]
        return self._random.choice(room)
