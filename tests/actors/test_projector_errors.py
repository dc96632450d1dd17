"""When `project` fails: retried, stopped or parked, readable as it is, and nobody else suffers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, Write, notebook, raising
from tests.actors.shelf import (
    MENDED,
    TORN,
    TROUBLE,
    Counts,
    PageRow,
    Pages,
    ParkedPages,
    fold,
    misbehave,
    ready,
    seen,
    stamp,
    until,
    write,
)

from comity.actors import Domain, Projector, ReadModels
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine import (
    Behind,
    ModelDamaged,
    NotReady,
    Outcome,
    ReadModelError,
    Recorded,
    StorageFull,
)
from comity.engine.aggregate_id import AggregateId
from comity.engine.history.batch import Batch
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.journal.turn import Turn
from comity.engine.messages.message import Event
from comity.readmodels import Parked, ReadModel, Table
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.writing import Writing
from comity.readmodels.tables.read_model import AnyReadModel
from comity.readmodels.tables.row_change import RowChange


class Mute(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


EVERY_KIND = [
    ValueError("v"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(),
    MemoryError(), RecursionError("r"), StopIteration(), Mute(), UserWarning("\ud800\n\x1b[2J"),
]  # fmt: skip


class Unique(ReadModel[NotebookEvent]):
    """A page for each event, and a mistake: books are not unique."""

    rows = Table(PageRow, key=lambda row: row.changed)
    by_book = rows.unique(lambda row: row.book)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        self.rows.put(PageRow(book=at.aggregate.key, page="p", changed=at.position))


@pytest.fixture(autouse=True)
def _fast_quiet_and_clean(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    monkeypatch.setattr(ModelFollower, "REST", (0.001, 0.004))
    caplog.set_level("CRITICAL", logger="comity")
    yield
    TROUBLE.clear()
    MENDED.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def shelf(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        yield ready(domain, Pages, Counts)


@pytest.fixture
def parking(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
        yield ready(domain, ParkedPages)


def _times(failures: int) -> Callable[[], None]:
    """Trouble that goes away."""
    left = [failures]

    def trouble() -> None:
        left[0] -= 1
        if left[0] >= 0:
            msg = f"{left[0]} more"
            raise ValueError(msg)

    return trouble


def _events(domain: Domain, *books: str) -> list[Recorded[NotebookEvent]]:
    events = [at for book in books for at in domain.history(domain.aggregate(notebook, book))]
    return sorted(events, key=lambda at: at.position)


M = TypeVar("M", bound=AnyReadModel)


def _stops(model: Projector[M]) -> bool:
    return until(lambda: model.status().state == "stopped")


def _goes_on(model: Projector[M]) -> bool:
    """It says so a moment after its rows can be read."""
    return until(lambda: (model.status().state, model.status().error) == ("following", ""))


# --- stop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failures", [1, 2, ModelFollower.ATTEMPTS - 1])
def test_what_fails_at_first_and_then_works_is_retried(shelf: Domain, failures: int) -> None:
    TROUBLE["once"] = _times(failures)
    write(shelf, "b", "p", "before")
    misbehave(shelf, "b", "once")
    end = write(shelf, "b", "q", "after")
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))
    assert _goes_on(shelf.model(Pages))


def test_what_fails_again_and_again_stops_the_model_which_says_where_and_why(
    shelf: Domain,
) -> None:
    before = write(shelf, "b", "p", "before")
    torn = write(shelf, "b", "q", TORN)
    end = stamp(shelf, "b", "p", 20)
    assert _stops(shelf.model(Pages))
    status = shelf.model(Pages).status()
    assert status.position == before
    assert status.lag_events == end - before
    assert status.error == (
        f"stopped at position {torn}, Written of notebook/b (version {torn}): ValueError: q is torn"
    )
    with shelf.read(Pages) as pages:  # as it is, and nothing of what failed
        assert seen(pages) == fold(_events(shelf, "b")[:before])
    with pytest.raises(Behind, match="stopped at position 2, Written of notebook/b"):
        shelf.read(Pages, after=end, timeout=0.05)
    with shelf.read(Counts, after=end, timeout=60) as counts:
        assert counts.rows["b"].events == end


def test_a_model_says_that_it_has_stopped_once_where_and_why_are_written_down(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    write_down = Projection.stop

    def slow(self: Projection, at: Recorded[Event], error: BaseException, now: int) -> None:
        said.append(shelf.model(Pages).status().state)
        write_down(self, at, error, now)

    monkeypatch.setattr(Projection, "stop", slow)
    write(shelf, "b", "q", TORN)
    assert _stops(shelf.model(Pages))
    assert said == ["waiting"]


def test_who_waits_for_a_position_is_told_when_the_model_stops(shelf: Domain) -> None:
    waiting = shelf.reached(Pages, 2, timeout=60)
    write(shelf, "b", "q", TORN)
    write(shelf, "b", "p", "x")
    with pytest.raises(Behind, match="q is torn"):
        waiting.result(60)


def test_another_process_sees_that_and_why_a_model_has_stopped(shelf: Domain, path: Path) -> None:
    write(shelf, "b", "p", "before")
    end = write(shelf, "b", "q", TORN)
    assert _stops(shelf.model(Pages))
    copy = path.parent / "copy"
    with ReadModels.open(path, [Pages], folder=_linked(path, copy)) as models:
        with models.read(Pages) as pages:
            assert pages.rows.count() == 1
        with pytest.raises(Behind, match=f"stopped at position {end}.*q is torn"):
            models.read(Pages, after=end, timeout=0.05)


def _linked(path: Path, copy: Path) -> Path:
    """The models' folder as it is now, with files of its own: this process has the others open."""
    generation = path / "models" / "Pages" / "current"
    there = copy / "Pages" / "g000001"
    there.mkdir(parents=True)
    for file in generation.resolve().iterdir():
        (there / file.name).write_bytes(file.read_bytes())
    (copy / "Pages" / "current").symlink_to("g000001")
    return copy


