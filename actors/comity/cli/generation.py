"""Opens a model's tables without its class, by the description stored in them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from comity.cli.opening import opened
from comity.engine import NotReady, ReadModelError
from comity.engine.lmdb.library import MAP_SIZE
from comity.readmodels.generations.model_folder import (
    ModelFolder,
    describe,
    models_in,
    open_generation,
)
from comity.readmodels.generations.model_folder import models_folder as kept_in
from comity.readmodels.storage.environment import Environment
from comity.readmodels.storage.reading import Reading
from comity.readmodels.tables.schema import Described


class Generation(NamedTuple):
    """An open generation."""

    name: str
    described: Described
    environment: Environment
    reading: Reading
    """A snapshot of all its tables."""


@contextmanager
def opened_generation(path: Path) -> Generator[Generation]:
    """Open a generation for reading.

    Raises:
        NotReady: it does not exist, or a power cut may have damaged it.
        ModelDamaged: it cannot be read.
    """
    described = describe(path)
    environment = open_generation(path, described.tables, map_size=MAP_SIZE)
    try:
        with environment.reading() as reading:
            yield Generation(path.name, described, environment, reading)
    finally:
        environment.close()


def models_folder(path: Path, folder: Path | None) -> Path:
    """The folder of a domain's models.

    Raises:
        NotAJournal: there is no journal.
        ReadModelError: there are no models.
    """
    found = kept_in(path, folder)
    try:
        models_in(found)
    except ReadModelError as error:
        with opened(path):  # raises NotAJournal if there is no journal
            pass
        msg = (
            f"{error}; if they are elsewhere, add --models FOLDER; if none was ever built, open "
            "the domain with read_models=[...], or run comity rebuild"
        )
        raise ReadModelError(msg) from error
    return found


def model_folder(path: Path, folder: Path | None, name: str) -> ModelFolder:
    """The folder of one model.

    Raises:
        ReadModelError: it does not exist; the text lists the models that do.
    """
    place = models_folder(path, folder)
    here = models_in(place)
    if name not in here:
        msg = f"{place} has no model {name}; it has {', '.join(here) or 'no models'}"
        raise ReadModelError(msg)
    return ModelFolder(place / name)


def current_generation(folder: ModelFolder) -> Path:
    """The path of the generation that answers.

    Raises:
        NotReady: there is none yet.
    """
    current = folder.current()
    if current is None:
        msg = f"{folder.path.name} is not built yet: open its domain, or run comity rebuild"
        raise NotReady(msg)
    return current
