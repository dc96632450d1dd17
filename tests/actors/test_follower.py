"""One follower, whoever it feeds: a listener, a model that stops, one that parks, a build.

What is held here holds for each of them. What becomes of an event that fails for ever, and of one
that was never heard of, is a consumer's own; `test_projector_errors` and `test_unknown_events`.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from tests.actors.notebook import NotebookEvent, Stamped, notebook
from tests.readmodels.bench import Bench

from comity.actors.following.feed import Recent
from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.routes import EveryEvent
from comity.actors.following.subscription import Listening
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine import AggregateId, Event, Outcome, Recorded, StorageFull, UnreadableEvent
from comity.engine.history.history import recorded
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels import ReadModel, Row, Table

NOTE = Note("ann", "", None, "Stamp", None, Outcome.APPLIED, {}, None, None, None).pack()
DECIDER = cast("AnyDecider", notebook)
STAMP = store(Stamped(page="p", stamps=1))
TORN = STAMP._replace(name="Rewritten")
"""An event of a class that nobody knows."""

FAILS: dict[int, list[BaseException]] = {}
"""What taking the event at a position raises, one after the other."""


class Gapped(MemoryJournal):
    """A journal whose turns do not follow each other without a gap."""

    def __init__(self, gap: int = 0) -> None:
        super().__init__()
        self._gap = gap
        self._appends = False

    def write(self, *sizes: int, kind: str = "notebook", stored: StoredEvent = STAMP) -> int:
        """Turns of so many events each; the position of the last one."""
        for size in sizes:
            book = AggregateId(kind, "a")
            version = self.version(book)
            entry = Entry(f"{kind} {version}", (stored,) * size, 1_000 + version, NOTE)
            self._appends = True
            self.append([Turn.of(book, version, (entry,))])
            self._appends = False
        return self.position()

    def position(self) -> int:
        """While it appends, the next event's is some further on."""
        return super().position() + self._gap * self._appends

    def positions(self) -> list[int]:
        """Those of all its events."""
        return [
            record.position + number
            for record in self.read_all()
            for number, _ in enumerate(record.events, 1)
        ]


def fail_where_it_is_to(at: Recorded[Event]) -> None:
    """Raise what was planned."""
    if FAILS.get(at.position):
        raise FAILS[at.position].pop(0)


class Consumer(abc.ABC):
    """Somebody who is fed, and what it has taken."""

    @abc.abstractmethod
    def follower(self, journal: MemoryJournal, recent: Recent | None = None) -> Follower:
        """What feeds it, from the beginning."""

    @abc.abstractmethod
    def taken(self) -> Sequence[int]:
        """The positions of the events that took effect, in order, as often as they did."""


class AListener(Consumer):
    """It takes a batch when it has seen all of it."""

    def __init__(self) -> None:
        self._taken: list[int] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        for at in batch:
            fail_where_it_is_to(at)
        self._taken += [at.position for at in batch]

    def follower(self, journal: MemoryJournal, recent: Recent | None = None) -> Follower:
        consumer = Listening(self, "a listener", 0)
        return Follower(journal, EveryEvent("a listener", [DECIDER]), consumer, recent)

    def taken(self) -> Sequence[int]:
        return self._taken


class TakenRow(Row):
    position: int
    times: int


class Taken(ReadModel[NotebookEvent]):
    """Counts how often each event took effect."""

    rows = Table(TakenRow, key=lambda row: row.position)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        row = self.rows.get(at.position)
        self.rows.put(TakenRow(position=at.position, times=row.times + 1 if row else 1))
        fail_where_it_is_to(at)


class TakenOrParked(Taken):
    on_error = "park"


class AModel(Consumer):
    """In a domain: watches are told, and the newest events may be in memory."""

    def __init__(self, folder: Path, model: type[Taken]) -> None:
        self.bench = Bench(model, folder)

    def follower(self, journal: MemoryJournal, recent: Recent | None = None) -> Follower:
        routes, told = ModelRoutes(self.bench.model, [DECIDER]), list[object]()
        return ModelFollower(
            self.bench.projection,
            journal,
            routes,
            SYSTEM_CLOCK,
            lambda changes, _: told.append(changes),
            recent,
        )

    def taken(self) -> Sequence[int]:
        rows = self.bench.ask(lambda model: list(model.rows.all()))
        return [row.position for row in rows for _ in range(row.times)]


class ABuild(AModel):
    """Nobody is told, and everything is read from the journal."""

    def follower(self, journal: MemoryJournal, recent: Recent | None = None) -> Follower:
        return ModelFollower(
            self.bench.projection, journal, ModelRoutes(self.bench.model, [DECIDER]), SYSTEM_CLOCK
        )


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("CRITICAL", logger="comity")
    FAILS.clear()
    yield
    FAILS.clear()


