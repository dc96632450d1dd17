"""Reads the journal for one consumer: one batch per step, in order, without gaps.

Listeners, read models, rebuilds and builds in another process all use this class. It has no
thread and no clock: `FollowerActor` gives it turns, or a loop calls `step`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from comity.actors.following.back_off import BackOff
from comity.actors.following.feed import Feed, Recent
from comity.engine.errors import NotExecuted, StorageFailed, describe_error
from comity.engine.history.batch import CannotTake
from comity.engine.text import printable

if TYPE_CHECKING:
    from comity.actors.following.routes import Routes
    from comity.engine.history.batch import Batch
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event

UNTIL_WOKEN: Final = math.inf
"""The rest that `step` returns when there is nothing to do until `wake` is called."""

GiveUp: TypeAlias = "Callable[[Recorded[Event] | None, BaseException], bool]"
"""Called with an event that has failed `ATTEMPTS` times, or None if the next event cannot be read.
True: the event was set aside, and the consumer's position is past it. False: the follower stops."""

_log = logging.getLogger("comity")


class Consumer(Protocol):
    """Receives a follower's events. It keeps the position, which may have to be durable."""

    @property
    def name(self) -> str:
        """Its name in the log."""
        ...

    @property
    def position(self) -> int:
        """The position of the last event that was taken or skipped."""
        ...

    def make_sure(self) -> None:
        """Find out the position again if a failure has made it unknown."""
        ...

    def take(self, batch: Batch) -> None:
        """Take the whole batch and move to its position; or raise, and take nothing.

        Raises:
            CannotTake: an event of the batch is to blame; or of one before it, if the consumer has
                gone back to an earlier position.
        """
        ...


class Follower:
    """Reads the journal for one consumer.

    The position moves only after the consumer has taken a batch. A failed step is repeated after a
    rest, for ever; with `give_up`, an event that has failed `ATTEMPTS` times is given up.

    Args:
        journal: the journal to follow.
        routes: the events that the consumer wants.
        consumer: receives the events.
        recent: gives the newest events from memory.
        give_up: handles an event that fails every time. Storage failures are retried for ever.
    """

    BATCH = 4_096
    """The most events in one step."""
    ATTEMPTS = 5
    """How often an event is tried before it is given up."""
    REST = (0.05, 5.0)
    """Seconds of rest after the first failure, and at most; each failure doubles the rest."""

    def __init__(
        self,
        journal: Journal,
        routes: Routes,
        consumer: Consumer,
        recent: Recent | None = None,
        give_up: GiveUp | None = None,
    ) -> None:
        self.error: str = ""
        """Why it does not go on; empty while it does."""
        self.reason: BaseException | None = None
        """The exception that `error` describes."""
        self.stopped = False
        """Whether it has given up or `stop` was called; `try_again` ends that."""
        self.paused = False
        """Whether it is to take no steps; set by its owner."""
        self.at_end = False
        """Whether the last step reached the journal's end."""
        self.given = 0
        """How many events the last step gave to the consumer."""
        self._journal = journal
        self._routes = routes
        self._consumer = consumer
        self._recent = recent
        self._give_up = give_up
        self._feed: Feed | None = None
        self._parts: list[Batch] = []
        """The parts of a divided batch, to be taken before anything else is read."""
        self._attempts = 0  # failures of the next event
        self._back_off = BackOff(*self.REST)

    @property
    def position(self) -> int:
        """The consumer's position."""
        return self._consumer.position

    @property
    def behind(self) -> bool:
        """Whether the journal has more events."""
        return self._journal.position() > self.position

    def step(self, most: int = BATCH) -> float:
        """Take one batch of at most `most` events; returns the seconds to rest before the next.

        0: there is more. `UNTIL_WOKEN`: there is no more, or it is paused or stopped. It never
        raises: an error is kept in `error` and logged.
        """
        if self.stopped or self.paused:
            return UNTIL_WOKEN
        batch: Batch | None = None
        self.given = 0
        try:
            self._consumer.make_sure()
            batch = self._next(most)
            self.given = len(batch.events)
            self._consumer.take(batch)
        except CannotTake as failure:
            assert batch is not None
            if self.position != batch.after:  # the consumer has gone back, and takes smaller steps
                return 0.0
            if len(batch.events) > 1:
                self._take_apart(batch, failure.at)
                return 0.0
            return self._failed(failure.reason, batch)
        except BaseException as error:
            return self._failed(error, None)
        self._well()
        self.at_end = batch.is_end
        return UNTIL_WOKEN if batch.is_end else 0.0

    def try_again(self) -> None:
        """Go on from the position where it stopped."""
        self.stopped, self._attempts = False, 0
        self._parts, self._feed = [], None
        self._back_off.well()

    def stop(self) -> None:
        """Take no more steps. If a step is running and fails, that is not reported."""
        self.stopped = True

    def _next(self, most: int) -> Batch:
        here = self._consumer.position
        while self._parts:
            part = self._parts.pop(0)
            if part.after == here:
                return part
            self._parts = []  # the consumer is at another position: the events are read again
        if self._feed is None or self._feed.position != here:
            self._feed = Feed(self._journal, self._routes, here, self._recent)
        return self._feed.next(most)

    def _take_apart(self, batch: Batch, at: Recorded[Event] | None) -> None:
        """Plan the events before the failing event, then that event; the rest is read again."""
        if at is None:  # unknown which event fails
            parts = [[event] for event in batch.events]
        else:
            before = [event for event in batch.events if event.position < at.position]
            parts = [before, [at]] if before else [[at]]
        self.at_end, after, self._parts = False, batch.after, []
        for events in parts:
            self._parts.append(batch.part(after, events))
            after = events[-1].position

    def _well(self) -> None:
        self.error, self.reason, self._attempts = "", None, 0
        self._back_off.well()

    def _failed(self, error: BaseException, batch: Batch | None) -> float:
        """Rest, or give up. `batch`, if any, has one event, which is to blame."""
        if self.stopped:  # `stop` was called during the step: the failure is not reported
            return UNTIL_WOKEN
        self.at_end = False
        at = batch.events[0] if batch and batch.events else None
        # The event is tried alone; the planned events after it are read again, so none is lost.
        self._parts = [batch.part(self.position, [at])] if batch and at else []
        self._complain(error, at)
        if self._give_up is None or (at is None and isinstance(error, NotExecuted)):
            return self._back_off.failed(error)
        self._attempts += 1
        if self._attempts < self.ATTEMPTS:
            return self._back_off.failed(error)
        return self._end_trying(self._give_up, error, at)

    def _end_trying(
        self, give_up: GiveUp, error: BaseException, at: Recorded[Event] | None
    ) -> float:
        self._parts = []
        try:
            goes_on = give_up(at, error)
        except StorageFailed as failure:  # try the event once more, then give it up again
            self._attempts = self.ATTEMPTS - 1
            return self._failed(failure, None)
        self._attempts = 0
        if goes_on:
            self._well()
            return 0.0
        self.stopped = True
        name = self._consumer.name
        _log.error("%s has stopped after position %d; it can be read", name, self.position)
        return UNTIL_WOKEN

    def _complain(self, error: BaseException, at: Recorded[Event] | None) -> None:
        """Keep the error, and log it once."""
        said = describe_error(error)
        if said != self.error:
            where = printable(f"{at.event.stored_as} of {at.aggregate}") if at else "a batch"
            _log.error(
                "%s failed after position %d, at %s: %s",
                self._consumer.name, self.position, where, printable(said),
                exc_info=None if isinstance(error, NotExecuted) else error,
            )  # fmt: skip
        self.error, self.reason = said, error
