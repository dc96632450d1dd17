"""Building a model anew: beside the one that answers, after a crash, a power cut or damage."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stall, Stamp, Write, notebook, raising
from tests.actors.shelf import (
    TROUBLE,
    Counts,
    Pages,
    events_of,
    fold,
    folded,
    misbehave,
    ready,
    seen,
    stamp,
    until,
    write,
)

from comity.actors import Domain, Progress
from comity.actors.projecting.chores import Chores
from comity.actors.projecting.led_generations import LedGenerations
from comity.actors.projecting.model_follower import ModelFollower
from comity.actors.projecting.model_routes import ModelRoutes
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.actors.projecting.rebuild import Rebuild
from comity.engine import JournalDamaged, NotReady, ReadModelError, Recorded
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.runtime.system import SYSTEM_CLOCK
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations.generations import new_projection, open_projection
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.tables.read_model import AnyReadModel

ROOT = Path(__file__).parents[2]


class NewerPages(Pages):
    """The same columns, and another version."""

    stored_as = "Pages"
    version = 2


class OtherPages(Pages):
    """The same columns, and other code."""

    stored_as = "Pages"

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event, its text in capitals."""
        super().project(event, at)
        if row := self.rows.get((at.aggregate.key, getattr(event, "page", ""))):
            self.rows.put(row.model_copy(update={"text": row.text.upper()}))


class WideRow(Row):
    """Another column."""

    book: str
    page: str
    length: int


class WidePages(ReadModel[NotebookEvent]):
    """Other columns."""

    stored_as = "Pages"
    rows = Table(WideRow, key=lambda row: (row.book, row.page))

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        page = getattr(event, "page", "")
        self.rows.put(WideRow(book=at.aggregate.key, page=page, length=len(page)))
        for name in list(TROUBLE):
            TROUBLE[name]()


@pytest.fixture(autouse=True)
def _quiet_and_clean(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    monkeypatch.setattr(ModelFollower, "REST", (0.001, 0.004))
    caplog.set_level("CRITICAL", logger="comity")
    yield
    TROUBLE.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def shelf(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages, Counts]) as domain:
        yield ready(domain, Pages, Counts)


def _folder(path: Path) -> ModelFolder:
    return ModelFolder(path / MODELS / "Pages")


def _fill(domain: Domain) -> int:
    for n in range(20):
        write(domain, f"b{n % 3}", f"p{n % 7}", ["a b", "c", "", "b"][n % 4], who=f"w{n % 2}")
    return stamp(domain, "b0", "p0", 200)


def _rebuilt(domain: Domain, model: type[AnyReadModel] = Pages) -> bool:
    return until(lambda: domain.model(model).status().rebuilt is None)


def _events(domain: Domain) -> list[Recorded[NotebookEvent]]:
    books = [domain.aggregate(notebook, f"b{n}") for n in range(3)]
    return sorted((at for one in books for at in domain.history(one)), key=lambda at: at.position)


# --- on demand ------------------------------------------------------------------------------------


def test_a_rebuild_tells_how_far_it_is_and_ends_with_the_same(shelf: Domain, path: Path) -> None:
    end = _fill(shelf)
    before = _folder(path).current()
    told: list[Progress] = []
    shelf.model(Pages).rebuild(told.append)
    assert until(lambda: _folder(path).current() != before)
    assert _rebuilt(shelf)
    assert [one.model for one in told] == ["Pages"] * len(told)
    assert [one.position for one in told] == sorted(one.position for one in told)
    assert (told[-1].position, told[-1].end) == (end, end)
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf))
    assert len(_folder(path).generations()) == 1, "the old one is gone"


