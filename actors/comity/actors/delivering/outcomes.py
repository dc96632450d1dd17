"""What is heard of deliveries, and what becomes of their lanes.

A lane whose event is delivered goes on. One that has failed is tried again later, or parked after
too many tries; and while the breaker says that the service is to blame, a failure does not count.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from comity.actors.delivering.forms import PARKED
from comity.actors.runtime.runtime import Interrupted
from comity.engine.errors import describe_error
from comity.engine.text import printable

if TYPE_CHECKING:
    from comity.actors.delivering.breaker import Breaker
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.lanes import Lanes
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.writer import Writer
    from comity.actors.runtime.runtime import Runtime
    from comity.engine.messages.message import Event

_log = logging.getLogger("comity")


class Undeliverable(Exception):
    """An event that waited cannot be delivered at all: its class is gone, for example."""


class Outcomes:
    """What has become of the deliveries of one outlet.

    Args:
        outlet: says how often a delivery is tried.
        ledger: counts what is delivered.
        writer: is told when it has changed.
        lanes: where the events were.
        breaker: says which failures count.
        runtime: the clock.
    """

    def __init__(
        self,
        outlet: Outlet[Event],
        ledger: Ledger,
        writer: Writer,
        lanes: Lanes,
        breaker: Breaker,
        runtime: Runtime,
    ) -> None:
        self.error = ""
        """Why the last delivery failed; empty after one that succeeded."""
        self.failures = 0
        """How many deliveries have failed."""
        self._outlet = outlet
        self._ledger = ledger
        self._writer = writer
        self._lanes = lanes
        self._breaker = breaker
        self._runtime = runtime
        self._succeeded_at = 0
        """When a delivery succeeded last, in microseconds since 1970."""
        self._suspects: list[str] = []
        """The keys that were parked since the last success: perhaps the service was down."""

    def hear(self, lane: Lane, position: int, error: BaseException | None) -> None:
        """Hear that the delivery of a lane's event at this position has ended."""
        if error is None:
            self._delivered(lane, position)
        elif isinstance(error, Undeliverable):
            self._lanes.kept.park(lane, str(error))
        elif self._counts(lane, error):
            self._failed(lane)
        else:
            self._lanes.again(lane)

    def cannot_start(self, why: str) -> None:
        """Rest, because no delivery can be started."""
        self.error = why
        self._breaker.trip()

    def _delivered(self, lane: Lane, position: int) -> None:
        self.error = ""
        self._breaker.succeeded(lane.digest)
        self._succeeded_at = self._runtime.now()
        self._suspects.clear()
        lane.tries = lane.attempts = lane.since = 0
        lane.error = ""
        progress = self._ledger.progress
        self._ledger.progress = progress._replace(delivered=progress.delivered + 1)
        self._writer.soon()
        self._lanes.delivered(lane, position)

    def _counts(self, lane: Lane, error: BaseException) -> bool:
        """Note a failure; returns whether it counts as a try of its event."""
        self.failures += 1
        self.error = describe_error(error)
        breaker = self._breaker
        if isinstance(error, Interrupted):
            if breaker.state != "open":
                breaker.trip()
            counts = False
        elif breaker.state == "closed" and 0 < lane.since < self._succeeded_at:
            counts = True  # others succeed meanwhile: the key is to blame, not the service
        else:
            counts = breaker.failed(lane.digest)
        if breaker.state == "open":
            self._take_back()
        return counts

    def _failed(self, lane: Lane) -> None:
        """Let a lane wait whose first event has failed, or park it after too many tries."""
        lane.tries += 1
        lane.error = self.error
        if lane.tries == 1:
            lane.since = self._runtime.now()
            name, key = self._outlet.stored_as, printable(lane.key)
            _log.warning("outlet %s: %s failed: %s", name, key, printable(lane.error))
        if not lane.kept:
            self._lanes.keep(lane)
        if lane.tries >= self._outlet.tries:
            self._lanes.kept.park(lane, lane.error)
            self._suspects.append(lane.key)
        else:
            self._lanes.kept.wait(lane, lane.tries)

    def _take_back(self) -> None:
        """Let keys wait that were parked before it was clear that the service is down."""
        keys, self._suspects = self._suspects, []
        for key in keys:
            lane = self._lanes.kept.lane_of(key)
            if lane is not None and lane.state == PARKED:
                lane.tries = 0
                self._lanes.kept.wait(lane, 1)
