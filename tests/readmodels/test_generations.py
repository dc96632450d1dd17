"""A model's folder: which generation answers, what is built beside it, and what is swept away."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from tests.readmodels.bench import Bench, at, batch_of, dump
from tests.readmodels.cards import CardAdded, CardRow, Cards, number_key

from comity.engine import Event, Recorded
from comity.engine.errors import (
    ModelDamaged,
    ModelInUse,
    NotReady,
    ReadModelError,
    SnapshotExpired,
    StorageFailed,
    StorageFull,
)
from comity.engine.files.boot import boot
from comity.engine.files.own_folder import write_file
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.generations import generations, model_folder, reader
from comity.readmodels.generations.build_mark import BuildMark, mark_build
from comity.readmodels.generations.generations import Generations
from comity.readmodels.generations.model_folder import ModelFolder, describe, open_generation
from comity.readmodels.generations.reader import Reader
from comity.readmodels.projecting.projection import Projection
from comity.readmodels.storage import power_mark
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.power_mark import is_sound, mark_flushed, mark_open
from comity.readmodels.tables.state import Checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    folder = ModelFolder(tmp_path / "Cards")
    folder.make()
    return folder


class Small(ReadModel[CardAdded]):
    """Cards, as an older program had them; what varies is said by subclasses."""

    map_size = 1 << 28
    rows = Table(CardRow, key=lambda row: (row.board, row.card))

    def project(self, event: CardAdded, at: Recorded) -> None:
        self.rows.put(CardRow(board=at.aggregate.key, card=event.card, title=event.title))


class Newer(Small):
    """The same columns, found in one more way."""

    rows = Table(CardRow, key=lambda row: (row.board, row.card))
    by_title = rows.index(lambda row: row.title)
    by_number = rows.unique(number_key)


class OtherRow(Row):
    card: str


class Other(ReadModel[CardAdded]):
    """Other columns."""

    map_size = 1 << 28
    rows = Table(OtherRow, key=lambda row: row.card)

    def project(self, event: CardAdded, at: Recorded) -> None:
        self.rows.put(OtherRow(card=event.card))


def fill(projection: Projection, number: int, *, complete: bool = True) -> None:
    """So many events more."""
    first = projection.checkpoint.position + 1
    events = [at(CardAdded(card=f"{n:04}", title="x"), n) for n in range(first, first + number)]
    projection.take(batch_of(events, first + number - 1, after=first - 1, is_end=complete))


@contextmanager
def opened(model: type[ReadModel[CardAdded]], folder: ModelFolder) -> Generator[Generations]:
    """What a projector finds; closed again."""
    found = generations.found(model, folder)
    try:
        yield found
    finally:
        for one in (found.current, found.building):
            if one is not None:
                one.environment.close()
        if found.answers is not None:
            found.answers.close()


def build(model: type[ReadModel[CardAdded]], folder: ModelFolder, number: int) -> Path:
    """Make a generation with so many events in it; it is closed and whole."""
    projection = generations.new_projection(model, folder)
    fill(projection, number)
    projection.environment.close()
    return projection.environment.path


# --- making and finding ---------------------------------------------------------------------------


def test_the_first_generation_is_made_and_answers(folder: ModelFolder) -> None:
    assert folder.current() is None
    with opened(Small, folder) as found:
        assert found.current is not None
        assert found.current.environment is found.answers
        assert found.building is None
        assert found.current.checkpoint == Checkpoint()
        assert folder.current() == folder.path / "g000001" == found.current.environment.path
    assert sorted(each.name for each in folder.path.iterdir()) == ["current", "g000001"]
    assert sorted(each.name for each in (folder.path / "g000001").iterdir()) == [
        "data.mdb",
        "lock.mdb",
        "mark",
        "power",
    ]


def test_a_generation_is_gone_on_with(folder: ModelFolder) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 5)
    with opened(Small, folder) as found:
        assert found.current
        assert found.current.checkpoint.position == 5
        assert found.building is None


def test_what_an_older_program_built_answers_while_a_new_one_is_built(folder: ModelFolder) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 5)
    with opened(Newer, folder) as found:
        assert found.current is None
        assert found.answers is not None
        assert found.building is not None
        assert found.building.environment.path.name == "g000002"
        old: Reader[Newer] = Reader(Newer, folder, follows=False)
        old.use(found.answers)
        with old.snapshot() as model:
            assert len(model.rows) == 5
            with pytest.raises(NotReady, match="by_title is new and is being built"):
                model.by_title["x"].count()


def test_rows_with_other_columns_do_not_answer(folder: ModelFolder) -> None:
    with opened(Small, folder):
        pass
    with opened(Other, folder) as found:
        assert (found.current, found.answers) == (None, None)
        assert found.building is not None


def test_building_is_gone_on_with(folder: ModelFolder) -> None:
    with opened(Small, folder):
        pass
    with opened(Newer, folder) as found:
        assert found.building
        fill(found.building, 3, complete=False)
    with opened(Newer, folder) as found:
        assert found.building
        assert found.building.checkpoint.position == 3
        assert found.building.environment.path.name == "g000002"


def test_a_rebuild_of_the_same_model_is_gone_on_with(folder: ModelFolder) -> None:
    with opened(Small, folder):
        pass
    build(Small, folder, 3)
    with opened(Small, folder) as found:
        assert found.current
        assert found.building
        names = [one.environment.path.name for one in (found.current, found.building)]
        assert names == ["g000001", "g000002"]


def test_older_generations_and_those_of_other_programs_are_removed(folder: ModelFolder) -> None:
    for model in (Small, Other, Newer, Newer):
        build(model, folder, 1)
    folder.swap(folder.path / "g000002")
    with opened(Newer, folder) as found:
        assert found.building
        assert found.building.environment.path.name == "g000004"
        assert [each.name for each in folder.generations()] == ["g000002", "g000004"]


def test_a_build_answers_where_nothing_else_does(folder: ModelFolder) -> None:
    with opened(Other, folder):
        pass
    path = build(Small, folder, 4)
    (folder.path / "g000001" / "power").unlink()
    with opened(Small, folder) as found:
        assert found.current
        assert found.current.environment.path == path == folder.current()
        assert found.current.checkpoint.position == 4
    assert [each.name for each in folder.generations()] == ["g000002"]


def test_generations_are_numbered_on(folder: ModelFolder) -> None:
    for number in range(1, 4):
        assert build(Small, folder, 1).name == f"g{number:06}"
    folder.discard(folder.path / "g000002")
    assert build(Small, folder, 1).name == "g000004"


def test_what_a_crash_left_is_swept(folder: ModelFolder) -> None:
    with opened(Small, folder):
        pass
    for name in ("gone-01234567", "new-89abcdef"):
        (folder.path / name).mkdir()
        (folder.path / name / "data.mdb").write_bytes(b"x")
    for name in ("current-01234567", "next-89abcdef"):
        (folder.path / name).symlink_to("g000009")
    (folder.path / "mine.txt").write_text("kept")
    with opened(Small, folder):
        left = sorted(each.name for each in folder.path.iterdir())
    assert left == ["current", "g000001", "mine.txt"]


@pytest.mark.parametrize("name", ["current", "next"])
@pytest.mark.parametrize("target", ["../Others", "..", "/", "g000002", "g000003", "g1", "current"])
def test_a_link_that_leads_elsewhere_leads_nowhere(
    folder: ModelFolder, name: str, target: str
) -> None:
    others = folder.path.with_name("Others")
    others.mkdir()
    (others / "data.mdb").write_bytes(b"kept")
    (folder.path / "g000002").symlink_to("../Others")
    (folder.path / "g000003").write_text("a file")
    (folder.path / "g1").mkdir()
    (folder.path / name).symlink_to(target)
    assert (folder.current(), folder.offered()) == (None, None)
    with opened(Small, folder) as found:
        assert found.current
        assert folder.current() == found.current.environment.path
        assert found.current.environment.path.name == "g000001"
    assert (others / "data.mdb").read_bytes() == b"kept"
    assert {"g000002", "g000003", "g1"} <= {each.name for each in folder.path.iterdir()}


def test_names_that_are_taken_are_passed_over(folder: ModelFolder) -> None:
    (folder.path / "g000001").symlink_to("..")
    (folder.path / "g000002").write_text("mine")
    (folder.path / "g999999999").symlink_to("/")
    assert build(Small, folder, 1).name == "g000003"
    assert folder.take(folder.create(Small.schema.described)).name == "g000005"
    assert [each.name for each in folder.generations()] == ["g000003", "g000005"]


def test_a_name_without_end_does_not_keep_a_model_from_being_built(folder: ModelFolder) -> None:
    for name in ("g999999999", "g" + "9" * 200, "g0000001", "g٣٣٣٣٣٣"):
        (folder.path / name).mkdir()
    with opened(Small, folder) as found:
        assert found.current
        assert found.current.environment.path.name == "g000001"


def test_the_millionth_generation_is_newer_than_the_one_before(folder: ModelFolder) -> None:
    build(Small, folder, 1).rename(folder.path / "g999999")
    newest = build(Small, folder, 2)
    assert newest.name == "g1000000"
    with opened(Small, folder) as found:
        assert found.current
        assert found.current.environment.path == newest


def test_a_build_that_was_killed_is_removed_with_the_mark_of_its_progress(
    folder: ModelFolder,
) -> None:
    path = build(Small, folder, 1)
    mark_build(path, BuildMark(1, 2, None, 3))
    folder.discard(path)
    assert [each.name for each in folder.path.rglob("*") if each.is_file()] == []


def test_what_a_stranger_has_put_into_a_generation_stays(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    path = build(Small, folder, 1)
    (path / "notes.txt").write_text("mine")
    with caplog.at_level(logging.WARNING, "comity"):
        folder.discard(path)
    assert "stays: it holds files that cannot be removed" in caplog.text
    assert [each.name for each in folder.path.rglob("*") if each.is_file()] == ["notes.txt"]
    assert folder.generations() == []


def test_a_generation_that_may_not_be_written_is_built_anew(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 5)
    mark_flushed(folder.path / "g000001")
    old = (folder.path / "g000001").stat().st_ino

    def not_permitted(file: Path, data: bytes) -> None:
        if file.parent.stat().st_ino == old:
            raise PermissionError
        write_file(file, data)

    monkeypatch.setattr(power_mark, "write_file", not_permitted)
    (folder.path / "g000001" / "notes.txt").write_text("mine")  # so that its inode stays taken
    with opened(Small, folder) as found:
        assert found.current
        assert found.current.checkpoint.position == 0
    assert [each.name for each in folder.generations()] == [found.current.environment.path.name]


def test_what_cannot_be_made_leaves_nothing_behind(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(model_folder, "mark_open", fail)
    with pytest.raises(StorageFull, match="no generation can be made in"):
        folder.create(Small.schema.described)
    assert list(folder.path.iterdir()) == []


def test_fitting_is_being_of_this_model_and_sound(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    assert generations.fits(Small, path)
    assert not generations.fits(Newer, path)
    assert not generations.fits(Small, folder.path / "g000009")
    (path / "power").unlink()
    assert not generations.fits(Small, path)


def test_a_generation_says_what_it_holds(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    said = describe(path)
    assert said.hash == Small.schema.hash
    assert dict(said.tables) == dict(Small.schema.described.tables)


# --- the lock, offers, copies ---------------------------------------------------------------------


def test_one_at_a_time_projects(folder: ModelFolder) -> None:
    lock = folder.lock()
    with pytest.raises(ModelInUse, match=f"open for writing in process {os.getpid()}") as raised:
        folder.lock()
    assert "close it there, or read it here with ReadModels.open" in str(raised.value)
    lock.release()
    folder.lock().release()


def test_a_generation_is_offered_and_withdrawn(folder: ModelFolder) -> None:
    assert folder.offered() is None
    path = build(Small, folder, 1)
    folder.offer(path)
    assert folder.offered() == path
    folder.withdraw()
    folder.withdraw()
    assert folder.offered() is None


def test_a_copy_is_equal_smaller_and_sound(folder: ModelFolder) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 3_000)
        with found.current.environment.writing() as writing:
            writing.put_all(
                writing.handles["~parked"], [(b"%06d" % n, b"x" * 400) for n in range(3_000)]
            )
        with found.current.environment.writing() as writing:
            writing.clear(writing.handles["~parked"])
        path = folder.copy(found.current.environment)
        assert path.name == "g000002"
        copy = generations.open_projection(Small, path)
        assert copy.checkpoint == found.current.checkpoint
        assert dump(copy.environment) == dump(found.current.environment)
        assert copy.environment.size() < found.current.environment.size() * 0.7
        copy.environment.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageFailed, match="cannot be made"):
        ModelFolder(tmp_path / "file" / "Cards").make()


def test_a_generation_that_cannot_be_made_is_said(folder: ModelFolder) -> None:
    gone = ModelFolder(folder.path / "nowhere")
    with pytest.raises(StorageFailed, match="no generation can be made in"):
        gone.create(Small.schema.described)
    with opened(Small, folder) as found:
        assert found.current
        with pytest.raises(StorageFailed, match="no generation can be made in"):
            gone.copy(found.current.environment)


def test_what_is_not_there_has_no_generations(tmp_path: Path) -> None:
    gone = ModelFolder(tmp_path / "nowhere")
    assert (gone.generations(), gone.current(), gone.offered()) == ([], None, None)
    gone.discard(tmp_path / "nowhere" / "g000001")
    gone.sweep()


def test_an_opening_that_the_disk_fails_leaves_nothing_open(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(Small, folder, 1)
    with monkeypatch.context() as broken:
        broken.setattr(ModelFolder, "swap", failing(StorageFailed("the disk failed")))
        with pytest.raises(StorageFailed):
            generations.found(Small, folder)
    folder.swap(path)
    with monkeypatch.context() as broken:
        broken.setattr(generations, "new_projection", failing(StorageFailed("the disk failed")))
        with pytest.raises(StorageFailed):
            generations.found(Newer, folder)
    with opened(Newer, folder) as found:
        assert found.answers is not None
        assert found.building is not None


def test_a_disk_that_cannot_be_read_is_not_taken_for_an_empty_one(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(Small, folder, 1)
    folder.swap(path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "readlink", failing(OSError(errno.EIO, "it failed")))
        with pytest.raises(StorageFailed):
            generations.found(Small, folder)
    with monkeypatch.context() as broken:
        broken.setattr(os, "read", failing(OSError(errno.EMFILE, "too many files")))
        with pytest.raises(StorageFailed):
            generations.found(Small, folder)
    with opened(Small, folder) as found:
        assert found.current is not None
        assert (found.current.environment.path, found.current.checkpoint.position) == (path, 1)


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


# --- the power mark -------------------------------------------------------------------------------


def test_a_generation_that_is_open_is_sound_until_the_power_goes(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(Small, folder, 1)
    assert is_sound(path)
    monkeypatch.setattr(power_mark, "boot", lambda: "another start")
    assert not is_sound(path)
    with pytest.raises(NotReady, match="was not flushed before a power cut"):
        describe(path)
    for read_only in (True, False):
        with pytest.raises(NotReady, match="was not flushed before a power cut"):
            open_generation(path, {}, map_size=1 << 20, read_only=read_only)


def test_a_generation_that_was_flushed_is_sound_after_a_power_cut_too(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(Small, folder, 1)
    mark_flushed(path)
    monkeypatch.setattr(power_mark, "boot", lambda: "another start")
    assert is_sound(path)
    whole = (path / "data.mdb").read_bytes()
    os.truncate(path / "data.mdb", len(whole) - 4_096)
    assert not is_sound(path)
    (path / "data.mdb").write_bytes(whole)
    assert is_sound(path)
    assert describe(path).hash == Small.schema.hash
    generations.open_projection(Small, path).environment.close()
    assert (path / "power").read_text() == "open since another start"


def test_a_generation_that_is_only_read_keeps_its_mark(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    mark_flushed(path)
    mark = (path / "power").read_text()
    open_generation(path, describe(path).tables, map_size=1 << 28).close()
    assert (path / "power").read_text() == mark


@pytest.mark.parametrize("mark", ["", "flush", "flushed\n", "open since ", "open since x", "\xff"])
def test_a_mark_that_says_nothing_is_not_believed(folder: ModelFolder, mark: str) -> None:
    path = build(Small, folder, 1)
    (path / "power").write_text(mark, encoding="latin-1")
    assert not is_sound(path)


def test_without_a_mark_nothing_is_sound(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    (path / "power").unlink()
    assert not is_sound(path)
    assert not is_sound(folder.path / "nowhere")


def test_where_the_system_does_not_tell_its_starts_apart_only_what_is_flushed_is_sound(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power_mark, "boot", lambda: "")
    path = build_marked(folder)
    assert not is_sound(path)
    mark_flushed(path)
    assert is_sound(path)


def build_marked(folder: ModelFolder) -> Path:
    path = folder.create(Small.schema.described)
    mark_open(path)
    return path


def test_this_system_tells_its_starts_apart() -> None:
    assert boot() == boot() != ""


def test_what_the_power_cut_short_is_built_anew_without_a_look_at_it(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 5)
        path = found.current.environment.path
    (path / "data.mdb").write_bytes(b"anything")
    monkeypatch.setattr(power_mark, "boot", lambda: "another start")
    with caplog.at_level(logging.WARNING, "comity"), opened(Small, folder) as again:
        assert again.current
        assert again.current.checkpoint.position == 0
    assert "cannot be used any more; the model is rebuilt" in caplog.text


# --- reading --------------------------------------------------------------------------------------


def read(one: Reader[Small]) -> int:
    """The position of a new snapshot, which is whole."""
    with one.snapshot() as model:
        position = model.position
        assert len(model.rows) == position
        return position


@pytest.fixture
def follower(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader[Small]]:
    """Reads as another process does."""
    monkeypatch.setattr(reader, "LOOK", 0.0)
    one = Reader(Small, folder)
    yield one
    one.close()


def test_a_reader_follows_to_the_newest_generation(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    with pytest.raises(NotReady, match="is not built yet"):
        read(follower)
    assert follower.checkpoint() == Checkpoint()
    assert follower.stopped() is None
    folder.swap(build(Small, folder, 3))
    assert read(follower) == 3
    assert follower.checkpoint().position == 3
    folder.swap(build(Small, folder, 5))
    assert read(follower) == 5


def test_snapshots_of_a_generation_stay_when_another_one_answers(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    first = build(Small, folder, 3)
    folder.swap(first)
    with follower.snapshot() as old:
        folder.swap(build(Small, folder, 5))
        folder.discard(first)
        assert read(follower) == 5
        assert len(old.rows) == old.position == 3


def test_a_generation_that_is_discarded_is_closed_with_its_last_snapshot(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    first = build(Small, folder, 3)
    folder.swap(first)
    old = follower.snapshot()
    environment = follower.environment()
    assert environment is not None
    folder.swap(build(Small, folder, 5))
    folder.discard(first)
    read(follower)
    assert environment.is_retired
    assert environment.begin() is None
    assert len(old.rows) == 3
    old.close()
    assert follower.expire(-1) == 0


def test_a_reader_notices_a_generation_of_the_same_name(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    """Somebody has deleted the folder, and the domain has begun again."""
    folder.swap(build(Small, folder, 3))
    assert read(follower) == 3
    for path in folder.generations():
        folder.discard(path)
    again = build(Small, folder, 5)
    assert again.name == "g000001"
    folder.swap(again)
    assert read(follower) == 5


def test_a_reader_waits_for_the_first_build_to_be_complete(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    projection = generations.new_projection(Small, folder)
    fill(projection, 1_500, complete=False)
    projection.environment.close()
    folder.swap(projection.environment.path)
    with pytest.raises(NotReady, match="being built and has reached position 1,500: try again"):
        read(follower)
    with follower.snapshot(incomplete=True) as model:
        assert model.position == 1_500
    assert follower.checkpoint().position == 1_500


def test_rows_of_another_program_are_not_read(folder: ModelFolder) -> None:
    folder.swap(build(Other, folder, 3))
    one = Reader(Small, folder)
    with pytest.raises(ReadModelError, match="built by a program with other columns"):
        one.snapshot()
    one.close()


def test_a_reader_keeps_what_it_has_while_there_is_nothing_better(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    path = build(Small, folder, 3)
    folder.swap(path)
    assert read(follower) == 3
    folder.swap(folder.path / "g000099")
    assert read(follower) == 3
    torn = build(Small, folder, 5)
    (torn / "power").unlink()
    folder.swap(torn)
    assert read(follower) == 3


def test_a_reader_that_has_nothing_tells_why(folder: ModelFolder) -> None:
    torn = build(Small, folder, 5)
    (torn / "power").unlink()
    folder.swap(torn)
    with pytest.raises(NotReady, match="was not flushed before a power cut"):
        Reader(Small, folder).snapshot()


def test_closing_a_reader_ends_its_snapshots(folder: ModelFolder) -> None:
    folder.swap(build(Small, folder, 3))
    one = Reader(Small, folder)
    model = one.snapshot()
    one.close()
    one.close()
    with pytest.raises(SnapshotExpired):
        model.rows.count()


def test_snapshots_that_are_held_too_long_are_ended_in_every_generation(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    folder.swap(build(Small, folder, 3))
    old = follower.snapshot()
    folder.swap(build(Small, folder, 5))
    new = follower.snapshot()
    assert follower.expire(60) == 0
    assert follower.expire(-1) == 2
    for model in (old, new):
        with pytest.raises(SnapshotExpired):
            model.rows.count()


def test_who_reads_in_a_loop_never_fails_and_never_goes_back(
    folder: ModelFolder, follower: Reader[Small]
) -> None:
    """While generations are swapped and removed beside it, as by another process."""
    current = build(Small, folder, 1)
    folder.swap(current)
    stop, seen, wrong = threading.Event(), list[list[int]](), list[BaseException]()

    def loop() -> None:
        positions: list[int] = []
        seen.append(positions)
        try:
            while not stop.is_set():
                positions.append(read(follower))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=loop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2, 17):
        following = build(Small, folder, number)
        folder.swap(following)
        folder.discard(current)
        current = following
    time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert all(positions == sorted(positions) for positions in seen)
    assert read(follower) == 16


def test_so_it_is_in_the_process_that_projects(folder: ModelFolder) -> None:
    one = Reader(Small, folder, follows=False)
    projection = generations.new_projection(Small, folder)
    fill(projection, 1)
    one.use(projection.environment)
    stop, wrong = threading.Event(), list[BaseException]()

    def loop() -> None:
        last = 0
        try:
            while not stop.is_set():
                position = read(one)
                assert position >= last
                last = position
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=loop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(12):
        following = generations.new_projection(Small, folder)
        fill(following, projection.checkpoint.position)
        old, projection = projection, following
        folder.swap(following.environment.path)
        one.use(following.environment)
        folder.discard(old.environment.path)
        for _ in range(3):
            fill(following, 1)
    stop.set()
    for thread in threads:
        thread.join(20)
    one.close()
    assert wrong == []
    assert len(folder.generations()) == 1


# --- damage ---------------------------------------------------------------------------------------

DAMAGED = """
import random, shutil, sys
from pathlib import Path
from tests.readmodels.test_generations import Small
from comity.engine.files.boot import boot
from comity.engine.errors import ModelDamaged, NotReady
from comity.readmodels.generations.generations import fits
from comity.readmodels.generations.model_folder import describe, open_generation

