"""The task board in plain Python, without a library: the expected result of every contender."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["create", "rename", "move", "assign"]

COLUMNS: Final = (
    "waiting for somebody to take it",
    "in progress, being worked on now",
    "done, tested and shipped to all",
)
"""Names of a realistic length: with a card's id an event has about 100 bytes."""

SETUP: Final = 9_999
"""The client that made the cards before the first command."""


class Refused(Exception):
    """A rule of the board refused the command."""


class Change(NamedTuple):
    """A command, independent of any contender. Each gives one event, so it is also the event."""

    board: str
    kind: Kind
    card: str
    value: str


class Card(NamedTuple):
    """The state of a card."""

    title: str
    column: str = COLUMNS[0]
    assignee: str = ""


Cards: TypeAlias = dict[str, Card]
Boards: TypeAlias = Mapping[str, Mapping[str, Card]]


def check(cards: Mapping[str, Card], change: Change) -> None:
    """Check the rules: a card is made once, has a title, and is in an existing column.

    Raises:
        Refused: a rule refuses the change.
    """
    if change.kind == "create":
        if change.card in cards:
            raise Refused("the card exists already")
    elif change.card not in cards:
        raise Refused("there is no such card")
    if change.kind == "move":
        if change.value not in COLUMNS:
            raise Refused("there is no such column")
    elif not change.value:
        raise Refused("the text is empty")


def apply(cards: Cards, change: Change) -> None:
    """Apply a change to the cards."""
    kind, name, value = change.kind, change.card, change.value
    if kind == "create":
        cards[name] = Card(value)
        return
    title, column, assignee = cards[name]
    if kind == "rename":
        cards[name] = Card(value, column, assignee)
    elif kind == "move":
        cards[name] = Card(title, value, assignee)
    else:
        cards[name] = Card(title, column, value)


def fold(log: Iterable[Change]) -> dict[str, Cards]:
    """The boards after these changes, each of which must pass the rules."""
    boards: dict[str, Cards] = {}
    for change in log:
        cards = boards.setdefault(change.board, {})
        check(cards, change)
        apply(cards, change)
    return boards


def card_id(client: int, number: int) -> str:
    """An id of 36 characters, like a UUID."""
    return f"{number:08x}-c0de-4000-8000-{client:012x}"


def title(client: int, number: int) -> str:
    """A title with the number of its client and of the client's command."""
    return f"{client:04}.{number:09} a title as people write them"


def author(text: str) -> tuple[int, int]:
    """The client and the command that gave this title."""
    client, _, number = text.partition(" ")[0].partition(".")
    return int(client), int(number)


def person(number: int) -> str:
    """A person's address."""
    return f"firstname.lastname.{number % 100:03}@example.org"


def setting_up(boards: Iterable[str], cards: int) -> list[Change]:
    """The changes that make a number of cards on each of these boards."""
    return [
        Change(board, "create", card_id(SETUP, number), title(SETUP, number))
        for board, number in itertools.product(boards, range(cards))
    ]
