"""Watching rows: those that are there, then each change, here and in another process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, Write, notebook
from tests.actors.shelf import Counts, PageRow, Pages, ParkedPages, ready, stamp, until, write

from comity.actors import Domain, EventStream, ReadModels, Update, Watch
from comity.actors.reading.changes import MOST_WAITING
from comity.engine import Closed, ModelDamaged, WiringError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def shelf(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        yield ready(domain, Pages, Counts)


def _written(domain: Domain, book: str, page: str, text: str) -> int:
    """Write, and wait until the model has it."""
    return domain.reached(Pages, write(domain, book, page, text), timeout=60).result(60)


def _told(update: Update[PageRow] | None) -> tuple[str, str, str]:
    assert update is not None, "nothing came"
    row = update.row
    return (update.kind, row.page, row.text) if row else (update.kind, "", "")


def _next(watch: Watch[PageRow]) -> tuple[str, str, str]:
    return _told(watch.next(timeout=60))


def _screen(updates: list[Update[PageRow]]) -> dict[tuple[str, str], PageRow]:
    """What somebody who follows the updates sees."""
    shown: dict[tuple[str, str], PageRow] = {}
    for update in updates:
        match update:
            case Update(kind="reset"):
                shown.clear()
            case Update(kind="gone", row=PageRow() as row):
                shown.pop((row.book, row.page), None)
            case Update(row=PageRow() as row):
                shown[row.book, row.page] = row
            case _:
                raise AssertionError(update)
    return shown


# --- what can be watched --------------------------------------------------------------------------


def test_a_key_is_watched(shelf: Domain) -> None:
    _written(shelf, "b", "p", "one")
    with shelf.watch(Pages.rows["b", "p"]) as watch:
        assert _next(watch) == ("present", "p", "one")
        write(shelf, "b", "other", "x")
        write(shelf, "b", "p", "two")
        assert _next(watch) == ("put", "p", "two")
        write(shelf, "b", "p", "")
        assert _next(watch) == ("gone", "p", "two")
        write(shelf, "b", "p", "three")
        assert _next(watch) == ("put", "p", "three")
        assert watch.next(timeout=0.05) is None


def test_a_key_without_a_row_is_watched_for_one_to_come(shelf: Domain) -> None:
    with shelf.watch(Pages.rows["b", "p"]) as watch:
        assert watch.next(timeout=0.05) is None
        position = write(shelf, "b", "p", "one")
        update = watch.next(timeout=60)
        assert _told(update) == ("put", "p", "one")
        assert update is not None
        assert update.position >= position


def test_a_key_of_an_index_is_watched_and_rows_come_and_leave(shelf: Domain) -> None:
    _written(shelf, "b", "p", "red")
    _written(shelf, "b", "q", "blue")
    with shelf.watch(Pages.by_text["red"]) as reds, shelf.watch(Pages.by_text["blue"]) as blues:
        assert (_next(reds), _next(blues)) == (("present", "p", "red"), ("present", "q", "blue"))
        write(shelf, "b", "p", "blue")
        assert (_next(reds), _next(blues)) == (("gone", "p", "red"), ("put", "p", "blue"))
        write(shelf, "b", "q", "red")
        assert (_next(reds), _next(blues)) == (("put", "q", "red"), ("gone", "q", "blue"))
        stamp(shelf, "b", "q", 1)
        assert _next(reds) == ("put", "q", "red")
        assert blues.next(timeout=0.05) is None


def test_a_key_of_an_index_with_several_for_a_row_is_watched(shelf: Domain) -> None:
    with shelf.watch(Pages.by_word["red"]) as watch:
        write(shelf, "b", "p", "red blue")
        assert _next(watch) == ("put", "p", "red blue")
        write(shelf, "b", "p", "green red")
        assert _next(watch) == ("put", "p", "green red")
        write(shelf, "b", "p", "green")
        assert _next(watch) == ("gone", "p", "green red")


def test_a_range_is_watched_and_rows_move_in_and_out(shelf: Domain) -> None:
    for page in "adg":
        _written(shelf, "b", page, "x")
    with shelf.watch(Pages.rows.between(("b", "c"), ("b", "g"))) as watch:
        assert _next(watch) == ("present", "d", "x")
        for page in "bgfd":
            write(shelf, "b", page, "y")
        assert {_next(watch), _next(watch)} == {("put", "f", "y"), ("put", "d", "y")}
        write(shelf, "b", "d", "")
        assert _next(watch) == ("gone", "d", "y")
    with shelf.watch(Pages.by_text.starting("ye")) as watch:
        write(shelf, "b", "a", "yes")
        assert _next(watch) == ("put", "a", "yes")
        write(shelf, "b", "a", "no")
        assert _next(watch) == ("gone", "a", "yes")


def test_a_unique_index_is_watched(shelf: Domain) -> None:
    first = _written(shelf, "b", "p", "x")
    with (
        shelf.watch(Pages.by_change[first]) as watch,
        shelf.watch(Pages.by_change[first + 1]) as on,
    ):
        assert _next(watch) == ("present", "p", "x")
        write(shelf, "b", "p", "y")
        assert _next(watch) == ("gone", "p", "x")
        assert _next(on) == ("put", "p", "y")


def test_everything_is_watched_and_the_screen_is_the_table_in_the_end(shelf: Domain) -> None:
    for n in range(300):
        write(shelf, "b", f"p{n}", "x") if n % 10 == 0 else None
    stamp(shelf, "b", "p0", 5)
    updates: list[Update[PageRow]] = []
    with shelf.watch(Pages.rows.all()) as watch:
        for n in range(100):
            write(shelf, "b", f"p{n % 30}", ["", "a", "b c"][n % 3])
        end = write(shelf, "b", "last", "x")
        while not updates or updates[-1].position < end:
            update = watch.next(timeout=60)
            assert update is not None
            updates.append(update)
        while (update := watch.next(timeout=0.1)) is not None:
            updates.append(update)
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert _screen(updates) == {(row.book, row.page): row for row in pages.rows.all()}


def test_rows_of_other_books_do_not_concern_who_watches_one(shelf: Domain) -> None:
    with shelf.watch(Pages.rows.prefix("b")) as watch:
        write(shelf, "a", "p", "x")
        write(shelf, "c", "p", "x")
        assert watch.next(timeout=0.1) is None
        write(shelf, "b", "p", "x")
        assert _next(watch) == ("put", "p", "x")


def test_rows_that_two_open_models_inherit_could_be_of_either(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, ParkedPages]) as domain:
        for selection in (Pages.rows.all(), ParkedPages.rows.all(), ParkedPages.by_text["x"]):
            with pytest.raises(WiringError, match="is of Pages and ParkedPages, which inherit it"):
                domain.watch(selection)


def test_what_is_written_once_it_is_watched_is_told_as_a_change(shelf: Domain) -> None:
    for page in "ad":
        _written(shelf, "b", page, "x")
    with shelf.watch(Pages.rows.prefix("b")) as watch:
        _written(shelf, "b", "a", "")
        _written(shelf, "b", "d", "y")
        _written(shelf, "b", "g", "y")
        told = [_next(watch) for _ in range(5)]
    assert told[:2] == [("present", "a", "x"), ("present", "d", "x")]
    assert told[2:] == [("gone", "a", "x"), ("put", "d", "y"), ("put", "g", "y")]


def test_a_watch_that_cannot_look_is_not_told_of_changes(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_watch: Watch[PageRow]) -> None:
        msg = "a page is not what was written"
        raise ModelDamaged(msg)

    monkeypatch.setattr(Watch, "_look", fails)
    with pytest.raises(ModelDamaged):
        shelf.watch(Pages.rows.all())
    assert len(shelf.model(Pages).access.hub) == 0


def test_where_finds_what_to_watch(shelf: Domain) -> None:
    with shelf.watch(Pages.rows.where(book="b", page="p")) as watch:
        write(shelf, "b", "p", "x")
        assert _next(watch) == ("put", "p", "x")


# --- slow consumers -------------------------------------------------------------------------------


def test_a_slow_consumer_gets_the_last_state_of_each_row_only(shelf: Domain) -> None:
    with shelf.watch(Pages.rows["b", "p"]) as watch:
        assert watch.next(timeout=0.01) is None
        for n in range(200):
            write(shelf, "b", "p", f"{n}")
        _written(shelf, "b", "q", "x")
        assert _next(watch) == ("put", "p", "199")
        assert watch.next(timeout=0.05) is None


def test_a_row_that_came_and_went_meanwhile_is_not_shown(shelf: Domain) -> None:
    with shelf.watch(Pages.rows.all()) as watch:
        assert watch.next(timeout=0.01) is None
        _written(shelf, "b", "p", "x")
        _written(shelf, "b", "p", "")
        updates = [update for update in [watch.next(timeout=0.1)] if update]
        assert _screen(updates) == {}
        assert "put" not in {update.kind for update in updates}


def test_a_change_that_is_none_for_the_watch_does_not_end_its_waiting(shelf: Domain) -> None:
    with shelf.watch(Pages.by_text["red"]) as watch:
        assert watch.next(timeout=0.01) is None

        def meanwhile() -> None:
            time.sleep(0.05)
            book = shelf.aggregate(notebook, "b")
            book.send_many([Write(page="p", text="red"), Write(page="p", text="blue")]).result(60)

        other = threading.Thread(target=meanwhile)
        other.start()
        began = time.monotonic()
        while (update := watch.next(timeout=0.3)) is not None:
            assert update.kind in ("put", "gone")
        assert time.monotonic() - began >= 0.3, "it waited as long as it was told to"
        other.join(60)


def test_a_consumer_that_is_far_too_slow_begins_again_and_memory_is_bounded(shelf: Domain) -> None:
    with shelf.watch(Pages.rows.all()) as watch:
        assert watch.next(timeout=0.01) is None
        book = shelf.aggregate(notebook, "b")
        for first in range(0, MOST_WAITING + 500, 500):
            some = [Write(page=f"p{first + n}", text="x") for n in range(500)]
            book.send_many(some).result(30)
        end = write(shelf, "b", "last", "x")
        shelf.reached(Pages, end, timeout=60).result(60)
        assert len(watch._changes._newest) <= MOST_WAITING  # pyright: ignore[reportPrivateUsage] - its memory
        updates: list[Update[PageRow]] = []
        while (update := watch.next(timeout=0.2)) is not None:
            updates.append(update)
            assert len(watch._ready) <= MOST_WAITING  # pyright: ignore[reportPrivateUsage] - its memory
    assert "reset" in {update.kind for update in updates}
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert _screen(updates) == {(row.book, row.page): row for row in pages.rows.all()}


# --- iterating and closing ------------------------------------------------------------------------


def test_a_thread_iterates_until_the_watch_is_closed_elsewhere(shelf: Domain) -> None:
    watch, updates = shelf.watch(Pages.rows.all()), list[Update[PageRow]]()
    reader = threading.Thread(target=lambda: updates.extend(watch))
    reader.start()
    for n in range(20):
        write(shelf, "b", f"p{n}", "x")
    assert until(lambda: len(updates) >= 20)
    watch.close()
    reader.join(60)
    assert not reader.is_alive()
    watch.close()
    with pytest.raises(StopIteration):
        next(watch)
    with pytest.raises(Closed, match="this watch is closed"):
        watch.next(timeout=1)


def test_who_waits_with_a_timeout_is_told_of_the_closing(shelf: Domain) -> None:
    watch, answers = shelf.watch(Pages.rows.all()), list[object]()

    def wait() -> None:
        try:
            answers.append(watch.next(timeout=60))
        except Closed as error:
            answers.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    watch.close()
    waiting.join(60)
    assert [type(answer) for answer in answers] == [Closed]


def test_closing_the_domain_ends_its_watches(path: Path) -> None:
    domain = Domain.open(path, deciders=[notebook], read_models=[Pages])
    watches = [domain.watch(Pages.rows.all()), domain.watch(Pages.rows["b", "p"])]
    readers = [threading.Thread(target=list, args=(watch,)) for watch in watches]
    for reader in readers:
        reader.start()
    write(domain, "b", "p", "x")
    domain.close()
    for reader in readers:
        reader.join(60)
    assert not any(reader.is_alive() for reader in readers)


def test_watches_and_streams_that_begin_while_the_domain_closes_end_as_well(path: Path) -> None:
    def come(domain: Domain, opened: list[Watch[PageRow] | EventStream[NotebookEvent]]) -> None:
        try:
            while True:
                opened += [domain.watch(Pages.rows.all()), domain.subscribe(notebook, "b")]
                for one in opened[-2:]:
                    while one.next(timeout=0) is not None:
                        pass
        except Closed:
            return
        except BaseException as error:
            failures.append(error)

    failures: list[BaseException] = []
    for _ in range(10):
        domain = Domain.open(path, deciders=[notebook], read_models=[Pages])
        opened: list[Watch[PageRow] | EventStream[NotebookEvent]] = []
        coming = [threading.Thread(target=come, args=(domain, opened)) for _ in range(3)]
        for one in coming:
            one.start()
        domain.close()
        for one in coming:
            one.join(60)
        assert failures == []
        for each in opened:
            assert list(each) == []


def test_two_threads_may_share_a_watch(shelf: Domain) -> None:
    watch, updates = shelf.watch(Pages.rows.all()), list[Update[PageRow]]()
    readers = [threading.Thread(target=lambda: updates.extend(watch)) for _ in range(2)]
    for reader in readers:
        reader.start()
    time.sleep(0.05)
    for n in range(20):
        write(shelf, "b", f"p{n}", "x")
    assert until(lambda: len(_screen(updates)) == 20)
    watch.close()
    for reader in readers:
        reader.join(60)
    assert not any(reader.is_alive() for reader in readers)


def test_tasks_of_asyncio_watch(shelf: Domain) -> None:
    async def follow(n: int) -> list[str]:
        texts: list[str] = []
        with shelf.watch(Pages.rows["b", f"p{n % 5}"]) as watch:
            async for update in watch:
                assert update.row is not None
                texts.append(update.row.text)
                if update.row.text == "last":
                    break
        return texts

    async def everybody() -> list[list[str]]:
        following = [asyncio.create_task(follow(n)) for n in range(50)]
        await asyncio.sleep(0.05)
        book = shelf.aggregate(notebook, "b")
        for text in ("first", "last"):
            for n in range(5):
                await book.send(Write(page=f"p{n}", text=text))
        return await asyncio.wait_for(asyncio.gather(*following), 30)

    for texts in asyncio.run(everybody()):
        assert texts in (["first", "last"], ["last"])


def test_closing_a_watch_ends_the_task_that_iterates(shelf: Domain) -> None:
    async def run() -> int:
        watch, told = shelf.watch(Pages.rows.all()), asyncio.Event()

        async def follow() -> int:
            updates = 0
            async for _ in watch:
                updates += 1
                told.set()
            return updates

        following = asyncio.create_task(follow())
        await shelf.aggregate(notebook, "b").send(Write(page="p", text="x"))
        await told.wait()
        threading.Thread(target=watch.close).start()
        return await asyncio.wait_for(following, 60)

    assert asyncio.run(run()) == 1


def test_a_task_that_is_cancelled_while_it_watches_may_watch_on(shelf: Domain) -> None:
    async def run() -> str:
        watch = shelf.watch(Pages.rows.all())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watch), 0.02)
        await shelf.aggregate(notebook, "b").send(Write(page="p", text="x"))
        update = await asyncio.wait_for(anext(watch), 60)
        watch.close()
        return _told(update)[2]

    assert asyncio.run(run()) == "x"


def test_many_watches_of_one_key_are_all_told(shelf: Domain) -> None:
    watches = [shelf.watch(Pages.rows["b", "p"]) for _ in range(500)]
    others = [shelf.watch(Pages.rows["b", f"q{n}"]) for n in range(500)]
    hub = shelf.model(Pages).access.hub
    assert len(hub) == 1_000
    _written(shelf, "b", "p", "x")
    assert {_next(watch) for watch in watches} == {("put", "p", "x")}
    assert {watch.next(timeout=0) for watch in others} == {None}
    for watch in (*watches, *others):
        watch.close()
    assert len(hub) == 0


def test_closing_while_the_domain_tells_is_safe(shelf: Domain) -> None:
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with shelf.watch(Pages.rows["b", "p"]) as one, shelf.watch(Pages.rows.all()) as other:
                one.next(timeout=0.001)
                other.next(timeout=0.001)

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(100):
        write(shelf, "b", "p", f"{n}")
    over.set()
    for thread in threads:
        thread.join(60)
    assert len(shelf.model(Pages).access.hub) == 0
    with shelf.read(Pages, after=write(shelf, "b", "p", "x"), timeout=60) as pages:
        assert pages.rows["b", "p"].text == "x"


def test_a_rebuilt_model_is_watched_on_from_its_new_tables(shelf: Domain) -> None:
    _written(shelf, "b", "p", "x")
    with shelf.watch(Pages.rows.all()) as watch:
        assert _next(watch) == ("present", "p", "x")
        shelf.model(Pages).rebuild()
        assert _next(watch) == ("reset", "", "")
        assert _next(watch) == ("present", "p", "x")
        write(shelf, "b", "q", "y")
        assert _next(watch) == ("put", "q", "y")


# --- in another process ---------------------------------------------------------------------------

FOLLOW = """
import sys
from comity.actors import ReadModels
from tests.actors.shelf import Pages
with ReadModels.open(sys.argv[1], [Pages]) as models:
    selections = {"key": Pages.rows["b", "p"], "index": Pages.by_text["red"],
                  "range": Pages.rows.prefix("b"), "all": Pages.rows.all()}
    with models.watch(selections[sys.argv[2]]) as watch:
        print("watching", flush=True)
        for update in watch:
            row = update.row
            print(update.kind, *((row.book, row.page, row.text) if row else ()), flush=True)
