"""A board whose sprint can be closed: the task board of `examples.board`, and the steps of closing.

It is the same aggregate with more commands, so that one version of the board is on the screen, and
a change of a card clashes with a decision about it. The process in `process` leads through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from examples.board.domain import (
    Board,
    BoardCommand,
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardMoved,
    CardRemoved,
    check_room,
    existing,
)
from examples.board.domain import decide as decide_about_board
from examples.board.domain import evolve as evolve_board
from examples.sprint.messages import (
    BoardFrozen,
    CardDecided,
    Carried,
    CarryOver,
    CloseSprint,
    ClosingBegun,
    ClosingCommand,
    ClosingEvent,
    ClosingReminded,
    ClosingStopped,
    DecideCard,
    DraftSummary,
    Fate,
    FreezeBoard,
    NameReviewer,
    PublishSummary,
    Remind,
    ReviewerNamed,
    StopClosing,
    SummaryDrafted,
    SummaryPublished,
)

from comity.engine import At, Decider, Rejected, Sent

MOST_BYTES = 200
"""The longest key of an aggregate, in UTF-8."""

SprintCommand: TypeAlias = BoardCommand | ClosingCommand
SprintEvent: TypeAlias = BoardEvent | ClosingEvent

# State.


@dataclass
class Sprint(Board):
    """A board, and how far its closing is."""

    into: str = ""
    """The board of the next sprint, while this one is being closed; else empty."""
    fates: dict[str, Fate] = field(default_factory=dict[str, Fate])
    reviewer: str = ""
    frozen: bool = False
    frozen_by: str = ""
    draft: str = ""
    summary: str = ""
    """The published summary; empty until then."""

    def undecided(self) -> list[str]:
        """The cards that are not done, and about which nothing is decided."""
        return [card for card in self.open_cards() if card not in self.fates]

    def open_cards(self) -> list[str]:
        """The cards that are not done, by number."""
        found = [name for name, card in self.cards.items() if card.column != "done"]
        return sorted(found, key=lambda name: self.cards[name].number)

    def with_fate(self, fate: Fate) -> list[str]:
        """The open cards with this fate, by number."""
        return [card for card in self.open_cards() if self.fates.get(card) == fate]


# Business rules.


class BoardIsFrozen(Rejected):
    def __init__(self, who: str) -> None:
        by = f": {who} froze it" if who else ""
        super().__init__(f"the board is frozen{by} when the sprint was closed", who=who)


def check_closing(sprint: Sprint) -> None:
    if not sprint.into:
        raise Rejected("nobody is closing this sprint")
    if sprint.summary:
        raise Rejected("the sprint is closed: its summary is published")


def check_board(name: str) -> None:
    """Refuse a name that no board with a process can have, since cards are to go there."""
    if name == "*" or len(name.encode()) > MOST_BYTES:
        raise Rejected(f"no board is called *, or has a name of more than {MOST_BYTES} bytes")


def check_ready(sprint: Sprint) -> None:
    """Refuse to freeze a board as long as something is to be decided."""
    if undecided := sprint.undecided():
        raise Rejected(f"decide what becomes of {numbers(sprint, undecided)} first")
    if not sprint.reviewer:
        raise Rejected("name a reviewer first")


def check_reviewer(sprint: Sprint, who: str) -> None:
    if not sprint.frozen:
        raise Rejected("freeze the board first")
    if not sprint.draft:
        raise Rejected("the summary is still being written")
    if who != sprint.reviewer:
        raise Rejected(f"{sprint.reviewer} reviews the summary, and nobody else publishes it")


def numbers(sprint: Sprint, cards: list[str], most: int = 3) -> str:
    """The cards' numbers for people: `#3, #4 and 2 more`."""
    said = [f"#{sprint.cards[card].number}" for card in cards[:most]]
    if len(cards) > most:
        said.append(f"{len(cards) - most} more")
    return " and ".join((", ".join(said[:-1]), said[-1])) if len(said) > 1 else said[0]


# Decisions.


