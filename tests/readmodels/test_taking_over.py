"""A process that has only read a model begins to write in it: it takes over from another one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.readmodels.test_generations import Newer, Small, build, fill

from comity.engine.errors import SnapshotExpired, StorageFailed
from comity.readmodels.generations import generations
from comity.readmodels.generations.model_folder import ModelFolder, describe
from comity.readmodels.generations.reader import Reader
from comity.readmodels.storage.environment import Environment


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    folder = ModelFolder(tmp_path / "Cards")
    folder.make()
    folder.swap(build(Small, folder, 3))
    return folder


@pytest.fixture
def standby(folder: ModelFolder) -> Iterator[Reader[Small]]:
    reader = Reader(Small, folder)
    reader.look()
    yield reader
    reader.close()


def read(standby: Reader[Small]) -> Environment:
    environment = standby.opened
    assert environment is not None
    return environment


def test_a_standby_goes_on_in_the_generation_that_it_has_read(
    folder: ModelFolder, standby: Reader[Small]
) -> None:
    found = generations.found(Small, folder, read(standby))
    assert found.current is not None
    assert found.current.environment is found.answers is read(standby)
    fill(found.current, 2)
    with standby.snapshot() as small:
        assert len(small.rows) == small.position == 5


def test_a_snapshot_that_ends_in_time_is_not_disturbed(
    folder: ModelFolder, standby: Reader[Small], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "PATIENCE", 60.0)
    small = standby.snapshot()
    taking = threading.Thread(target=generations.found, args=(Small, folder, read(standby)))
    taking.start()
    assert len(small.rows.all().list()) == 3
    small.close()
    taking.join(60)
    assert not read(standby).read_only


def test_a_snapshot_that_is_held_for_long_ends(folder: ModelFolder, standby: Reader[Small]) -> None:
    small = standby.snapshot()
    generations.found(Small, folder, read(standby))
    with pytest.raises(SnapshotExpired):
        small.rows.count()
    assert standby.checkpoint().position == 3


def test_what_cannot_be_opened_to_write_can_still_be_read(
    folder: ModelFolder, standby: Reader[Small], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Environment) -> None:
        raise StorageFailed("the disk failed")

    with monkeypatch.context() as patch:
        patch.setattr(Environment, "_map", fail)
        with pytest.raises(StorageFailed):
            generations.found(Small, folder, read(standby))
    assert standby.checkpoint().position == 3
    found = generations.found(Small, folder, read(standby))
    assert found.current is not None
    fill(found.current, 1)


def test_tables_that_another_program_built_answer_on(
    folder: ModelFolder, standby: Reader[Small]
) -> None:
    found = generations.found(Newer, folder, read(standby))
    assert found.current is None
    assert found.answers is read(standby)
    assert found.building is not None
    found.building.environment.close()
    assert describe(folder.path / "g000002").hash == Newer.schema.hash


def test_a_copy_answers_instead_of_what_a_hanging_process_may_still_write(
    folder: ModelFolder, standby: Reader[Small]
) -> None:
    before, hanging = folder.current(), read(standby)
    generations.copy_in_place(Small, folder, hanging)
    assert folder.current() not in {None, before}
    standby.follow()
    assert standby.checkpoint().position == 3
    assert read(standby) is not hanging


def test_a_standby_that_has_read_nothing_yet_makes_the_copy_too(folder: ModelFolder) -> None:
    before = folder.current()
    generations.copy_in_place(Small, folder, None)
    assert folder.current() not in {None, before}


def test_there_is_nothing_to_copy_where_nothing_answers(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "Empty")
    folder.make()
    generations.copy_in_place(Small, folder, None)
    assert folder.current() is None


def test_what_is_damaged_is_not_copied_but_built_anew(
    folder: ModelFolder, caplog: pytest.LogCaptureFixture
) -> None:
    current = folder.current()
    assert current is not None
    (current / "data.mdb").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        generations.copy_in_place(Small, folder, None)
    assert folder.current() == current
    assert "is empty" in caplog.text
