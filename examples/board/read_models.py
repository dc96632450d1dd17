"""Read models of boards: their cards, each person's workload, and the latest activity.

`examples.web` serves these tables; `domain.read(Cards)` reads them in any program.
"""

from __future__ import annotations

from datetime import datetime

from examples.board.domain import (
    Board,
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardCommented,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    ColumnLimited,
)

from comity.engine import Outcome, Recorded, Value
from comity.readmodels import ReadModel, Row, Table, descending

LONGEST_QUOTE = 80

# The rows.


class Column(Value):
    column: str
    limit: int | None


class BoardRow(Row):
    board: str
    version: int
    """The board's version that all tables of this model have."""
    next_number: int
    columns: tuple[Column, ...]


class CardRow(Row):
    board: str
    card: str
    number: int
    title: str
    column: str
    assignee: str | None = None
    voters: tuple[str, ...] = ()
    comments: int = 0
    version: int
    """The board's version that last changed the card."""
    changed_by: str


class CommentRow(Row):
    board: str
    card: str
    comment: str
    who: str
    text: str
    at: datetime


class TaskRow(Row):
    board: str
    card: str
    assignee: str | None = None
    done: bool


class NameRow(Row):
    board: str
    card: str
    number: int
    title: str


class ChangeRow(Row):
    board: str
    version: int
    position: int
    at: datetime
    who: str
    said: str
    """The change as a sentence for people."""
    outcome: Outcome
    report: str | None
    """How it was merged with unseen events; None if there were none."""


# The models. Boards never share a row. If a board's event cannot be projected (for example because
# a card's name is too long for a key), only this board is parked.


class Cards(ReadModel[BoardEvent]):
    """Boards with their cards and comments."""

    on_error = "park"
    keyed_by_aggregate = True
    boards = Table(BoardRow, key=lambda row: row.board)
    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    by_column = rows.index(lambda row: (row.board, row.column, row.number))
    by_assignee = rows.index(
        lambda row: (row.board, row.assignee, row.column, row.number) if row.assignee else None
    )
    by_change = rows.index(lambda row: (row.board, row.version))
    in_column = rows.count(lambda row: (row.board, row.column))
    in_board = rows.count(lambda row: row.board)
    comments = Table(CommentRow, key=lambda row: (row.board, row.card, row.comment))

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        board = at.aggregate.key
        self._see(board, at.version)
        match event:
            case CardAdded(card=card, number=number, title=title, column=column):
                self.rows.put(
                    CardRow(
                        board=board,
                        card=card,
                        number=number,
                        title=title,
                        column=column,
                        version=at.version,
                        changed_by=at.who,
                    )
                )
                self.boards.update(board, next_number=number + 1)
            case CardRenamed(card=card, title=title):
                self._change(card, at, title=title)
            case CardMoved(card=card, column=column):
                self._change(card, at, column=column)
            case CardAssigned(card=card, assignee=assignee):
                self._change(card, at, assignee=assignee or None)
            case CardUpvoted(card=card, voter=voter):
                self._change(card, at, voters=(*self.rows[(board, card)].voters, voter))
            case CardCommented(card=card, comment=comment, text=text):
                is_new = (board, card, comment) not in self.comments
                self._change(card, at, comments=self.rows[(board, card)].comments + is_new)
                self.comments.put(
                    CommentRow(
                        board=board, card=card, comment=comment, who=at.who, text=text, at=at.time
                    )
                )
            case CardRemoved(card=card):
                for row in self.comments.prefix(board, card).list():
                    self.comments.delete((board, card, row.comment))
                self.rows.delete((board, card))
            case ColumnLimited(column=column, limit=limit):
                limits = {one.column: one.limit for one in self.boards[board].columns}
                self.boards.update(board, columns=columns({**limits, column: limit}))

    def _see(self, board: str, version: int) -> None:
        if self.boards.get(board) is None:
            self.boards.put(new_board(board))
        self.boards.update(board, version=version)

    def _change(self, card: str, at: Recorded[BoardEvent], **fields: object) -> None:
        key = (at.aggregate.key, card)
        self.rows.update(key, version=at.version, changed_by=at.who, **fields)