def decide(sprint: Sprint, command: SprintCommand, sent: Sent) -> Iterator[SprintEvent]:
    match command:
        case CloseSprint(into=into):
            yield from begin(sprint, into)
        case StopClosing():
            if sprint.into:
                check_not_frozen(sprint)
                yield ClosingStopped()
        case NameReviewer(reviewer=reviewer):
            check_closing(sprint)
            if sprint.reviewer != reviewer:
                yield ReviewerNamed(reviewer=reviewer)
        case DraftSummary(text=text):
            if sprint.draft != text:
                yield SummaryDrafted(text=text)
        case PublishSummary(text=text):
            yield from publish(sprint, text, sent.who)
        case Remind(waits_for=waits_for):
            if sprint.into and not sprint.summary:
                yield ClosingReminded(waits_for=waits_for)
        case _:
            check_not_frozen(sprint)
            yield from decide_about_cards(sprint, command, sent)


def decide_about_cards(
    sprint: Sprint, command: BoardCommand | DecideCard | FreezeBoard | CarryOver, sent: Sent
) -> Iterator[SprintEvent]:
    match command:
        case DecideCard(card=card, fate=fate):
            check_closing(sprint)
            if existing(sprint, card).column == "done":
                raise Rejected(f"{numbers(sprint, [card])} is done")
            if sprint.fates.get(card) != fate:
                yield CardDecided(card=card, fate=fate)
        case FreezeBoard():
            check_closing(sprint)
            check_ready(sprint)
            yield from freeze(sprint)
        case CarryOver():
            yield from take_over(sprint, command)
        case _:
            yield from decide_about_board(sprint, command, sent)


def check_not_frozen(sprint: Sprint) -> None:
    if sprint.frozen:
        raise BoardIsFrozen(sprint.frozen_by)


def begin(sprint: Sprint, into: str) -> Iterator[ClosingBegun]:
    if sprint.into == into:
        return
    check_not_frozen(sprint)
    check_board(into)
    yield ClosingBegun(
        into=into,
        open=tuple(sprint.undecided()),
        decided=tuple(sorted(sprint.fates)),
        reviewer=sprint.reviewer,
    )


def freeze(sprint: Sprint) -> Iterator[SprintEvent]:
    """Do with each open card what was decided, then freeze the board."""
    done, dropped, carried = (sprint.with_fate(fate) for fate in ("done", "drop", "carry"))
    for card in done:
        yield CardMoved(card=card, column="done")
    for card in (*dropped, *carried):
        yield CardRemoved(card=card)
    all_done = [card for card in sprint.cards if card not in {*dropped, *carried}]
    yield BoardFrozen(
        into=sprint.into,
        done=titles(sprint, all_done),
        dropped=titles(sprint, dropped),
        carried=tuple(
            Carried(card=card, title=sprint.cards[card].title, assignee=sprint.cards[card].assignee)
            for card in carried
        ),
    )


def titles(sprint: Sprint, cards: list[str]) -> tuple[str, ...]:
    """The cards' titles, by number."""
    return tuple(
        one.title
        for one in sorted((sprint.cards[card] for card in cards), key=lambda one: one.number)
    )


def publish(sprint: Sprint, text: str, who: str) -> Iterator[SummaryPublished]:
    if sprint.summary == text:
        return
    check_closing(sprint)
    check_reviewer(sprint, who)
    yield SummaryPublished(text=text)


def take_over(sprint: Sprint, command: CarryOver) -> Iterator[SprintEvent]:
    if command.card in sprint.cards:
        return
    check_room(sprint, "todo")
    card, number = command.card, sprint.next_number
    yield CardAdded(card=card, number=number, title=command.title, column="todo")
    if command.assignee:
        yield CardAssigned(card=card, assignee=command.assignee)


# Events change the board.


def evolve(sprint: Sprint, event: SprintEvent, at: At) -> Sprint:
    match event:
        case ClosingBegun(into=into):
            sprint.into = into
        case ClosingStopped():
            sprint.into = ""
        case CardDecided(card=card, fate=fate):
            sprint.fates[card] = fate
        case ReviewerNamed(reviewer=reviewer):
            sprint.reviewer = reviewer
        case BoardFrozen():
            sprint.frozen, sprint.frozen_by = True, at.who
        case SummaryDrafted(text=text):
            sprint.draft = text
        case SummaryPublished(text=text):
            sprint.summary = text
        case ClosingReminded():
            pass
        case CardRemoved(card=card):
            evolve_board(sprint, event)
            sprint.fates.pop(card, None)
        case _:
            evolve_board(sprint, event)
    return sprint


sprint = Decider("board", Sprint, decide, evolve)
