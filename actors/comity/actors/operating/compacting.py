"""The files beside a journal that `comity compact` makes smaller: read models and ledgers."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from comity.actors.delivering.compacting import compact_ledger, room_of_ledger
from comity.actors.delivering.lmdb_tables import is_there
from comity.actors.delivering.opening import ledgers_folder
from comity.engine.compacting.progress import Show
from comity.engine.compacting.tidying import Tidied, tidied
from comity.engine.errors import ComityError, WiringError
from comity.engine.files.own_folder import OwnFolder
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.lmdb.environment import Room
from comity.readmodels.generations.compacting import SAVED, compact_model, room_of
from comity.readmodels.generations.model_folder import ModelFolder, models_folder, models_in
from comity.readmodels.tables.read_model import NAME

if TYPE_CHECKING:
    from comity.actors.aggregates.committer import Committer
    from comity.engine.journal.commit_head import CommitHead
    from comity.engine.journal.journal import Journal
    from comity.engine.lmdb.transaction import Writing


def compact_open(
    journal: Journal,
    committer: Committer,
    *,
    refusals: bool,
    progress: Show | None,
    stop: Callable[[], bool] | None,
) -> Tidied:
    """Tidy the journal of an open domain, between its commits; see `Domain.compact`."""
    if not isinstance(journal, LmdbJournal):
        msg = (
            f"compact() is for a journal in a directory, and this one is a {type(journal).__name__}"
        )
        raise WiringError(msg)

    def tidy(work: Callable[[Writing, CommitHead], None]) -> None:
        committer.aside(partial(journal.tidy, work))

    return tidied(
        journal, refusals=refusals, window=journal.window, tidy=tidy, show=progress, stop=stop
    )


class Kind(StrEnum):
    """What a file is for."""

    MODEL = "model"
    """A read model, or the agenda of a process."""
    OUTLET = "outlet"


class Beside(NamedTuple):
    """A file beside the journal."""

    kind: Kind
    name: str
    folder: Path
    room: Room | None
    """None: there is no file, or it cannot be read."""
    problem: str = ""
    """Why it cannot be read."""

    @property
    def pays(self) -> bool:
        """Whether a compact copy gives back enough."""
        return self.room is not None and self.room.free >= SAVED

    def compact(
        self, show: Show | None = None, stop: Callable[[], bool] | None = None
    ) -> Room | None:
        """Make the file smaller; return its room then.

        Raises:
            ComityError: it stays as it is; the text says why.
        """
        if self.kind is Kind.MODEL:
            compact_model(ModelFolder(self.folder), stop)
        else:
            compact_ledger(self.folder, show, stop)
        return _room(self.kind, self.folder)


def beside(path: Path, *, models: Path | None = None, ledgers: Path | None = None) -> list[Beside]:
    """List the files beside the journal at `path`.

    Args:
        path: the journal's directory.
        models: the folder of its models, if it is not the one inside.
        ledgers: the folder of its outlets' ledgers, likewise.

    Raises:
        ReadModelError: there is something else at the folder of the models.
    """
    place = models_folder(path, models)
    found: list[tuple[Kind, Path]] = []
    if models is not None or place.is_dir():
        found += [
            (Kind.MODEL, place / name)
            for name in models_in(place)
            if ModelFolder(place / name).is_begun()
        ]
    outlets = ledgers_folder(path, ledgers)
    found += [
        (Kind.OUTLET, outlets / name) for name in sorted(OwnFolder(outlets, NAME).folders(NAME))
    ]
    return [_look(kind, folder) for kind, folder in found]


def _look(kind: Kind, folder: Path) -> Beside:
    try:
        return Beside(kind, folder.name, folder, _room(kind, folder))
    except (ComityError, OSError) as error:
        return Beside(kind, folder.name, folder, None, str(error))


def _room(kind: Kind, folder: Path) -> Room | None:
    if kind is Kind.MODEL:
        return room_of(ModelFolder(folder))
    return room_of_ledger(folder) if is_there(folder) else None
