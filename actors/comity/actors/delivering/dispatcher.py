"""One turn of an outlet: hear of deliveries, read events, start deliveries, write it all down.

It has no thread: the actor gives it its turns. Each key has a lane, in order. Lanes without
failures are in memory; after a failure a lane's events are in the ledger. The ledger's position
moves on, because everything before it is delivered, waits in the ledger, or is parked there.
"""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from comity.actors.delivering.breaker import Breaker, jitter_of
from comity.actors.delivering.delivery import delivery_of
from comity.actors.delivering.forms import Live
from comity.actors.delivering.intake import Intake
from comity.actors.delivering.kept_lanes import KeptLanes
from comity.actors.delivering.lanes import Lanes
from comity.actors.delivering.outcomes import Outcomes, Undeliverable
from comity.actors.delivering.window import Window
from comity.actors.delivering.writer import Writer
from comity.actors.runtime.runtime import Interrupted
from comity.engine.errors import ComityError, StorageFailed, describe_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.reader import EventReader
    from comity.actors.runtime.runtime import Couriers, Runtime
    from comity.engine.messages.message import Event


class Dispatcher:
    """Delivers the events of one outlet, from its ledger on.

    Args:
        outlet: delivers an event.
        ledger: keeps what is delivered and what waits.
        reader: reads events.
        couriers: call `deliver`.
        runtime: the clock and randomness.
        wake: called from any thread when there is something to do.
    """

    BATCHES: Final = 4
    """How many batches are read in one turn: then deliveries that have ended are heard of."""

    def __init__(
        self,
        outlet: Outlet[Event],
        ledger: Ledger,
        reader: EventReader,
        couriers: Couriers,
        runtime: Runtime,
        wake: Callable[[], None],
    ) -> None:
        self.ledger = ledger
        self.window = Window(ledger.progress, max(1_024, 16 * outlet.at_once))
        self.breaker = Breaker(outlet.back_off, runtime, partial(jitter_of, runtime))
        self.writer = Writer(outlet.stored_as, ledger, runtime, wake)
        self.kept = KeptLanes(outlet, ledger, self.writer, runtime)
        self._lanes = Lanes(self.kept)
        self.intake = Intake(outlet, reader, self.window, self._lanes, self.writer)
        self.outcomes = Outcomes(outlet, ledger, self.writer, self._lanes, self.breaker, runtime)
        self.under_way = 0
        self.paused = False
        self.closing = False
        self._outlet = outlet
        self._reader = reader
        self._couriers = couriers
        self._wake = wake
        self._heard: deque[tuple[Lane, int, BaseException | None]] = deque()
        self._kept_first = False

    # --- one turn ---------------------------------------------------------------------------------

    def go_on(self) -> float:
        """Do everything that can be done now; returns the seconds until the next turn is due."""
        self._hear()
        held = self.breaker.state == "open"
        rest = self._read()
        self._start()
        self._write_when_due()
        if held and self.breaker.state != "open":  # its rest has ended within this turn
            return 0.0
        return min(rest, self._patience())

    @property
    def is_settled(self) -> bool:
        """Whether each event that was read is delivered, backs off or is parked.

        Ask between two turns: within one, an event may be neither under way nor due.
        """
        idle = not (self.under_way or self.window.first or self.writer.error)
        return idle and self.kept.left > 0.0

    def finish(self) -> None:
        """Take note of what has ended, and write it down: no more turns come."""
        self._hear()
        self.write()

    def _patience(self) -> float:
        """Seconds until something is due: a key, a probe, a write."""
        rest = self.writer.left
        if self._rests:
            return rest
        if self.breaker.state == "open":
            return min(rest, self.breaker.left)
        return min(rest, self.kept.left) if self._has_room else rest

    @property
    def _rests(self) -> bool:
        """Whether nothing is to be started."""
        return self.paused or self.closing or bool(self.writer.error)

    @property
    def _has_room(self) -> bool:
        """Whether more deliveries may be under way."""
        allowed, most = self.breaker.allowed, self._outlet.at_once
        return self.under_way < (most if allowed is None else min(allowed, most))

    # --- hearing ----------------------------------------------------------------------------------

    def _told(self, lane: Lane, position: int, error: BaseException | None) -> None:
        """Hear from the couriers, on any thread."""
        self._heard.append((lane, position, error))
        self._wake()

    def _hear(self) -> None:
        """Take note of all deliveries that have ended."""
        while self._heard:
            lane, position, error = self._heard.popleft()
            self.under_way -= 1
            lane.under_way = False
            self.outcomes.hear(lane, position, error)
        self.window.advance()

    # --- reading ----------------------------------------------------------------------------------

    def _read(self) -> float:
        """Read more events while there is room; returns the seconds until it is worth trying."""
        for _ in range(self.BATCHES):
            if not self._reads:
                if self._has_room and not self._lanes.ready and self.intake.make_room():
                    self._wake()
                return math.inf
            if self.ledger.is_full:  # it is written at the end of this turn
                break
            if rest := self.intake.read():
                return rest
        return 0.0

    @property
    def _reads(self) -> bool:
        """Whether more events are to be read now: only those that can be delivered soon."""
        state = self.breaker.state
        if self._rests or state == "open" or not self.window.room:
            return False
        return self._lanes.ready < (self._outlet.at_once if state == "closed" else 1)

    # --- starting ---------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start deliveries while there is room."""
        while not self._rests and self._has_room:
            if self._couriers.full:
                self.outcomes.cannot_start(self._couriers.full)
                return
            lane = self._next()
            if lane is None:
                return
            self._send(lane)

    def _next(self) -> Lane | None:
        """The lane whose first event is delivered next: kept ones and others in turns.

        A probe is better made with a key that has not failed.
        """
        self._kept_first = not self._kept_first and self.breaker.state == "closed"
        return self._lanes.next(kept_first=self._kept_first)

    def _send(self, lane: Lane) -> None:
        """Deliver the first event of a lane."""
        lane.under_way = True
        self.under_way += 1
        position = lane.first if lane.kept else lane.queue[0].position
        try:
            at = self.intake.first_of(lane) if lane.kept else lane.queue[0].at
        except StorageFailed as error:
            self._told(lane, position, Interrupted(describe_error(error)))
            return
        except ComityError as error:
            self._told(lane, position, Undeliverable(describe_error(error)))
            return
        lane.attempts += 1
        branch = self._reader.branch_at(at.position)
        delivery = delivery_of(at, self._outlet.stored_as, lane.attempts, branch)
        call = partial(self._outlet.deliver, at.event, delivery)
        self._couriers.send(call, partial(self._told, lane, position))

    # --- writing ----------------------------------------------------------------------------------

    @property
    def _live(self) -> Live:
        """What other programs are told: it changes seldom."""
        breaker, error = self.breaker, self._reader.error
        if breaker.state != "closed":
            return Live("resting", "open", breaker.until, error or self.outcomes.error)
        return Live("stopped" if error else "paused" if self.paused else "following", error=error)

    def _write_when_due(self) -> None:
        if self._live != self.ledger.live:
            self.writer.soon()
        if self.writer.is_due:
            self.write()

    def write(self) -> bool:
        """Write down what has changed. False: the disk failed, and it is tried again soon."""
        window = self.window
        progress = self.ledger.progress._replace(
            position=window.position, microseconds=window.microseconds, ahead=window.ahead()
        )
        lanes = self.writer.write(progress, self._live)
        if lanes is None:
            return False
        self.kept.written(lanes)
        return True

    # --- requests ---------------------------------------------------------------------------------

    def try_again(self, lane: Lane) -> int:
        """Let a parked lane be tried again; returns how many events it has.

        Raises:
            UnreadableEvent, OutletError: its first event cannot be delivered, or its key cannot be
                told; it stays parked.
        """
        self.intake.first_of(lane)
        lane.tries = lane.attempts = lane.since = 0
        self.kept.wait(lane)
        return lane.size
