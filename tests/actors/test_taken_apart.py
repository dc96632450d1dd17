"""A batch that fails is taken in parts: every event takes effect once, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actors.notebook import NotebookEvent, Stamped, notebook
from tests.readmodels.bench import Bench

from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine import AggregateId, Event, Outcome, Recorded, StorageFull
from comity.engine.history.history import recorded
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.storage.writing import Writing

NOTE = Note("ann", "", None, "Stamp", None, Outcome.APPLIED, {}, None, None, None).pack()


class TimesRow(Row):
    """How often an event took effect."""

    position: int
    times: int


class Times(ReadModel[NotebookEvent]):
    """Counts what each event does; an event of a book that is torn fails."""

    rows = Table(TimesRow, key=lambda row: row.position)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """Count, and then fail if this is the time to."""
        row = self.rows.get(at.position) or TimesRow(position=at.position, times=0)
        self.rows.put(row.model_copy(update={"times": row.times + 1}))
        left = FAILURES.get(at.position, 0)
        if left:
            FAILURES[at.position] = left - 1
            msg = f"{left} more"
            raise ValueError(msg)


class ParkedTimes(Times):
    """The same, but what it cannot take it parks."""

    on_error = "park"


FAILURES: dict[int, int] = {}
"""How often projecting the event at a position fails from now on."""


class Story(NamedTuple):
    """What a driver lives through."""

    commands: Sequence[int]
    """The events of each."""
    failures: dict[int, int]
    full: frozenset[int]
    """Which of the commits find no room."""
    sizes: Sequence[int]
    """How many events are wanted in each step, over and over."""
    restarts: frozenset[int]
    """Before which steps the program is started again."""
    remembers: bool
    """Whether the newest events are given from memory."""


STORIES = st.builds(
    Story,
    commands=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    failures=st.dictionaries(st.integers(1, 40), st.integers(1, 12), max_size=4),
    full=st.frozensets(st.integers(1, 12), max_size=4),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    restarts=st.frozensets(st.integers(1, 15), max_size=3),
    remembers=st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("times")


@pytest.fixture(scope="module", autouse=True)
def _quick_and_quiet() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("comity.actors.following.follower._log.disabled", True)
        yield


@pytest.fixture(scope="module")
def stopping(folder: Path) -> Iterator[Bench[Times]]:
    bench = Bench(Times, folder / "stopping")
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def parking(folder: Path) -> Iterator[Bench[Times]]:
    bench: Bench[Times] = Bench(ParkedTimes, folder / "parking")
    yield bench
    bench.close()


def _written(commands: Sequence[int]) -> MemoryJournal:
    journal = MemoryJournal()
    stored = store(Stamped(page="p", stamps=1))  # equal events, told apart by where they stand
    for number, events in enumerate(commands):
        book = AggregateId("notebook", f"{number % 3}")
        entry = Entry(f"c{number}", (stored,) * events, number, NOTE)
        journal.append([Turn.of(book, journal.version(book), (entry,))])
    return journal


def _memory(journal: MemoryJournal) -> Callable[[int], Sequence[Recorded[Event]] | None]:
    def after(position: int) -> Sequence[Recorded[Event]] | None:
        found = [at for one in journal.read_all(position) for at in recorded(_NOTEBOOK, one)]
        return [at for at in found if at.position > position] or None

    return after


_NOTEBOOK = cast("AnyDecider", notebook)


def _live(bench: Bench[Times], journal: MemoryJournal, story: Story) -> ModelFollower:
    """Drive to the journal's end through all that the story has."""
    commits, commit = 0, Writing.commit

    def may_be_full(writing: Writing) -> None:
        nonlocal commits
        commits += 1
        if commits in story.full:
            writing.abort()
            msg = "there is no room"
            raise StorageFull(msg)
        commit(writing)

    def started() -> ModelFollower:
        recent = _memory(journal) if story.remembers else None
        return ModelFollower(
            bench.projection, journal, ModelRoutes(bench.model, [_NOTEBOOK]), SYSTEM_CLOCK, None,
            recent,
        )  # fmt: skip

    bench.wipe()
    FAILURES.clear()
    FAILURES.update(story.failures)
    driver, step = started(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writing, "commit", may_be_full)
        while not (driver.at_end and not driver.error):
            step += 1
            assert step < 1_000
            if step in story.restarts:
                bench.reopen()
                driver = started()
            if driver.stopped:
                driver.try_again()
            driver.step(story.sizes[step % len(story.sizes)])
    return driver


def _times(bench: Bench[Times]) -> dict[int, int]:
    return bench.ask(lambda model: {row.position: row.times for row in model.rows.all()})


@settings(deadline=None)
@given(story=STORIES)
def test_every_event_takes_effect_once_where_a_model_stops_and_goes_on(
    stopping: Bench[Times], story: Story
) -> None:
    journal = _written(story.commands)
    driver = _live(stopping, journal, story)
    end = journal.position()
    assert driver.position == end
    assert _times(stopping) == dict.fromkeys(range(1, end + 1), 1)


@settings(deadline=None)
@given(story=STORIES)
def test_every_event_takes_effect_once_or_is_parked_and_then_once_by_a_replay(
    parking: Bench[Times], story: Story
) -> None:
    journal = _written(story.commands)
    driver = _live(parking, journal, story)
    end = journal.position()
    waiting = {one.position for one in driver.projection.parked()}
    assert driver.position == end
    taken = {position: 1 for position in range(1, end + 1) if position not in waiting}
    assert _times(parking) == taken
    FAILURES.clear()
    every = [at for record in journal.read_all() for at in recorded(_NOTEBOOK, record)]
    for aggregate in {one.aggregate for one in driver.projection.parked()}:
        own = [at for at in every if at.aggregate == aggregate]
        driver.projection.replay(aggregate, own)
    assert _times(parking) == dict.fromkeys(range(1, end + 1), 1)


def test_what_stands_before_a_failing_event_is_kept_also_where_the_disk_is_full_just_then(
    parking: Bench[Times],
) -> None:
    """The first commit, of what stands before the event that fails, finds no room."""
    full = Story([1, 1, 1, 1], {3: 99}, frozenset({1}), [10], frozenset(), remembers=False)
    journal = _written(full.commands)
    driver = _live(parking, journal, full)
    assert {one.position for one in driver.projection.parked()} == {3}
    assert _times(parking) == {1: 1, 2: 1, 4: 1}
