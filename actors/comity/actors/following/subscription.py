"""Feeds a listener from the journal: catches up, then follows, at the listener's own pace."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from comity.actors.runtime.patience import rest_after
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine.arguments import check_there
from comity.engine.errors import UnreadableEvent, WiringError
from comity.engine.history.history import recorded
from comity.engine.messages.message import Event
from comity.engine.text import told

if TYPE_CHECKING:
    from comity.actors.aggregates.site import Site
    from comity.engine.history.recorded import Recorded
    from comity.engine.journal.record import Record
    from comity.engine.merging.decider import AnyDecider
    from comity.readmodels.projecting.listener import Listener

_log = logging.getLogger("comity")


class Subscription(PooledActor[None]):
    """One listener and how far it is. A slow or failing one delays nobody else and loses nothing.

    Events of aggregate types that the domain was not opened with are passed over, which the log
    says once for each type. An event that cannot be read is not: the listener stands before it.
    """

    BATCH = 1024
    """The most events that a listener is given at once."""

    REST = (0.05, 5.0)
    """Seconds of rest after a listener's first failure, and the most; doubled in between."""

    def __init__(
        self, site: Site, deciders: Mapping[str, AnyDecider], listener: Listener, after: int
    ) -> None:
        if isinstance(listener, type) or not callable(getattr(listener, "receive", None)):
            msg = f"a listener is an object with a method receive(batch), got {listener!r:.100}"
            raise WiringError(msg)
        check_there(after, site.journal.position(), "after", "the journal")
        name = type(listener).__name__
        # A thread of its own: a listener may take its time, and commands must not wait for it.
        super().__init__(site.runtime.executor(f"comity-{name}"), f"subscription of {name}", 1)
        self.position = after
        """The position of the last event that the listener has taken, or that was passed over."""
        self.error: BaseException | None = None
        """Why the listener stands still, if it does."""
        self._site = site
        site.recent.wanted = True
        self._deciders = deciders
        self._listener = listener
        self._strangers: set[str] = set()
        """Aggregate types whose events are passed over."""
        self._failures = 0
        self._rest_until = 0.0

    def on_turn(self, messages: list[None]) -> None:
        """Give the listener the next batch."""
        if self._retired:
            return
        rest = self._rest_until - self._site.monotonic()
        if rest > 0:
            self._sleep(rest)
            return
        try:
            batch, position = self._next()
            if batch:
                self._listener.receive(batch)
        except BaseException as error:
            if not self._retired:
                self._rest(error)
            return
        self.position = position
        self.error, self._failures = None, 0

    def more(self) -> bool:
        """Whether the journal is ahead of the listener."""
        return not self._retired and self._site.journal.position() > self.position

    def close(self) -> None:
        """Feed it no more. The batch that it is being given is not interrupted."""
        self.drain()
        self._executor.stop(timeout=0.0)

    def _next(self) -> tuple[Sequence[Recorded[Event]], int]:
        """The next events, and how far they go; from memory where they are recent."""
        kept = self._site.recent.after(self.position)
        if kept is not None:
            kept = kept[: self.BATCH]
            return [one for one in kept if one.aggregate.type in self._deciders], kept[-1].position
        batch: list[Recorded[Event]] = []
        position = self.position
        try:
            for record in self._site.journal.read_all(position):
                for one in self._heard(record):
                    if one.position > position:
                        batch.append(one)
                        position = one.position
                position = record.last_position
                if len(batch) >= self.BATCH:
                    break
        except UnreadableEvent:
            if position == self.position:  # else what stands before it is given first
                raise
        return batch, position

    def _heard(self, record: Record) -> Iterable[Recorded[Event]]:
        kind = record.aggregate.type
        decider = self._deciders.get(kind)
        if decider is not None:
            return recorded(decider, record)
        if kind not in self._strangers:
            self._strangers.add(kind)
            _log.warning(
                "%s: the events of %s are passed over, which the domain was not opened with",
                self.actor_urn, kind,
            )  # fmt: skip
        return ()

    def _rest(self, error: BaseException) -> None:
        if self.error is None or told(self.error) != told(error):
            _log.error("%s failed at position %d", self.actor_urn, self.position, exc_info=error)
        self.error = error
        self._failures += 1
        rest = rest_after(self._failures, error, self.REST)
        self._rest_until = self._site.monotonic() + rest
        self._sleep(rest)

    def _sleep(self, seconds: float) -> None:
        self.park()
        self._site.call_later(seconds, self.wake)
