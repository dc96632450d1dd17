"""A domain with read models: reading one's own writes, several models, closing, forking, wiring."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stall, Stamp, Write, notebook
from tests.actors.shelf import (
    TROUBLE,
    Activity,
    Counts,
    Lend,
    Pages,
    ParkedPages,
    can_be_read,
    desk,
    events_of,
    fold,
    misbehave,
    ready,
    seen,
    stamp,
    until,
    write,
)
from tests.support.left_out import NO_FORK

from comity.actors import Domain, Policy, ReadModels
from comity.engine import (
    Behind,
    Closed,
    Invalid,
    ModelInUse,
    NotReady,
    Recorded,
    SnapshotExpired,
    WiringError,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations.model_folder import MODELS, ModelFolder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def shelf(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        yield ready(domain, Pages, Counts)
    TROUBLE.clear()


# --- reading one's own writes ---------------------------------------------------------------------


def test_a_snapshot_after_a_receipt_has_what_was_written(shelf: Domain) -> None:
    book = shelf.aggregate(notebook, "b")
    for n in range(50):
        receipt = book.send(Write(page="p", text=f"text {n}")).result(60)
        with shelf.read(Pages, after=receipt, timeout=60) as pages:
            assert pages.rows["b", "p"].text == f"text {n}"
            assert pages.position >= receipt.position


def test_a_position_does_as_well_as_a_receipt(shelf: Domain) -> None:
    position = write(shelf, "b", "p", "x")
    with shelf.read(Pages, after=position, timeout=60) as pages:
        assert pages.rows["b", "p"].text == "x"
        assert pages.lag().events == 0


def test_threads_read_their_own_writes_all_at_once(shelf: Domain) -> None:
    failures: list[str] = []

    def person(name: str) -> None:
        for n in range(30):
            position = write(shelf, name, "p", f"{n}", who=name)
            with shelf.read(Pages, after=position, timeout=20) as pages:
                text = pages.rows[name, "p"].text
                if text != f"{n}":
                    failures.append(f"{name} wrote {n} and read {text}")

    people = [threading.Thread(target=person, args=(f"p{n}",)) for n in range(8)]
    for one in people:
        one.start()
    for one in people:
        one.join(30)
    assert failures == []


def test_tasks_of_asyncio_read_their_own_writes_all_at_once(shelf: Domain) -> None:
    async def person(name: str) -> list[str]:
        book = shelf.session(name).aggregate(notebook, name)
        texts: list[str] = []
        for n in range(10):
            receipt = await book.send(Write(page="p", text=f"{n}"))
            reached = await shelf.reached(Pages, receipt, timeout=20)
            assert reached >= receipt.position
            with shelf.read(Pages) as pages:
                texts.append(pages.rows[name, "p"].text)
        return texts

    async def everybody() -> list[list[str]]:
        return await asyncio.wait_for(asyncio.gather(*[person(f"p{n}") for n in range(20)]), 60)

    assert asyncio.run(everybody()) == [[str(n) for n in range(10)]] * 20


def test_reached_is_answered_at_once_where_the_model_has_the_position(shelf: Domain) -> None:
    position = write(shelf, "b", "p", "x")
    assert shelf.reached(Pages, position, timeout=60).result(60) == position
    assert shelf.reached(Pages, 0).done()
    assert shelf.reached(Pages, None).done()


def test_what_is_neither_a_receipt_nor_a_position_is_refused(shelf: Domain) -> None:
    for nonsense in (-1, True, "3", 1.5):
        with pytest.raises(Invalid, match="expected a receipt, or a position"):
            shelf.read(Pages, after=nonsense)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the mistake


def test_a_snapshot_stays_as_it_was_while_the_model_goes_on(shelf: Domain) -> None:
    first = write(shelf, "b", "p", "before")
    with shelf.read(Pages, after=first, timeout=60) as before:
        second = write(shelf, "b", "p", "after")
        with shelf.read(Pages, after=second, timeout=60) as after:
            assert before.rows["b", "p"].text == "before"
            assert after.rows["b", "p"].text == "after"
            assert (before.lag().events, after.lag().events) == (1, 0)
            assert before.lag().seconds >= 0


# --- a model that is behind -----------------------------------------------------------------------


def test_a_paused_model_is_behind_and_says_so(shelf: Domain) -> None:
    stamp(shelf, "b", "p", 3)
    shelf.model(Pages).pause()
    position = write(shelf, "b", "p", "late")
    with pytest.raises(Behind, match=f"{position} was requested: it is paused") as behind:
        shelf.read(Pages, after=position, timeout=0.05)
    assert behind.value.position < position
    with pytest.raises(Behind, match="it is paused"):
        shelf.reached(Pages, position, timeout=0.05).result(60)
    assert shelf.model(Pages).status().state == "paused"
    shelf.model(Pages).resume()
    with shelf.read(Pages, after=position, timeout=60) as pages:
        assert pages.rows["b", "p"].text == "late"


def test_who_takes_stale_rows_gets_what_there_is_after_the_time(shelf: Domain) -> None:
    with shelf.read(Pages, after=write(shelf, "b", "p", "early"), timeout=60):
        shelf.model(Pages).pause()
    position = write(shelf, "b", "p", "late")
    with shelf.read(Pages, after=position, timeout=0.05, stale=True) as pages:
        assert pages.rows["b", "p"].text == "early"
        assert pages.lag().events == 1


def test_a_position_that_the_journal_does_not_have_is_waited_for_in_vain(shelf: Domain) -> None:
    position = write(shelf, "b", "p", "x")
    with pytest.raises(Behind, match="the journal ends at position 1"):
        shelf.read(Pages, after=position + 1, timeout=0.05)


def test_a_model_that_is_built_for_the_first_time_is_not_ready_but_can_be_read_as_it_is(
    path: Path,
) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        write(domain, "b", "p", "x")
        misbehave(domain, "b", "wait")
        end = write(domain, "b", "p", "y")
    stall = TROUBLE["wait"] = Stall()
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        assert stall.entered.wait(60)
        with pytest.raises(NotReady, match="is being built and has reached position 0"):
            domain.read(Pages, timeout=0.05)
        with domain.read(Pages, timeout=0.05, stale=True) as pages:
            assert pages.rows.count() == 0
        stall.released.set()
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert pages.rows["b", "p"].text == "y"
    TROUBLE.clear()


def test_who_asks_while_it_is_built_gets_it_as_soon_as_it_is_there(path: Path) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        stamp(domain, "b", "p", 2_000)
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, timeout=30) as pages,
    ):
        assert pages.rows["b", "p"].stamps == 2_000


# --- several models -------------------------------------------------------------------------------


def test_each_model_is_the_fold_of_the_journal(shelf: Domain) -> None:
    for n in range(30):
        write(shelf, f"b{n % 3}", f"p{n % 7}", ["a b", "c", "", "b"][n % 4], who=f"w{n % 2}")
    end = stamp(shelf, "b0", "p0", 20)
    with shelf.read(Pages, after=end, timeout=60) as pages:
        events = [at for n in range(3) for at in shelf.history(shelf.aggregate(notebook, f"b{n}"))]
        assert seen(pages) == fold(sorted(events, key=lambda at: at.position))
    with shelf.read(Counts, after=end, timeout=60) as counts:
        assert sum(row.events for row in counts.rows.all()) == end


def test_a_model_may_listen_to_several_deciders(path: Path) -> None:
    with Domain.open(path, deciders=[notebook, desk], read_models=[Activity, Pages]) as domain:
        write(domain, "b", "p", "x")
        domain.aggregate(desk, "front").send(Lend(book="b")).result(60)
        end = domain.aggregate(desk, "back").send(Lend(book="c")).result(60)
        with domain.read(Activity, after=end, timeout=60) as activity:
            assert {row.book: row.events for row in activity.rows.all()} == {"b": 2, "c": 1}
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert [row.book for row in pages.rows.all()] == ["b"]
            assert pages.position == end.position


def test_a_slow_model_delays_neither_commands_nor_other_models(shelf: Domain) -> None:
    stall = TROUBLE["slow"] = Stall()

    class Slow(ReadModel[NotebookEvent]):
        rows = Table(SlowRow, key=lambda row: row.position)

        def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
            stall()

    with Domain(
        MemoryJournal(), deciders=[notebook], read_models=[Slow, Counts], models=_beside(shelf)
    ) as domain:
        write(domain, "b", "p", "x")
        assert stall.entered.wait(60)
        end = stamp(domain, "b", "p", 100)
        with domain.read(Counts, after=end, timeout=60) as counts:
            assert counts.rows["b"].events == end
        assert domain.model(Slow).status().position == 0
        stall.released.set()
        assert domain.reached(Slow, end, timeout=20).result(20) == end


def test_a_failing_model_delays_neither_commands_nor_other_models(
    shelf: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", logger="comity")

    class Broken(ReadModel[NotebookEvent]):
        rows = Table(SlowRow, key=lambda row: row.position)

        def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
            raise ZeroDivisionError

    with Domain(
        MemoryJournal(), deciders=[notebook], read_models=[Broken, Counts], models=_beside(shelf)
    ) as domain:
        end = stamp(domain, "b", "p", 100)
        with domain.read(Counts, after=end, timeout=60) as counts:
            assert counts.rows["b"].events == end
        assert until(lambda: domain.model(Broken).status().state == "stopped")
        assert domain.model(Broken).status().position == 0
        assert write(domain, "b", "p", "x") == end + 1


class SlowRow(Row):
    position: int


def _beside(domain: Domain) -> Path:
    return domain.model(Pages).folder.path.parent.parent / "beside"


# --- opening and closing --------------------------------------------------------------------------


def test_models_of_a_journal_in_memory_are_kept_in_the_folder_that_is_named(
    tmp_path: Path, journal: MemoryJournal
) -> None:
    with Domain(journal, deciders=[notebook], read_models=[Pages], models=tmp_path / "m") as domain:
        end = write(domain, "b", "p", "x")
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert seen(pages) == fold(events_of(journal))
    assert (tmp_path / "m" / "Pages" / "current").exists()


def test_without_a_folder_there_is_no_place_for_models(journal: MemoryJournal) -> None:
    with pytest.raises(WiringError, match="read models need a folder"):
        Domain(journal, deciders=[notebook], read_models=[Pages])


def test_models_may_live_elsewhere_than_in_the_domains_directory(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    with Domain.open(path, deciders=[notebook], read_models=[Pages], models=elsewhere) as domain:
        domain.reached(Pages, write(domain, "b", "p", "x"), timeout=60).result(60)
    assert not (path / MODELS).exists()
    with (
        ReadModels.open(path, [Pages], folder=elsewhere) as models,
        models.read(Pages) as pages,
    ):
        assert pages.rows["b", "p"].text == "x"


def test_opening_again_goes_on_from_the_checkpoint(path: Path) -> None:
    taken: list[int] = []

    class Once(ReadModel[NotebookEvent]):
        rows = Table(SlowRow, key=lambda row: row.position)

        def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
            taken.append(at.position)
            self.rows.put(SlowRow(position=at.position))

    end = 0
    for _ in range(4):
        with Domain.open(path, deciders=[notebook], read_models=[Once]) as domain:
            end = stamp(domain, "b", "p", 5)
            domain.reached(Once, end, timeout=60).result(60)
        with Domain.open(path, deciders=[notebook]) as domain:  # without the model, meanwhile
            end = stamp(domain, "b", "p", 2)
    with Domain.open(path, deciders=[notebook], read_models=[Once]) as domain:
        with domain.read(Once, after=end, timeout=60) as once:
            assert [row.position for row in once.rows.all()] == list(range(1, end + 1))
        assert taken == list(range(1, end + 1))


def test_closing_ends_snapshots_that_are_held(path: Path) -> None:
    domain = Domain.open(path, deciders=[notebook], read_models=[Pages])
    held = domain.read(Pages, after=write(domain, "b", "p", "x"), timeout=60)
    rows = iter(held.rows.all())
    domain.close()
    with pytest.raises(SnapshotExpired, match="read again"):
        next(rows)
    with pytest.raises(SnapshotExpired):
        held.rows.get(("b", "p"))
    held.close()
    with pytest.raises(Closed, match="open it again"):
        domain.read(Pages)
    with pytest.raises(Closed):
        domain.watch(Pages.rows.all())
    with pytest.raises(Closed):
        domain.model(Pages)
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as again:
        assert again.model(Pages).status().rows == {"rows": 1}


def test_who_waits_for_a_position_while_the_domain_closes_is_answered(path: Path) -> None:
    domain = Domain.open(path, deciders=[notebook], read_models=[Pages])
    waiting = domain.reached(Pages, 1_000, timeout=60)
    answers: list[BaseException] = []

    def read() -> None:
        try:
            domain.read(Pages, after=1_000, timeout=60)
        except BaseException as error:
            answers.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    domain.close()
    reader.join(60)
    assert [type(one) for one in answers] in ([Behind], [Closed])
    with pytest.raises(Behind):
        waiting.result(0)


def test_a_domain_closes_in_time_although_project_hangs(path: Path) -> None:
    stall = TROUBLE["hang"] = Stall()
    domain = Domain.open(path, deciders=[notebook], read_models=[Pages, Counts])
    end = misbehave(domain, "b", "hang")
    assert stall.entered.wait(60)
    domain.close(timeout=1)
    stall.released.set()
    TROUBLE.clear()
    assert until(lambda: not _threads("comity-closing"))
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as again,
        again.read(Pages, after=end, timeout=60) as pages,
    ):
        assert pages.position == end


def _threads(name: str) -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(name)]


def test_a_snapshot_that_is_held_too_long_ends_by_itself(path: Path) -> None:
    with Domain.open(
        path, deciders=[notebook], read_models=[Pages], policy=Policy(snapshot=0.1)
    ) as domain:
        held = domain.read(Pages)
        assert until(lambda: not held.binding.reading.is_open)
        with pytest.raises(SnapshotExpired, match="held past its deadline"):
            held.rows.count()
        assert until(lambda: can_be_read(domain))


def test_a_snapshot_that_nobody_has_any_more_is_ended(shelf: Domain) -> None:
    environment = shelf.model(Pages).access.reader.environment()
    assert environment is not None
    held = shelf.read(Pages)
    assert environment.oldest_reader() is not None
    del held
    gc.collect()
    assert environment.oldest_reader() is None


def test_no_thread_is_left_after_closing(path: Path) -> None:
    others = {*threading.enumerate()}
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        domain.reached(Pages, write(domain, "b", "p", "x"), timeout=60).result(60)
        domain.model(Pages).rebuild()
    assert until(lambda: {*threading.enumerate()} <= others)


def test_two_domains_live_side_by_side(tmp_path: Path) -> None:
    with (
        Domain.open(tmp_path / "a", deciders=[notebook], read_models=[Pages]) as one,
        Domain.open(tmp_path / "b", deciders=[notebook], read_models=[Pages]) as other,
    ):
        here, there = write(one, "b", "p", "one"), write(other, "b", "p", "other")
        with (
            one.read(Pages, after=here, timeout=60) as mine,
            other.read(Pages, after=there, timeout=60) as theirs,
        ):
            assert (mine.rows["b", "p"].text, theirs.rows["b", "p"].text) == ("one", "other")


# --- forking --------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason=NO_FORK)
def test_a_forked_child_does_no_harm_to_the_parents_snapshots(tmp_path: Path) -> None:
    program = """
