"""The task board in plain Python: what every contender must come to. No library is involved."""

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
"""Names as long as people give them: with a card's id an event has about 100 bytes."""

SETUP: Final = 9_999
"""The client that made the cards which are there before the first command."""


class Refused(Exception):
    """A rule of the board says no."""


class Change(NamedTuple):
    """A command in no contender's own terms; as each gives one event, it is the event as well."""

    board: str
    kind: Kind
    card: str
    value: str


class Card(NamedTuple):
    """A card as it stands."""

    title: str
    column: str = COLUMNS[0]
    assignee: str = ""


Cards: TypeAlias = dict[str, Card]
Boards: TypeAlias = Mapping[str, Mapping[str, Card]]


def check(cards: Mapping[str, Card], change: Change) -> None:
    """The rules: a card is made once, has a title, stands in a column that there is.

    Raises:
        Refused: one of them says no.
    """
    if change.kind == "create":
        if change.card in cards:
            raise Refused("there is such a card")
    elif change.card not in cards:
        raise Refused("there is no such card")
    if change.kind == "move":
        if change.value not in COLUMNS:
            raise Refused("there is no such column")
    elif not change.value:
        raise Refused("that needs a text")


def apply(cards: Cards, change: Change) -> None:
    """Keep what the change says."""
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
    """What boards come to by these changes; each must have been allowed when it happened."""
    boards: dict[str, Cards] = {}
    for change in log:
        cards = boards.setdefault(change.board, {})
        check(cards, change)
        apply(cards, change)
    return boards


def card_id(client: int, number: int) -> str:
    """An id of 36 characters, as ids are."""
    return f"{number:08x}-c0de-4000-8000-{client:012x}"


def title(client: int, number: int) -> str:
    """A title that says who gave it, and as their how manieth command."""
    return f"{client:04}.{number:09} a title as people write them"


def author(text: str) -> tuple[int, int]:
    """Who gave this title, and when."""
    client, _, number = text.partition(" ")[0].partition(".")
    return int(client), int(number)


def person(number: int) -> str:
    """Somebody's address."""
    return f"firstname.lastname.{number % 100:03}@example.org"


def setting_up(boards: Iterable[str], cards: int) -> list[Change]:
    """The changes that make so many cards on each of these boards."""
    return [
        Change(board, "create", card_id(SETUP, number), title(SETUP, number))
        for board, number in itertools.product(boards, range(cards))
    ]
