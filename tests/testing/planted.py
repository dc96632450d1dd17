"""Eight bugs, planted in the domains of the examples. Each is a decider that breaks one law."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from examples.board.domain import (
    AddCard,
    Board,
    BoardCommand,
    BoardEvent,
    Card,
    CardAdded,
    CardMoved,
    CardUpvoted,
    RenameCard,
)
from examples.board.domain import board as good_board
from examples.board.domain import decide as decide_board
from examples.board.domain import evolve as evolve_board
from examples.incident_desk.domain import Incident, Update
from examples.incident_desk.domain import incident as good_incident
from examples.shared_typing.domain import Document, Edit, Patches, move
from examples.shared_typing.domain import decide as decide_edit
from hypothesis import strategies as st

from comity.engine import (
    Clash,
    Command,
    Decider,
    Event,
    Fields,
    Key,
    Recorded,
    Sent,
    transform,
    with_rules,
)
from comity.engine.merging.decider import AnyDecider
from comity.evolution.contract.making import Strategies
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.tables.read_model import AnyReadModel
from comity.testing.proving.subject import Samples


@dataclass
class Planted:
    """A bug, and the law that it breaks."""

    decider: AnyDecider
    law: str
    told: str
    """A part of the story."""
    models: Sequence[type[AnyReadModel]]
    samples: Samples
    strategies: Strategies


def planted(
    decider: object,
    law: str,
    told: str,
    models: Sequence[type[AnyReadModel]] = (),
    samples: Samples | None = None,
    strategies: Strategies | None = None,
) -> Planted:
    """Note a bug."""
    return Planted(cast("AnyDecider", decider), law, told, models, samples or {}, strategies or {})


# --- a lost vote: the last vote replaces all others -----------------------------------------------


def evolve_to_the_last_vote(board: Board, event: BoardEvent) -> Board:
    if isinstance(event, CardUpvoted):
        board.cards[event.card].voters = {event.voter}
        return board
    return evolve_board(board, event)


lost_vote = planted(
    Decider("board", Board, decide_board, evolve_to_the_last_vote),
    "no-change-is-lost",
    "What ann did cannot be seen: cards/",
)


# --- an asymmetric rule: the first in the alphabet may overwrite, and nobody else -----------------


def first_in_the_alphabet(update: Update, clash: Clash[Incident], /) -> Update:
    return update if clash.sent.who > min(clash.who) else Update.on_conflict(update, clash)


asymmetric_rule = planted(
    with_rules(good_incident, {Update: first_in_the_alphabet}),
    "no-change-is-lost",
    "What ann did cannot be seen: values/",
)


# --- a footprint too narrow: two titles of one card do not clash ----------------------------------


class TitleCard(Command):
    card: Key[str]
    title: str
    touches = "titles/{title}"


class CardTitled(Event):
    card: Key[str]
    title: str
    touches = "titles/{title}"


def decide_titles(
    board: Board, command: AddCard | TitleCard, sent: Sent
) -> Iterator[CardAdded | CardTitled]:
    match command:
        case TitleCard(card=card, title=title):
            if card in board.cards and board.cards[card].title != title:
                yield CardTitled(card=card, title=title)
        case AddCard():
            for event in decide_board(board, command, sent):
                assert isinstance(event, CardAdded)
                yield event


def evolve_titles(board: Board, event: CardAdded | CardTitled) -> Board:
    if isinstance(event, CardTitled):
        board.cards[event.card].title = event.title
        return board
    return evolve_board(board, event)


narrow_footprint = planted(
    Decider("board", Board, decide_titles, evolve_titles),
    "merged-commands-commute",
    "the order makes a difference: cards/",
)


# --- a shared state: all boards have the same limits ----------------------------------------------

LIMITS: dict[str, int | None] = {"todo": None, "doing": 3, "done": None}

shared_state = planted(
    Decider("board", lambda: Board(limits=LIMITS), decide_board, evolve_board),
    "initial-shares-nothing",
    "Another aggregate, to which nobody did anything, has changed: limits/",
)


# --- a decide that changes the state --------------------------------------------------------------


def decide_and_rename(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    yield from decide_board(board, command, sent)
    if isinstance(command, RenameCard):
        board.cards[command.card].title = command.title


changing_decide = planted(
    Decider("board", Board, decide_and_rename, evolve_board),
    "decide-changes-nothing",
    "decide changed the state: cards/",
)


# --- a transform that does not converge: both think that they come first --------------------------


def step_first(message: Type | Typed, over: Type | Typed) -> Type | Typed:
    patches = move(message.patches, over.patches, first=True)
    return message if patches == message.patches else type(message)(patches=patches)


class Type(Command):
    patches: Patches
    touches = "text"
    on_conflict = transform(step_first)


class Typed(Event):
    patches: Patches
    touches = "text"


def decide_typing(document: Document, command: Type) -> Iterator[Typed]:
    for event in decide_edit(document, Edit(patches=command.patches)):
        yield Typed(patches=event.patches)


def evolve_typing(document: Document, event: Typed) -> Document:
    for at, deleted, typed in reversed(event.patches):
        document.text = document.text[:at] + typed + document.text[at + deleted :]
    return document


PATCH = st.tuples(st.integers(0, 1), st.just(0), st.sampled_from("ab"))
diverging_transform = planted(
    Decider("document", Document, decide_typing, evolve_typing),
    "transform-converges-for-two",
    "The screens do not come to the same state: text is ",
    strategies={"patches": st.tuples(PATCH)},
)


# --- a partial upcast: what the oldest program stored cannot be read ------------------------------


def in_white() -> Fields:
    """Version 1 had no column, and this adds none."""
    return {"colour": "white"}


class ColouredCardAdded(Event):
    card: Key[str]
    number: int
    title: str
    column: str
    colour: str
    schema_version = 3
    stored_as = "CardAdded"
    upcasts = {1: in_white, 2: in_white}
    touches = ("card/{card}", "numbers")


def decide_colours(board: Board, command: AddCard, sent: Sent) -> Iterator[ColouredCardAdded]:
    for event in decide_board(board, command, sent):
        yield ColouredCardAdded(**event.model_dump(), colour="white")


def evolve_colours(board: Board, event: ColouredCardAdded) -> Board:
    board.cards[event.card] = Card(event.number, event.title, event.column)
    board.next_number = event.number + 1
    return board


FIRST = {"card": "c1", "number": 1, "title": "Pay"}
partial_upcast = planted(
    Decider("board", Board, decide_colours, evolve_colours),
    "upcasts-are-total",
    "It cannot be read any more: ",
    samples={ColouredCardAdded: {1: [FIRST], 2: [{**FIRST, "column": "todo"}]}},
)


# --- a model that depends on batching: it counts moves in its instance ----------------------------


class MovesRow(Row):
    board: str
    moves: int


class Moves(ReadModel[BoardEvent]):
    rows = Table(MovesRow, key=lambda row: row.board)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        if isinstance(event, CardAdded | CardMoved):
            moves: int = self.__dict__.get("moves", 0) + 1
            self.__dict__["moves"] = moves  # is gone with the batch
            self.rows.put(MovesRow(board="all", moves=moves))


batching_model = planted(
    good_board, "Moves-in-any-batches", "The rows differ: rows/'all' is ", models=[Moves]
)

BUGS = {
    "a lost vote": lost_vote,
    "an asymmetric rule": asymmetric_rule,
    "a footprint too narrow": narrow_footprint,
    "a shared state": shared_state,
    "a decide that changes the state": changing_decide,
    "a transform that does not converge": diverging_transform,
    "a partial upcast": partial_upcast,
    "a model that depends on batching": batching_model,
}
