"""A domain of a test: it tells which of its background parts have failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from comity.actors.domain import Domain
from comity.engine.errors import ComityError, describe_error

if TYPE_CHECKING:
    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.deliverer import Deliverer
    from comity.actors.processes.running_process import RunningProcess
    from comity.actors.projecting.projector import Projector
    from comity.readmodels.tables.read_model import AnyReadModel

PATIENCE: Final = 10.0
"""Seconds that a part has, at the end of a test, for the last events."""
LOOK: Final = 0.01
"""Seconds between two looks whether it has them."""


class TestedDomain(Domain):
    """A `Domain` that the fixture has opened."""

    __test__ = False  # or pytest collects it

    @property
    def is_open(self) -> bool:
        """Whether the test has not closed it."""
        return self._assembly.closed is None

    def failures(self) -> Iterator[str]:
        """Say what failed in the background. First let each part come to the last event."""
        for process in self._assembly.processes.all():
            if not process.runner.paused:
                yield from self._failures_of_process(process)
        position = self._assembly.journal.position()
        for projector in self._assembly.models.all():
            if projector.status().state != "paused":
                yield from self._failures_of_model(projector, position)
        for outlet in self._assembly.outlets.all():
            if not outlet.actor.paused:
                yield from self._failures_of_outlet(outlet)
        for one in self._assembly.subscriptions:
            if one.error is not None:
                yield f"a listener: {describe_error(one.error)}"

    def _failures_of_model(
        self, projector: Projector[AnyReadModel], position: int
    ) -> Iterator[str]:
        name = projector.model.stored_as
        try:
            self.reached(projector.model, position, timeout=PATIENCE).result(2 * PATIENCE)
        except ComityError as error:
            yield f"the read model {name}: {describe_error(error)}"
        for parked in projector.parked():
            if parked.error:
                where = f"{parked.aggregate} (version {parked.version})"
                yield f"the read model {name} has parked {where}: {parked.error}"

    def _failures_of_process(self, process: RunningProcess) -> Iterator[str]:
        def is_busy() -> bool:
            status = process.status()
            return not status.error and bool(status.lag_events or status.unheard or status.orders)

        yield from self._never_done(f"the process {process.status().name}", is_busy)
        if error := process.status().error:
            yield f"the process {process.status().name}: {error}"

    def _failures_of_outlet(self, outlet: Deliverer[AnyOutlet]) -> Iterator[str]:
        def is_busy() -> bool:
            status = outlet.status()
            return not status.error and bool(status.lag_events or status.in_flight)

        yield from self._never_done(f"the outlet {outlet.status().name}", is_busy)
        if error := outlet.status().error:
            yield f"the outlet {outlet.status().name}: {error}"
        for parked in outlet.parked() if outlet.status().parked else ():
            if parked.error:
                where = f"{parked.key} (position {parked.position})"
                yield f"the outlet {outlet.status().name} has parked {where}: {parked.error}"

    def _never_done(self, name: str, is_busy: Callable[[], bool]) -> Iterator[str]:
        """Wait until a part has nothing to do, or say that this takes too long."""
        runtime = self._assembly.runtime
        until = runtime.monotonic() + PATIENCE
        while is_busy():
            if runtime.monotonic() > until:
                yield f"{name}: it has not done all after {PATIENCE:g} s"
                return
            runtime.sleeper().sleep(LOOK)
