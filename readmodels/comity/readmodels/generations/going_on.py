"""Lets a class go on with a generation of an older program, if its rows only gained fields."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from comity.engine.errors import ModelDamaged
from comity.readmodels.generations.left_columns import left_columns, note_left
from comity.readmodels.generations.model_folder import ModelFolder, open_generation
from comity.readmodels.tables.growth import Growth, described_after, growth_of
from comity.readmodels.tables.schema import META
from comity.readmodels.tables.state import CHECKPOINT, DESCRIBED, Checkpoint

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.schema import Described

_log = logging.getLogger("comity")


def growth(model: type[AnyReadModel], folder: ModelFolder, old: Described) -> Growth:
    """What the class says that its rows have gained since this generation was built."""
    left = left_columns(folder.path)
    found = growth_of(model.schema, old, left or {})
    if left is None and found.goes_on:
        return found._replace(unsaid="which columns it had before cannot be read")
    return found


def go_on(model: type[AnyReadModel], folder: ModelFolder, path: Path, old: Described) -> Described:
    """Bring the description of the answering generation up to date, if the class goes on with it.

    The description is replaced in one transaction, before any row with the new fields is written.
    A generation that never reached the journal's end is built anew. Needs the lock.

    Returns:
        The description that the generation has now.

    Raises:
        StorageFailed: the disk is full, or failed; the generation is as it was.
    """
    schema = model.schema
    if schema.fits(old):
        if old.types:
            return old
        return _replaced(model, path, old, schema.described)  # an older version of comity built it
    note_left(folder.path, old.columns, schema.described.columns)
    found = growth(model, folder, old)
    if found.goes_on:
        now = _replaced(model, path, old, described_after(schema, old, found), complete=True)
        if now is not old:
            _log.info("%s goes on without a rebuild; its rows have gained %s", path, found.names)
        return now
    if found.columns:
        _log.warning(
            "%s is rebuilt, although it says that it only gained %s: %s",
            model.stored_as, found.names, found.unsaid,
        )  # fmt: skip
    return old


def _replaced(
    model: type[AnyReadModel], path: Path, old: Described, new: Described, *, complete: bool = False
) -> Described:
    """Replace the description, if `complete` only of a complete generation; returns the stored."""
    try:
        environment = open_generation(
            path, {META: False}, map_size=model.map_size, read_only=False, locked=True
        )
    except ModelDamaged as error:
        _log.warning("%s", error)
        return old
    try:
        with environment.writing() as writing:
            meta = writing.handles[META]
            if complete and not Checkpoint.unpack(writing.get(meta, CHECKPOINT)).complete:
                return old
            writing.put(meta, DESCRIBED, new.pack())
    finally:
        environment.close()
    return new
