"""Events that no longer happen: they keep their versions, and change nothing."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.actors.shelf import until
from tests.support.heard import Heard
from tests.support.making import make

from comity.actors import Domain
from comity.actors.projecting.found_routes import TypeEvents
from comity.engine import (
    Clash,
    Command,
    Conflicted,
    Decider,
    Event,
    Happened,
    Key,
    Outcome,
    Recorded,
    RetiredEvent,
    Sent,
    UnreadableEvent,
    WiringError,
    merge,
    transform,
    whole_aggregate,
    with_rules,
)
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.readmodels import ReadModel, Row, Table


class Added(Event):
    card: Key[str]
    text: str


class Starred(Event):
    card: Key[str]


class Add(Command):
    card: Key[str]
    text: str


class Star(Command):
    card: Key[str]


@dataclass
class Board:
    cards: dict[str, str] = field(default_factory=dict[str, str])
    stars: int = 0


def decide_before(board: Board, command: Add | Star) -> Iterator[Added | Starred]:
    match command:
        case Add(card=card, text=text):
            yield Added(card=card, text=text)
        case Star(card=card):
            yield Starred(card=card)


def evolve_before(board: Board, event: Added | Starred) -> Board:
    match event:
        case Added(card=card, text=text):
            board.cards[card] = text
        case Starred():
            board.stars += 1
    return board


def decide(board: Board, command: Add) -> Iterator[Added]:
    yield Added(card=command.card, text=command.text)


def evolve(board: Board, event: Added) -> Board:
    assert isinstance(event, Added)
    board.cards[event.card] = event.text
    return board


before = Decider("board", Board, decide_before, evolve_before)
board = Decider("board", Board, decide, evolve, retired=["Starred"])
STARRED = store(Starred(card="c"))


class CardRow(Row):
    card: str
    text: str
    version: int


class Cards(ReadModel[Added]):
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: Added, at: Recorded) -> None:
        assert isinstance(event, Added)
        self.rows.put(CardRow(card=event.card, text=event.text, version=at.version))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A domain of an older program: c is added, starred, and d is added."""
    path = tmp_path / "team.db"
    with Domain.open(path, deciders=[before]) as domain:
        cards = domain.aggregate(before, "b")
        cards.do(Add(card="c", text="x"), id="first")
        cards.do(Star(card="c"), id="star")
        cards.do(Add(card="d", text="y"))
    return path


