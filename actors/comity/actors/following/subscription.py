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
    """One listener and how far it is. A slow or failing one delays nobody else and loses nothing.

    Events of aggregate types that the domain was not opened with are passed over, which the log
    says once for each type. An event that cannot be read is not: the listener stands before it.
    """

    BATCH = 1_024
    """The most events that a listener is given at once."""

    def __init__(
        self, services: Services, deciders: Iterable[AnyDecider], listener: Listener, after: int
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
            EveryEvent(name, deciders),
            Listening(listener, name, after),
            services.recent.after,
        )

    @property
    def position(self) -> int:
        """The position of the last event that the listener has taken, or that was passed over."""
        return self._follower.position

    @property
    def error(self) -> BaseException | None:
        """Why the listener stands still, if it does."""
        return self._follower.reason

    def stepping(self) -> Follower:
        """The listener's follower."""
        return self._follower

    def step(self) -> float:
        """Give the listener the next batch."""
        return self._follower.step(self.BATCH)

    def close(self) -> None:
        """Feed it no more. The batch that it is being given is not interrupted."""
        self._follower.stop()
        self.drain()
        self._executor.stop(timeout=0.0)


class Listening:
    """A listener as a consumer of events. How far it is is not kept anywhere else."""

    def __init__(self, listener: Listener, name: str, after: int) -> None:
        self.name = name
        self.position = after
        self._listener = listener

    def make_sure(self) -> None:
        """Its position is always known."""

    def take(self, batch: Batch) -> None:
        """Give the listener what is wanted of it."""
        if batch.events:
            self._listener.receive(batch.events)
        self.position = batch.position
