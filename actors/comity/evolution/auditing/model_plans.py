"""What happens to read models when a domain opens with today's classes, and how long it takes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comity.actors.projecting.build import go_through
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine.errors import JournalError, ReadModelError
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.runtime.system import SYSTEM_CLOCK, Flag, monotonic
from comity.evolution.auditing.audit import ModelPlan, ProblemPlace
from comity.readmodels.generations.generations import new_projection, put_away_projection
from comity.readmodels.generations.going_on import growth
from comity.readmodels.generations.model_folder import ModelFolder, describe, open_generation
from comity.readmodels.generations.reader import checkpoint_of, stopped_of
from comity.readmodels.tables.growth import differences

if TYPE_CHECKING:
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.engine.journal.journal import Journal
    from comity.evolution.auditing.problems import Problems
    from comity.evolution.auditing.progress import Stage
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.schema import Described
    from comity.readmodels.tables.state import Stopped

SAMPLE: Final = 2.0
"""For at most so many seconds a model is built on trial."""


def plan(model: type[AnyReadModel], folder: ModelFolder) -> ModelPlan:
    """Compare the generation that answers with today's class; nothing is measured yet."""
    name, current = model.stored_as, folder.current()
    if current is None:
        return ModelPlan(name, "is built", "it is not built yet", None, 0)
    try:
        described = describe(current)
        complete, stopped = _reached(current, described)
        if model.schema.fits(described):
            return ModelPlan(name, "stays", stopped.sentence() if stopped else "", None, 0)
        found = growth(model, folder, described)
        if found.goes_on and complete:
            return ModelPlan(name, "goes on", f"its rows have gained {found.names}", None, 0)
    except ReadModelError as error:  # it is damaged, of another format, or was not flushed
        return ModelPlan(name, "is rebuilt", str(error), None, 0)
    why = found.unsaid or "; ".join(differences(model.schema, described))
    why = "it was never complete" if found.goes_on else why
    return ModelPlan(name, "is rebuilt", why or "the code of its methods has changed", None, 0)


def _reached(generation: Path, described: Described) -> tuple[bool, Stopped | None]:
    """Whether the generation has ever reached the journal's end, and where it has stopped."""
    environment = open_generation(generation, described.tables, map_size=MAP_SIZE)
    try:
        with environment.reading() as reading:
            return checkpoint_of(reading).complete, stopped_of(reading)
    finally:
        environment.close()


def measured(
    plan: ModelPlan,
    model: type[AnyReadModel],
    routes: ModelRoutes,
    journal: Journal,
    problems: Problems,
    stage: Stage,
) -> ModelPlan:
    """Build the model on trial, in a folder of its own, and reckon how long all of it takes.

    It begins with the journal's first event, since later events need the rows of earlier ones.
    """
    try:
        position, seconds = _built_on_trial(model, routes, journal, stage)
    except (ReadModelError, JournalError) as error:
        problems.add(
            "model", f"{model.stored_as}: it cannot be built", ProblemPlace("", 0, 0, str(error))
        )
        return plan
    if not position:  # the journal is empty, or the check was stopped
        return plan
    whole = seconds * max(1.0, journal.position() / position)
    return replace(plan, seconds=whole, sample=position)


def _built_on_trial(
    model: type[AnyReadModel], routes: ModelRoutes, journal: Journal, stage: Stage
) -> tuple[int, float]:
    """Build for at most `SAMPLE` seconds; returns the position that was reached, and the seconds.

    Raises:
        ReadModelError: `project` failed.
        JournalError: an event cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="comity-check-") as place:
        folder = ModelFolder(Path(place) / model.stored_as)
        folder.make()
        projection = new_projection(model, folder)
        stop, began = Flag(), monotonic()

        def told(position: int) -> None:
            if not stage.goes_on(position) or monotonic() - began > SAMPLE:
                stop.set()

        try:
            go_through(ModelFollower(projection, journal, routes, SYSTEM_CLOCK), stop, told)
        finally:
            put_away_projection(projection)
        return projection.checkpoint.position, monotonic() - began
