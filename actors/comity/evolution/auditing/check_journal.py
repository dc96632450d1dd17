"""Reads a whole journal with today's classes, beside its domain. `comity check` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from comity.actors.assembly.assembly import by_name
from comity.actors.processes.agenda import agenda_of
from comity.actors.processes.agenda_routes import AgendaRoutes
from comity.actors.processes.processes import check_processes, deciders_of
from comity.actors.projecting.found_routes import FoundRoutes
from comity.actors.projecting.models import check_models
from comity.engine.arguments import check_path, check_several
from comity.engine.errors import WiringError
from comity.engine.journal.opener import opener_of
from comity.engine.processes.installed import starts_in
from comity.evolution.auditing.auditor import Auditor
from comity.evolution.auditing.progress import OnProgress, go_on
from comity.readmodels.generations.model_folder import ModelFolder, models_folder

if TYPE_CHECKING:
    from comity.actors.processes.agenda import AnyAgenda
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.opener import Place
    from comity.engine.merging.decider import AggregateType, AnyDecider
    from comity.engine.processes.process import AnyProcess, ProcessType
    from comity.evolution.auditing.audit import Audit
    from comity.readmodels.tables.read_model import AnyReadModel


def check_journal(
    path: Place,
    deciders: Iterable[AggregateType],
    *,
    processes: Iterable[ProcessType] = (),
    models: Iterable[type[AnyReadModel]] = (),
    folder: str | PathLike[str] | None = None,
    without: Iterable[str] = (),
    progress: OnProgress | None = None,
    stop: Callable[[], bool] = go_on,
) -> Audit:
    """Read a whole journal with today's classes, and tell what they cannot read.

    Call it before a deploy. It only reads, so the domain may be running in another process. It goes
    on behind a problem: all are counted, and the first few places of each are told.

    Args:
        path: the path that the domain is opened with, or an opener.
        deciders: all deciders of the new program.
        processes: its processes: whether they can read what they have heard and ordered.
        models: its read models: whether each is rebuilt, and how long that takes.
        folder: the folder of the domain's models, unless it is the default.
        without: names of aggregate types that have no decider any more, on purpose.
        progress: called a few times a second.
        stop: asked a few times a second; True ends the check, and what was seen is told.

    Raises:
        WiringError: an argument is wrong, or no decider has some of a model's events.
        NotAJournal, TooNew, JournalDamaged: the journal cannot be opened. If it cannot be read from
            some place on, that is a problem of the result.
        JournalInUse: this process has it open.

    Example:
        found = check_journal("team.db", [board], models=[Cards])
        assert found.is_fine, found.problems
    """
    known = by_name(deciders)
    if not known:
        raise WiringError("deciders: expected those of the new program, got an empty list")
    kinds = check_models(check_several(models, "models", WiringError))
    running = check_processes(processes, known, kinds)
    unneeded = _names(without)
    opener = opener_of(path)
    told = None if folder is None else check_path(folder, "folder")
    place = models_folder(opener.path, told) if kinds or running else Path()
    types = [*known.values(), *deciders_of(running).values()]
    routes = [FoundRoutes.by(kind, types) for kind in kinds]
    journal = opener.open(read_only=True)
    try:
        auditor = Auditor(journal, known, running, unneeded, progress, stop)
        auditor.read()
        for model, its in zip(kinds, routes, strict=True):
            auditor.plan(model, ModelFolder(place / model.stored_as), its)
        for agenda, steps in _agendas(journal, known, running):
            auditor.plan(agenda, ModelFolder(place / agenda.stored_as), steps)
        return auditor.result()
    finally:
        journal.close()


def _agendas(
    journal: Journal, deciders: Mapping[str, AnyDecider], processes: Mapping[str, AnyProcess]
) -> Iterator[tuple[type[AnyAgenda], AgendaRoutes]]:
    """Yield the agendas of the processes that have begun."""
    steps = deciders_of(processes)
    for name, start in starts_in(journal).items():
        if name in processes:
            agenda = agenda_of(processes[name], start)
            others = [one for one in processes if one != name]
            yield agenda, AgendaRoutes(agenda, [*deciders.values(), steps[name]], others)


def _names(without: Iterable[str]) -> frozenset[str]:
    names = check_several(without, "without", WiringError)
    for name in names:
        if not isinstance(cast("object", name), str):
            msg = f"without: expected names of aggregate types, such as 'board', got {name!r:.100}"
            raise WiringError(msg)
    return frozenset(names)