import os, sys, gc
from comity.actors import Domain, ReadModels
from comity.engine import Forked, SnapshotExpired
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, write
domain = Domain.open(sys.argv[1], deciders=[notebook], read_models=[Pages])
beside = sys.argv[2]
with Domain.open(beside, deciders=[notebook], read_models=[Pages]) as other:
    other.reached(Pages, write(other, "b", "p", "beside"), timeout=60).result(60)
models = ReadModels.open(beside, [Pages])
pages = domain.model(Pages)
held = domain.read(Pages, after=write(domain, "b", "p", "one"), timeout=60)
far = models.read(Pages)
for _ in range(3):
    child = os.fork()
    if child == 0:
        try:
            for ask in (
                lambda: domain.read(Pages), lambda: domain.watch(Pages.rows.all()), pages.status,
                pages.parked, pages.rebuild, pages.replay,
            ):
                try:
                    ask()
                    assert False, ask
                except Forked as error:
                    assert "after forking" in str(error)
            try:
                models.read(Pages)
            except Forked as error:
                assert "after forking" in str(error)
            try:
                held.rows.count()
            except SnapshotExpired:
                held.close()
            del held
            gc.collect()
            domain.close()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert held.rows["b", "p"].text == "one"
    assert far.rows["b", "p"].text == "beside"
