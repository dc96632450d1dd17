"""The host's handle of an outlet: its status, and what is parked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from comity.actors.delivering.ledger import Ledger
from comity.actors.delivering.outlet_ledger import OutletLedger
from comity.actors.delivering.outlet_status import OutletState, OutletStatus
from comity.actors.delivering.parked_list import parked_in, parked_or_none
from comity.engine.arguments import check_whole
from comity.engine.errors import ComityError, OutletError, UnreadableEvent
from comity.engine.messages.moment import moment
from comity.readmodels.projecting.lag import lag_of

if TYPE_CHECKING:
    from datetime import datetime

    from comity.actors.delivering.any_outlet import AnyOutlet
    from comity.actors.delivering.dispatcher import Dispatcher
    from comity.actors.delivering.lane import Lane
    from comity.actors.delivering.outlet_actor import OutletActor
    from comity.actors.delivering.parked_delivery import ParkedDelivery
    from comity.actors.delivering.rejoining import Rejoined

O_co = TypeVar("O_co", bound="AnyOutlet", covariant=True)

_AT_ONCE = 1_000
"""Keys that are changed in one request, so that deliveries go on in between."""


class Deliverer(Generic[O_co]):
    """One outlet of a domain: `domain.outlet(Mails)`.

    What it changes is written down when the call returns.

    Example:
        mails = domain.outlet(Mails)
        for parked in mails.parked():
            print(parked.key, parked.position, parked.error)
        mails.try_again("board/sprint-42")
    """

    def __init__(self, outlet: O_co, actor: OutletActor) -> None:
        self.outlet = outlet
        """The outlet itself."""
        self.actor = actor

    def status(self) -> OutletStatus:
        """The outlet's status now."""
        actor, dispatcher = self.actor, self.actor.dispatcher
        actor.check_forked()
        if dispatcher is None:
            return self._idle_status()
        progress, window = dispatcher.ledger.progress, dispatcher.window
        now, position = actor.runtime.now(), window.position
        lag = lag_of(actor.journal, position, now)
        rests = dispatcher.breaker.left
        return OutletStatus(
            name=self.outlet.stored_as,
            state=self._state(dispatcher, lag.events),
            position=position,
            lag_events=lag.events,
            lag_seconds=lag.seconds,
            oldest=self._oldest(dispatcher),
            in_flight=dispatcher.under_way,
            waiting=progress.waiting_keys,
            waiting_events=progress.waiting,
            parked=progress.parked,
            parked_keys=progress.parked_keys,
            delivered=progress.delivered,
            failed=dispatcher.outcomes.failures,
            given_up=progress.given_up,
            breaker=dispatcher.breaker.state,
            rests_until=moment(now + int(rests * 1_000_000)) if rests else None,
            error=dispatcher.writer.error or actor.reader.error or dispatcher.outcomes.error,
            start=dispatcher.ledger.origin.start,
            again=progress.again,
        )

    def is_settled(self) -> bool:
        """Whether each event so far is delivered, backs off after a failure, or is parked.

        So it is while the outlet is stopped, too: nothing more is delivered then.
        """
        status = self.status()
        if status.state not in ("following", "resting") or status.lag_events:
            return status.state == "stopped"
        return self.actor.ask(self._is_settled)

    def parked(
        self, key: str | None = None, *, limit: int = 1_000, after: ParkedDelivery | None = None
    ) -> list[ParkedDelivery]:
        """The parked events, those of one key together, in order; keys as their first events.

        Args:
            key: only those of this key.
            limit: the most events to list.
            after: the last one of the page before, to list the next page.

        Raises:
            OutletError: the outlet does not deliver.
        """
        check_whole(limit, "limit", 1)
        actor = self.actor
        if actor.claim.standby and actor.looks is not None:
            return actor.looks.parked(key, limit=limit, after=after)
        tables = self.actor.ask(lambda: self._written().ledger.tables)
        return list(islice(parked_in(Ledger(tables), self.actor.journal, key, after), limit))

    def try_again(self, key: str | None = None) -> int:
        """Deliver the parked events of a key, or of all keys, in order, with new tries.

        Returns how many events are no longer parked. Of all keys, those stay parked whose first
        event cannot be delivered.

        Raises:
            OutletError: the first event of this key cannot be delivered, for example because its
                class is gone; or the outlet does not deliver.
            LedElsewhere: another program delivers; the text names it.
        """
        if key is not None:
            return self.actor.ask(lambda: self._try_one(key))
        return self._all(self._try_quietly)

    def give_up(self, key: str, position: int | None = None) -> int:
        """Give up the parked events of a key: they are never delivered. Returns how many.

        Args:
            key: the key.
            position: give up only the event at this position. The others of the key stay parked:
                call `try_again(key)` to deliver them.

        Raises:
            LedElsewhere: another program delivers; the text names it.
        """
        if position is not None:
            check_whole(position, "position", 1)
        total = 0
        while given := self.actor.ask(lambda: self._give_up(key, position)):
            total += given
            if position is not None:
                break
        return total

    def give_up_all(self) -> int:
        """Give up all parked events; returns how many.

        Raises:
            LedElsewhere: another program delivers; the text names it.
        """
        return self._all(lambda dispatcher, lane: dispatcher.kept.give_up(lane, None))

    def pause(self) -> None:
        """Start no more deliveries. Those under way end; events wait in the journal.

        A pause ends when another program takes over.

        Raises:
            LedElsewhere: another program delivers; the text names it.
        """
        self.actor.pause()

    def resume(self) -> None:
        """Go on after a pause or a stop; a resting outlet probes at once.

        Raises:
            LedElsewhere: another program delivers; the text names it.
        """
        self.actor.resume()

    def rejoin(self) -> Rejoined:
        """Go on in a journal that was restored from a backup: deliver what is new in it.

        Call it when the outlet has stopped, because it has delivered events that the journal lacks.

        Raises:
            LedElsewhere: another program delivers; the text names it.
            OutletError: the journal was not restored since the outlet has delivered, or it is
                another journal.
        """
        return self.actor.rejoin(OutletLedger.rejoin)

    def skip_to_end(self) -> Rejoined:
        """As `rejoin`, but skip also what the journal has by now, except what waits or is parked.

        Raises:
            LedElsewhere, OutletError: as `rejoin`.
        """
        return self.actor.rejoin(OutletLedger.skip_to_end)

    # --- parts ------------------------------------------------------------------------------------

    def _is_settled(self) -> bool:
        dispatcher = self.actor.dispatcher
        return dispatcher is not None and dispatcher.is_settled

    def _written(self) -> Dispatcher:
        dispatcher = self.actor.delivering()
        if dispatcher.ledger.changed and not dispatcher.write():
            raise OutletError(f"the ledger cannot be written: {dispatcher.writer.error}")
        return dispatcher

    def _try_one(self, key: str) -> int:
        dispatcher = self._written()
        lane = parked_or_none(dispatcher.kept.lane_of(key))
        if lane is None:
            return 0
        try:
            count = dispatcher.try_again(lane)
        except (UnreadableEvent, OutletError) as error:
            raise OutletError(f"{key} stays parked: {error}") from error
        self._written()
        self.actor.wake()
        return count

    def _try_quietly(self, dispatcher: Dispatcher, lane: Lane) -> int:
        try:
            return dispatcher.try_again(lane)
        except ComityError:
            return 0

    def _give_up(self, key: str, position: int | None) -> int:
        dispatcher = self._written()
        lane = parked_or_none(dispatcher.kept.lane_of(key))
        dropped = 0 if lane is None else dispatcher.kept.give_up(lane, position)
        self._written()
        return dropped

    def _all(self, change: Callable[[Dispatcher, Lane], int]) -> int:
        """Change all parked keys, some in each request; returns the sum."""
        total, after = 0, 0

        def some() -> tuple[int, int]:
            dispatcher = self._written()
            changed, last = 0, 0
            for one in islice(dispatcher.ledger.parked_lanes(after), _AT_ONCE):
                lane = parked_or_none(dispatcher.kept.lane_of(one.key))
                last = one.first
                while lane is not None and (count := change(dispatcher, lane)):
                    changed += count
                    if dispatcher.ledger.is_full:
                        self._written()
                    lane = parked_or_none(dispatcher.kept.lane_of(one.key))
            self._written()
            self.actor.wake()
            return changed, last

        while True:
            changed, after = self.actor.ask(some)
            total += changed
            if not after:
                return total

    def _idle_status(self) -> OutletStatus:
        actor = self.actor
        claim = actor.claim
        state: OutletState = "waiting" if claim.error else "standby"
        if claim.stopped or claim.left:
            state = "stopped"
        if (claim.standby or claim.left) and actor.looks is not None:
            with suppress(ComityError):  # it has ended just now, for example
                seen = actor.looks.status()
                return replace(seen, state=state, error=claim.why, led_by=claim.led_by)
        return OutletStatus(
            name=self.outlet.stored_as, state=state, position=0, lag_events=0, lag_seconds=0.0,
            oldest=None, in_flight=0, waiting=0, waiting_events=0, parked=0, parked_keys=0,
            delivered=0, failed=0, given_up=0, breaker="closed", rests_until=None,
            error=claim.why, start=None, led_by=claim.led_by,
        )  # fmt: skip

    def _state(self, dispatcher: Dispatcher, lag: int) -> OutletState:
        if self.actor.paused:
            return "paused"
        if dispatcher.writer.error:
            return "waiting"
        if dispatcher.breaker.state != "closed":
            return "resting"
        if self.actor.reader.error:
            return "stopped"
        return "following" if not lag and not dispatcher.under_way else "catching up"

    def _oldest(self, dispatcher: Dispatcher) -> datetime | None:
        window, journal = dispatcher.window, self.actor.journal
        first, found = window.first, dispatcher.ledger.oldest()
        if first is not None:
            found = min(first.microseconds, found or first.microseconds)
        if found is None and journal.position() > window.read:
            record = next(journal.read_all(window.read), None)
            found = None if record is None else record.time
        return None if found is None else moment(found)
