"""A domain of a test: it tells which of its background parts have failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from comity.actors.domain import Domain
from comity.engine.errors import ComityError, describe_error

if TYPE_CHECKING:
    from comity.actors.projecting.projector import Projector
    from comity.readmodels.tables.read_model import AnyReadModel

PATIENCE: Final = 10.0
"""Seconds that a read model has, at the end of a test, to project the last events."""


class TestedDomain(Domain):
    """A `Domain` that the fixture has opened."""

    __test__ = False  # or pytest collects it

    @property
    def is_open(self) -> bool:
        """Whether the test has not closed it."""
        return self._assembly.closed is None

    def failures(self) -> Iterator[str]:
        """Say what failed in the background. First let the read models project all events."""
        position = self._assembly.journal.position()
        for projector in self._assembly.models.all():
            if projector.status().state != "paused":
                yield from self._failures_of(projector, position)
        for one in self._assembly.subscriptions:
            if one.error is not None:
                yield f"a listener: {describe_error(one.error)}"

    def _failures_of(self, projector: Projector[AnyReadModel], position: int) -> Iterator[str]:
        name = projector.model.stored_as
        try:
            self.reached(projector.model, position, timeout=PATIENCE).result(2 * PATIENCE)
        except ComityError as error:
            yield f"the read model {name}: {describe_error(error)}"
        for parked in projector.parked():
            if parked.error:
                where = f"{parked.aggregate} (version {parked.version})"
                yield f"the read model {name} has parked {where}: {parked.error}"
