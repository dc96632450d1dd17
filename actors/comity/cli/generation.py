"""Looking at a model's tables without its class: by what they say of themselves."""

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
    """A generation that is open."""

    name: str
    described: Described
    environment: Environment
    reading: Reading
    """One state of all its tables."""


@contextmanager
def opened_generation(path: Path) -> Generator[Generation]:
    """A generation, to read.

    Raises:
        NotReady: it is not there, or a power cut may have torn it.
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
    """Where the models of a domain are.

    Raises:
        NotAJournal: there is no journal.
        ReadModelError: there are none.
    """
    found = kept_in(path, folder)
    try:
        models_in(found)
    except ReadModelError as error:
        with opened(path):  # or else it says that there is no journal
            pass
        msg = (
            f"{error}; if they are elsewhere, say --models FOLDER; if none was ever built, open "
            "the domain with read_models=[...], or say comity rebuild"
        )
        raise ReadModelError(msg) from error
    return found


def model_folder(path: Path, folder: Path | None, name: str) -> ModelFolder:
    """The folder of one model.

    Raises:
        ReadModelError: there is none; the text names those that there are.
    """
    place = models_folder(path, folder)
    here = models_in(place)
    if name not in here:
        msg = f"{place} has no model {name}; it has {', '.join(here) or 'none at all'}"
        raise ReadModelError(msg)
    return ModelFolder(place / name)


def current_generation(folder: ModelFolder) -> Path:
    """The generation that answers.

    Raises:
        NotReady: there is none yet.
    """
    current = folder.current()
    if current is None:
        msg = f"{folder.path.name} is not built yet: open its domain, or say comity rebuild"
        raise NotReady(msg)
    return current
