"""The board in comity: validated commands, receipts, ids, footprints, a read model if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.board import COLUMNS, Boards, Card, Change
from benchmarks.contender import Ticket
from comity.actors import Aggregate, Domain, Policy
from comity.engine import Command, Decider, Event, Key, Recorded, Rejected
from comity.readmodels import ReadModel, Row, Table


class CreateCard(Command):
    """Create a card."""

    card: Key[str]
    title: str


class RenameCard(Command):
    """Rename a card."""

    card: Key[str]
    title: str


class MoveCard(Command):
    """Move a card."""

    card: Key[str]
    column: str


class AssignCard(Command):
    """Assign a card."""

    card: Key[str]
    assignee: str


class CardCreated(Event):
    """A card was created."""

    card: Key[str]
    title: str


class CardRenamed(Event):
    """A card was renamed."""

    card: Key[str]
    title: str


class CardMoved(Event):
    """A card was moved."""

    card: Key[str]
    column: str


class CardAssigned(Event):
    """A card was assigned."""

    card: Key[str]
    assignee: str


BoardCommand = CreateCard | RenameCard | MoveCard | AssignCard
BoardEvent = CardCreated | CardRenamed | CardMoved | CardAssigned


@dataclass
class Board:
    """The cards of a board."""

    cards: dict[str, Card] = field(default_factory=dict[str, Card])


def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent]:
    """Check the rules, and give one event."""
    name = command.card
    if (name in board.cards) is isinstance(command, CreateCard):
        raise Rejected("a card is made once, and before anything is done to it")
    match command:
        case CreateCard(title=title):
            _need(title)
            yield CardCreated(card=name, title=title)
        case RenameCard(title=title):
            _need(title)
            yield CardRenamed(card=name, title=title)
        case MoveCard(column=column):
            if column not in COLUMNS:
                raise Rejected("there is no such column")
            yield CardMoved(card=name, column=column)
        case AssignCard(assignee=assignee):
            _need(assignee)
            yield CardAssigned(card=name, assignee=assignee)


def evolve(board: Board, event: BoardEvent) -> Board:
    """Apply the event."""
    match event:
        case CardCreated(card=name, title=title):
            board.cards[name] = Card(title)
        case CardRenamed(card=name, title=title):
            _, column, assignee = board.cards[name]
            board.cards[name] = Card(title, column, assignee)
        case CardMoved(card=name, column=column):
            title, _, assignee = board.cards[name]
            board.cards[name] = Card(title, column, assignee)
        case CardAssigned(card=name, assignee=assignee):
            title, column, _ = board.cards[name]
            board.cards[name] = Card(title, column, assignee)
    return board


def _need(text: str) -> None:
    if not text:
        raise Rejected("that needs a text")


board = Decider("board", Board, decide, evolve)


class CardRow(Row):
    """A card of a board."""

    board: str
    card: str
    title: str
    column: str
    assignee: str = ""


class CardRows(ReadModel[BoardEvent]):
    """Every card, with an index by assignee."""

    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    by_assignee = rows.index(lambda row: row.assignee)

    def project(self, event: BoardEvent, at: Recorded[BoardEvent]) -> None:
        """A row for each card."""
        key = (at.aggregate.key, event.card)
        match event:
            case CardCreated(card=card, title=title):
                self.rows.put(CardRow(board=key[0], card=card, title=title, column=COLUMNS[0]))
            case CardRenamed(title=title):
                self.rows.update(key, title=title)
            case CardMoved(column=column):
                self.rows.update(key, column=column)
            case CardAssigned(assignee=assignee):
                self.rows.update(key, assignee=assignee)


def command_of(change: Change) -> BoardCommand:
    """The change as a validated command."""
    _, kind, card, value = change
    if kind == "create":
        return CreateCard(card=card, title=value)
    if kind == "rename":
        return RenameCard(card=card, title=value)
    if kind == "move":
        return MoveCard(card=card, column=value)
    return AssignCard(card=card, assignee=value)


def change_of(name: str, event: BoardEvent) -> Change:
    """The event as a change."""
    match event:
        case CardCreated(card=card, title=title):
            return Change(name, "create", card, title)
        case CardRenamed(card=card, title=title):
            return Change(name, "rename", card, title)
        case CardMoved(card=card, column=column):
            return Change(name, "move", card, column)
        case CardAssigned(card=card, assignee=assignee):
            return Change(name, "assign", card, assignee)


Handle = Aggregate[Board, BoardCommand, BoardEvent]

_IN_FLIGHT = 512
_TIMEOUT = 60.0


class ComityBoard:
    """A domain of boards."""

    def __init__(self, path: Path, *, read_model: bool) -> None:
        models = [CardRows] if read_model else []
        policy = Policy(max_live=200_000)
        self._domain = Domain.open(path, deciders=[board], read_models=models, policy=policy)
        self._handles: dict[str, Handle] = {}
        self._read_model = read_model

    def set_up(self, changes: Sequence[Change]) -> None:
        """Send them, some hundred at a time."""
        for start in range(0, len(changes), _IN_FLIGHT):
            for ticket in [self.send(change) for change in changes[start : start + _IN_FLIGHT]]:
                ticket()
        self.catch_up()

    def call(self, change: Change) -> None:
        """Send a command, and wait in a thread."""
        self._handle(change.board).do(command_of(change))

    async def ask(self, change: Change) -> None:
        """Send a command, and wait in a task."""
        await self._handle(change.board).send(command_of(change))

    def send(self, change: Change) -> Ticket:
        """Send a command without waiting."""
        return self._handle(change.board).send(command_of(change)).result

    def catch_up(self) -> None:
        """Wait until the model includes the newest event."""
        if self._read_model:
            position = self._domain.statistics().position
            self._domain.read(CardRows, after=position, timeout=600).close()

    def log(self) -> Iterable[Change]:
        """Read the log from the journal."""
        for name, handle in self._handles.items():
            for recorded in self._domain.history(handle):
                yield change_of(name, recorded.event)

    def boards(self) -> Boards:
        """Read the durable states."""
        return {name: self._domain.state(handle).cards for name, handle in self._handles.items()}

    def rows(self) -> Mapping[tuple[str, str], Card]:
        """Read all rows, and check that the index by assignee has the same."""
        with self._domain.read(CardRows) as found:
            rows = {
                (row.board, row.card): Card(row.title, row.column, row.assignee)
                for row in found.rows.all()
            }
            indexed = {(row.board, row.card) for row in found.by_assignee.all()}
        return rows if indexed == rows.keys() else {}

    def facts(self) -> Mapping[str, float]:
        """The number of commits and events, and the size."""
        found = self._domain.statistics()
        return {"commits": found.commits, "events": found.events, "disk bytes": found.size}

    def stale(self) -> int:
        """How many decisions of all processes were made again, because another one was first."""
        return sum(one.stale for one in self._domain.statistics().sharers)

    def close(self) -> None:
        """Close the domain."""
        self._domain.close()

    def _handle(self, name: str) -> Handle:
        handle = self._handles.get(name)
        if handle is None:
            handle = self._handles[name] = self._domain.aggregate(board, name)
        return handle


def open_board(folder: Path, *, read_model: bool) -> ComityBoard:
    """Open the contender in an empty folder."""
    return ComityBoard(folder / "boards", read_model=read_model)