def test_commands_go_on_and_are_read_while_a_model_is_rebuilt(shelf: Domain, path: Path) -> None:
    _fill(shelf)
    over = threading.Event()
    failures: list[BaseException] = []

    def person(book: str) -> None:
        for n in range(10_000):
            if over.is_set():
                return
            try:
                position = write(shelf, book, "p", f"{n}")
                with shelf.read(Pages, after=position, timeout=30) as pages:
                    assert pages.rows[book, "p"].text == f"{n}"
            except BaseException as error:
                failures.append(error)

    people = [threading.Thread(target=person, args=(f"b{n}",)) for n in range(3)]
    for one in people:
        one.start()
    for _ in range(5):
        before = _folder(path).current()
        shelf.model(Pages).rebuild()
        assert until(lambda: _folder(path).current() != before, 30)  # noqa: B023 - at once
        assert _rebuilt(shelf)
    over.set()
    for one in people:
        one.join(30)
    assert failures == []
    with shelf.read(Pages, after=shelf.statistics().position, timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf))


def test_one_rebuild_at_a_time(shelf: Domain) -> None:
    stall = TROUBLE["wait"] = Stall()
    stall.released.set()
    misbehave(shelf, "b0", "wait")
    shelf.reached(Pages, 1, timeout=60).result(60)
    stall.released.clear()
    stall.entered.clear()
    shelf.model(Pages).rebuild()
    assert stall.entered.wait(60)
    with pytest.raises(ReadModelError, match="Pages is being rebuilt already"):
        shelf.model(Pages).rebuild()
    stall.released.set()
    assert _rebuilt(shelf)
    shelf.model(Pages).rebuild()


def test_a_rebuild_can_be_paused_and_resumed(
    shelf: Domain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFollower, "BATCH", 10)
    monkeypatch.setattr(Rebuild, "POLITE", 10)
    misbehave(shelf, "b0", "wait")
    shelf.reached(Pages, _fill(shelf), timeout=60).result(60)
    before, model = _folder(path).current(), shelf.model(Pages)
    stall = TROUBLE["wait"] = Stall()
    model.rebuild()
    assert stall.entered.wait(60)
    model.pause()
    stall.released.set()
    assert until(lambda: bool(model.status().rebuilt)), "it takes this batch"
    part = model.status().rebuilt
    time.sleep(0.1)
    assert (model.status().rebuilt, model.status().state) == (part, "paused"), "and no other one"
    assert _folder(path).current() == before
    model.resume()
    assert _rebuilt(shelf)
    with shelf.read(Pages, after=write(shelf, "b0", "p", "x"), timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf))


