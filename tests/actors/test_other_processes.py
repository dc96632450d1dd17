"""Reading models in a process that does not project them: `ReadModels`."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stall, notebook
from tests.actors.shelf import (
    TROUBLE,
    Counts,
    PageRow,
    Pages,
    can_be_read,
    fold,
    folded,
    misbehave,
    ready,
    seen,
    stamp,
    until,
    write,
)

from comity.actors import Domain, ReadModels
from comity.engine import (
    Behind,
    Closed,
    ModelInUse,
    NotAJournal,
    NotReady,
    Recorded,
    SnapshotExpired,
    WiringError,
)
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations.model_folder import MODELS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def shelf(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        yield ready(domain, Pages, Counts)
    TROUBLE.clear()


class WideRow(Row):
    book: str
    page: str
    length: int


class WidePages(ReadModel[NotebookEvent]):
    """Other columns than those that the domain builds."""

    stored_as = "Pages"
    rows = Table(WideRow, key=lambda row: (row.book, row.page))

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """Nothing."""


def _elsewhere(path: Path, program: str, *arguments: object) -> str:
    """Run this in another process, with the models of this path open; what it prints."""
    opening = textwrap.dedent("""
        import sys, asyncio
        from comity.actors import ReadModels
        from comity.engine import *
        from tests.actors.shelf import *
        from tests.actors.test_other_processes import WidePages
        models = ReadModels.open(sys.argv[1], [Pages, Counts])
    """)
    done = subprocess.run(
        [sys.executable, "-c", opening + textwrap.dedent(program), str(path), *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _fill(path: Path) -> int:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        for n in range(20):
            write(domain, f"b{n % 3}", f"p{n % 7}", ["a b", "c", "", "b"][n % 4], who=f"w{n % 2}")
        end = stamp(domain, "b0", "p0", 20)
        for model in (Pages, Counts):
            domain.reached(model, end, timeout=60).result(60)
    return end


# --- while no domain runs -------------------------------------------------------------------------


def test_the_models_of_a_domain_that_is_not_running_can_be_read(path: Path) -> None:
    end = _fill(path)
    expected = folded(path)
    with ReadModels.open(path, [Pages, Counts]) as models:
        with models.read(Pages) as pages, models.read(Counts) as counts:
            assert seen(pages) == expected
            assert sum(row.events for row in counts.rows.all()) == end
            assert (pages.position, pages.lag().events) == (end, 0)
        with models.read(Pages, after=end, timeout=60) as pages:
            assert pages.position == end
        assert models.lag(Pages).events == 0


def test_who_waits_for_a_domain_that_is_not_running_is_told_so(path: Path) -> None:
    end = _fill(path)
    with Domain.open(path, deciders=[notebook]) as domain:
        last = stamp(domain, "b0", "p", 1)
    with ReadModels.open(path, [Pages]) as models:
        with pytest.raises(Behind, match="or its domain is not running") as behind:
            models.read(Pages, after=last, timeout=0.05)
        assert behind.value.position == end
        with pytest.raises(Behind, match=f"the journal ends at position {last}"):
            models.read(Pages, after=last + 1, timeout=0.05)
        with pytest.raises(Behind):
            models.reached(Pages, end + 1, timeout=0.05).result(60)
        with models.read(Pages, after=end + 1, timeout=0.05, stale=True) as pages:
            assert pages.position == end


def test_the_lag_of_a_model_that_was_left_behind_is_told(path: Path) -> None:
    _fill(path)
    with Domain.open(path, deciders=[notebook]) as domain:
        stamp(domain, "b0", "p", 6)
    with ReadModels.open(path, [Pages]) as models, models.read(Pages) as pages:
        assert pages.lag().events == models.lag(Pages).events == 7
        assert pages.lag().seconds > 0


def test_a_model_that_was_never_built_says_where_and_how_to_have_it(path: Path) -> None:
    Domain.open(path, deciders=[notebook]).close()
    with (
        ReadModels.open(path, [Pages]) as models,
        pytest.raises(NotReady, match=r"models/\w+: open the domain with read_models=\[Pages\]"),
    ):
        models.read(Pages, timeout=0.05)


def test_what_is_not_there_is_not_ready(path: Path) -> None:
    with ReadModels.open(path, [Pages]) as models:
        with pytest.raises(NotReady, match="there is no domain at"):
            models.read(Pages, timeout=0.05)
        with pytest.raises(NotReady):
            models.read(Pages, timeout=0.05, stale=True)
        with pytest.raises(NotAJournal):
            models.lag(Pages)
        _fill(path.parent / "other")
        (path.parent / "other").rename(path)
        with models.read(Pages, timeout=60) as pages:
            assert pages.rows.count() > 0


def test_after_a_power_cut_nothing_is_opened(path: Path) -> None:
    _fill(path)
    (path / MODELS / "Pages" / "current" / "power").write_text("open since some other day")
    with ReadModels.open(path, [Pages, Counts]) as models:
        with pytest.raises(NotReady, match="was not flushed before a power cut"):
            models.read(Pages, timeout=0.05)
        with models.read(Counts) as counts:
            assert counts.rows.count() == 3


# --- while a domain runs in another process -------------------------------------------------------


def test_another_process_reads_what_is_written(shelf: Domain, path: Path) -> None:
    write(shelf, "b", "p", "one")
    end = write(shelf, "b", "q", "two")
    program = """
        with models.read(Pages, after=int(sys.argv[2]), timeout=20) as pages:
            print([row.text for row in pages.rows.all()], pages.by_text["two"].count())
            print(pages.per_book["b"], dict(pages.ink.items()), pages.lag().events)
    """
    assert _elsewhere(path, program, end) == "['one', 'two'] 1\n2 {'ann': 6} 0"


def test_another_process_waits_for_positions_in_threads_and_asyncio(
    shelf: Domain, path: Path
) -> None:
    program = """
        async def wait():
            return [await models.reached(Pages, n, timeout=30) >= n for n in range(1, 31)]
        assert all(asyncio.run(wait()))
        for n in range(31, 61):
            assert models.read(Pages, after=n, timeout=30).position >= n
        print(models.read(Pages).rows["b", "p"].text)
    """

    def send() -> None:
        for n in range(60):
            write(shelf, "b", "p", f"{n}")

    sending = threading.Timer(0.3, send)
    sending.start()
    assert _elsewhere(path, program) == "59"
    sending.join(30)


def test_another_process_follows_when_models_are_built_anew_and_never_sees_half_of_one(
    shelf: Domain, path: Path
) -> None:
    over = threading.Event()
    stamp(shelf, "b", "p", 50)

    def rebuild() -> None:
        while not over.is_set():
            shelf.model(Pages).rebuild()
            assert until(lambda: shelf.model(Pages).status().rebuilt is None)
            stamp(shelf, "b", "p", 5)

    rebuilding = threading.Thread(target=rebuild)
    rebuilding.start()
    program = """
        import time, threading
        failures, ends = [], time.monotonic() + 3
        def look():
            before = 0
            while time.monotonic() < ends:
                try:
                    with models.read(Pages) as pages:
                        assert pages.position >= before, "time went backwards"
                        before = pages.position
                        assert pages.rows["b", "p"].stamps == pages.stamps["b"] > 0
                    models.reached(Pages, before + 1, timeout=0.01)
                except BaseException as error:
                    failures.append(repr(error))
        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads: thread.start()
        with models.watch(Pages.rows.all()) as watch:
            while time.monotonic() < ends:
                watch.next(timeout=0.1)
        for thread in threads: thread.join()
        print(failures[:3])
    """
    try:
        assert _elsewhere(path, program) == "[]"
    finally:
        over.set()
        rebuilding.join(30)


def test_another_process_sees_a_model_that_is_built_for_the_first_time(path: Path) -> None:
    with Domain.open(path, deciders=[notebook]) as domain:
        write(domain, "b", "p", "x")
        end = misbehave(domain, "b", "wait")
    stall = TROUBLE["wait"] = Stall()
    with Domain.open(path, deciders=[notebook], read_models=[Pages]):
        assert stall.entered.wait(60)
        program = """
            try:
                models.read(Pages, timeout=0.05)
            except NotReady as error:
                print("is being built" in str(error))
            print(models.read(Pages, timeout=0.05, stale=True).rows.count())
        """
        assert _elsewhere(path, program) == "True\n0"
        stall.released.set()
        program = "print(models.read(Pages, after=int(sys.argv[2]), timeout=20).rows.count())"
        assert _elsewhere(path, program, end) == "1"
    TROUBLE.clear()


def test_rows_with_other_columns_are_refused_with_what_to_do(shelf: Domain, path: Path) -> None:
    shelf.reached(Pages, write(shelf, "b", "p", "x"), timeout=60).result(60)
    program = """
        other = ReadModels.open(sys.argv[1], [WidePages])
        for ask in (lambda: other.read(WidePages), lambda: other.watch(WidePages.rows.all())):
            try:
                ask()
            except ReadModelError as error:
                print(type(error).__name__, "built by a program with other columns" in str(error))
    """
    assert _elsewhere(path, program) == "ReadModelError True\nReadModelError True"


# --- in one process -------------------------------------------------------------------------------


def test_the_process_that_projects_uses_its_domain(shelf: Domain, path: Path) -> None:
    with (
        ReadModels.open(path, [Pages]) as models,
        pytest.raises(ModelInUse, match="open in this process already"),
    ):
        models.read(Pages, timeout=0.05)
    end = write(shelf, "b", "p", "x")
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert pages.rows["b", "p"].text == "x"


def test_one_process_opens_a_models_tables_once(path: Path) -> None:
    _fill(path)
    with ReadModels.open(path, [Pages]) as one, ReadModels.open(path, [Pages, Counts]) as other:
        with one.read(Pages), pytest.raises(ModelInUse):
            other.read(Pages, timeout=0.05)
        with other.read(Counts) as counts:
            assert counts.rows.count() == 3
    with ReadModels.open(path, [Pages]) as again, again.read(Pages) as pages:
        assert seen(pages) == folded(path)


def test_a_model_that_was_not_opened_here_is_a_mistake(path: Path) -> None:
    _fill(path)
    with ReadModels.open(path, [Pages]) as models:
        for ask in (
            lambda: models.read(Counts),
            lambda: models.reached(Counts, 1),
            lambda: models.watch(Counts.rows.all()),
        ):
            with pytest.raises(WiringError, match=r"\(Pages\)"):
                ask()
    with pytest.raises(WiringError, match="two read models are stored as 'Pages'"):
        ReadModels.open(path, [Pages, WidePages])


def test_closing_ends_snapshots_watches_and_waiting(path: Path) -> None:
    end = _fill(path)
    others = {*threading.enumerate()}
    models = ReadModels.open(path, [Pages])
    held = models.read(Pages)
    watch = models.watch(Pages.rows.all())
    waiting = models.reached(Pages, end + 1, timeout=60)
    told: list[object] = []
    reader = threading.Thread(target=lambda: told.extend(watch))
    reader.start()
    models.close()
    models.close()
    reader.join(60)
    assert not reader.is_alive()
    with pytest.raises(SnapshotExpired):
        held.rows.count()
    with pytest.raises(Behind):
        waiting.result(60)
    with pytest.raises(Closed, match="open them again"):
        models.read(Pages)
    assert until(lambda: {*threading.enumerate()} <= others)


def test_a_snapshot_that_is_held_too_long_ends_by_itself(path: Path) -> None:
    _fill(path)
    with ReadModels.open(path, [Pages], snapshot=0.1) as models:
        held = models.read(Pages)
        assert until(lambda: not held.binding.reading.is_open)
        assert until(lambda: can_be_read(models))


def test_read_models_that_nobody_has_any_more_can_be_opened_again(path: Path) -> None:
    end = _fill(path)
    for _ in range(20):
        with ReadModels.open(path, [Pages, Counts]) as models:
            assert models.reached(Pages, end, timeout=60).result(60) == end
            with models.watch(Pages.rows.all()) as watch:
                assert watch.next(timeout=60) is not None
        gc.collect()


def test_asyncio_waits_without_blocking_its_loop(path: Path) -> None:
    end = _fill(path)

    async def run(models: ReadModels) -> list[int]:
        waits = [models.reached(Pages, end, timeout=60) for _ in range(100)]
        return [await one for one in waits]

    with ReadModels.open(path, [Pages]) as models:
        assert asyncio.run(asyncio.wait_for(run(models), 20)) == [end] * 100


def test_who_waits_for_what_a_watched_model_has_already_is_told_at_once(path: Path) -> None:
    end = _fill(path)
    with ReadModels.open(path, [Pages]) as models, models.watch(Pages.rows.all()) as watch:
        assert watch.next(timeout=60) is not None
        assert models.reached(Pages, end, timeout=60).result(60) == end


def test_a_row_is_the_same_wherever_it_is_read(shelf: Domain, path: Path) -> None:
    end = write(shelf, "b", "p", "ä\0💚")
    with shelf.read(Pages, after=end, timeout=60) as pages:
        row = pages.rows["b", "p"]
        assert row == PageRow(book="b", page="p", text="ä\0💚", changed=end)
        assert seen(pages) == fold(shelf.history(shelf.aggregate(notebook, "b")))
    program = "print(ascii(models.read(Pages).rows['b', 'p'].text))"
    assert _elsewhere(path, program) == ascii(row.text)
