"""Finds the generations of a model when its projector starts, and decides about each."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from comity.engine.errors import ModelDamaged, ReadModelError
from comity.readmodels.generations.going_on import go_on
from comity.readmodels.generations.model_folder import (
    ModelFolder,
    describe,
    number,
    open_generation,
    put_away,
)
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.schema import Described

_log = logging.getLogger("comity")


class Generations(NamedTuple):
    """The generations with which a projector starts."""

    current: Projection | None
    """The generation that answers and is kept up to date; None if an older program built it."""
    answers: Environment | None
    """The tables that answer: of `current`, or of an older program's generation."""
    building: Projection | None
    """The generation that is being built to replace it."""


def found(model: type[AnyReadModel], folder: ModelFolder) -> Generations:
    """Open the usable generations, make a new one if needed, remove the rest. Needs the lock.

    Raises:
        StorageFailed: the disk is full, or failed; nothing stays open.
    """
    folder.sweep()
    path = folder.current()
    described = _described(path)
    before = described
    if path is not None and described is not None:
        described = go_on(model, folder, path, described)
    with ExitStack() as opened:

        def keep(projection: Projection | None) -> None:
            if projection is not None:
                opened.callback(projection.environment.close)

        current: Projection | None = None
        if path is not None and described is not None and model.schema.fits(described):
            keep(current := _opened(model, path))
            described = described if current else None
        if path is not None and described is None:
            _log.warning("%s cannot be used any more; the model is rebuilt", path)
            path = None
        keep(building := _building(model, folder, path, again=described is not before))
        if current is not None:
            found = Generations(current, current.environment, building)
        elif path is not None and described is not None:
            answers = _answering(path, described, model) if model.schema.reads(described) else None
            if answers is not None:
                opened.callback(answers.close)
            found = Generations(None, answers, building or new_projection(model, folder))
        else:
            if building is None:
                keep(building := new_projection(model, folder))
            folder.swap(building.environment.path)  # no other generation can answer
            found = Generations(building, building.environment, None)
        opened.pop_all()
    return found


def open_projection(model: type[AnyReadModel], path: Path) -> Projection:
    """Open a generation of this version of the model for writing."""
    tables = model.schema.described.tables
    environment = open_generation(path, tables, map_size=model.map_size, read_only=False)
    try:
        return Projection(model, environment)
    except BaseException:
        environment.close()
        raise


def _opened(model: type[AnyReadModel], path: Path) -> Projection | None:
    """The same; None if it is damaged."""
    try:
        return open_projection(model, path)
    except ModelDamaged as error:
        _log.warning("%s", error)
        return None


def _answering(path: Path, described: Described, model: type[AnyReadModel]) -> Environment | None:
    """Open an older program's generation for reading; None if it is damaged."""
    try:
        return open_generation(path, described.tables, map_size=model.map_size, locked=True)
    except ModelDamaged as error:
        _log.warning("%s", error)
        return None


def new_projection(model: type[AnyReadModel], folder: ModelFolder) -> Projection:
    """Make a new, empty generation beside the others."""
    return open_projection(model, folder.create(model.schema.described))


def put_away_projection(projection: Projection) -> None:
    """Write what it holds in memory, flush everything to the disk, and close it.

    Raises:
        StorageFailed: the disk is full, or failed.
    """
    try:
        projection.settle(telling=False)
    except CannotProject:
        pass  # whoever goes on begins before these events, and finds the one that is to blame
    finally:
        put_away(projection.environment)


def fits(model: type[AnyReadModel], path: Path) -> bool:
    """Whether a generation was built by this version of the model, and is sound."""
    described = _described(path)
    return described is not None and model.schema.fits(described)


def _building(
    model: type[AnyReadModel], folder: ModelFolder, current: Path | None, *, again: bool
) -> Projection | None:
    """The newest unfinished generation that can be continued; the others are removed.

    If `again`, and an older program had begun a rebuild, it is begun again.
    """
    chosen: Path | None = None
    begun = False
    for path in reversed(folder.generations()):
        if path == current:
            continue
        newer = current is None or number(path) > number(current)
        begun = begun or newer
        if chosen is None and newer and fits(model, path):
            chosen = path
        else:
            folder.discard(path)
    building = _opened(model, chosen) if chosen else None
    if chosen and not building:
        folder.discard(chosen)
    if building is None and again and begun:
        return new_projection(model, folder)
    return building


def _described(path: Path | None) -> Described | None:
    if path is None:
        return None
    try:
        return describe(path, locked=True)
    except ReadModelError as error:
        _log.warning("%s: %s", path, error)
        return None