with domain.read(Pages, after=write(domain, "b", "p", "two"), timeout=60) as pages:
    assert (pages.rows["b", "p"].text, held.rows["b", "p"].text) == ("two", "one")
models.close()
domain.close()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program,
         str(tmp_path / "d"), str(tmp_path / "e")],
        check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason=NO_FORK)
def test_a_forked_child_is_told_that_its_parent_has_the_models_open(tmp_path: Path) -> None:
    program = """
import os, sys
from comity.actors import Domain, ReadModels
from comity.engine import ModelInUse
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, write
domain = Domain.open(sys.argv[1], deciders=[notebook], read_models=[Pages])
domain.reached(Pages, write(domain, "b", "p", "one"), timeout=60).result(60)
child = os.fork()
if child == 0:
    try:
        with ReadModels.open(sys.argv[1], [Pages]) as models:
            models.read(Pages)
    except ModelInUse:  # LMDB would take the parent's locks with it
        os._exit(7)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
with domain.read(Pages, after=write(domain, "b", "p", "two"), timeout=60) as pages:
    assert pages.rows["b", "p"].text == "two"
domain.close()
"""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, str(tmp_path / "d")],
        check=True, cwd=ROOT, timeout=60, stderr=subprocess.DEVNULL,
    )  # fmt: skip