"""


class Foreign:
    """A process that watches, and tells what it is told."""

    def __init__(self, path: Path, what: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", FOLLOW, str(path), what],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.told("watching") == ["watching"]

    def told(self, *last: str) -> list[str]:
        """What it was told since, up to one of these."""
        assert self._process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] not in last:
            line = self._process.stdout.readline()
            assert line, f"it has ended, and told {lines}"
            lines.append(line.strip())
        return lines

    @contextmanager
    def held(self) -> Generator[None]:
        """It does nothing meanwhile."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
        yield
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def test_another_process_watches_a_key_an_index_and_everything(shelf: Domain, path: Path) -> None:
    _written(shelf, "b", "p", "red")
    with (
        Foreign(path, "key") as key,
        Foreign(path, "index") as index,
        Foreign(path, "all") as every,
    ):
        for one in (key, index, every):
            assert one.told("present b p red") == ["present b p red"]
        _written(shelf, "b", "p", "blue")
        _written(shelf, "c", "q", "red")
        assert key.told("put b p blue") == ["put b p blue"]
        assert index.told("put c q red") == ["gone b p red", "put c q red"]
        assert every.told("put c q red") == ["put b p blue", "put c q red"]
        _written(shelf, "b", "p", "")
        assert key.told("gone b p blue") == ["gone b p blue"]


