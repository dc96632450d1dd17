"""The commands and events of a sprint's closing. The decider in `domain` takes and makes them."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from annotated_types import Len
from examples.board.domain import CardCommented, CardUpvoted

from comity.engine import Clash, Command, Conflicted, Event, Key, Value

Name = Annotated[str, Len(1, 100)]
MOST_TEXT = 5_000
Text = Annotated[str, Len(1, MOST_TEXT)]
Fate: TypeAlias = Literal["carry", "drop", "done"]
"""What becomes of a card when the sprint ends: the next sprint has it, nobody, or it is done."""


class Carried(Value):
    """A card that goes to the next sprint."""

    card: str
    title: str
    assignee: str


# What a person does, step by step. DecideCard changes card/{card}/fate, NameReviewer reviewer.


class CloseSprint(Command):
    """Begin to close the sprint. Cards that are carried over go to the board `into`."""

    into: Name
    touches = "closing"


class StopClosing(Command):
    """Go on with the sprint. What was decided stays, for when its closing begins again."""

    touches = "closing"


class DecideCard(Command):
    card: Key[str]
    fate: Fate
    depends_on = ("card/{card}/title", "card/{card}/column", "closing")


class NameReviewer(Command):
    reviewer: Name
    depends_on = "closing"


class FreezeBoard(Command):
    """Freeze the board as it is on the sender's screen. Its footprint is the whole board."""

    def on_conflict(self, clash: Clash[object], /) -> Self | None:
        """Freeze it in spite of unseen votes and comments, which change no decision."""
        if all(isinstance(event, CardUpvoted | CardCommented) for event in clash.events):
            return self
        raise Conflicted("look at the board again before you freeze it")


class PublishSummary(Command):
    text: Text
    touches = "summary"
    depends_on = ("draft", "reviewer")


# What the process orders.


class CarryOver(Command):
    """Add a card of the sprint before. To add it again changes nothing."""

    card: Key[str]
    title: str
    assignee: str
    touches = ("card/{card}", "numbers")


class DraftSummary(Command):
    text: Text
    touches = "draft"


class Remind(Command):
    """Tell everybody that nobody goes on with the closing."""

    waits_for: str
    touches = "reminder"


PersonsCommand = (
    CloseSprint | StopClosing | DecideCard | NameReviewer | FreezeBoard | PublishSummary
)
ClosingCommand = PersonsCommand | CarryOver | DraftSummary | Remind


# Events.


class ClosingBegun(Event):
    into: str
    open: tuple[str, ...]
    """The cards that are not done, and about which nothing is decided."""
    decided: tuple[str, ...]
    """The cards that were decided before the closing was stopped."""
    reviewer: str
    """The reviewer, if one was named before the closing was stopped."""
    touches = "closing"


class ClosingStopped(Event):
    touches = "closing"


class CardDecided(Event):
    card: Key[str]
    fate: Fate


class ReviewerNamed(Event):
    reviewer: str


class BoardFrozen(Event):
    """From now on the board does not change. All texts are titles of cards."""

    into: str
    done: tuple[str, ...]
    dropped: tuple[str, ...]
    carried: tuple[Carried, ...]
    touches = "frozen"


class SummaryDrafted(Event):
    text: str
    touches = "draft"


class SummaryPublished(Event):
    text: str
    touches = "summary"


class ClosingReminded(Event):
    waits_for: str
    touches = "reminder"


ClosingEvent = (
    ClosingBegun
    | ClosingStopped
    | CardDecided
    | ReviewerNamed
    | BoardFrozen
    | SummaryDrafted
    | SummaryPublished
    | ClosingReminded
)