sound, work = Path(sys.argv[1]), Path(sys.argv[2])
whole = (sound / "data.mdb").read_bytes()
dice = random.Random(1)
sizes = (0, 1, 100, 4_095, 4_096, 4_097, 8_192, 8_193)
damages = {f"cut to {size}": whole[:size] for size in sizes}
damages |= {f"cut by {cut}": whole[:-cut] for cut in (len(whole) * 9 // 10, len(whole) // 2)}
damages |= {f"{n} zeroed": bytes(n) + whole[n:] for n in (16, 100, 4_096, 8_192, len(whole))}
damages |= {f"{n} scrambled": dice.randbytes(n) + whole[n:] for n in (16, 100, 8_192, len(whole))}
damages["text"] = b"This is no such file.\\n" * 1_000
for what, data in damages.items():
    path = work / what.replace(" ", "_")
    shutil.copytree(sound, path)
    (path / "data.mdb").write_bytes(data)
    print(what, "...", flush=True)
    assert not fits(Small, path)
    for opening in (describe, lambda path: open_generation(path, tables, map_size=1 << 28)):
        tables = Small.schema.described.tables
        try:
            opening(path)
        except (ModelDamaged, NotReady) as error:
            print(type(error).__name__, flush=True)
        else:
            raise SystemExit(f"{what}: nobody noticed")
print("all", len(damages))
"""


def test_damage_is_told_and_never_a_signal(folder: ModelFolder, tmp_path: Path) -> None:
    """In a process of its own, which would not survive LMDB's reading what is not there."""
    path = build(Small, folder, 2_000)
    work = tmp_path / "work"
    work.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", DAMAGED, str(path), str(work)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["all 20"]), ran.stderr[-2_000:]


def test_a_damaged_generation_is_replaced(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(Small, folder) as found:
        assert found.current
        fill(found.current, 5)
        path = found.current.environment.path
    data = path / "data.mdb"
    data.write_bytes(bytes(8_192) + data.read_bytes()[8_192:])
    with pytest.raises(ModelDamaged):
        describe(path)
    with caplog.at_level(logging.WARNING, "comity"), opened(Small, folder) as again:
        assert again.current
        assert again.current.checkpoint.position == 0
    assert "is not an LMDB file" in caplog.text


def test_an_environment_of_something_else_is_damage(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    for name in ("data.mdb", "lock.mdb"):
        (path / name).unlink()
    Environment.create(path, {"something": False})
    with pytest.raises(ModelDamaged):
        describe(path)
    assert not generations.fits(Small, path)


def test_a_generation_that_does_not_say_what_it_holds_is_damage(folder: ModelFolder) -> None:
    path = build(Small, folder, 1)
    for name in ("data.mdb", "lock.mdb"):
        (path / name).unlink()
    Environment.create(path, Small.schema.described.tables)
    with pytest.raises(ModelDamaged, match="description cannot be read"):
        describe(path)


def test_an_index_that_leads_nowhere_is_damage(tmp_path: Path) -> None:
    bench = Bench(Cards, tmp_path / "cards")
    events: list[Event] = [CardAdded(card=f"{n}", title="x", owner="ann") for n in range(3)]
    bench.take(*events)
    with bench.environment.writing() as writing:
        writing.clear(writing.handles["rows"])
    with bench.read() as model, pytest.raises(ModelDamaged, match="has an entry without a row"):
        model.by_owner["ann"].list()
    bench.close()
