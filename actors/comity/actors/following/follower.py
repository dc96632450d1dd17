"""Reads on from the journal and gives what it reads to one consumer, a batch a step.

Listeners, read models, rebuilds and builds in another process all follow with this one. It has no
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
"""The rest of who has nothing to do until somebody wakes it."""

GiveUp: TypeAlias = "Callable[[Recorded[Event] | None, BaseException], bool]"
"""What becomes of an event that was tried often enough; without one the next cannot be read.
True: it was set aside, and the consumer's position is behind it. False: the follower stops."""

_log = logging.getLogger("comity")


class Consumer(Protocol):
    """What a follower gives events to. It keeps the position, which may have to be durable."""

    @property
    def name(self) -> str:
        """What it is called in the log."""
        ...

    @property
    def position(self) -> int:
        """The position of the last event that it has taken, or that was passed over."""
        ...

    def make_sure(self) -> None:
        """Look how far it is, where that is not known since something failed."""
        ...

    def take(self, batch: Batch) -> None:
        """Take all of a batch, whose position is then its own; or raise, and take nothing.

        Raises:
            CannotTake: an event of it is to blame.
        """
        ...


class Follower:
    """One consumer on its way through the journal.

    The position moves only after the consumer has taken a batch. A step that fails is tried again
    after a rest, for ever, unless it is said what becomes of an event that fails `ATTEMPTS` times.

    Args:
        journal: what is followed.
        routes: which events the consumer is given.
        consumer: what they are given to.
        recent: gives the newest events from memory.
        give_up: what becomes of an event that fails every time. Storage is tried for ever.
    """

    BATCH = 4_096
    """The most events in one step."""
    ATTEMPTS = 5
    """Times that an event is tried before it is given up."""
    REST = (0.05, 5.0)
    """Seconds of rest after the first failure, and the most; doubled in between."""

    def __init__(
        self,
        journal: Journal,
        routes: Routes,
        consumer: Consumer,
        recent: Recent | None = None,
        give_up: GiveUp | None = None,
    ) -> None:
        self.error: str = ""
        """Why it does not go on, while it does not."""
        self.reason: BaseException | None = None
        """The same, as it was raised."""
        self.stopped = False
        """Whether it has given up, or was told to stop, until `try_again`."""
        self.paused = False
        """Whether it takes no steps, because somebody wants that."""
        self.at_end = False
        """Whether it had taken everything when it last looked."""
        self.given = 0
        """How many events the consumer was given in the last step."""
        self._journal = journal
        self._routes = routes
        self._consumer = consumer
        self._recent = recent
        self._give_up = give_up
        self._feed: Feed | None = None
        self._parts: list[Batch] = []
        """What is to be taken before anything else is read: a batch in parts."""
        self._attempts = 0  # at the event that is next
        self._back_off = BackOff(*self.REST)

    @property
    def position(self) -> int:
        """How far it is."""
        return self._consumer.position

    @property
    def behind(self) -> bool:
        """Whether the journal has more."""
        return self._journal.position() > self.position

    def step(self, most: int = BATCH) -> float:
        """Take one batch of at most so many events; how many seconds to rest before the next.

        0: there is more. `UNTIL_WOKEN`: there is not, or it is paused, or stopped. It never raises:
        what goes wrong is kept in `error`, and told to the log.
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
        """Go on where it stopped."""
        self.stopped, self._attempts = False, 0
        self._parts, self._feed = [], None
        self._back_off.well()

    def stop(self) -> None:
        """Take no more steps. Of one that is on it is not told whether it fails."""
        self.stopped = True

    def _next(self, most: int) -> Batch:
        here = self._consumer.position
        while self._parts:
            part = self._parts.pop(0)
            if part.after == here:
                return part
            self._parts = []  # the consumer is elsewhere now: they are read anew
        if self._feed is None or self._feed.position != here:
            self._feed = Feed(self._journal, self._routes, here, self._recent)
        return self._feed.next(most)

    def _take_apart(self, batch: Batch, at: Recorded[Event] | None) -> None:
        """Plan what stands before the failing event, and that one alone; then it is read on."""
        if at is None:  # it is not known which one fails
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
        """Rest, or give up. A batch is one event, which is to blame."""
        if self.stopped:  # meanwhile, and nobody wants to know any more
            return UNTIL_WOKEN
        self.at_end = False
        at = batch.events[0] if batch and batch.events else None
        # The event is tried alone; what was planned after it is read anew: nothing is left out.
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
        except StorageFailed as failure:  # tried once more, and then given up again
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
        """Keep why it stands, and say it once."""
        said = describe_error(error)
        if said != self.error:
            where = printable(f"{at.event.stored_as} of {at.aggregate}") if at else "a batch"
            _log.error(
                "%s failed after position %d, at %s: %s",
                self._consumer.name, self.position, where, printable(said),
                exc_info=None if isinstance(error, NotExecuted) else error,
            )  # fmt: skip
        self.error, self.reason = said, error
