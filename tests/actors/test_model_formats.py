"""Models that another version of comity has built: gone on with, or built anew, never misread."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast

import msgpack
import pytest
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, folded, seen, write

from comity.actors import Domain, ReadModels
from comity.engine import formats
from comity.engine.errors import ModelDamaged, OtherFormat
from comity.readmodels.generations.model_folder import (
    MODELS,
    ModelFolder,
    open_generation,
    put_away,
)
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, DESCRIBED, Checkpoint, Stopped

OTHER: Final = formats.MODEL + 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed domain with a model."""
    with Domain.open(tmp_path / "domain", deciders=[notebook], read_models=[Pages]) as domain:
        write(domain, "b", "p1", "one")
        end = write(domain, "b", "p2", "two")
        domain.reached(Pages, end, timeout=60).result(60)
    return tmp_path / "domain"


def current(path: Path) -> Path:
    """The generation that answers."""
    found = ModelFolder(path / MODELS / "Pages").current()
    assert found is not None
    return found


def said(path: Path, key: bytes) -> list[object]:
    """What the generation that answers says under a key of its ~meta."""
    environment = open_generation(current(path), {META: False}, map_size=1 << 24)
    with environment.reading() as reading:
        found = msgpack.unpackb(reading.get(environment.handles[META], key) or b"")
    environment.close()
    return cast("list[object]", found)


def put(path: Path, key: bytes, fields: list[object]) -> None:
    """Have it say this instead."""
    environment = open_generation(current(path), {META: False}, map_size=1 << 24, read_only=False)
    with environment.writing() as writing:
        writing.put(environment.handles[META], key, msgpack.packb(fields))
    put_away(environment)


def goes_on(path: Path) -> None:
    """Have a domain open it and write on, and its model answer as it has to."""
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = write(domain, "b", "p3", "on")
        with domain.read(Pages, after=end, timeout=60) as pages:
            shown = seen(pages)
    assert shown == folded(path, end)


@pytest.mark.parametrize("more", [[], [formats.MODEL], [formats.MODEL, "more", None]])
def test_a_model_that_says_less_or_more_of_itself_is_gone_on_with(
    path: Path, more: list[object]
) -> None:
    put(path, DESCRIBED, [*said(path, DESCRIBED)[:4], *more])
    put(path, CHECKPOINT, [*said(path, CHECKPOINT), "more"])
    generation = current(path)
    with ReadModels.open(path, [Pages]) as models, models.read(Pages) as pages:
        assert seen(pages) == folded(path)
    goes_on(path)
    assert current(path) == generation


def test_a_model_of_another_format_is_not_read_and_is_built_anew_by_its_domain(path: Path) -> None:
    put(path, DESCRIBED, [*said(path, DESCRIBED)[:4], OTHER])
    with ReadModels.open(path, [Pages]) as models, pytest.raises(OtherFormat) as raised:
        models.read(Pages)
    assert str(raised.value) == (
        f"the model has format {OTHER}, and comity {formats.own_version()} reads {formats.MODEL}: "
        "use the version that its domain runs, or open the domain with this one, which rebuilds it"
    )
    goes_on(path)
    assert said(path, DESCRIBED)[4] == formats.MODEL


def test_a_model_that_says_nothing_of_itself_is_damaged(path: Path) -> None:
    put(path, DESCRIBED, said(path, DESCRIBED)[:3])
    with ReadModels.open(path, [Pages]) as models, pytest.raises(ModelDamaged):
        models.read(Pages)
    goes_on(path)


def test_how_a_model_stands_may_have_more_fields_and_fewer() -> None:
    assert Checkpoint.unpack(msgpack.packb((7, 1, True, 3, "b", "more"))) == Checkpoint(
        7, 1, complete=True, commits=3, branch="b"
    )
    assert Checkpoint.unpack(msgpack.packb((7, 1))) == Checkpoint(7, 1)
    stopped = Stopped(7, "notebook/b", 3, "Written", "KeyError", 5)
    assert Stopped.unpack(msgpack.packb((*stopped, "more"))) == stopped