@pytest.fixture(params=["listener", "model", "parking model", "build"])
def consumer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Consumer]:
    if request.param == "listener":
        yield AListener()
        return
    kind = ABuild if request.param == "build" else AModel
    made = kind(tmp_path / "m", TakenOrParked if "parking" in request.param else Taken)
    yield made
    made.bench.close()


@pytest.fixture(params=[0, 3], ids=["gapless", "gaps"])
def journal(request: pytest.FixtureRequest) -> Gapped:
    return Gapped(request.param)


def kept(journal: MemoryJournal) -> Recent:
    """Memory that has all of it."""

    def recent(after: int) -> Sequence[Recorded[Event]] | None:
        found = [at for record in journal.read_all(after) for at in recorded(DECIDER, record)]
        return [at for at in found if at.position > after] or None

    return recent


def run(follower: Follower, most: int = 4, steps: int = 200) -> list[float]:
    """Step until there is nothing to do; the rests that it wanted in between."""
    rests: list[float] = []
    for _ in range(steps):
        rest = follower.step(most)
        if rest == UNTIL_WOKEN:
            return rests
        rests += [rest] if rest else []
    return rests


@pytest.mark.parametrize("where", ["journal", "memory"])
def test_it_gives_every_event_once_and_in_order_and_then_those_that_come(
    consumer: Consumer, journal: Gapped, where: str
) -> None:
    journal.write(1, 3, 2, 7, 1)
    follower = consumer.follower(journal, kept(journal) if where == "memory" else None)
    assert follower.behind
    assert run(follower) == []
    assert consumer.taken() == journal.positions()
    assert follower.position == journal.position()
    assert follower.at_end
    assert not follower.behind
    journal.write(2, 5)
    assert follower.behind
    run(follower)
    assert consumer.taken() == journal.positions()
    assert follower.position == journal.position()


def test_it_has_nothing_to_do_where_nothing_has_happened(
    consumer: Consumer, journal: Gapped
) -> None:
    follower = consumer.follower(journal)
    assert [follower.step(), follower.step()] == [UNTIL_WOKEN] * 2
    assert (follower.at_end, follower.error, follower.position) == (True, "", 0)


def test_the_position_moves_only_when_the_consumer_has_taken_the_batch(
    consumer: Consumer, journal: Gapped
) -> None:
    journal.write(1, 1, 1)
    first, *_ = journal.positions()
    FAILS[first] = [ValueError("not now") for _ in range(3)]
    follower = consumer.follower(journal)
    while FAILS[first]:
        assert follower.step() < UNTIL_WOKEN
        assert (follower.position, consumer.taken()) == (0, [])
    assert (follower.error, str(follower.reason)) == ("ValueError: not now", "not now")
    assert not follower.at_end
    run(follower)
    assert (follower.error, follower.reason) == ("", None)
    assert consumer.taken() == journal.positions()


def test_a_step_that_cannot_read_has_given_nothing(
    consumer: Consumer, journal: Gapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write(1, 1)
    follower = consumer.follower(journal)
    follower.step()
    assert follower.given == 2
    journal.write(1)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "read_all", None)
        assert follower.step() < UNTIL_WOKEN
        assert follower.reason is not None
        assert follower.given == 0


@pytest.mark.parametrize("at", [0, 4, 9])
def test_an_event_that_fails_inside_of_a_batch_and_all_others_take_effect_once(
    consumer: Consumer, journal: Gapped, at: int
) -> None:
    journal.write(3, 3, 4)
    FAILS[journal.positions()[at]] = [ValueError("once"), SystemExit("twice"), ValueError("more")]
    follower = consumer.follower(journal)
    rests = run(follower, most=50)
    assert consumer.taken() == journal.positions()
    assert rests == sorted(rests)
    assert rests
    assert not follower.stopped


def test_rests_double_up_to_the_most_and_begin_anew_when_it_is_well(
    consumer: Consumer, journal: Gapped
) -> None:
    journal.write(1)
    first, last = Follower.REST
    FAILS[journal.position()] = [ValueError("no") for _ in range(Follower.ATTEMPTS - 1)]
    follower = consumer.follower(journal)
    assert run(follower) == [first * 2**n for n in range(Follower.ATTEMPTS - 1)]
    FAILS[journal.write(1)] = [ValueError("no")]
    assert run(follower) == [first]
    assert first * 2**10 > last


