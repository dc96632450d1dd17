"""Boards of cards: events, a read model of them with an index of each kind, and the same in dicts.

`Fold` is what the model's tables must come to, in plain Python. `agree` compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias, TypeVar

from comity.engine import AggregateId, Event, Key, Recorded
from comity.engine.errors import NoSuchRow, NotUnique
from comity.readmodels import Descending, ReadModel, Row, Table, Totals, descending

# --- what happens ---------------------------------------------------------------------------------


class CardAdded(Event):
    card: Key[str]
    title: str
    column: str = "todo"
    owner: str | None = None
    tags: tuple[str, ...] = ()
    number: int | None = None


class CardRenamed(Event):
    card: Key[str]
    title: str


class CardMoved(Event):
    card: Key[str]
    column: str


class CardGiven(Event):
    card: Key[str]
    owner: str | None


class CardTagged(Event):
    card: Key[str]
    tags: tuple[str, ...]


class CardNumbered(Event):
    card: Key[str]
    number: int | None


class NumbersSwapped(Event):
    card: Key[str]
    other: str


class CardEstimated(Event):
    card: Key[str]
    points: int
    cost: Decimal


class CardRekeyed(Event):
    card: Key[str]
    to: str


class CardRemoved(Event):
    card: Key[str]


class ColumnCleared(Event):
    column: Key[str]


class CardUpvoted(Event):
    card: Key[str]
    votes: int


class BoardCounted(Event):
    name: Key[str]


CardEvent: TypeAlias = (
    CardAdded
    | CardRenamed
    | CardMoved
    | CardGiven
    | CardTagged
    | CardNumbered
    | NumbersSwapped
    | CardEstimated
    | CardRekeyed
    | CardRemoved
    | ColumnCleared
    | CardUpvoted
    | BoardCounted
)

# --- the read model -------------------------------------------------------------------------------


class CardRow(Row):
    board: str
    card: str
    title: str
    column: str = "todo"
    owner: str | None = None
    tags: tuple[str, ...] = ()
    number: int | None = None
    points: int = 0
    cost: Decimal = Decimal(0)


class CountRow(Row):
    """What `project` saw when the board was counted."""

    board: str
    name: str
    cards: int
    todo: tuple[str, ...]
    tagged: int
    first_number: str | None
    owned: tuple[tuple[str, int], ...]
    owners: int
    points: int
    votes: int
    last: str | None


CardKey: TypeAlias = tuple[str, str]


def number_key(row: CardRow) -> tuple[str, int] | None:
    return None if row.number is None else (row.board, row.number)


class Cards(ReadModel[CardEvent]):
    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    by_owner = rows.index(lambda row: row.owner)
    by_title = rows.index(lambda row: row.title)
    by_column = rows.index(lambda row: (row.board, row.column, descending(row.title)))
    by_tag = rows.index_each(lambda row: row.tags)
    by_number = rows.unique(number_key)
    per_owner = rows.count(lambda row: row.owner)
    per_column = rows.count(lambda row: (row.board, row.column))
    points = rows.sum(lambda row: row.points, by=lambda row: row.owner)
    costs = rows.sum(lambda row: row.cost, by=lambda row: row.column)
    votes = Totals(str, int)

    counts = Table(CountRow, key=lambda row: (row.board, row.name))

    def project(self, event: CardEvent, at: Recorded[CardEvent]) -> None:
        board = at.aggregate.key
        match event:
            case CardAdded():
                self.rows.put(CardRow(board=board, **event.__dict__))
            case CardRenamed(card=card, title=title):
                self.rows.update((board, card), title=title)
            case CardMoved(card=card, column=column):
                self.rows.update((board, card), column=column)
            case CardGiven(card=card, owner=owner):
                self.rows.update((board, card), owner=owner)
            case CardTagged(card=card, tags=tags):
                self.rows.update((board, card), tags=tags)
            case CardNumbered(card=card, number=number):
                self.rows.update((board, card), number=number)
            case NumbersSwapped(card=card, other=other):
                one, two = self.rows[board, card].number, self.rows[board, other].number
                self.rows.update((board, card), number=None)
                self.rows.update((board, other), number=one)
                self.rows.update((board, card), number=two)
            case CardEstimated(card=card, points=points, cost=cost):
                self.rows.update((board, card), points=points, cost=cost)
            case CardRekeyed(card=card, to=to):
                self.rows.update((board, card), card=to)
            case CardRemoved(card=card):
                self.rows.delete((board, card))
            case ColumnCleared(column=column):
                for row in self.by_column.prefix(board, column).list():
                    self.rows.delete((board, row.card))
            case CardUpvoted(card=card, votes=votes):
                self.votes.add(card, votes)
            case BoardCounted(name=name):
                self.counts.put(self.count_row(board, name))

    def count_row(self, board: str, name: str) -> CountRow:
        """What the board looks like, asked in many ways."""
        owners = len(self.per_owner)
        numbered = self.by_number.get((board, 1))
        last = self.rows.last()
        return CountRow(
            board=board,
            name=name,
            owners=owners,
            cards=self.rows.prefix(board).count(),
            todo=tuple(row.card for row in self.by_column.prefix(board, "todo")),
            tagged=self.by_tag["x"].count(),
            first_number=numbered.card if numbered else None,
            owned=tuple(self.per_owner.items()),
            points=self.points["ann"],
            votes=self.votes.total(),
            last=last.card if last else None,
        )


# --- the same in dicts ----------------------------------------------------------------------------

G = TypeVar("G")
N = TypeVar("N", int, Decimal)


class Fold:
    """What the events come to."""

    def __init__(self) -> None:
        self.rows: dict[CardKey, CardRow] = {}
        self.counts: dict[CardKey, CountRow] = {}
        self.votes: dict[str, int] = {}

    def take(self, event: CardEvent, board: str) -> bool:
        """Apply an event; False where it cannot be, and nothing has changed."""
        rows = dict(self.rows)
        try:
            self._apply(event, board)
        except (NoSuchRow, NotUnique):
            self.rows = rows
            return False
        return True

    def _apply(self, event: CardEvent, board: str) -> None:
        match event:
            case CardAdded():
                self._put(CardRow(board=board, **event.__dict__))
            case CardRekeyed(card=card, to=to):
                row = self._find(board, card)
                del self.rows[board, card]
                self._put(row.model_copy(update={"card": to}))
            case NumbersSwapped(card=card, other=other):
                one, two = self._find(board, card), self._find(board, other)
                self._change(board, card, number=None)
                self._change(board, other, number=one.number)
                self._change(board, card, number=two.number)
            case CardRemoved(card=card):
                self.rows.pop((board, card), None)
            case ColumnCleared(column=column):
                for key, row in list(self.rows.items()):
                    if (row.board, row.column) == (board, column):
                        del self.rows[key]
            case CardUpvoted(card=card, votes=votes):
                self.votes[card] = self.votes.get(card, 0) + votes
            case BoardCounted(name=name):
                self.counts[board, name] = self._count(board, name)
            case (
                CardRenamed(card=card)
                | CardMoved(card=card)
                | CardGiven(card=card)
                | CardTagged(card=card)
                | CardNumbered(card=card)
                | CardEstimated(card=card)
            ):
                fields = {name: value for name, value in event.__dict__.items() if name != "card"}
                self._change(board, card, **fields)

    def _find(self, board: str, card: str) -> CardRow:
        try:
            return self.rows[board, card]
        except KeyError:
            raise NoSuchRow(card) from None

    def _change(self, board: str, card: str, **fields: object) -> None:
        self._put(self._find(board, card).model_copy(update=fields))

    def _put(self, row: CardRow) -> None:
        key = (row.board, row.card)
        for other, old in self.rows.items():
            if other != key and number_key(row) is not None and number_key(old) == number_key(row):
                raise NotUnique(row.card)
        self.rows[key] = row

    def _count(self, board: str, name: str) -> CountRow:
        mine = [self.rows[key] for key in sorted(self.rows) if key[0] == board]
        owned = counted(self.rows.values(), lambda row: row.owner)
        everywhere = [self.rows[key] for key in sorted(self.rows)]
        return CountRow(
            board=board,
            name=name,
            cards=len(mine),
            todo=tuple(
                row.card
                for row in sorted(mine, key=lambda row: (descending(row.title), row.card))
                if row.column == "todo"
            ),
            tagged=sum("x" in row.tags for row in everywhere),
            first_number=next((row.card for row in mine if row.number == 1), None),
            owned=tuple(owned),
            owners=len(owned),
            points=sum(row.points for row in everywhere if row.owner == "ann"),
            votes=sum(self.votes.values()),
            last=everywhere[-1].card if everywhere else None,
        )

    # --- what the indexes and figures must be -----------------------------------------------------

    def entries(
        self, keys: Callable[[CardRow], Iterable[object]]
    ) -> list[tuple[object, CardKey, CardRow]]:
        """The entries of an index, in order."""
        found = [(key, at, row) for at, row in self.rows.items() for key in set(keys(row)) - {None}]
        return sorted(found, key=itemgetter(0, 1))

    def in_order(self) -> list[CardRow]:
        """The rows, by their key."""
        return [self.rows[key] for key in sorted(self.rows)]


def counted(rows: Iterable[CardRow], by: Callable[[CardRow], G | None]) -> list[tuple[G, int]]:
    """How many rows there are of each group, in order."""
    return summed(rows, lambda _: 1, by)


def summed(
    rows: Iterable[CardRow], of: Callable[[CardRow], N], by: Callable[[CardRow], G | None]
) -> list[tuple[G, N]]:
    """The sum over the rows of each group, in order."""
    totals: dict[G, N] = {}
    for row in rows:
        group = by(row)
        if group is not None:
            totals[group] = totals[group] + of(row) if group in totals else of(row)
    return sorted(totals.items(), key=itemgetter(0))


# --- whether they are the same --------------------------------------------------------------------


class Differs(AssertionError):
    """The tables are not what the events come to."""


def same(what: str, found: object, expected: object) -> None:
    """Say what differs."""
    if found != expected:
        msg = f"{what}: found {found!r}, expected {expected!r}"
        raise Differs(msg)


INDEXES: Mapping[str, Callable[[CardRow], Iterable[object]]] = {
    "by_owner": lambda row: [row.owner],
    "by_title": lambda row: [row.title],
    "by_column": lambda row: [(row.board, row.column, descending(row.title))],
    "by_tag": lambda row: row.tags,
    "by_number": lambda row: [number_key(row)],
}


def agree(cards: Cards, fold: Fold) -> None:
    """Check every table, index and figure, forwards and backwards.

    Raises:
        Differs: one of them is not what the events come to.
    """
    rows = fold.in_order()
    same("rows", cards.rows.all().list(), rows)
    same("rows, reversed", cards.rows.all().reversed().list(), rows[::-1])
    same("rows, counted", len(cards.rows), len(rows))
    same("each row", [cards.rows.get((row.board, row.card)) for row in rows], rows)
    same("counts", list(cards.counts.all()), [fold.counts[key] for key in sorted(fold.counts)])
    for name, keys in INDEXES.items():
        agree_on_index(name, cards, fold.entries(keys))
    agree_on_figures(cards, fold, rows)


def agree_on_index(
    name: str, cards: Cards, entries: Sequence[tuple[object, CardKey, CardRow]]
) -> None:
    """Check one index."""
    index = getattr(cards, name)
    expected = [row for _, _, row in entries]
    same(name, index.all().list(), expected)
    same(f"{name}, reversed", index.all().reversed().list(), expected[::-1])
    same(f"{name}, counted", index.count(), len(expected))
    for key, group in groupby(entries, key=itemgetter(0)):
        there = [row for _, _, row in group]
        same(f"{name} at {key!r}", index[key].list(), there)
        same(f"{name} at {key!r}, counted", index[key].count(), len(there))


def agree_on_figures(cards: Cards, fold: Fold, rows: Sequence[CardRow]) -> None:
    """Check every figure."""
    same("per_owner", list(cards.per_owner.items()), counted(rows, lambda row: row.owner))
    per_column = counted(rows, lambda row: (row.board, row.column))
    same("per_column", list(cards.per_column.items()), per_column)
    points = summed(rows, lambda row: row.points, lambda row: row.owner)
    same("points", list(cards.points.items()), points)
    same("points, together", cards.points.total(), sum(number for _, number in points))
    costs = summed(rows, lambda row: row.cost, lambda row: row.column)
    same("costs", list(cards.costs.items()), costs)
    votes = sorted((card, number) for card, number in fold.votes.items() if number)
    same("votes", list(cards.votes.items()), votes)
    same("votes, one by one", [cards.votes[card] for card, _ in votes], [n for _, n in votes])


AB = AggregateId("board", "b")
"""The board that most tests are about."""

__all__ = [
    "AB",
    "INDEXES",
    "BoardCounted",
    "CardAdded",
    "CardEstimated",
    "CardEvent",
    "CardGiven",
    "CardKey",
    "CardMoved",
    "CardNumbered",
    "CardRekeyed",
    "CardRemoved",
    "CardRenamed",
    "CardRow",
    "CardTagged",
    "CardUpvoted",
    "Cards",
    "ColumnCleared",
    "CountRow",
    "Descending",
    "Differs",
    "Fold",
    "NumbersSwapped",
    "agree",
    "number_key",
    "same",
]