class Workload(ReadModel[BoardEvent]):
    """The number of cards that each person has, on all boards."""

    on_error = "park"
    keyed_by_aggregate = True
    rows = Table(TaskRow, key=lambda row: (row.board, row.card))
    to_do = rows.count(lambda row: None if row.done else row.assignee)
    done = rows.count(lambda row: row.assignee if row.done else None)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        board = at.aggregate.key
        match event:
            case CardAdded(card=card, column=column):
                self.rows.put(TaskRow(board=board, card=card, done=column == "done"))
            case CardMoved(card=card, column=column):
                self.rows.update((board, card), done=column == "done")
            case CardAssigned(card=card, assignee=assignee):
                self.rows.update((board, card), assignee=assignee or None)
            case CardRemoved(card=card):
                self.rows.delete((board, card))
            case CardRenamed() | CardUpvoted() | CardCommented() | ColumnLimited():
                pass


class Activity(ReadModel[BoardEvent]):
    """The changes of each board, latest first, and how they were merged."""

    on_error = "park"
    keyed_by_aggregate = True
    rows = Table(ChangeRow, key=lambda row: (row.board, descending(row.version)))
    names = Table(NameRow, key=lambda row: (row.board, row.card))
    """The names of the cards, since an event has only a card's key."""

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        board, report = at.aggregate.key, at.report
        self.rows.put(
            ChangeRow(
                board=board,
                version=at.version,
                position=at.position,
                at=at.time,
                who=at.who,
                said=self._say(board, event),
                outcome=report.outcome if report else Outcome.APPLIED,
                report=report.sentence() if report else None,
            )
        )
        match event:
            case CardAdded(card=card, number=number, title=title):
                self.names.put(NameRow(board=board, card=card, number=number, title=title))
            case CardRenamed(card=card, title=title):
                self.names.update((board, card), title=title)
            case CardRemoved(card=card):
                self.names.delete((board, card))
            case _:
                pass

    def _say(self, board: str, event: BoardEvent) -> str:
        match event:
            case CardAdded(number=number, title=title, column=column):
                said = f"added #{number} {quote(title)} to {column}"
            case CardRenamed(card=card, title=title):
                said = f"renamed {self._name(board, card)} to {quote(title)}"
            case CardMoved(card=card, column=column):
                said = f"moved {self._name(board, card)} to {column}"
            case CardAssigned(card=card, assignee=assignee):
                said = f"gave {self._name(board, card)} to {assignee or 'nobody'}"
            case CardUpvoted(card=card):
                said = f"voted for {self._name(board, card)}"
            case CardCommented(card=card, text=text):
                said = f"said of {self._name(board, card)}: {quote(text)}"
            case CardRemoved(card=card):
                said = f"removed {self._name(board, card)}"
            case ColumnLimited(column=column, limit=None):
                said = f"let {column} hold any number of cards"
            case ColumnLimited(column=column, limit=limit):
                said = f"let {column} hold {limit} cards at most"
        return said

    def _name(self, board: str, card: str) -> str:
        name = self.names[(board, card)]
        return f"#{name.number} {quote(name.title)}"


def new_board(board: str) -> BoardRow:
    """A board without events."""
    limits, next_number = Board().limits, Board().next_number
    return BoardRow(board=board, version=0, next_number=next_number, columns=columns(limits))


def columns(limits: dict[str, int | None]) -> tuple[Column, ...]:
    return tuple(Column(column=column, limit=limit) for column, limit in limits.items())


def quote(text: str) -> str:
    """The text in quotation marks, on one line, cut if it is long."""
    line = " ".join(text.split())
    return f"“{line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + '…'}”"
