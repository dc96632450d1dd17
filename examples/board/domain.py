"""A task board that many people change at once: cards, columns with a limit, votes, comments.

This is the whole domain; `python -m examples.board` tells a story with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Self

from annotated_types import Ge, Len

from comity.engine import Clash, Command, Decider, Event, Key, Rejected, Sent, give_way, overwrite

Title = Annotated[str, Len(1, 200)]
Limit = Annotated[int, Ge(1)] | None

# Commands. RenameCard touches only card/{card}/title; comity derives this from its fields.


class AddCard(Command):
    card: Key[str]
    number: int
    title: Title
    column: str = "todo"
    touches = ("card/{card}", "numbers")

    def on_conflict(self, clash: Clash[Board], /) -> Self | None:
        """If another card has taken the number, take the next free one."""
        return self.model_copy(update={"number": clash.state.next_number})


class RenameCard(Command):
    card: Key[str]
    title: Title


class MoveCard(Command):
    card: Key[str]
    column: str
    on_conflict = overwrite  # the last move wins


class AssignCard(Command):
    card: Key[str]
    assignee: str
    depends_on = "card/{card}/title"  # a new title may change who should do it


class Upvote(Command):
    card: Key[str]
    touches = "card/{card}/voter"  # everybody votes for themselves


class Comment(Command):
    card: Key[str]
    comment: Key[str]
    text: Annotated[str, Len(1, 2000)]


class RemoveCard(Command):
    card: Key[str]
    on_conflict = give_way  # to any change of the card


class LimitColumn(Command):
    column: Key[str]
    limit: Limit


BoardCommand = (
    AddCard | RenameCard | MoveCard | AssignCard | Upvote | Comment | RemoveCard | LimitColumn
)

# Events.


class CardAdded(Event):
    card: Key[str]
    number: int
    title: str
    column: str
    touches = ("card/{card}", "numbers")


class CardRenamed(Event):
    card: Key[str]
    title: str


class CardMoved(Event):
    card: Key[str]
    column: str


class CardAssigned(Event):
    card: Key[str]
    assignee: str


class CardUpvoted(Event):
    card: Key[str]
    voter: str
    commutes = True


class CardCommented(Event):
    card: Key[str]
    comment: Key[str]
    text: str


class CardRemoved(Event):
    card: Key[str]


class ColumnLimited(Event):
    column: Key[str]
    limit: int | None


BoardEvent = (
    CardAdded
    | CardRenamed
    | CardMoved
    | CardAssigned
    | CardUpvoted
    | CardCommented
    | CardRemoved
    | ColumnLimited
)

# State.


@dataclass
class Card:
    number: int
    title: str
    column: str
    assignee: str = ""
    voters: set[str] = field(default_factory=set[str])
    comments: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Board:
    limits: dict[str, int | None] = field(
        default_factory=lambda: {"todo": None, "doing": 3, "done": None}
    )
    """The most cards that each column may hold; None means any number."""
    cards: dict[str, Card] = field(default_factory=dict[str, Card])
    next_number: int = 1

    def holds(self, column: str) -> int:
        """The number of cards in the column."""
        return sum(card.column == column for card in self.cards.values())


# Business rules.


class ColumnFull(Rejected):
    def __init__(self, column: str, limit: int) -> None:
        super().__init__(f"{column} is full: its limit is {limit}", column=column, limit=limit)


def existing(board: Board, card: str) -> Card:
    if card not in board.cards:
        raise Rejected(f"there is no card {card!r}")
    return board.cards[card]


def check_room(board: Board, column: str) -> None:
    if column not in board.limits:
        raise Rejected(f"there is no column {column!r}")
    limit = board.limits[column]
    if limit is not None and board.holds(column) >= limit:
        raise ColumnFull(column, limit)


# Decisions: commands become events, and events change the board.


def decide(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    match command:
        case AddCard():
            yield from add(board, command)
        case RenameCard(card=card, title=title):
            if existing(board, card).title != title:
                yield CardRenamed(card=card, title=title)
        case MoveCard(card=card, column=column):
            if existing(board, card).column != column:
                check_room(board, column)
                yield CardMoved(card=card, column=column)
        case AssignCard(card=card, assignee=assignee):
            if existing(board, card).assignee != assignee:
                yield CardAssigned(card=card, assignee=assignee)
        case Upvote(card=card):
            if sent.who not in existing(board, card).voters:
                yield CardUpvoted(card=card, voter=sent.who)
        case Comment(card=card, comment=comment, text=text):
            if existing(board, card).comments.get(comment) != text:
                yield CardCommented(card=card, comment=comment, text=text)
        case RemoveCard(card=card):
            if card in board.cards:
                yield CardRemoved(card=card)
        case LimitColumn():
            yield from limit_column(board, command)


def add(board: Board, command: AddCard) -> Iterator[CardAdded]:
    if command.card in board.cards:
        raise Rejected(f"there is already a card {command.card!r}")
    if command.number != board.next_number:
        raise Rejected(f"the next card is number {board.next_number}, not {command.number}")
    check_room(board, command.column)
    yield CardAdded(
        card=command.card, number=command.number, title=command.title, column=command.column
    )


def limit_column(board: Board, command: LimitColumn) -> Iterator[ColumnLimited]:
    column, limit, held = command.column, command.limit, board.holds(command.column)
    if limit is not None and held > limit:
        raise Rejected(f"{column} holds {held} cards: its limit cannot be {limit}")
    if column not in board.limits or board.limits[column] != limit:
        yield ColumnLimited(column=column, limit=limit)


def evolve(board: Board, event: BoardEvent) -> Board:
    match event:
        case CardAdded(card=card, number=number, title=title, column=column):
            board.cards[card] = Card(number, title, column)
            board.next_number = number + 1
        case CardRenamed(card=card, title=title):
            board.cards[card].title = title
        case CardMoved(card=card, column=column):
            board.cards[card].column = column
        case CardAssigned(card=card, assignee=assignee):
            board.cards[card].assignee = assignee
        case CardUpvoted(card=card, voter=voter):
            board.cards[card].voters.add(voter)
        case CardCommented(card=card, comment=comment, text=text):
            board.cards[card].comments[comment] = text
        case CardRemoved(card=card):
            del board.cards[card]
        case ColumnLimited(column=column, limit=limit):
            board.limits[column] = limit
    return board


board = Decider("board", Board, decide, evolve)
