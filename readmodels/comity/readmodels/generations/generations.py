"""Finds the generations of a model when its projector starts, and decides about each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from comity.engine.errors import ModelDamaged, ReadModelError
from comity.readmodels.generations.going_on import go_on
from comity.readmodels.generations.model_folder import (
    ModelFolder,
    describe,
    described_in,
    number,
    open_generation,
    put_away,
    write_in,
)
from comity.readmodels.projecting.projection import CannotProject, Projection
from comity.readmodels.storage.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.schema import Described

_log = logging.getLogger("comity")

PATIENCE: Final = 0.1
"""Seconds that open snapshots of a standby get, when it begins to write."""


class Generations(NamedTuple):
    """The generations with which a projector starts."""

    current: Projection | None
    """The generation that answers and is kept up to date; None if an older program built it."""
    answers: Environment | None
    """The tables that answer: of `current`, or of an older program's generation."""
    building: Projection | None
    """The generation that is being built to replace it."""


def found(
    model: type[AnyReadModel],
    folder: ModelFolder,
    read: Environment | None = None,
    *,
    answered: bool = False,
) -> Generations:
    """Open the usable generations, make a new one if needed, remove the rest. Needs the lock.

    Args:
        model: the model's class.
        folder: the model's folder.
        read: the generation that a standby has read so far; it stays open, also after an error.
        answered: whether tables in another folder answer until those here are complete.

    Raises:
        StorageFailed: the disk is full, or failed; nothing else stays open.
    """
    folder.sweep()
    path = folder.current()
    read = _if_at(path, read)
    described = _described(path) if read is None else _described_in(read)
    before = described
    if path is not None and described is not None and read is None:
        described = go_on(model, folder, path, described)
    with ExitStack() as opened:

        def keep(one: Projection | Environment | None) -> None:
            environment = one.environment if isinstance(one, Projection) else one
            if environment is not None and environment is not read:
                opened.callback(environment.close)

        current: Projection | None = None
        if path is not None and described is not None and model.schema.fits(described):
            keep(current := _opened(model, path, read))
            described = described if current else None
        if path is not None and described is None:
            _log.warning("%s cannot be used any more; the model is rebuilt", path)
            path = None
        keep(building := _building(model, folder, path, again=described is not before))
        if current is not None:
            found = Generations(current, current.environment, building)
        elif path is not None and described is not None:
            keep(answers := read or _answering(path, described, model))
            found = Generations(None, answers, building or new_projection(model, folder))
        elif answered:
            found = Generations(None, None, building or new_projection(model, folder))
        else:
            if building is None:
                keep(building := new_projection(model, folder))
            folder.swap(building.environment.path)  # no other generation can answer
            found = Generations(building, building.environment, None)
        opened.pop_all()
    return found


def copy_in_place(model: type[AnyReadModel], folder: ModelFolder, read: Environment | None) -> None:
    """Let a copy answer instead of the generation whose writer hangs, and may go on any time.

    LMDB would wait for that writer without limit, if it hangs in a transaction; a copy needs none.
    What it writes later goes into files that nobody uses. Needs the lease.

    Args:
        model: the model's class.
        folder: the model's folder.
        read: the generation that a standby has read so far, or None.

    Raises:
        StorageFailed: the disk is full, or failed; nothing has changed.
    """
    path = folder.current()
    if path is None:
        return
    if (read := _if_at(path, read)) is not None:
        folder.swap(folder.copy(read))
        return
    try:
        source = open_generation(path, {}, map_size=model.map_size)
    except ReadModelError as error:  # it is built anew
        _log.warning("%s: %s", path, error)
        return
    try:
        folder.swap(folder.copy(source))
    finally:
        source.close()


def open_projection(model: type[AnyReadModel], path: Path) -> Projection:
    """Open a generation of this version of the model for writing."""
    tables = model.schema.described.tables
    environment = open_generation(path, tables, map_size=model.map_size, read_only=False)
    try:
        return Projection(model, environment)
    except BaseException:
        environment.close()
        raise


def _opened(
    model: type[AnyReadModel], path: Path, read: Environment | None = None
) -> Projection | None:
    """Open a generation, or write in the one that was `read` so far; None if it is damaged."""
    try:
        if read is None:
            return open_projection(model, path)
        write_in(read, PATIENCE)
        return Projection(model, read)
    except ModelDamaged as error:
        _log.warning("%s", error)
        return None


def _answering(path: Path, described: Described, model: type[AnyReadModel]) -> Environment | None:
    """Open an older program's generation to read; None if it is damaged or has other columns."""
    if not model.schema.reads(described):
        return None
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


def _if_at(path: Path | None, read: Environment | None) -> Environment | None:
    """The generation that was read, if it is the one at this path."""
    there = path is not None and read is not None and path == read.path and read.is_at(path)
    return read if there else None


def _described(path: Path | None) -> Described | None:
    return None if path is None else _or_none(path, partial(describe, path, locked=True))


def _described_in(read: Environment) -> Described | None:
    return None if read.is_damaged else _or_none(read.path, partial(described_in, read))


def _or_none(path: Path, described: Callable[[], Described]) -> Described | None:
    try:
        return described()
    except ReadModelError as error:
        _log.warning("%s: %s", path, error)
        return None