def test_a_stopped_model_goes_on_after_the_fix(shelf: Domain) -> None:
    write(shelf, "b", "q", TORN)
    end = stamp(shelf, "b", "p", 20)
    assert _stops(shelf.model(Pages))
    shelf.model(Pages).resume()  # and nothing is mended
    assert _stops(shelf.model(Pages))
    MENDED.add("b")
    shelf.model(Pages).resume()
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))
    assert _goes_on(shelf.model(Pages))


def test_a_stopped_model_tries_again_when_the_domain_is_opened_again(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = write(domain, "b", "q", TORN)
        assert _stops(domain.model(Pages))
    MENDED.add("b")
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert pages.rows["b", "q"].text == TORN
        assert _goes_on(domain.model(Pages))


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_whatever_project_raises_stops_its_model_alone(shelf: Domain, error: BaseException) -> None:
    TROUBLE["bug"] = raising(error)
    write(shelf, "b", "p", "before")
    misbehave(shelf, "b", "bug")
    end = write(shelf, "b", "q", "after")
    assert _stops(shelf.model(Pages))
    assert type(error).__name__ in shelf.model(Pages).status().error
    with shelf.read(Counts, after=end, timeout=60) as counts:
        assert counts.rows["b"].events == end
    TROUBLE.clear()
    shelf.model(Pages).resume()
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))


def test_two_rows_with_one_unique_key_stop_the_model(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Unique]) as domain:
        ready(domain, Unique)
        write(domain, "b", "p", "x")
        write(domain, "c", "p", "x")
        write(domain, "b", "p", "y")
        assert _stops(domain.model(Unique))
        assert "another row has the key" in domain.model(Unique).status().error
        with domain.read(Unique) as unique:
            assert [row.book for row in unique.by_book.all()] == ["b", "c"]