# --- wiring ---------------------------------------------------------------------------------------


def test_a_model_that_the_domain_was_not_opened_with_is_a_mistake(shelf: Domain) -> None:
    for ask in (
        lambda: shelf.read(Activity),
        lambda: shelf.model(Activity),
        lambda: shelf.reached(Activity, 1),
        lambda: shelf.watch(Activity.rows.all()),
    ):
        with pytest.raises(WiringError, match=r"\(Pages, Counts\)"):
            ask()


def test_an_event_that_no_decider_has_is_a_mistake_and_nothing_is_made(path: Path) -> None:
    with pytest.raises(WiringError, match="Activity listens to Lent, which no decider"):
        Domain.open(path, deciders=[notebook], read_models=[Activity])
    with Domain.open(path, deciders=[notebook], read_models=[Pages]):
        assert not (path / MODELS / "Activity").exists()


def test_two_models_of_one_name_are_a_mistake(path: Path) -> None:
    class Other(ReadModel[NotebookEvent]):
        stored_as = "Pages"
        rows = Table(SlowRow, key=lambda row: row.position)

        def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
            pass

    for twice in ([Pages, Other], [Pages, Pages]):
        with pytest.raises(WiringError, match="two read models are stored as 'Pages'"):
            Domain.open(path, deciders=[notebook], read_models=twice)
    assert not path.exists(), "before anything was made"