@pytest.mark.parametrize("checked", [False, True])
def test_a_retired_event_changes_nothing_and_keeps_its_version(
    path: Path,
    checked: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with Domain.open(path, deciders=[board], checked=checked) as domain:
        cards = domain.aggregate(board, "b")
        assert domain.state(cards) == Board({"c": "x", "d": "y"})
        assert domain.state(cards, at=2) == Board({"c": "x"})
        assert cards.do(Add(card="e", text="z")).version == 4
        assert cards.look().state == Board({"c": "x", "d": "y", "e": "z"})


def test_history_shows_a_retired_event_as_it_is_stored(path: Path) -> None:
    with Domain.open(path, deciders=[board]) as domain:
        events = [at.event for at in domain.history(domain.aggregate(board, "b"))]
    assert [at.stored_as for at in events] == ["Added", "Starred", "Added"]
    starred = events[1]
    assert isinstance(starred, RetiredEvent)
    assert (starred.name, starred.schema_version, starred.fields) == ("Starred", 1, {"card": "c"})
    assert dict(starred) == starred.model_dump() == {"card": "c"}
    assert starred.model_dump_json() == '{"card":"c"}'
    assert repr(starred) == "RetiredEvent('Starred', 1, {'card': 'c'})"


def test_streams_and_listeners_are_not_given_a_retired_event(path: Path) -> None:
    heard = Heard()
    with Domain.open(path, deciders=[board]) as domain:
        subscription = domain.listen(heard)
        with domain.subscribe(board, "b") as events:
            assert [next(events).version, next(events).version] == [1, 3]
        assert until(lambda: subscription.position == 3)
    assert heard.positions == [1, 3]


def test_read_models_are_not_given_a_retired_event(path: Path) -> None:
    with Domain.open(path, deciders=[board], read_models=[Cards]) as domain:
        rows = domain.read(Cards, after=3, timeout=60).rows.all()
        assert [(row.card, row.version) for row in rows] == [("c", 1), ("d", 3)]


def test_builds_in_other_processes_know_the_retired_events() -> None:
    types = pickle.loads(pickle.dumps(TypeEvents("board", (Added,), ("Starred",))))  # noqa: S301
    assert isinstance(types.load(STARRED), RetiredEvent)


def unchanged(message: Command | Event, other: Command | Event) -> Command | Event:
    """A step that is not given retired events."""
    assert isinstance(other, (Added, Add))
    return message


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_an_unseen_retired_event_clashes_with_nothing_and_no_step_is_given_it(
    path: Path, who: str
) -> None:
    moving = with_rules(board, {Add: transform(unchanged)})
    with Domain.open(path, deciders=[moving]) as domain:
        ann = domain.session("ann", id="ann").aggregate(moving, "b")
        outcomes = [ann.do(Add(card="e", text="z"), seen=1).outcome]
        other = domain.session(who, id=who).aggregate(moving, "b")
        outcomes.append(other.do(Add(card="d", text="z"), seen=1).outcome)
    assert outcomes == [Outcome.MERGED, Outcome.REBASED]


def test_an_unseen_retired_event_does_not_lock_the_whole_aggregate(path: Path) -> None:
    locking = whole_aggregate(board)
    with Domain.open(path, deciders=[locking]) as domain:
        cards = domain.aggregate(locking, "b")
        with pytest.raises(Conflicted):
            cards.do(Add(card="e", text="z"), seen=1)
        added = Happened(1, Added(card="c", text=""), "ann", "")
        starred = Happened(2, board.load(STARRED), "ann", "")
        sent = Sent(seen=1)
        decision = merge(locking, Board(), 2, Add(card="e", text="z"), sent, [starred])
    assert decision.outcome is Outcome.MERGED
    clash = Clash(Board(), (), (), (added, starred), sent)
    assert clash.unseen == (added,)


def test_a_command_that_is_sent_again_gets_its_retired_event_back(path: Path) -> None:
    with Domain.open(path, deciders=[staying]) as domain:
        receipt = domain.aggregate(staying, "b").do(Star(card="c"), id="star")
    assert receipt.events == (board.load(STARRED),)
    assert receipt.version == 2


def decide_staying(board: Board, command: Add | Star) -> Iterator[Added]:
    if isinstance(command, Add):
        yield from decide(board, command)


staying = Decider("board", Board, decide_staying, evolve, retired=["Starred"])


def test_a_snapshot_that_a_retired_event_changed_is_not_used() -> None:
    assert Decider("board", Board, decide, evolve).states.schema != board.states.schema
    again = Decider("board", Board, decide, evolve, retired=["Starred"])
    assert again.states.schema == board.states.schema


def test_retired_events_are_equal_if_all_of_them_is() -> None:
    one = board.load(STARRED)
    assert one == board.load(STARRED) != board.load(STARRED._replace(schema=2))
    assert hash(one) == hash(board.load(STARRED))
    assert one != board.load(STARRED._replace(data={"card": "d"}))
    assert one != Added(card="c", text="")


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("retired", ["Starred", 5, ["a b"], [None], [Starred]])
def test_retired_events_are_named_by_a_list_of_words(retired: object) -> None:
    with pytest.raises(WiringError, match="board: retired: expected a"):
        Decider("board", Board, decide, evolve, retired=retired)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_an_event_with_a_class_cannot_be_retired() -> None:
    with pytest.raises(WiringError, match="Starred is retired, and an event class has that name"):
        Decider("board", Board, decide_before, evolve_before, retired=["Starred"])


def test_a_name_that_is_an_alias_cannot_be_retired() -> None:
    def add(board: Board, event: Event) -> Board:
        return board

    add.__annotations__["event"] = make(Event, {}, {"aliases": ("Starred",)})
    with pytest.raises(WiringError, match="Starred is retired"):
        Decider("board", Board, decide, add, retired=["Starred"])


def test_retired_events_happen_to_no_function_of_a_domain() -> None:
    def add(board: Board, event: Event) -> Board:
        return board

    add.__annotations__["event"] = RetiredEvent
    with pytest.raises(WiringError, match="RetiredEvent is not one"):
        Decider("board", Board, decide, add)


def test_without_being_retired_it_stops_a_reader_with_what_to_write() -> None:
    with pytest.raises(UnreadableEvent, match=r'give the decider retired=\["Starred"\]'):
        Decider("board", Board, decide, evolve).load(STARRED)


def test_a_damaged_retired_event_is_unreadable() -> None:
    with pytest.raises(UnreadableEvent, match="not a stored message"):
        board.load(StoredEvent("Starred", 1, b"\xc1"))