def test_an_event_that_cannot_be_read_stops_the_model_and_the_text_says_which(path: Path) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        write(domain, "b", "p", "before")
    note = Note("ann", "", None, "Write", None, Outcome.APPLIED, {}, None, None, None)
    stored = StoredEvent("Written", 1, b"\x81\xa4page\x01")  # {"page": 1}
    journal = LmdbJournal.open(path)
    entry = Entry("id", (stored,), 1, note.pack())
    journal.append([Turn.of(AggregateId("notebook", "c"), 0, (entry,))])
    journal.close()
    with Domain.open(path, deciders=[notebook], read_models=[Pages, ParkedPages]) as domain:
        assert _stops(domain.model(Pages))
        assert _stops(domain.model(ParkedPages))
        said = "stopped after position 1: notebook: cannot read a stored Written"
        assert all(said in status.error for status in domain.models())
        copy = path.parent / "copy"
        with (
            ReadModels.open(path, [Pages], folder=_linked(path, copy)) as elsewhere,
            pytest.raises(NotReady, match=r"being built.*; stopped after position 1: notebook"),
        ):
            elsewhere.read(Pages)
        assert domain.aggregate(notebook, "b").send(Write(page="p", text="x")).result(60)


# --- park -----------------------------------------------------------------------------------------


def _park(domain: Domain) -> int:
    """Tear a page of one book, and go on with it and with another one."""
    write(domain, "b", "p", "before")
    write(domain, "b", "q", TORN)
    write(domain, "c", "p", "elsewhere")
    write(domain, "b", "p", "after")
    stamp(domain, "b", "q", 1)
    return write(domain, "c", "q", "elsewhere too")