def test_what_is_no_model_is_a_mistake(path: Path) -> None:
    for nonsense in (3, "Pages", SlowRow, ReadModel):
        with pytest.raises(WiringError, match="inherit from ReadModel"):
            Domain.open(path, deciders=[notebook], read_models=[nonsense])  # type: ignore[list-item] # pyright: ignore[reportArgumentType] - the mistake


def test_a_model_that_another_program_projects_alone_is_in_use(path: Path, tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "m" / "Pages")
    folder.make()
    lock = folder.lock()
    for _ in range(2):
        with pytest.raises(ModelInUse, match="open for writing"):
            Domain.open(
                path, deciders=[notebook], read_models=[Counts, Pages], models=tmp_path / "m",
                exclusive=True,
            )  # fmt: skip
    lock.release()
    with Domain.open(
        path, deciders=[notebook], read_models=[Counts, Pages], models=tmp_path / "m"
    ) as domain:
        assert domain.models()[1].position == 0


def test_models_of_one_folder_belong_to_one_domain(tmp_path: Path) -> None:
    with (
        Domain.open(
            tmp_path / "a", deciders=[notebook], read_models=[Pages], models=tmp_path / "m"
        ),
        pytest.raises(ModelInUse),
    ):
        Domain.open(tmp_path / "b", deciders=[notebook], read_models=[Pages], models=tmp_path / "m")


# --- how they stand -------------------------------------------------------------------------------


def test_the_status_of_each_model_can_be_asked_for(shelf: Domain) -> None:
    stamp(shelf, "b", "p", 3)
    end = write(shelf, "c", "p", "x")
    for model in (Pages, Counts):
        shelf.reached(model, end, timeout=60).result(60)
    pages, counts = shelf.models()
    assert (pages.name, pages.state, pages.position) == ("Pages", "following", end)
    assert (pages.lag_events, pages.lag_seconds, pages.error, pages.parked) == (0, 0.0, "", 0)
    assert (pages.rows, counts.rows) == ({"rows": 2}, {"rows": 2})
    assert pages.rebuilt is None
    assert pages.size > 0


def test_statistics_say_how_the_domain_stands_beside_its_models(shelf: Domain) -> None:
    end = stamp(shelf, "b", "p", 10)
    assert shelf.statistics().position == end
    assert shelf.statistics().size > 0


def test_status_can_be_asked_for_at_any_time(shelf: Domain) -> None:
    failures: list[BaseException] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                shelf.models()
                shelf.model(Pages).parked()
            except BaseException as error:
                failures.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    for _ in range(10):
        shelf.model(Pages).rebuild()
        book = shelf.aggregate(notebook, "b")
        book.send_many([Stamp(page="p", stamps=1)] * 20).result(60)
        assert until(lambda: shelf.model(Pages).status().rebuilt is None)
    over.set()
    for one in asking:
        one.join(60)
    assert failures == []


def test_parked_and_plain_models_of_the_same_tables_live_side_by_side(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, ParkedPages]) as domain:
        end = write(domain, "b", "p", "x")
        for model in (Pages, ParkedPages):
            with domain.read(model, after=end, timeout=60) as pages:
                assert pages.rows["b", "p"].text == "x"
