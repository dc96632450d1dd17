"""The read model of the guided task: how far each sprint's closing is, and its open cards."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Literal, TypeAlias

from examples.board.domain import (
    CardAdded,
    CardAssigned,
    CardCommented,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    ColumnLimited,
)
from examples.sprint.domain import SprintEvent
from examples.sprint.messages import (
    BoardFrozen,
    CardDecided,
    Carried,
    ClosingBegun,
    ClosingReminded,
    ClosingStopped,
    Fate,
    ReviewerNamed,
    SummaryDrafted,
    SummaryPublished,
)

from comity.engine import Recorded
from comity.readmodels import ReadModel, Row, Table

Step: TypeAlias = (
    ClosingBegun
    | ClosingStopped
    | ReviewerNamed
    | BoardFrozen
    | SummaryDrafted
    | SummaryPublished
    | ClosingReminded
)
Stage: TypeAlias = Literal["open", "closing", "frozen", "closed"]


class ClosingRow(Row):
    board: str
    version: int
    """The board's version that all tables of this model have."""
    stage: Stage = "open"
    into: str = ""
    begun_by: str = ""
    reviewer: str = ""
    named_by: str = ""
    frozen_by: str = ""
    done: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    carried: tuple[Carried, ...] = ()
    draft: str = ""
    summary: str = ""
    published_by: str = ""
    reminded: datetime | None = None
    """When everybody was told that nobody goes on; None if somebody has gone on since."""


class OpenCardRow(Row):
    board: str
    card: str
    number: int
    title: str
    column: str
    assignee: str = ""
    fate: Fate | None = None
    decided_by: str = ""


class Closings(ReadModel[SprintEvent]):
    """How far the closing of each sprint is, and the cards of its board."""

    on_error = "park"
    keyed_by_aggregate = True
    rows = Table(ClosingRow, key=lambda row: row.board)
    cards = Table(OpenCardRow, key=lambda row: (row.board, row.card))
    open = cards.index(lambda row: None if row.column == "done" else (row.board, row.number))

    def project(self, event: SprintEvent, at: Recorded[SprintEvent]) -> None:
        board = at.aggregate.key
        if self.rows.get(board) is None:
            self.rows.put(ClosingRow(board=board, version=0))
        self.rows.update(board, version=at.version)
        match event:
            case CardAdded(card=card, number=number, title=title, column=column):
                self.cards.put(
                    OpenCardRow(board=board, card=card, number=number, title=title, column=column)
                )
            case CardRenamed(card=card, title=title):
                self.cards.update((board, card), title=title)
            case CardMoved(card=card, column=column):
                self.cards.update((board, card), column=column)
            case CardAssigned(card=card, assignee=assignee):
                self.cards.update((board, card), assignee=assignee)
            case CardRemoved(card=card):
                self.cards.delete((board, card))
            case CardDecided(card=card, fate=fate):
                self.cards.update((board, card), fate=fate, decided_by=at.who)
                self.rows.update(board, reminded=None)
            case CardUpvoted() | CardCommented() | ColumnLimited():
                pass
            case _:
                self.rows.update(board, reminded=None)
                self._follow(board, event, at)

    def _follow(self, board: str, step: Step, at: Recorded[SprintEvent]) -> None:
        """Change the sprint's row for a step of its closing."""
        change = partial(self.rows.update, board)
        match step:
            case ClosingBegun(into=into):
                change(stage="closing", into=into, begun_by=at.who)
            case ClosingStopped():
                change(stage="open", into="")
            case ReviewerNamed(reviewer=reviewer):
                change(reviewer=reviewer, named_by=at.who)
            case BoardFrozen(done=done, dropped=dropped, carried=carried):
                change(stage="frozen", done=done, dropped=dropped, carried=carried)
                change(frozen_by=at.who)
            case SummaryDrafted(text=text):
                change(draft=text)
            case SummaryPublished(text=text):
                change(stage="closed", summary=text, published_by=at.who)
            case ClosingReminded():
                change(reminded=at.time)


def new_closing(board: str) -> ClosingRow:
    """A sprint that nothing happened to."""
    return ClosingRow(board=board, version=0)
