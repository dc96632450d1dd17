"""Does the stages of a check of a journal, and keeps what they find."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, cast

from comity.engine.errors import JournalError
from comity.engine.history.unreadable import unreadable
from comity.engine.runtime.system import monotonic
from comity.evolution.auditing.audit import Audit, ProblemPlace
from comity.evolution.auditing.model_plans import measured, plan
from comity.evolution.auditing.problems import Problems
from comity.evolution.auditing.progress import OnProgress, Stage
from comity.evolution.auditing.scan import Scan

if TYPE_CHECKING:
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.engine.journal.journal import Journal
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.processes.process import AnyProcess
    from comity.evolution.auditing.audit import ModelPlan
    from comity.readmodels.generations.model_folder import ModelFolder
    from comity.readmodels.tables.read_model import AnyReadModel


class Auditor:
    """One check of a journal.

    Args:
        journal: the journal.
        deciders: today's deciders, by the name of their aggregate type.
        processes: today's processes, by name.
        without: names of aggregate types that need no decider.
        progress: called a few times a second.
        stop: whether to stop.
    """

    def __init__(
        self,
        journal: Journal,
        deciders: Mapping[str, AnyDecider],
        processes: Mapping[str, AnyProcess],
        without: Collection[str],
        progress: OnProgress | None,
        stop: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._progress = progress
        self._stop = stop
        self._began = monotonic()
        self._end = journal.position()
        steps = [cast("AnyDecider", process.decider) for process in processes.values()]
        self._opens = not list(unreadable([*deciders.values(), *steps], journal.kinds()))
        self._problems = Problems()
        self._scan = Scan(journal, deciders, processes, without, self._problems)
        self._complete = False
        self._plans: list[ModelPlan] = []

    def read(self) -> None:
        """Read all records, and fold all states; up to where the journal is damaged, if it is."""
        scan = self._scan
        try:
            done = scan.read(self._stage("reading", self._end))
            again = self._stage("folding again", scan.states.waiting)
            self._complete = done and scan.fold_again(again)
        except JournalError as error:
            what = f"the journal cannot be read after {scan.events:,} events"
            self._problems.add("journal", what, ProblemPlace("", 0, 0, str(error)))
        scan.note_strangers()

    def plan(self, model: type[AnyReadModel], folder: ModelFolder, routes: ModelRoutes) -> None:
        """Find out what happens to a model, and how long building it takes."""
        found = plan(model, folder)
        self._complete = self._complete and not self._stop()
        if self._complete and (found.why or self._has_reshaped(model)):
            stage = self._stage(f"measuring {model.stored_as}", self._end)
            built = measured(found, model, routes, self._journal, self._problems, stage)
            found = built if found.is_built else found
        self._plans.append(found)

    def _has_reshaped(self, model: type[AnyReadModel]) -> bool:
        """Whether an upcast gives a model other events than those that its rows are made from."""
        names = {kind.__name__ for kind in model.events}
        return any("upcast" in kind.ways and kind.read_as in names for kind in self._scan.kinds())

    def result(self) -> Audit:
        """What was found so far."""
        scan, states = self._scan, self._scan.states
        return Audit(
            position=self._end,
            complete=self._complete,
            seconds=monotonic() - self._began,
            records=scan.records,
            events=scan.events,
            aggregates=states.aggregates,
            opens=self._opens,
            broken=states.broken,
            kinds=tuple(scan.kinds()),
            commands=tuple(scan.commands()),
            copies=tuple(scan.copies()),
            snapshots=states.snapshots,
            unused=states.unused,
            models=tuple(self._plans),
            problems=self._problems.found(),
        )

    def _stage(self, name: str, end: int) -> Stage:
        return Stage(name, end, self._progress, self._stop)
