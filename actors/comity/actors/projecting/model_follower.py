"""Follows the journal for one generation of a model, and handles failing events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from comity.actors.following.feed import Recent
from comity.actors.following.follower import Follower
from comity.engine.errors import ComityError, ReadModelError, StorageFailed
from comity.engine.text import printable
from comity.readmodels.projecting.projection import CannotProject, Projection

if TYPE_CHECKING:
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event
    from comity.engine.runtime.clock import Clock
    from comity.readmodels.tables.row_change import RowChange
    from comity.readmodels.tables.state import Checkpoint

Told: TypeAlias = "Callable[[Sequence[RowChange], Checkpoint], None]"

_log = logging.getLogger("comity")


class ModelFollower(Follower):
    """Keeps one generation up to date.

    A failing event is tried a few times; then the model stops there, or parks the event's
    aggregate, as its `on_error` says.

    Args:
        clock: gives the time at which the model stopped.
        told: called with the changed rows of each batch, and the checkpoint after it.
        recent: gives the newest events from memory.
        lost: called if rows have changed and it is unknown which.
    """

    BULK: ClassVar[int] = 128
    """Events in a batch whose changes stay in memory, while a generation is built in bulk. The
    objects of such a batch are dropped before the garbage collector goes through them; with larger
    ones it takes a tenth of the time. Smaller ones, which a rebuild takes while commands are under
    way, are written at once: writing a lot would delay the commands."""

    def __init__(
        self,
        projection: Projection,
        journal: Journal,
        routes: ModelRoutes,
        clock: Clock,
        told: Told | None = None,
        recent: Recent | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.projection = projection
        self._model = _Model(projection, told, lost, clock)
        super().__init__(journal, routes, self._model, recent, self._model.give_up)
        self._model_routes = routes
        self._told = told

    def step(self, most: int = Follower.BATCH) -> float:
        """Take one batch; a small one while a generation is built in bulk."""
        return super().step(min(most, self.BULK) if self.projection.holds else most)

    def replay(self, aggregate: AggregateId | None) -> int:
        """Apply the parked events of one aggregate or of all again; returns how many were applied.

        Raises:
            ReadModelError: `project` still fails; the failing aggregate stays parked.
        """
        self._model.settle()
        taken, waiting = 0, self.projection.parked(aggregate)
        for one in dict.fromkeys(parked.aggregate for parked in waiting):
            its = [parked for parked in waiting if parked.aggregate == one]
            try:
                again = self._model_routes.again(self._journal, its)
                changes = self.projection.replay(one, again)
            except CannotProject as failure:
                msg = f"{one} is parked as before: `project` still fails: {failure}"
                raise ReadModelError(msg) from failure.reason
            if self._told is not None:
                self._told(changes, self.projection.checkpoint)
            taken += len(its)
        return taken

    def drop(self, aggregate: AggregateId) -> int:
        """Drop an aggregate's parked events until a rebuild; returns how many."""
        self._model.settle()
        return self.projection.drop(aggregate)


class _Model:
    """A generation as a consumer of events."""

    def __init__(
        self, projection: Projection, told: Told | None, lost: Callable[[], None], clock: Clock
    ) -> None:
        self._clock = clock
        self.name = projection.model.stored_as
        self._projection = projection
        self._told = told
        self._lost = lost

    @property
    def position(self) -> int:
        return self._projection.position

    def make_sure(self) -> None:
        if self._projection.make_sure():
            self._lost()

    def settle(self) -> None:
        self.make_sure()
        self._tell(self._projection.settle(telling=self._told is not None))

    def take(self, batch: Batch) -> None:
        checkpoint = self._projection.checkpoint
        if batch.position == checkpoint.position and checkpoint.complete:
            return
        hold = len(batch.events) >= ModelFollower.BULK and not batch.is_end
        self._tell(self._projection.take(batch, telling=self._told is not None, hold=hold))

    def _tell(self, changes: Sequence[RowChange]) -> None:
        if changes and self._told is not None:
            self._told(changes, self._projection.checkpoint)

    def give_up(self, at: Recorded[Event] | None, error: BaseException) -> bool:
        try:
            self.settle()
            if at is not None and self._projection.model.on_error == "park":
                self._projection.set_aside(at, error)
                who = printable(str(at.aggregate))
                _log.error("%s: %s is parked; its other events wait", self.name, who)
                return True
            self._projection.stop(at, error, self._clock.now())
        except CannotProject:  # of events that were held: they come again, in small batches
            return True
        except StorageFailed:  # `give_up` is called again later
            raise
        except ComityError as failure:
            _log.error("%s: that it stands cannot be written down: %s", self.name, failure)
        return False
