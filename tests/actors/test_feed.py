"""What a model is fed with: its own events, from any position, in batches, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.readmodels.bench import Bench
from tests.readmodels.cards import CardAdded, CardRenamed, Cards

from comity.actors.following.feed import Feed
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine import AggregateId, Command, Decider, Event, Key, Outcome, Recorded, WiringError
from comity.engine.errors import ReadModelError, UnreadableEvent
from comity.engine.history.batch import Batch
from comity.engine.history.history import recorded
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.messages import codec
from comity.readmodels import Lag, ReadModel, Row, Table
from comity.readmodels.projecting.lag import lag_of
from comity.readmodels.tables.binding import Binding

NOTE = Note("ann", "s1", None, "Add", None, Outcome.APPLIED, {"from": "web"}, None, None, None)


class Noted(Event):
    note: Key[str]


class OtherNoted(Event):
    stored_as = "Noted"
    colour: Key[str]


class Heard(Event):
    sound: Key[str]


class Note1(Command):
    note: Key[str]


class NoteRow(Row):
    aggregate: str
    version: int


class Notes(ReadModel[Noted | Heard]):
    rows = Table(NoteRow, key=lambda row: (row.aggregate, row.version))

    def project(self, event: Noted | Heard, at: Recorded) -> None:
        self.rows.put(NoteRow(aggregate=str(at.aggregate), version=at.version))


class Journal(MemoryJournal):
    """A journal that is easy to write."""

    def __init__(self) -> None:
        super().__init__()
        self._ids = {}
        self._numbers = count()

    def write(self, kind: str, key: str, *events: Event, seconds: float = 1_000) -> None:
        """One command did this."""
        aggregate = AggregateId(kind, key)
        stored = tuple(StoredEvent(one.stored_as, 1, codec.pack(one)) for one in events)
        id_ = f"c{next(self._numbers)}"
        time = int(seconds * 1_000_000)
        entry = Entry(id_, stored, time, NOTE.pack())
        self.append([Turn.of(aggregate, self.version(aggregate), (entry,))])


@pytest.fixture
def journal() -> Journal:
    return Journal()


def positions(batch: Batch) -> list[int]:
    return [at.position for at in batch.events]


NoteEvent = Noted | Heard | CardAdded | CardRenamed
"""A note may have cards, which the model does not listen to."""


def decide(state: int, command: Note1) -> Iterator[NoteEvent]:
    yield Noted(note=command.note)


def evolve(state: int, event: NoteEvent) -> int:
    return state + 1


def decide_other(state: int, command: Note1) -> Iterator[OtherNoted]:
    yield OtherNoted(colour=command.note)


def evolve_other(state: int, event: OtherNoted) -> int:
    return state + 1


AnyDecider: TypeAlias = Decider[object, Command, Event]
NOTES = cast("AnyDecider", Decider("notes", int, decide, evolve))
OTHERS = cast("AnyDecider", Decider("others", int, decide_other, evolve_other))
ROUTES = ModelRoutes(Notes, [NOTES, OTHERS])

# --- routes ---------------------------------------------------------------------------------------


def test_a_model_gets_its_own_events_with_where_they_stand(journal: Journal) -> None:
    journal.write("notes", "a", Noted(note="1"), CardAdded(card="x", title=""), Heard(sound="2"))
    batch = Feed(journal, ROUTES, 0).next(10)
    first, second = batch.events
    assert (first.event, second.event) == (Noted(note="1"), Heard(sound="2"))
    assert (second.aggregate, second.version, second.position) == (AggregateId("notes", "a"), 3, 3)
    assert (second.who, second.session, second.command) == ("ann", "s1", "Add")
    assert (second.command_id, second.metadata, second.report) == ("c0", {"from": "web"}, None)
    assert second.time.timestamp() == 1_000
    assert (batch.position, batch.microseconds) == (3, 1_000_000_000)


def test_an_event_belongs_to_its_aggregates_decider(journal: Journal) -> None:
    journal.write("others", "a", OtherNoted(colour="red"))
    journal.write("notes", "a", Noted(note="1"))
    assert [at.event for at in Feed(journal, ROUTES, 0).next(10).events] == [Noted(note="1")]


def test_an_event_of_a_type_that_nobody_knows_is_not_passed_over_where_its_name_is_wanted(
    journal: Journal,
) -> None:
    journal.write("strangers", "a", CardAdded(card="x", title=""), Noted(note="2"))
    said = r"the journal has a Noted of strangers/a \(position 2\), and whether Notes listens to"
    with pytest.raises(UnreadableEvent, match=said):
        Feed(journal, ROUTES, 0).next(10)


def test_an_event_that_nobody_knows_is_not_passed_over_where_its_type_is_wanted(
    journal: Journal,
) -> None:
    journal.write("notes", "a", CardAdded(card="x", title=""))
    journal.append([_unknown("notes")])
    feed = Feed(journal, ROUTES, 0)
    assert feed.next(10).position == 1
    with pytest.raises(
        UnreadableEvent, match=r"holds a Gone, .* \(version 1 of notes/u, position 2"
    ):
        feed.next(10)


def test_what_is_of_no_concern_is_passed_over_whether_anybody_knows_it_or_not(
    journal: Journal,
) -> None:
    journal.append([_unknown("others")])
    journal.append([_unknown("strangers")])
    journal.write("cards", "a", CardAdded(card="x", title=""))
    assert Feed(journal, ROUTES, 0).next(10)[:3] == (0, [], 3)


def _unknown(kind: str) -> Turn:
    """An event of a class that was renamed, or is gone."""
    stored = StoredEvent("Gone", 1, codec.pack(Noted(note="1")))
    entry = Entry(f"unknown {kind}", (stored,), 1, NOTE.pack())
    return Turn.of(AggregateId(kind, "u"), 0, (entry,))


def test_an_event_that_no_decider_has_is_a_mistake() -> None:
    with pytest.raises(WiringError, match="Notes listens to Heard, Noted, which no decider of"):
        ModelRoutes(Notes, [OTHERS])


def test_an_event_in_memory_is_wanted_as_one_in_the_journal(journal: Journal) -> None:
    journal.write("notes", "a", Noted(note="1"))
    journal.write("others", "a", Noted(note="1"))
    read = [at for record in journal.read_all() for at in recorded(NOTES, record)]
    assert [ROUTES.lead(at) for at in read] == [True, False]


def test_an_event_that_cannot_be_read_is_said(journal: Journal) -> None:
    aggregate = AggregateId("notes", "a")
    torn = StoredEvent("Noted", 1, codec.pack(Heard(sound="x")))
    journal.append([Turn.of(aggregate, 0, (Entry("c", (torn,), 0, NOTE.pack()),))])
    with pytest.raises(UnreadableEvent, match="notes: cannot read a stored Noted"):
        Feed(journal, ROUTES, 0).next(1)


def test_what_stands_before_an_event_that_cannot_be_read_is_given_first(journal: Journal) -> None:
    journal.write("notes", "a", Noted(note="1"), Noted(note="2"))
    torn = StoredEvent("Noted", 1, codec.pack(Heard(sound="x")))
    entry = Entry("c", (torn,), 0, NOTE.pack())
    journal.append([Turn.of(AggregateId("notes", "b"), 0, (entry,))])
    feed = Feed(journal, ROUTES, 0)
    batch = feed.next(10)
    assert (positions(batch), batch.position, batch.is_end) == ([1, 2], 2, False)
    with pytest.raises(UnreadableEvent, match="notes: cannot read a stored Noted"):
        feed.next(10)


# --- batches --------------------------------------------------------------------------------------


def test_a_feed_says_when_it_is_at_the_end(journal: Journal) -> None:
    feed = Feed(journal, ROUTES, 0)
    assert feed.next(5) == Batch(0, [], 0, 0, is_end=True)
    journal.write("notes", "a", Noted(note="1"))
    assert positions(feed.next(1)) == [1]
    assert feed.next(1) == Batch(1, [], 1, 0, is_end=True)
    assert feed.next(1) == Batch(1, [], 1, 0, is_end=True)


def test_a_feed_passes_over_what_nobody_listens_to(journal: Journal) -> None:
    journal.write("cards", "a", *(CardAdded(card=f"{n}", title="") for n in range(10)))
    batch = Feed(journal, ROUTES, 0).next(5)
    assert (batch.events, batch.position, batch.microseconds) == ([], 10, 1_000_000_000)


def test_a_feed_may_begin_inside_of_a_command(journal: Journal) -> None:
    journal.write("notes", "a", *(Noted(note=f"{n}") for n in range(5)))
    assert positions(Feed(journal, ROUTES, 2).next(10)) == [3, 4, 5]


def kept_in(journal: Journal, since: int) -> Callable[[int], Sequence[Recorded[Event]] | None]:
    """Memory that holds the events after a position."""

    def recent(after: int) -> Sequence[Recorded[Event]] | None:
        found = [at for record in journal.read_all(after) for at in recorded(NOTES, record)]
        left = [at for at in found if at.position > after]
        return left if left and after >= since else None

    return recent


WRITTEN = st.lists(
    st.lists(
        st.sampled_from([Noted(note="n"), Heard(sound="h"), CardAdded(card="c", title="")]),
        min_size=1,
        max_size=6,
    ),
    max_size=12,
)


@settings(deadline=None)
@given(
    commands=WRITTEN,
    after=st.integers(0, 40),
    sizes=st.lists(st.integers(1, 9), min_size=1),
    since=st.integers(0, 80),
)
def test_each_event_after_the_position_comes_once_and_in_order(
    commands: Sequence[Sequence[Event]], after: int, sizes: Sequence[int], since: int
) -> None:
    """From the journal, or from memory as far as that goes back, or from both in turns."""
    journal = Journal()
    for number, events in enumerate(commands):
        journal.write("notes", f"{number % 3}", *events)
    after = min(after, journal.position())
    feed = Feed(journal, ROUTES, after, kept_in(journal, since))
    wanted = [at for record in journal.read_all(after) for at in ROUTES.events(record)]
    got: list[Recorded[Event]] = []
    last = after
    for turn in range(200):
        if turn == 3:
            journal.write("notes", "late", Noted(note="late"))
            wanted += list(ROUTES.events(list(journal.read_all(journal.position() - 1))[-1]))
        batch = feed.next(sizes[turn % len(sizes)])
        got += batch.events
        assert batch.position >= last
        assert all(last < at.position <= batch.position for at in batch.events)
        last = batch.position
        if batch.is_end and turn > 3:
            break
    assert got == [at for at in wanted if at.position > after]
    assert last == journal.position()


def test_a_model_follows_a_journal(journal: Journal, tmp_path: Path) -> None:
    bench = Bench(Notes, tmp_path / "notes")
    for number in range(50):
        journal.write("notes", f"{number % 4}", Noted(note="x"), Heard(sound="y"))
    feed = Feed(journal, ROUTES, bench.projection.checkpoint.position)
    while not bench.projection.checkpoint.complete:
        bench.projection.take(feed.next(7))
    journal.write("notes", "new", Noted(note="x"))
    bench.projection.take(Feed(journal, ROUTES, bench.projection.checkpoint.position).next(7))
    with bench.read() as model:
        assert model.position == journal.position() == 101
        assert len(model.rows) == 101
    bench.close()


# --- lag ------------------------------------------------------------------------------------------


def test_who_has_everything_is_not_behind(journal: Journal) -> None:
    assert lag_of(journal, 0, time.time_ns() // 1_000) == Lag(0, 0.0)
    journal.write("notes", "a", Noted(note="x"))
    for position in (1, 2):
        assert lag_of(journal, position, time.time_ns() // 1_000) == Lag(0, 0.0)


def test_lag_counts_events_and_the_age_of_the_first_that_is_missed(journal: Journal) -> None:
    now = time.time()
    for ago in (300, 200, 100, -100):
        journal.write("notes", "a", Noted(note="x"), Noted(note="y"), seconds=now - ago)
    events, seconds = lag_of(journal, 2, time.time_ns() // 1_000)
    assert events == 6
    assert 200 <= seconds < 260
    assert lag_of(journal, 6, time.time_ns() // 1_000) == Lag(2, 0.0)


def test_a_snapshot_says_its_lag_where_the_journal_is_known(
    journal: Journal, tmp_path: Path
) -> None:
    bench = Bench(Cards, tmp_path / "cards")
    bench.take(CardAdded(card="a", title="A"))
    with bench.read() as model, pytest.raises(ReadModelError, match="journal is not known here"):
        model.lag()
    reading = bench.environment.begin()
    assert reading is not None
    with Cards.bound(Binding(reading, None, lambda position: Lag(position, 2.5))) as model:
        assert model.lag() == Lag(1, 2.5)
    bench.close()