def test_a_disk_that_fails_is_tried_for_ever_a_few_times_a_second(
    consumer: Consumer, journal: Gapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write(2, 2)
    follower = consumer.follower(journal)
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            msg = "there is no room"
            raise StorageFull(msg)

        patch.setattr("comity.readmodels.projecting.projection.Projection.take", full)
        patch.setattr(AListener, "receive", full)
        rests = run(follower, steps=50)
        assert len(rests) == 50
        assert 0 < max(rests) < 0.5
        assert (follower.error, follower.stopped) == ("there is no room", False)
    assert run(follower) == []
    assert consumer.taken() == journal.positions()


@pytest.mark.parametrize("before", [0, 3])
def test_what_stands_before_an_event_that_cannot_be_read_is_given_first(
    consumer: Consumer, journal: Gapped, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write(*[1] * before)
    whole = journal.positions()
    journal.write(1, stored=TORN)
    journal.write(1, 1)
    follower = consumer.follower(journal)
    run(follower, most=50, steps=20)
    assert isinstance(follower.reason, UnreadableEvent)
    assert consumer.taken() == whole
    assert follower.position == (whole[-1] if whole else 0)
    assert not follower.at_end
    types = notebook._types  # pyright: ignore[reportPrivateUsage]
    known = types._by_name  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(types, "_by_name", {**known, "Rewritten": known["Stamped"]})
    monkeypatch.setattr(types, "_reading", {})
    follower.try_again()
    run(follower, most=50)
    assert consumer.taken() == journal.positions()


def test_events_of_types_that_nobody_knows_are_passed_over(
    consumer: Consumer, journal: Gapped
) -> None:
    journal.write(2)
    own = journal.positions()
    unheard = StoredEvent("Unheard", 1, b"")
    journal.write(2, 40, kind="strange", stored=unheard)
    journal.write(1)
    follower = consumer.follower(journal)
    assert run(follower, most=2) == []
    assert consumer.taken() == [*own, journal.position()]
    journal.write(1, kind="strange", stored=unheard)
    assert run(follower) == []
    assert follower.position == journal.position()


def test_one_that_is_paused_takes_no_step_until_it_goes_on(
    consumer: Consumer, journal: Gapped
) -> None:
    journal.write(1, 1)
    follower = consumer.follower(journal)
    follower.paused = True
    assert follower.step() == UNTIL_WOKEN
    assert consumer.taken() == []
    follower.paused = False
    run(follower)
    assert consumer.taken() == journal.positions()


def test_one_that_is_stopped_takes_no_step_and_says_nothing_of_one_that_was_on(
    consumer: Consumer, journal: Gapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write(1)
    follower = consumer.follower(journal)

    def closed_meanwhile(*_: object, **__: object) -> None:
        follower.stop()
        msg = "it is closed"
        raise ValueError(msg)

    monkeypatch.setattr("comity.readmodels.projecting.projection.Projection.take", closed_meanwhile)
    monkeypatch.setattr(AListener, "receive", closed_meanwhile)
    assert follower.step() == UNTIL_WOKEN
    assert (follower.error, follower.stopped) == ("", True)
    monkeypatch.undo()
    assert follower.step() == UNTIL_WOKEN
    assert consumer.taken() == []


def test_a_journal_whose_position_is_ahead_of_what_can_be_read_does_not_make_it_spin(
    consumer: Consumer, journal: Gapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.write(2)
    follower = consumer.follower(journal)
    end = journal.position()

    def ahead(_: Gapped) -> int:
        return end + 7

    monkeypatch.setattr(Gapped, "position", ahead)
    assert run(follower) == []
    assert follower.position == end
    assert follower.step() == UNTIL_WOKEN


def test_a_consumer_that_is_elsewhere_is_fed_from_where_it_is(journal: Gapped) -> None:
    """Somebody else has moved it on: nothing that was read ahead is given to it."""
    journal.write(1, 1, 1, 1)
    listener = AListener()
    consumer = Listening(listener, "a listener", 0)
    follower = Follower(journal, EveryEvent("a listener", [DECIDER]), consumer)
    follower.step(1)
    consumer.position = journal.positions()[2]
    run(follower)
    assert listener.taken() == [journal.positions()[0], journal.positions()[3]]


def test_what_only_a_model_gives_up_a_listener_gets_for_ever(
    consumer: Consumer, journal: Gapped
) -> None:
    journal.write(1, 1, 1)
    _, bad, _ = journal.positions()
    FAILS[bad] = [ValueError("never") for _ in range(500)]
    follower = consumer.follower(journal)
    rests = run(follower, most=50, steps=30)
    first, *_ = journal.positions()
    if isinstance(consumer, AListener):
        assert len(rests) == 30
        assert (consumer.taken(), follower.stopped) == ([], False)
    else:
        assert len(rests) == Follower.ATTEMPTS - 1
        assert consumer.taken() == [first]
        parks = cast("AModel", consumer).bench.model.on_error == "park"
        assert follower.stopped != parks
    FAILS.clear()
    follower.try_again()
    run(follower, most=50)
    if not isinstance(follower, ModelFollower) or not follower.projection.parks:
        assert consumer.taken() == journal.positions()
