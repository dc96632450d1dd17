"""Drives a projection from the journal: a batch a step, and what to do when `project` fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from comity.actors.runtime.patience import rest_after
from comity.engine.errors import (
    ComityError,
    JournalError,
    NotExecuted,
    ReadModelError,
    StorageFailed,
)
from comity.engine.text import printable
from comity.readmodels.projecting.feed import Batch, Feed, Recent, Routes
from comity.readmodels.projecting.projection import CannotProject, Projection, describe_error

if TYPE_CHECKING:
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.workspace import RowChange

_log = logging.getLogger("comity")


class Driver:
    """One generation on its way through the journal.

    A batch that fails is taken again in parts, so that what stands before the failing event is
    kept. The failing event is tried `ATTEMPTS` times, with rests in between; then the model stops
    there, or parks the event's aggregate, as it says. Storage that fails is tried for ever.

    Args:
        told: called with the changed rows of each batch that was taken.
        lost: called where rows have changed and nobody can say which.
        recent: gives the newest events from memory.
    """

    BATCH = 4_096
    """The most events in one transaction."""
    ATTEMPTS = 5
    """Times that an event is tried before the model stops, or parks it."""
    REST = (0.05, 5.0)
    """Seconds of rest after the first failure, and the most; doubled in between."""

    def __init__(
        self,
        projection: Projection,
        journal: Journal,
        routes: Routes,
        told: Callable[[Sequence[RowChange]], None] | None = None,
        recent: Recent | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.projection = projection
        self.error: str = ""
        """Why it does not go on, while it does not."""
        self.reason: BaseException | None = None
        """The same, as it was raised."""
        self.stopped = False
        """Whether it has given up, until `try_again`."""
        self.at_end = False
        """Whether it had taken everything when it last looked."""
        self._name = projection.model.stored_as
        self._journal = journal
        self._routes = routes
        self._told = told
        self._recent = recent
        self._lost = lost
        self._feed: Feed | None = None
        self._plan: list[Batch] = []
        self._failures = 0  # of the event that is next
        self._held_up = 0  # times in a row that something else failed

    @property
    def position(self) -> int:
        """How far it is."""
        return self.projection.checkpoint.position

    @property
    def behind(self) -> bool:
        """Whether the journal has more."""
        return self._journal.position() > self.position or not self.projection.checkpoint.complete

    def step(self, most: int = BATCH) -> float:
        """Take one batch of at most so many events; how many seconds to rest before the next.

        It never raises: what goes wrong is kept in `error`, and told to the log.
        """
        if self.stopped:
            return 0.0
        batch: Batch | None = None
        try:
            self.make_sure()
            batch = self._next(most)
            if batch.position == self.position and self.projection.checkpoint.complete:
                self._well()
                self.at_end = True
                return 0.0
            changes = self.projection.take(batch, telling=self._told is not None)
        except CannotProject as failure:
            assert batch is not None
            if len(batch.events) > 1:
                self._take_apart(batch, failure.at)
                return 0.0
            return self._failed(failure.reason, batch.events[0] if batch.events else None)
        except BaseException as error:
            return self._failed(error, None)
        self._well()
        self.at_end = batch.is_end
        if changes and self._told is not None:
            self._told(changes)
        return 0.0

    def try_again(self) -> None:
        """Go on where it stopped."""
        self.stopped, self._failures = False, 0
        self._plan, self._feed = [], None

    def make_sure(self) -> None:
        """Look how far the tables are, where that is not known since something failed."""
        if self.projection.make_sure():
            self._plan, self._feed = [], None
            self._lost()

    def replay(self, aggregate: AggregateId | None) -> int:
        """Take the parked events again, of one aggregate or of all; how many were taken.

        Raises:
            ReadModelError: `project` still fails; what failed is parked as before.
        """
        self.make_sure()
        taken, waiting = 0, self.projection.parked(aggregate)
        for one in dict.fromkeys(parked.aggregate for parked in waiting):
            its = [parked for parked in waiting if parked.aggregate == one]
            try:
                changes = self.projection.replay(one, self._routes.again(self._journal, its))
            except CannotProject as failure:
                msg = f"{one} is parked as before: `project` still fails: {failure}"
                raise ReadModelError(msg) from failure.reason
            if self._told is not None:
                self._told(changes)
            taken += len(its)
        return taken

    def drop(self, aggregate: AggregateId) -> int:
        """Give the parked events of an aggregate up, until a rebuild; how many it were."""
        self.make_sure()
        return self.projection.drop(aggregate)

    def _next(self, most: int) -> Batch:
        if self._plan:
            return self._plan.pop(0)
        if self._feed is None:
            self._feed = Feed(self._journal, self._routes, self.position, self._recent)
        feed, self._feed = self._feed, None  # one that raises is not used again
        batch = feed.next(most)
        self._feed = feed
        return batch

    def _take_apart(self, batch: Batch, at: Recorded[Event] | None) -> None:
        """Plan what stands before the failing event, and that one alone; then read on from it."""
        self._feed, self._plan = None, []
        if at is None:  # it is not known which one fails
            parts = [[event] for event in batch.events]
        else:
            before = [event for event in batch.events if event.position < at.position]
            parts = [before, [at]] if before else [[at]]
        after = batch.after
        for events in parts:
            self._plan.append(_part(after, events))
            after = events[-1].position

    def _well(self) -> None:
        self.error, self.reason, self._failures, self._held_up = "", None, 0, 0

    def _failed(self, error: BaseException, at: Recorded[Event] | None) -> float:
        self.at_end = False
        self._feed = None  # what was planned after it is read anew: nothing is left out
        self._plan = [] if at is None else [_part(self.position, [at])]
        said = describe_error(error)
        if said != self.error:
            where = printable(f"{at.event.stored_as} of {at.aggregate}") if at else "a batch"
            _log.error(
                "%s failed after position %d, at %s: %s",
                self._name, self.position, where, printable(said),
                exc_info=None if isinstance(error, NotExecuted) else error,
            )  # fmt: skip
        self.error, self.reason = said, error
        if at is None and isinstance(error, NotExecuted):
            self._held_up += 1
            return rest_after(self._held_up, error, self.REST)
        self._failures += 1
        if self._failures < self.ATTEMPTS:
            return rest_after(self._failures, error, self.REST)
        self._plan = []
        return self._give_up(error, at)

    def _give_up(self, error: BaseException, at: Recorded[Event] | None) -> float:
        try:
            if at is not None and self.projection.model.on_error == "park":
                self.projection.set_aside(at, error)
                who = printable(str(at.aggregate))
                _log.error("%s: %s is parked; its other events wait", self._name, who)
                self._well()
                return 0.0
            self.projection.stop(at, error)
        except StorageFailed as failure:  # tried once more, and then given up again
            self._failures = self.ATTEMPTS - 1
            return self._failed(failure, None)
        except (ComityError, JournalError) as failure:
            _log.error("%s: that it stands cannot be written down: %s", self._name, failure)
        self._failures = 0
        self.stopped = True  # not before it is written down: who sees it reads where and why
        _log.error("%s has stopped after position %d; it can be read", self._name, self.position)
        return 0.0


def _part(after: int, events: Sequence[Recorded[Event]]) -> Batch:
    last = events[-1]
    return Batch(after, events, last.position, last.microseconds, is_end=False)