def test_only_the_events_of_the_aggregate_that_failed_wait_and_in_order(parking: Domain) -> None:
    end = _park(parking)
    with parking.read(ParkedPages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(
            at for at in _events(parking, "b", "c") if at.aggregate.key == "c" or at.version == 1
        )
    parked = parking.model(ParkedPages).parked()
    assert [(one.key, one.version) for one in parked] == [("b", n) for n in (2, 3, 4, 5)]
    assert [one.error for one in parked] == ["ValueError: q is torn", "", "", ""]
    status = parking.model(ParkedPages).status()
    assert (status.state, status.parked, status.error) == ("following", 4, "")


def test_parked_events_are_taken_after_the_fix_and_give_the_fold(parking: Domain) -> None:
    end = _park(parking)
    parking.reached(ParkedPages, end, timeout=60).result(60)
    MENDED.add("b")
    assert parking.model(ParkedPages).replay() == 4
    assert parking.model(ParkedPages).parked() == []
    end = write(parking, "b", "p", "later")
    with parking.read(ParkedPages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(parking, "b", "c"))


def test_one_aggregate_may_be_replayed_and_the_others_wait_on(parking: Domain) -> None:
    _park(parking)
    end = write(parking, "d", "p", TORN)
    parking.reached(ParkedPages, end, timeout=60).result(60)
    MENDED.update(("b", "d"))
    model = parking.model(ParkedPages)
    assert model.replay(AggregateId("notebook", "d")) == 1
    assert {one.key for one in model.parked()} == {"b"}
    assert model.replay(AggregateId("notebook", "nobody")) == 0


def test_a_replay_that_fails_again_keeps_what_is_parked(parking: Domain) -> None:
    end = _park(parking)
    parking.reached(ParkedPages, end, timeout=60).result(60)
    model = parking.model(ParkedPages)
    before = model.parked()
    with pytest.raises(ReadModelError, match=r"notebook/b is parked as before: .*q is torn"):
        model.replay()
    assert model.parked() == before
    end = write(parking, "b", "p", "later")
    parking.reached(ParkedPages, end, timeout=60).result(60)
    assert [one.version for one in model.parked()] == [2, 3, 4, 5, 6]
    with parking.read(ParkedPages) as pages:
        assert pages.rows["b", "p"].text == "before"


def test_what_is_dropped_is_given_up_and_the_aggregate_goes_on(parking: Domain) -> None:
    end = _park(parking)
    parking.reached(ParkedPages, end, timeout=60).result(60)
    model = parking.model(ParkedPages)
    assert model.drop(AggregateId("notebook", "b")) == 4
    assert model.drop(AggregateId("notebook", "b")) == 0
    assert model.parked() == []
    end = write(parking, "b", "p", "anew")
    with parking.read(ParkedPages, after=end, timeout=60) as pages:
        assert pages.rows["b", "p"].text == "anew"
        assert ("b", "q") not in pages.rows


def test_what_is_parked_stays_so_when_the_domain_is_opened_again(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
        end = _park(domain)
        domain.reached(ParkedPages, end, timeout=60).result(60)
        before = domain.model(ParkedPages).parked()
    with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
        assert domain.model(ParkedPages).parked() == before
        end = write(domain, "b", "p", "later")
        domain.reached(ParkedPages, end, timeout=60).result(60)
        assert len(domain.model(ParkedPages).parked()) == 5
        MENDED.add("b")
        assert domain.model(ParkedPages).replay() == 5
        with domain.read(ParkedPages) as pages:
            assert seen(pages) == fold(_events(domain, "b", "c"))


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_whatever_project_raises_parks_its_aggregate_alone(
    parking: Domain, error: BaseException
) -> None:
    TROUBLE["bug"] = raising(error)
    misbehave(parking, "b", "bug")
    end = write(parking, "c", "p", "x")
    parking.reached(ParkedPages, end, timeout=60).result(60)
    (parked,) = parking.model(ParkedPages).parked()
    assert isinstance(parked, Parked)
    assert (parked.key, type(error).__name__ in parked.error) == ("b", True)
    with pytest.raises(ReadModelError, match=type(error).__name__):
        parking.model(ParkedPages).replay()
    assert parking.model(ParkedPages).parked() == [parked]


def test_many_aggregates_may_be_parked(parking: Domain) -> None:
    for n in range(30):
        write(parking, f"b{n}", "p", TORN)
    end = stamp(parking, "c", "p", 3)
    parking.reached(ParkedPages, end, timeout=30).result(30)
    assert len(parking.model(ParkedPages).parked()) == 30
    MENDED.update(f"b{n}" for n in range(30))
    assert parking.model(ParkedPages).replay() == 30
    with parking.read(ParkedPages) as pages:
        assert pages.rows.count() == 31


def test_asking_a_closed_domains_model_does_not_wait_for_ever(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[ParkedPages]) as domain:
        model = domain.model(ParkedPages)
    for ask in (model.replay, model.rebuild, lambda: model.drop(AggregateId("notebook", "b"))):
        with pytest.raises(Exception, match="the domain is closed"):
            ask()


# --- no room --------------------------------------------------------------------------------------


def test_without_room_a_model_waits_can_be_read_and_goes_on_when_there_is_some(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write(shelf, "b", "p", "before")
    shelf.reached(Pages, before, timeout=60).result(60)
    commit = Writing.commit

    def full(writing: Writing) -> None:
        writing.abort()
        msg = "there is no room"
        raise StorageFull(msg)

    monkeypatch.setattr(Writing, "commit", full)
    end = stamp(shelf, "b", "p", 100)  # commands go on
    assert until(lambda: shelf.model(Pages).status().error != "")
    time.sleep(
        ModelFollower.ATTEMPTS * 2 * ModelFollower.REST[1]
    )  # longer than it would try anything else
    assert shelf.model(Pages).status().state == "waiting"
    assert shelf.model(Pages).status().error == "there is no room"
    with shelf.read(Pages) as pages:
        assert (pages.position, pages.rows["b", "p"].text) == (before, "before")
    with pytest.raises(Behind, match="there is no room"):
        shelf.read(Pages, after=end, timeout=0.05)
    monkeypatch.setattr(Writing, "commit", commit)
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))
    assert _goes_on(shelf.model(Pages))


def test_what_stands_before_a_failing_event_is_not_passed_over_when_the_disk_fails_there(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    TROUBLE["always"] = _times(1_000)
    take, failed = Projection.take, list[Batch]()

    def fails_once(
        projection: Projection, batch: Batch, *, telling: bool = True, hold: bool = False
    ) -> Sequence[RowChange]:
        if projection.model is Pages and len(batch.events) == 6 and not failed:
            failed.append(batch)
            msg = "there is no room"
            raise StorageFull(msg)
        return take(projection, batch, telling=telling, hold=hold)

    monkeypatch.setattr(Projection, "take", fails_once)
    shelf.model(Pages).pause()
    stamp(shelf, "b", "p", 5)  # six events
    misbehave(shelf, "b", "always")
    shelf.model(Pages).resume()
    assert _stops(shelf.model(Pages))
    assert failed, "what stands before it was taken by itself"
    with shelf.read(Pages) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))


