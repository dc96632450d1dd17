"""The process that leads through a sprint's closing: it knows the next step, and does what follows.

After the board is frozen it orders what follows by itself: the next sprint takes the cards that are
carried over, and the summary is drafted. If nobody goes on, it reminds everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from examples.board.domain import CardAdded, CardMoved, CardRemoved
from examples.sprint.domain import sprint
from examples.sprint.messages import (
    MOST_TEXT,
    BoardFrozen,
    CardDecided,
    CarryOver,
    ClosingBegun,
    ClosingStopped,
    DraftSummary,
    Remind,
    ReviewerNamed,
    SummaryPublished,
)

from comity.engine import Answered, End, Heard, Order, Process, Rang, SetTimer

PATIENCE = timedelta(minutes=10)
"""Everybody is reminded if nobody goes on for this time."""

Step: TypeAlias = Literal["cards", "reviewer", "freeze", "carry", "summary", "publish", "over"]
ClosingThing: TypeAlias = (
    ClosingBegun
    | ClosingStopped
    | CardDecided
    | ReviewerNamed
    | BoardFrozen
    | SummaryPublished
    | CardAdded
    | CardMoved
    | CardRemoved
)


@dataclass
class Closing:
    """How far the closing of one sprint is."""

    into: str = ""
    undecided: set[str] = field(default_factory=set[str])
    decided: set[str] = field(default_factory=set[str])
    reviewer: str = ""
    frozen: bool = False
    done: list[str] = field(default_factory=list[str])
    dropped: list[str] = field(default_factory=list[str])
    carrying: dict[str, str] = field(default_factory=dict[str, str])
    """The titles of the cards that the next sprint has not answered about, by the order's name."""
    carried: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    """The cards that the next sprint did not take, with the reasons."""
    drafted: bool = False
    over: bool = False

    @property
    def step(self) -> Step:
        """What is to be done next; `carry` and `summary` happen by themselves."""
        if self.over:
            return "over"
        if not self.frozen:
            if self.undecided:
                return "cards"
            return "freeze" if self.reviewer else "reviewer"
        if self.carrying:
            return "carry"
        return "publish" if self.drafted else "summary"


def key(event: ClosingThing, heard: Heard) -> str | None:
    """The board: each sprint has a closing of its own. comity reserves the key `*`."""
    board = heard.aggregate.key
    return board if board != "*" else None


# What the process knows.


def evolve(closing: Closing, thing: ClosingThing | Answered | Rang) -> Closing:
    match thing:
        case ClosingBegun(into=into, open=undecided, decided=decided, reviewer=reviewer):
            return Closing(into, set(undecided), set(decided), reviewer)
        case CardAdded(card=card, column=column) | CardMoved(card=card, column=column):
            if column == "done" or card in closing.decided:
                closing.undecided.discard(card)
            else:
                closing.undecided.add(card)
        case CardRemoved(card=card):
            closing.undecided.discard(card)
            closing.decided.discard(card)
        case CardDecided(card=card):
            closing.undecided.discard(card)
            closing.decided.add(card)
        case ReviewerNamed(reviewer=reviewer):
            closing.reviewer = reviewer
        case BoardFrozen(done=done, dropped=dropped, carried=carried):
            closing.frozen, closing.done, closing.dropped = True, [*done], [*dropped]
            closing.carrying = {
                order_name(number): card.title for number, card in enumerate(carried)
            }
        case Answered():
            take_answer(closing, thing)
        case ClosingStopped() | SummaryPublished():
            closing.over = True
        case Rang():
            pass
    return closing


def take_answer(closing: Closing, answered: Answered) -> None:
    if title := closing.carrying.pop(answered.order, None):
        if answered.refused:
            closing.refused.append(f"{title} ({answered.reason})")
        else:
            closing.carried.append(title)
    elif answered.order == "draft":
        closing.drafted = True


def order_name(number: int) -> str:
    """The name of the order for a card, by its place among the carried ones: keys may be long."""
    return f"carry {number}"


# What the process does.


def react(
    closing: Closing, thing: ClosingThing | Answered | Rang, heard: Heard
) -> Iterator[Order | SetTimer | End]:
    match thing:
        case ClosingBegun() | CardDecided() | ReviewerNamed():
            yield SetTimer("reminder", after=PATIENCE)
        case BoardFrozen(carried=carried):
            yield SetTimer("reminder", after=PATIENCE)
            for number, card in enumerate(carried):
                wanted = CarryOver(card=card.card, title=card.title, assignee=card.assignee)
                yield Order(sprint, closing.into, wanted, name=order_name(number))
            if not carried:
                yield draft(closing, heard.key)
        case Answered(command=CarryOver()):
            if not closing.carrying:  # it was the last answer
                yield draft(closing, heard.key)
        case Rang():
            yield Order(sprint, heard.key, Remind(waits_for=closing.step))
        case SummaryPublished():
            yield End("the summary is published")
        case ClosingStopped():
            yield End("somebody stopped it")
        case _:
            pass


def draft(closing: Closing, board: str) -> Order:
    return Order(sprint, board, DraftSummary(text=summary(closing, board)), name="draft")


def summary(closing: Closing, board: str) -> str:
    """What became of the cards, in words."""
    lines = [
        f"{board} is closed.",
        f"Done: {listed(closing.done)}.",
        f"Carried over to {closing.into}: {listed(closing.carried)}.",
        f"Dropped: {listed(closing.dropped)}.",
    ]
    if closing.refused:
        lines.append(f"Not taken by {closing.into}: {listed(closing.refused)}.")
    return "\n".join(lines)[:MOST_TEXT]


def listed(titles: Iterable[str]) -> str:
    return ", ".join(sorted(titles)) or "nothing"


closing = Process(
    "closing",
    Closing,
    key,
    evolve,
    react,
    starts=(ClosingBegun,),
    orders=[sprint],
    start="beginning",
)