def test_another_process_that_falls_behind_the_log_of_changes_begins_again(
    shelf: Domain, path: Path
) -> None:
    _written(shelf, "b", "p", "x")
    with Foreign(path, "range") as foreign:
        assert foreign.told("present b p x") == ["present b p x"]
        with foreign.held():
            for n in range(100):
                _written(shelf, "b", "p", f"{n}")
        new = ["reset", "present b p 99"]
        assert foreign.told("present b p 99", "put b p 99") in (new, ["put b p 99"])
        shelf.model(Pages).rebuild()
        assert until(lambda: shelf.model(Pages).status().rebuilt is None)
        told = foreign.told("present b p 99")  # after "put", again, for each batch that it changed
        assert [line for line in told if line != "put b p 99"] == new
        _written(shelf, "b", "q", "y")
        assert foreign.told("put b q y") == ["put b q y"]


def test_a_process_may_watch_a_model_that_is_not_there_yet(path: Path) -> None:
    with ReadModels.open(path, [Pages]) as models, models.watch(Pages.rows.all()) as watch:
        began, spent = time.monotonic(), time.process_time()
        assert watch.next(timeout=0.5) is None
        assert time.monotonic() - began >= 0.5, "it waited as long as it was told to"
        assert time.process_time() - spent < 0.4, "and did nothing meanwhile"


def test_stamps_are_told_as_well(shelf: Domain) -> None:
    with shelf.watch(Pages.by_stamps.prefix("b")) as watch:
        shelf.aggregate(notebook, "b").send(Stamp(page="p", stamps=3)).result(60)
        update = watch.next(timeout=60)
        assert update is not None
        assert update.row is not None
        assert update.row.stamps == 3
