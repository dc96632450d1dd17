"""A board that is right: both checkers pass it, strictly. The mistakes beside it vary it by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from comity.actors import Domain
from comity.engine import Clash, Command, Decider, Event, Key, Rejected, overwrite, transform


class AddCard(Command):
    card: Key[str]
    title: str

    def on_conflict(self, clash: Clash[Board], /) -> Self | None:
        return None if self.card in clash.state.cards else self


class RenameCard(Command):
    card: Key[str]
    title: str
    touches = "card/{card}/title"
    on_conflict = overwrite


class CardAdded(Event):
    card: Key[str]
    title: str


class CardRenamed(Event):
    card: Key[str]
    title: str
    touches = ("card/{card}/title",)


def shift(message: AddCard | CardAdded, over: AddCard | CardAdded) -> AddCard | CardAdded:
    return message


class InsertCard(AddCard):
    on_conflict = transform(shift)


BoardCommand = AddCard | RenameCard
BoardEvent = CardAdded | CardRenamed


@dataclass
class Board:
    cards: dict[str, str] = field(default_factory=dict[str, str])


def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent]:
    match command:
        case AddCard(card=card, title=title):
            yield CardAdded(card=card, title=title)
        case RenameCard(card=card, title=title):
            if card not in board.cards:
                raise Rejected(f"there is no card {card!r}")
            yield CardRenamed(card=card, title=title)


def evolve(board: Board, event: BoardEvent) -> Board:
    match event:
        case CardAdded(card=card, title=title) | CardRenamed(card=card, title=title):
            board.cards[card] = title
    return board


board = Decider("board", Board, decide, evolve)


def use(domain: Domain) -> str:
    """Everything keeps its type on the way to the sender."""
    sprint = domain.session("ann").aggregate(board, "sprint")
    receipt = sprint.send(RenameCard(card="c1", title="Ship it"), seen=7).result(timeout=1)
    titles: list[str] = [event.title for event in receipt.events]
    state: Board = sprint.look().state
    preview = sprint.preview(AddCard(card="c2", title="x")).result()
    return ", ".join([*titles, *state.cards, *(event.card for event in preview.events)])