def test_a_rebuild_that_was_handed_over_takes_nothing_more(
    shelf: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.reached(Pages, _fill(shelf), timeout=60).result(60)
    model = shelf.model(Pages)
    held: list[Rebuild] = []

    def hold(led: LedGenerations[Pages]) -> None:
        if led.rebuild:
            held.append(led.rebuild)

    monkeypatch.setattr(LedGenerations, "adopt_rebuild", hold)  # the chores call it, too
    model.rebuild()
    assert until(lambda: bool(held))
    stood = held[0].follower.position
    stamp(shelf, "b0", "p", 1)
    model.resume()  # between the handing over and the swap, while both threads have the generation
    time.sleep(0.2)
    assert held[0].follower.position == stood
    monkeypatch.undo()
    model.actor.deliver([model.actor.keeper.adopt_rebuild])  # what was held
    model.actor.wake()
    assert _rebuilt(shelf)
    with shelf.read(Pages) as pages:
        assert seen(pages) == fold(_events(shelf))


def test_a_rebuild_that_fails_says_so_while_the_old_tables_answer(shelf: Domain) -> None:
    end = misbehave(shelf, "b0", "later")
    shelf.reached(Pages, end, timeout=60).result(60)
    TROUBLE["later"] = raising(ValueError("not any more"))
    shelf.model(Pages).rebuild()
    assert until(lambda: "not any more" in shelf.model(Pages).status().error)
    end = write(shelf, "b0", "p", "goes on")
    with shelf.read(Pages, after=end, timeout=60) as pages:
        assert pages.rows["b0", "p"].text == "goes on"
    TROUBLE.clear()
    shelf.model(Pages).resume()
    assert _rebuilt(shelf)
    assert shelf.model(Pages).status().error == ""
    with shelf.read(Pages) as pages:
        assert seen(pages) == fold(_events(shelf))


# --- a changed model ------------------------------------------------------------------------------


@pytest.mark.parametrize("newer", [NewerPages, OtherPages])
def test_a_changed_model_is_built_anew_beside_the_old_one_which_answers(
    path: Path, newer: type[Pages]
) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = write(domain, "b0", "p", "small")
        misbehave(domain, "b0", "wait")
        domain.reached(Pages, end + 1, timeout=60).result(60)
    before = _folder(path).current()
    stall = TROUBLE["wait"] = Stall()
    with Domain.open(path, deciders=[notebook], read_models=[newer]) as domain:
        assert stall.entered.wait(60)
        with domain.read(newer) as pages:  # the old one
            assert pages.rows["b0", "p"].text == "small"
        assert domain.model(newer).status().state == "rebuilding"
        last = write(domain, "b0", "q", "meanwhile")
        stall.released.set()
        with domain.read(newer, after=last, timeout=60) as pages:
            shown = [row.text for row in pages.rows.all()]
        assert shown == (["SMALL", "MEANWHILE"] if newer is OtherPages else ["small", "meanwhile"])
        assert domain.model(newer).status().state == "following"
    assert [_folder(path).current()] == _folder(path).generations() != [before]


def test_a_model_with_other_columns_is_not_ready_until_it_is_built(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = _fill(domain)
        domain.reached(Pages, end, timeout=60).result(60)
    stall = TROUBLE["wait"] = Stall()
    with Domain.open(path, deciders=[notebook], read_models=[WidePages]) as domain:
        assert stall.entered.wait(60)
        with pytest.raises(NotReady):
            domain.read(WidePages, timeout=0.05)
        stall.released.set()
        with domain.read(WidePages, after=end, timeout=60) as pages:
            assert pages.rows["b0", "p0"].length == 2


def test_going_back_to_the_older_program_builds_anew_as_well(path: Path) -> None:
    for model in (Pages, NewerPages, Pages, OtherPages, Pages):
        with Domain.open(path, deciders=[notebook], read_models=[model]) as domain:
            end = write(domain, "b0", "p", f"{model.__name__} {time.time_ns()}")
            domain.reached(model, end, timeout=60).result(60)
            if model is Pages:
                with domain.read(Pages) as pages:
                    assert seen(pages) == fold(_events(domain))


# --- after a crash --------------------------------------------------------------------------------


class Taking(ReadModel[NotebookEvent]):
    """Notes what it takes."""

    taken: list[int] = []
    rows = Table(WideRow, key=lambda row: row.length)

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        Taking.taken.append(at.position)
        self.rows.put(WideRow(book="", page="", length=at.position))


def test_a_rebuild_that_was_cut_off_goes_on_where_it_was(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Taking]) as domain:
        end = stamp(domain, "b0", "p", 10_000)
        domain.reached(Taking, end, timeout=30).result(30)
        model = domain.model(Taking)
        Taking.taken.clear()
        model.rebuild(lambda _: model.pause())
        assert until(lambda: (model.status().rebuilt or 0) > 0)
        begun = len(Taking.taken)
        assert 0 < begun < end
    with Domain.open(path, deciders=[notebook], read_models=[Taking]) as domain:
        assert until(lambda: domain.model(Taking).status().rebuilt is None)
        with domain.read(Taking) as taking:
            assert taking.rows.count() == end
    assert Taking.taken == list(range(1, end + 1)), "nothing twice"


def test_what_a_killed_program_left_half_made_is_removed(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = _fill(domain)
        domain.reached(Pages, end, timeout=60).result(60)
    folder = _folder(path)
    for left in ("new-0123abcd", "gone-9876fedc"):
        (folder.path / left).mkdir()
        (folder.path / left / "data.mdb").write_bytes(b"half")
    (folder.path / "current-01234567").symlink_to("g000007")
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        assert domain.model(Pages).status().position == end
    assert sorted(each.name for each in folder.path.iterdir()) == [
        "current", "g000001", "version", "writer.lock", "writer.lock-2"
    ]  # fmt: skip


# --- after a power cut, or damage -----------------------------------------------------------------


def _fill_and_close(path: Path) -> int:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = _fill(domain)
        domain.reached(Pages, end, timeout=60).result(60)
    return end


def _opens_anew(path: Path, end: int) -> None:
    before = _folder(path).current()
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, after=end, timeout=60) as pages,
    ):
        shown = seen(pages)
        again = domain.read(Pages, after=write(domain, "b0", "p", "on"), timeout=60)
        assert again.rows["b0", "p"].text == "on"
    assert shown == folded(path, end)
    assert before is None or not before.exists() or _folder(path).current() == before


