"""A bulk build comes to what event by event comes to, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readmodels.bench import Bench, dump
from tests.readmodels.cards import (
    BoardCounted,
    CardAdded,
    CardEvent,
    CardMoved,
    CardRenamed,
    Cards,
    CardUpvoted,
    Fold,
)
from tests.readmodels.streams import BOARD, EVENT

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Outcome,
    Recorded,
    StorageFull,
    UnreadableEvent,
)
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.turn import Turn
from comity.engine.lmdb.span import Entry as Stored
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels.generations.generations import put_away_projection
from comity.readmodels.projecting.parking import Parked
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.schema import CHANGES, META
from comity.readmodels.tables.state import Stopped

NOTE = Note("ann", "", None, "Do", None, Outcome.APPLIED, {}, None, None, None).pack()


class Do(Command):
    """Does nothing; a decider needs a command."""


def decide(state: None, command: Do) -> Iterator[CardEvent]:
    yield CardMoved(card="", column="")


def evolve(state: None, event: CardEvent) -> None:
    return None


def nothing() -> None:
    return None


BOARDS = cast("AnyDecider", Decider("board", nothing, decide, evolve))


class ParkedCards(Cards):
    """The same, but what it cannot take it parks."""

    on_error = "park"


class Story(NamedTuple):
    """A journal, and how a bulk build goes through it."""

    commands: Sequence[tuple[str, Sequence[CardEvent]]]
    sizes: Sequence[int]
    """How many events are wanted in each step, over and over."""
    bulk: int
    """From how many events on a batch is held in memory."""
    held: int
    """How many changed rows and figures are held."""
    full: frozenset[int]
    """Which of the commits find no room."""
    killed: frozenset[int]
    """Before which steps the program is killed and started again."""
    closed: frozenset[int]
    """Before which steps it is closed and started again."""


def mostly_good(
    commands: Sequence[tuple[str, Sequence[CardEvent]]],
) -> Sequence[tuple[str, Sequence[CardEvent]]]:
    """Without most of the events that are refused: after one nothing is held any more."""
    fold, refused = Fold(), 0
    kept: list[tuple[str, Sequence[CardEvent]]] = []
    for board, events in commands:
        good = [event for event in events if fold.take(event, board)]
        refused += len(good) < len(events)
        if refused % 8 == 7:
            good, refused = list(events), refused + 1
        if good:
            kept.append((board, good))
    return kept


STORIES = st.builds(
    Story,
    commands=st.lists(
        st.tuples(BOARD, st.lists(EVENT, min_size=1, max_size=4)), min_size=1, max_size=20
    ).map(mostly_good),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    bulk=st.integers(1, 6),
    held=st.sampled_from([1, 5, 20, 1_000]),
    full=st.frozensets(st.integers(1, 9), max_size=2),
    killed=st.frozensets(st.integers(2, 9), max_size=2),
    closed=st.frozensets(st.integers(2, 9), max_size=2),
)


class End(NamedTuple):
    """What a build comes to."""

    tables: Mapping[str, Sequence[Stored]]
    position: int
    parked: Sequence[Parked]
    stopped: Stopped | None


@pytest.fixture(scope="module", autouse=True)
def _quick_and_quiet() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("comity.actors.following.follower._log.disabled", True)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bulk")


@pytest.fixture(scope="module")
def cards(folder: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, folder / "cards")
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def parking(folder: Path) -> Iterator[Bench[Cards]]:
    bench: Bench[Cards] = Bench(ParkedCards, folder / "parking")
    yield bench
    bench.close()


@pytest.fixture
def bulky(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelFollower, "BULK", 4)


def written(commands: Sequence[tuple[str, Sequence[CardEvent]]]) -> MemoryJournal:
    journal = MemoryJournal()
    for number, (name, events) in enumerate(commands):
        board = AggregateId("board", name)
        entry = Entry(f"c{number}", tuple(map(store, events)), number + 1, NOTE)
        journal.append([Turn.of(board, journal.version(board), (entry,))])
    return journal


def follower(bench: Bench[Cards], journal: MemoryJournal) -> ModelFollower:
    routes = ModelRoutes(bench.model, [BOARDS])
    return ModelFollower(bench.projection, journal, routes, SYSTEM_CLOCK)


def end_of(bench: Bench[Cards], driver: ModelFollower) -> End:
    tables = dump(bench.environment)
    del tables[META], tables[CHANGES]  # they count the batches
    projection = driver.projection
    stopped = projection.stopped and projection.stopped._replace(microseconds=0)
    assert driver.position == projection.checkpoint.position, "nothing is held at the end"
    return End(tables, driver.position, projection.parked(), stopped)


def one_by_one(bench: Bench[Cards], journal: MemoryJournal) -> End:
    bench.wipe()
    driver = follower(bench, journal)
    while not (driver.stopped or (driver.at_end and not driver.error)):
        driver.step(1)
    return end_of(bench, driver)


def in_bulk(bench: Bench[Cards], journal: MemoryJournal, story: Story) -> End:
    bench.wipe()
    commits, commit, step = 0, Writing.commit, 0

    def may_be_full(writing: Writing) -> None:
        nonlocal commits
        commits += 1
        if commits in story.full:
            writing.abort()
            msg = "there is no room"
            raise StorageFull(msg)
        commit(writing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelFollower, "BULK", story.bulk)
        patch.setattr("comity.readmodels.projecting.projection.MOST_HELD", story.held)
        driver = follower(bench, journal)
        patch.setattr(Writing, "commit", may_be_full)
        while not (driver.stopped or (driver.at_end and not driver.error)):
            step += 1
            assert step < 2_000
            if step in story.killed | story.closed:
                if step in story.closed:
                    with suppress(StorageFull):
                        bench.close_well()
                bench.reopen()
                driver = follower(bench, journal)
            driver.step(story.sizes[step % len(story.sizes)])
    return end_of(bench, driver)


@settings(deadline=None)
@given(story=STORIES)
def test_a_bulk_build_comes_to_what_event_by_event_comes_to(
    cards: Bench[Cards], story: Story
) -> None:
    journal = written(story.commands)
    assert in_bulk(cards, journal, story) == one_by_one(cards, journal)


@settings(deadline=None)
@given(story=STORIES)
def test_so_it_does_where_failing_events_are_parked(parking: Bench[Cards], story: Story) -> None:
    journal = written(story.commands)
    found = in_bulk(parking, journal, story)
    assert found == one_by_one(parking, journal)
    assert found.position == journal.position()


@pytest.mark.usefixtures("bulky")
def test_a_unique_key_that_a_held_batch_has_taken_is_taken(cards: Bench[Cards]) -> None:
    cards.wipe()
    events = adding(12)
    events[1] = ("b", [CardAdded(card="card 1", title="", number=7)])
    events[6] = ("b", [CardAdded(card="card 6", title="", number=7)])
    driver = follower(cards, written(events))
    for _ in range(40):
        driver.step(4)
    assert driver.stopped
    assert driver.projection.stopped
    assert driver.projection.stopped.position == 7
    assert "another row has the key" in driver.projection.stopped.error


@pytest.mark.usefixtures("bulky")
def test_where_project_asks_all_is_written_with_the_position(cards: Bench[Cards]) -> None:
    """Else, after a kill, an event would count twice."""
    cards.wipe()
    events: list[tuple[str, Sequence[CardEvent]]] = [
        ("b", [CardUpvoted(card="a", votes=1)]) for _ in range(12)
    ]
    events[5] = ("b", [BoardCounted(name="p")])
    journal = written(events)
    driver = follower(cards, journal)
    driver.step(4)
    assert cards.checkpoint().position == 0
    driver.step(4)
    assert cards.checkpoint().position == 8
    driver.step(4)
    cards.reopen()
    driver = follower(cards, journal)
    while not driver.at_end:
        driver.step(4)
    assert end_of(cards, driver) == one_by_one(cards, journal)


# --- what is held ---------------------------------------------------------------------------------


def adding(count: int) -> list[tuple[str, Sequence[CardEvent]]]:
    """Cards that are added, and moved once all are there."""
    names = [f"card {number}" for number in range(count)]
    events: list[CardEvent] = [CardAdded(card=name, title=name) for name in names]
    events += [CardMoved(card=name, column="done") for name in names]
    return [("b", [event]) for event in events]


@pytest.mark.usefixtures("bulky")
def test_what_is_held_is_seen_by_project_and_written_at_the_end(cards: Bench[Cards]) -> None:
    cards.wipe()
    journal = written(adding(20))
    driver = follower(cards, journal)
    for _ in range(9):
        assert driver.step(4) == 0.0
    assert driver.position == 36
    assert cards.ask(lambda model: (model.position, len(model.rows))) == (0, 0)
    while not driver.at_end:
        driver.step(4)
    with cards.read() as model:
        assert (model.position, len(model.rows)) == (40, 20)
        assert {row.column for row in model.rows.all()} == {"done"}
    assert cards.checkpoint().complete
    assert cards.checkpoint().commits == 1, "all was written together"


@pytest.mark.usefixtures("bulky")
def test_no_more_is_held_than_there_is_room_for(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comity.readmodels.projecting.projection.MOST_HELD", 10)
    cards.wipe()
    driver = follower(cards, written(adding(20)))
    seen: set[int] = set()
    while not driver.at_end:
        driver.step(4)
        seen.add(driver.projection.checkpoint.position)
        assert driver.position - driver.projection.checkpoint.position <= 16
    assert len(seen) > 3


@pytest.mark.usefixtures("bulky")
def test_closing_writes_what_is_held_and_killing_loses_it(cards: Bench[Cards]) -> None:
    for closed, expected in [(True, 12), (False, 0)]:
        cards.wipe()
        driver = follower(cards, written(adding(20)))
        for _ in range(3):
            driver.step(4)
        if closed:
            cards.close_well()
        cards.reopen()
        assert cards.projection.position == expected
        assert cards.ask(lambda model: len(model.rows)) == expected


@pytest.mark.usefixtures("bulky")
def test_nothing_is_held_once_the_model_was_at_the_journals_end(cards: Bench[Cards]) -> None:
    cards.wipe()
    journal = written(adding(8))
    driver = follower(cards, journal)
    while not driver.at_end:
        driver.step(4)
    board = AggregateId("board", "b")
    for number in range(4):
        renamed = store(CardRenamed(card=f"card {number}", title="x"))
        entry = Entry(f"r{number}", (renamed,), 1, NOTE)
        journal.append([Turn.of(board, journal.version(board), (entry,))])
    driver.step(4)
    assert driver.position == cards.checkpoint().position == 20


def test_a_small_batch_is_written_at_once(cards: Bench[Cards]) -> None:
    cards.wipe()
    driver = follower(cards, written(adding(20)))
    driver.step(32)
    assert driver.position == cards.checkpoint().position == 32


@pytest.mark.usefixtures("bulky")
def test_the_blamed_event_is_the_one_that_fails_when_rows_are_written(cards: Bench[Cards]) -> None:
    """The index finds that the key is too long only when the held rows are written."""
    cards.wipe()
    events = adding(20)
    events[5] = ("b", [CardAdded(card="card 5", title="z" * 600)])
    journal = written(events)
    driver = follower(cards, journal)
    for _ in range(40):
        driver.step(4)
    assert driver.stopped
    stopped = driver.projection.stopped
    assert stopped is not None
    assert stopped.position == 6
    assert "500 bytes" in stopped.error
    assert cards.ask(lambda model: (model.position, len(model.rows))) == (5, 5)


@pytest.mark.usefixtures("bulky")
@pytest.mark.parametrize("bad", [False, True])
def test_what_is_held_is_written_before_the_model_stops_at_an_unreadable_event(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch, *, bad: bool
) -> None:
    cards.wipe()
    events = adding(6)
    if bad:
        events[1] = ("b", [CardAdded(card="card 1", title="z" * 600)])
    driver = follower(cards, written(events))
    events_of = ModelRoutes.events

    def unreadable(self: ModelRoutes, record: Record) -> Iterator[Recorded]:
        for at in events_of(self, record):
            if at.position == 9:
                raise UnreadableEvent("torn")
            yield at

    monkeypatch.setattr(ModelRoutes, "events", unreadable)
    for _ in range(40):
        driver.step(4)
    assert driver.stopped
    stopped = driver.projection.stopped
    assert stopped is not None
    assert stopped.position == (2 if bad else 8)
    assert cards.ask(lambda model: model.position) == (1 if bad else 8)


def test_what_cannot_be_written_at_the_close_comes_again(
    cards: Bench[Cards], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFollower, "BULK", 4)
    cards.wipe()
    events = adding(6)
    events[1] = ("b", [CardAdded(card="card 1", title="z" * 600)])
    journal = written(events)
    driver = follower(cards, journal)
    driver.step(4)
    assert driver.position == 4
    put_away_projection(driver.projection)
    cards.reopen()
    assert cards.projection.position == 0
    driver = follower(cards, journal)
    for _ in range(40):
        driver.step(4)
    assert driver.stopped
    assert driver.projection.stopped
    assert driver.projection.stopped.position == 2
