"""Feeds a listener from the journal: catches up, then follows, at the listener's own pace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from comity.actors.following.follower import Follower
from comity.actors.following.follower_actor import FollowerActor
from comity.actors.following.routes import EveryEvent
from comity.engine.arguments import check_there
from comity.engine.errors import WiringError

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.engine.history.batch import Batch
    from comity.engine.merging.decider import AnyDecider
    from comity.readmodels.projecting.listener import Listener


class Subscription(FollowerActor):
    """Feeds one listener. A slow or failing listener delays nothing else and loses no event.

    It skips events of aggregate types that the domain was not opened with, and logs each such type
    once; it skips those in `without`, the steps of processes, and does not log it. It does not skip
    an event that cannot be read: delivery stops before that event.
    """

    BATCH = 1_024
    """The most events that a listener is given at once."""

    def __init__(
        self,
        services: Services,
        deciders: Iterable[AnyDecider],
        listener: Listener,
        after: int,
        *,
        without: Iterable[str] = (),
    ) -> None:
        if isinstance(listener, type) or not callable(getattr(listener, "receive", None)):
            msg = f"a listener is an object with a method receive(batch), got {listener!r:.100}"
            raise WiringError(msg)
        check_there(after, services.journal.position(), "after", "the journal")
        kind = type(listener).__name__
        name = f"subscription of {kind}"
        super().__init__(services, name, kind)
        services.recent.wanted = True
        self._follower = Follower(
            services.journal,
            EveryEvent(name, deciders, without),
            Listening(listener, name, after),
            services.recent.after,
        )

    @property
    def position(self) -> int:
        """The position of the last event that the listener has taken or the feed has skipped."""
        return self._follower.position

    @property
    def error(self) -> BaseException | None:
        """The error that keeps the listener from going on; None if it goes on."""
        return self._follower.reason

    @property
    def is_closed(self) -> bool:
        """Whether the listener gets no more events."""
        return self._follower.stopped

    def stepping(self) -> Follower:
        """Return the listener's follower."""
        return self._follower

    def step(self) -> float:
        """Give the listener the next batch; returns the seconds to rest, as `Follower.step`."""
        return self._follower.step(self.BATCH)

    def close(self) -> None:
        """Stop feeding the listener. A batch that it is handling now is not interrupted."""
        self._follower.stop()
        self.drain()
        self._executor.stop(timeout=0.0)


class Listening:
    """A listener as a consumer of events. Its position is kept only here, in memory."""

    def __init__(self, listener: Listener, name: str, after: int) -> None:
        self.name = name
        self.position = after
        self._listener = listener

    def make_sure(self) -> None:
        """Do nothing: the position is always known."""

    def take(self, batch: Batch) -> None:
        """Give the listener the batch's events, and move the position."""
        if batch.events:
            self._listener.receive(batch.events)
        self.position = batch.position
