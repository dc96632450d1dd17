"""A board that is right: both checkers pass it, strictly. The mistakes beside it vary it by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Self

from comity.actors import Domain
from comity.engine import (
    At,
    Authors,
    Clash,
    Command,
    Decider,
    Event,
    Fields,
    Key,
    Rejected,
    RetiredEvent,
    Sent,
    StoredAs,
    last_writer_wins,
    overwrite,
    transform,
    whole_aggregate,
    with_rules,
)


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


def with_title(name: str, number: int = 0) -> Fields:
    return {"title": f"{name} {number}"}


class CardRenamed(Event):
    card: Key[str]
    title: Annotated[str, StoredAs("text")]
    touches = ("card/{card}/title",)
    aliases = ("CardNamed",)
    schema_version = 3
    upcasts = {1: with_title, 2: lambda: {"text": ""}}
    readable_from = 2


def shift(message: AddCard | CardAdded, over: AddCard | CardAdded) -> AddCard | CardAdded:
    return message


class InsertCard(AddCard):
    on_conflict = transform(shift)


def shift_by_name(
    message: AddCard | CardAdded, over: AddCard | CardAdded, authors: Authors
) -> AddCard | CardAdded | None:
    return None if authors.message < authors.over else message


class PutCard(AddCard):
    on_conflict = transform(shift_by_name)


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


board = Decider("board", Board, decide, evolve, retired=["CardStarred"])


def read(board: Decider[Board, BoardCommand, BoardEvent], fields: Fields) -> BoardCommand:
    return board.read_command("AddCard", 1, fields)


def told(event: BoardEvent) -> str:
    return event.name if isinstance(event, RetiredEvent) else event.title


def politely(command: RenameCard, clash: Clash[Board], /) -> RenameCard | None:
    return None if clash.who else command


policies: list[Decider[Board, BoardCommand, BoardEvent]] = [
    with_rules(board, {RenameCard: politely, AddCard: overwrite, InsertCard: transform(shift)}),
    last_writer_wins(whole_aggregate(board)),
]


def decide_by_sender(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    if sent.who and sent.time.year > 2000:
        yield from decide(board, command)


def evolve_by_time(board: Board, event: BoardEvent, at: At) -> Board:
    board.cards[f"{at.version} by {at.who}"] = at.time.isoformat()
    return evolve(board, event)


class Rules:
    def decide(self, board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
        return decide_by_sender(board, command, sent)

    def evolve(self, board: Board, event: BoardEvent, at: At) -> Board:
        return evolve_by_time(board, event, at)


asking = [
    Decider("sent", Board, decide_by_sender, evolve),
    Decider("at", Board, decide, evolve_by_time),
    Decider("both", Board, decide_by_sender, evolve_by_time),
    Decider("methods", Board, Rules().decide, Rules().evolve),
    Decider("again", Board, board.decide, board.evolve),
]


def keeps_its_types(of: Decider[Board, BoardCommand, BoardEvent]) -> list[BoardEvent]:
    """Whatever its functions ask for, they are called alike."""
    command, event = AddCard(card="c1", title="x"), CardAdded(card="c1", title="x")
    state: Board = of.evolve(of.evolve(of.initial(), event), event, At(2, who="ann"))
    return [*of.decide(state, command), *of.decide(state, command, Sent("ann"))]


kept = [keeps_its_types(each) for each in asking]


def use(domain: Domain) -> str:
    """Everything keeps its type on the way to the sender."""
    sprint = domain.session("ann").aggregate(board, "sprint")
    receipt = sprint.send(RenameCard(card="c1", title="Ship it"), seen=7).result(timeout=1)
    titles: list[str] = [event.title for event in receipt.events]
    state: Board = sprint.look().state
    preview = sprint.preview(AddCard(card="c2", title="x")).result()
    return ", ".join([*titles, *state.cards, *(event.card for event in preview.events)])
