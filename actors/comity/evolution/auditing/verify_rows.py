"""Verifies with the program's classes what a journal and its models hold. `comity verify` uses it.

Every event must be readable, every state foldable, each snapshot must be the fold of its events,
and each read model must have the rows that its events give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from comity.actors.assembly.assembly import by_name
from comity.actors.projecting.found_routes import FoundRoutes
from comity.engine.arguments import check_path
from comity.engine.errors import JournalError, ReadModelError
from comity.engine.journal.opener import opener_of
from comity.evolution.auditing.check_journal import check_journal
from comity.evolution.auditing.progress import OnProgress, Stage, go_on
from comity.evolution.auditing.same_rows import compare
from comity.readmodels.generations.model_folder import ModelFolder, models_folder

if TYPE_CHECKING:
    from comity.engine.journal.opener import Place
    from comity.engine.merging.decider import AggregateType
    from comity.engine.processes.process import ProcessType
    from comity.evolution.auditing.audit import Audit
    from comity.readmodels.tables.read_model import AnyReadModel


class ComparedModel(NamedTuple):
    """A read model beside what its events give."""

    model: str
    compared: bool
    """Whether it was compared; else `what` says why not."""
    what: str
    """The first difference; empty if there is none."""


@dataclass(frozen=True)
class VerifiedRows:
    """What the program's classes make of a journal and its models."""

    audit: Audit
    """What they read of the journal."""
    models: tuple[ComparedModel, ...]

    @property
    def is_sound(self) -> bool:
        """Whether all can be read and folded, and no model differs."""
        return self.audit.is_fine and not any(one.compared and one.what for one in self.models)


def verify_rows(
    path: Place,
    deciders: Iterable[AggregateType],
    *,
    processes: Iterable[ProcessType] = (),
    models: Iterable[type[AnyReadModel]] = (),
    folder: str | PathLike[str] | None = None,
    without: Iterable[str] = (),
    progress: OnProgress | None = None,
    stop: Callable[[], bool] = go_on,
) -> VerifiedRows:
    """Read a journal with the program's classes, and build each read model anew to compare it.

    Call `verify` first: a damaged file must not be opened. The arguments and errors are those of
    `check_journal`.
    """
    deciders, models = list(deciders), list(models)
    audit = check_journal(
        path, deciders, processes=processes, without=without, progress=progress, stop=stop
    )
    if not models or not audit.complete:
        return VerifiedRows(audit, ())
    opener = opener_of(path)
    place = models_folder(opener.path, None if folder is None else check_path(folder, "folder"))
    types = [*by_name(deciders).values()]
    journal = opener.open(read_only=True)
    compared: list[ComparedModel] = []
    try:
        for model in models:
            stage = Stage(f"building {model.stored_as}", journal.position(), progress, stop)
            routes = FoundRoutes.by(model, types)
            home = ModelFolder(Path(place) / model.stored_as)
            try:
                what, done = compare(model, home, routes, journal, stage)
            except (ReadModelError, JournalError) as error:
                what, done = str(error), True
            compared.append(ComparedModel(model.stored_as, done, what))
    finally:
        journal.close()
    return VerifiedRows(audit, tuple(compared))