def test_a_batch_that_has_failed_and_was_stored_all_the_same_is_taken_once(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stamp(shelf, "b", "p")
    shelf.reached(Pages, first, timeout=60).result(60)
    shelf.reached(Counts, first, timeout=60).result(60)
    commit, failed = Writing.commit, list[Writing]()

    def fails_later(writing: Writing) -> None:
        commit(writing)
        if len(failed) < 2:
            failed.append(writing)
            raise MemoryError

    with shelf.watch(Pages.rows["b", "p"]) as watch:
        present = watch.next(15)
        monkeypatch.setattr(Writing, "commit", fails_later)
        end = stamp(shelf, "b", "p", 3)
        with shelf.read(Pages, after=end, timeout=60) as pages:
            assert seen(pages) == fold(_events(shelf, "b"))
        row = present and present.row
        while row is None or row.stamps < 4:  # nobody was told which rows have changed: a reset
            update = watch.next(15)
            assert update is not None, "who watches misses nothing"
            row = update.row


class SmallPages(Pages):
    """Pages for which there is little room."""

    stored_as = "Pages"
    map_size = 300_000


@pytest.mark.parametrize("on_error", ["stop", "park"])
def test_a_full_map_neither_stops_nor_parks_and_a_larger_one_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, on_error: str
) -> None:
    monkeypatch.setattr(SmallPages, "on_error", on_error)
    end = 0
    with Domain.open(path, deciders=[notebook], read_models=[SmallPages]) as domain:
        for n in range(40):
            book = domain.aggregate(notebook, f"b{n % 4}")
            some = [Write(page=f"{n} {m}", text=f"{m} " + "x" * 200) for m in range(50)]
            book.send_many(some).result(30)
        end = stamp(domain, "b0", "p", 1)
        assert until(lambda: "no room" in domain.model(SmallPages).status().error)
        assert domain.model(SmallPages).status().state == "waiting"
        with domain.read(SmallPages, stale=True) as pages:
            assert pages.per_book.total() == pages.rows.count()
        assert domain.model(SmallPages).parked() == []
        everything = _events(domain, "b0", "b1", "b2", "b3")
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, after=end, timeout=30) as pages,
    ):
        assert seen(pages) == fold(everything)


def test_a_model_whose_tables_cannot_be_read_any_more_is_built_anew_by_itself(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shelf, "b", "p", "before")
    damaged = shelf.model(Pages).access.reader.environment()
    writing = Environment.writing

    def fails(environment: Environment) -> object:
        if environment is damaged:
            msg = "a page is not what was written"
            raise ModelDamaged(msg)
        return writing(environment)

    monkeypatch.setattr(Environment, "writing", fails)
    end = stamp(shelf, "b", "p", 10)
    with shelf.read(Pages, after=end, timeout=15) as pages:
        assert seen(pages) == fold(_events(shelf, "b"))
    assert _goes_on(shelf.model(Pages))
    assert shelf.aggregate(notebook, "b").send(Stamp(page="p", stamps=1)).result(60)