def test_after_a_power_cut_tables_are_not_opened_but_built_anew(path: Path) -> None:
    end = _fill_and_close(path)
    generation = _folder(path).current()
    assert generation is not None
    size = (generation / "data.mdb").stat().st_size
    assert (generation / "power").read_text() == f"flushed, {size} bytes"
    (generation / "power").write_text("open since another start of the system")
    # Opening this would end the process: LMDB would read a page beyond the end of the file.
    data = (generation / "data.mdb").read_bytes()
    (generation / "data.mdb").write_bytes(data[:8192])
    _opens_anew(path, end)


@pytest.mark.parametrize("mark", [None, "", "open since ", "\xff\x00"])
def test_a_mark_that_says_nothing_is_as_good_as_a_power_cut(path: Path, mark: str | None) -> None:
    end = _fill_and_close(path)
    generation = _folder(path).current()
    assert generation is not None
    if mark is None:
        (generation / "power").unlink()
    else:
        (generation / "power").write_text(mark, encoding="latin-1")
    _opens_anew(path, end)


def test_while_a_domain_is_open_its_tables_are_marked_as_not_flushed(shelf: Domain) -> None:
    generation = shelf.model(Pages).folder.current()
    assert generation is not None
    assert (generation / "power").read_text().startswith("open since ")


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "half", "gone", "another format"])
def test_damaged_tables_are_built_anew(path: Path, damage: str) -> None:
    end = _fill_and_close(path)
    generation = _folder(path).current()
    assert generation is not None
    file = generation / "data.mdb"
    data = file.read_bytes()
    match damage:
        case "garbage":
            file.write_bytes(bytes(range(256)) * (len(data) // 256))
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(data[: 3 * 4096])
        case (
            "half"
        ):  # LMDB would open it, and end the process with the first page that is not there
            file.write_bytes(data[: len(data) // 2])
        case "gone":
            file.unlink()
        case _:
            file.write_bytes(data[:20] + b"\xff" * 8 + data[28:])
    _opens_anew(path, end)


def test_a_folder_whose_generation_is_gone_is_filled_anew(path: Path) -> None:
    end = _fill_and_close(path)
    generation = _folder(path).current()
    assert generation is not None
    shutil.rmtree(generation)
    _opens_anew(path, end)


def test_a_journal_that_ends_before_its_model_is_damaged(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        stamp(domain, "b0", "p", 5)
    backup = path.parent / "backup"
    shutil.copytree(path, backup)
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = stamp(domain, "b0", "p", 5)
        domain.reached(Pages, end, timeout=60).result(60)
    for file in ("data.mdb", "lock.mdb"):
        shutil.copy(backup / file, path / file)
    with pytest.raises(JournalDamaged, match=r"was durable, and is not there.* delete .*/mark"):
        Domain.open(path, deciders=[notebook], read_models=[Pages])
    (path / "mark").unlink()  # as the text says
    for _ in range(3):
        with pytest.raises(JournalDamaged, match="has taken position 12: events that were durable"):
            Domain.open(path, deciders=[notebook], read_models=[Pages])
    shutil.rmtree(_folder(path).path)  # as the text says
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, timeout=60) as pages,
    ):
        assert pages.rows["b0", "p"].stamps == 5


def test_a_journal_in_which_others_took_the_place_of_what_a_model_has_is_damaged(
    path: Path,
) -> None:
    """An older backup was restored, and has grown since: by its length alone it is not noticed."""
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        stamp(domain, "b0", "p", 5)
    backup = path.parent / "backup"
    shutil.copytree(path, backup)
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = stamp(domain, "b0", "p", 5)
        domain.reached(Pages, end, timeout=60).result(60)
    for file in ("data.mdb", "lock.mdb", "mark"):
        shutil.copy(backup / file, path / file)
    with Domain.open(path, deciders=[notebook]) as domain:
        end = stamp(domain, "b0", "q", 20)
    with pytest.raises(JournalDamaged, match="position 12: the event there is another one now"):
        Domain.open(path, deciders=[notebook], read_models=[Pages])
    shutil.rmtree(_folder(path).path)  # as the text says
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, after=end, timeout=60) as pages,
    ):
        assert (pages.rows["b0", "p"].stamps, pages.rows["b0", "q"].stamps) == (5, 20)


# --- snapshots that are held meanwhile ------------------------------------------------------------


@contextmanager
def _foreign_reader(path: Path) -> Generator[Callable[[], list[str]]]:
    """Another process that holds a snapshot, and tells what that and a new one show."""
    program = """
import sys
from comity.actors import ReadModels
from tests.actors.shelf import Pages
models = ReadModels.open(sys.argv[1], [Pages])
held = models.read(Pages)
for _ in sys.stdin:
    with models.read(Pages) as now:
        old = "".join(row.text for row in held.rows.all())
        new = "".join(row.text for row in now.rows.all())
        print(f"{old} {held.per_book.total()} {new}", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip

        def ask() -> list[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().split()

        try:
            yield ask
        finally:
            process.kill()


def test_snapshots_here_and_elsewhere_outlive_a_swap_and_new_ones_see_the_new_tables(
    shelf: Domain, path: Path
) -> None:
    end = write(shelf, "b0", "p", "old")
    shelf.reached(Pages, end, timeout=60).result(60)
    before = _folder(path).current()
    assert before is not None
    with shelf.read(Pages) as held, _foreign_reader(path) as ask:
        assert ask() == ["old", "1", "old"]
        end = write(shelf, "b0", "p", "new")
        shelf.model(Pages).rebuild()
        assert until(lambda: _folder(path).current() != before)
        assert until(lambda: not before.exists()), "its files are gone, although they are read"
        end = write(shelf, "b0", "p", "newer")
        with shelf.read(Pages, after=end, timeout=60) as now:
            assert [row.text for row in now.rows.all()] == ["newer"]
        assert [row.text for row in held.rows.all()] == ["old"]
        assert until(lambda: ask() == ["old", "1", "newer"])
        shelf.model(Pages).rebuild()
        assert _rebuilt(shelf)
        assert [row.text for row in held.rows.all()] == ["old"]
        assert until(lambda: ask() == ["old", "1", "newer"])


def test_waste_that_a_foreign_reader_pins_is_left_to_it_in_the_old_file(
    shelf: Domain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chores, "WASTE", 1 << 20)
    monkeypatch.setattr(ProjectorActor, "CHORES", 0.1)
    shelf.reached(Pages, write(shelf, "b0", "p", "old"), timeout=60).result(60)
    before = _folder(path).current()
    with _foreign_reader(path) as ask:
        assert ask() == ["old", "1", "old"]
        book = shelf.aggregate(notebook, "b0")
        rounds = 0
        while _folder(path).current() == before and rounds < 3_000:
            rounds += 1
            receipt = book.send(Write(page="p", text=f"{rounds} " + "x" * 90)).result(60)
            shelf.reached(Pages, receipt, timeout=60).result(60)
        assert _folder(path).current() != before, "a copy took its place"
        end = write(shelf, "b0", "p", "new")
        shelf.reached(Pages, end, timeout=60).result(60)
        assert until(lambda: ask() == ["old", "1", "new"])
        assert shelf.model(Pages).status().size < 1 << 20
    with shelf.read(Pages) as pages:
        assert seen(pages) == fold(_events(shelf))


# --- built by another program ---------------------------------------------------------------------


def _build_beside(journal: MemoryJournal, folder: ModelFolder, model: type[AnyReadModel]) -> Path:
    path = folder.create(model.schema.described)
    routes = ModelRoutes(model, [notebook])  # type: ignore[list-item] # pyright: ignore[reportArgumentType] - as Domain does
    driver = ModelFollower(open_projection(model, path), journal, routes, SYSTEM_CLOCK)
    while not driver.at_end:
        driver.step()
    driver.projection.environment.close()
    return path


def test_a_generation_that_another_program_offers_is_taken_and_caught_up(tmp_path: Path) -> None:
    journal = MemoryJournal()
    with Domain(journal, deciders=[notebook], read_models=[Pages], models=tmp_path) as domain:
        _fill(domain)
        folder = domain.model(Pages).folder
        offered = _build_beside(journal, folder, Pages)
        end = write(domain, "b0", "p", "since")
        folder.offer(offered)
        assert until(lambda: folder.current() == offered)
        assert folder.offered() is None
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert seen(pages) == fold(events_of(journal))
        assert until(lambda: folder.generations() == [offered])


def test_a_rebuild_that_has_failed_makes_way_for_what_another_program_has_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFollower, "ATTEMPTS", 1)
    journal = MemoryJournal()
    with Domain(journal, deciders=[notebook], read_models=[Pages], models=tmp_path) as domain:
        _fill(domain)
        end = misbehave(domain, "b0", "once")
        domain.reached(Pages, end, timeout=60).result(60)
        TROUBLE["once"] = raising(ValueError("not while rebuilding"))
        projector = domain.model(Pages)
        projector.rebuild()
        assert until(lambda: "not while rebuilding" in projector.status().error)
        TROUBLE.clear()
        offered = _build_beside(journal, projector.folder, Pages)
        projector.folder.offer(offered)
        assert until(lambda: projector.folder.current() == offered)
        assert until(lambda: projector.folder.generations() == [offered])
        assert projector.status().error == ""


def test_a_generation_of_another_model_is_not_taken(tmp_path: Path) -> None:
    journal = MemoryJournal()
    with Domain(journal, deciders=[notebook], read_models=[Pages], models=tmp_path) as domain:
        _fill(domain)
        folder = domain.model(Pages).folder
        before = folder.current()
        offered = _build_beside(journal, folder, WidePages)
        folder.offer(offered)
        assert until(lambda: folder.offered() is None)
        assert folder.current() == before
        assert until(lambda: not offered.exists())
        end = domain.aggregate(notebook, "b0").send(Stamp(page="p", stamps=1)).result(60)
        with domain.read(Pages, after=end, timeout=60) as pages:
            assert seen(pages) == fold(events_of(journal))


# --- what others do in the folder -----------------------------------------------------------------


def test_another_generation_that_is_let_answer_does_not_stay(shelf: Domain, path: Path) -> None:
    shelf.reached(Pages, _fill(shelf), timeout=60).result(60)
    before = _folder(path).current()
    other = new_projection(Pages, _folder(path)).environment
    other.close()
    _folder(path).swap(other.path)
    assert until(lambda: _folder(path).current() == before)
    with shelf.read(Pages, after=write(shelf, "b0", "p", "x"), timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf))


def test_a_generation_that_is_removed_is_put_back(shelf: Domain, path: Path) -> None:
    shelf.reached(Pages, _fill(shelf), timeout=60).result(60)
    shutil.rmtree(_folder(path).path)
    assert until(lambda: _folder(path).current() is not None)
    with shelf.read(Pages, after=write(shelf, "b0", "p", "x"), timeout=60) as pages:
        assert seen(pages) == fold(_events(shelf))
