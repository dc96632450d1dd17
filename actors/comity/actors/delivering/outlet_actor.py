"""The actor of one outlet: opens its ledger, gives the dispatcher its turns, takes over.

It has a thread of its own, so that a slow outlet delays neither commands nor models.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from comity.actors.delivering.claim import Claim
from comity.actors.delivering.dispatcher import Dispatcher
from comity.actors.delivering.options import is_async
from comity.actors.delivering.reader import EventReader
from comity.actors.runtime.ask import Ask
from comity.actors.runtime.bounded import within
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.engine_thread import check_may_wait
from comity.actors.runtime.pooled_actor import PooledActor
from comity.actors.runtime.runtime import Errands
from comity.engine.errors import (
    Closed,
    ComityError,
    Forked,
    OutcomeUnknown,
    OutletError,
    OutletInUse,
    StorageFailed,
)
from comity.engine.runtime.system import LONGEST
from comity.engine.sharing.lease import BEAT

if TYPE_CHECKING:
    from comity.actors.delivering.ledger import Ledger
    from comity.actors.delivering.outlet import Outlet
    from comity.actors.delivering.outlet_ledger import OutletLedger
    from comity.actors.delivering.rejoining import Rejoined
    from comity.actors.following.feed import Recent
    from comity.actors.following.routes import Routes
    from comity.actors.runtime.runtime import Couriers, Runtime, Timers
    from comity.engine.journal.journal import Journal
    from comity.engine.messages.message import Event
    from comity.engine.sharing.lease import Lease
    from comity.engine.sharing.lease_watch import LeaseWatch

T = TypeVar("T")
Job: TypeAlias = Callable[[], None]

_log = logging.getLogger("comity")


class OutletActor(PooledActor[Job]):
    """Delivers the events of one outlet while it has the ledger.

    Args:
        outlet: the outlet.
        journal: the journal.
        routes: the events that it listens to.
        recent: gives the newest events from memory; None reads all from the journal.
        runtime: threads, the clock, randomness.
        open_ledger: opens the ledger to deliver.
        watch: looks who delivers; None if no other program can.
        looks: reads what the program that delivers has written down.
        has_company: whether other programs have the journal open.

    Raises:
        WiringError, FromTheFuture: the outlet cannot begin where its class says.
    """

    JOBS: Final = 10_000
    """The largest number of waiting requests."""
    CALM: Final = 0.1
    """Seconds until it looks at news after a delivery has failed."""
    GRACE: Final = 1.0
    """Seconds that deliveries under way get when the domain closes."""

    def __init__(
        self,
        outlet: Outlet[Event],
        journal: Journal,
        routes: Routes,
        recent: Recent | None,
        runtime: Runtime,
        open_ledger: Callable[[], Ledger],
        watch: LeaseWatch | None = None,
        looks: OutletLedger | None = None,
        has_company: Callable[[], bool] = lambda: False,
    ) -> None:
        self.outlet = outlet
        self.journal = journal
        self.runtime = runtime
        self.dispatcher: Dispatcher | None = None
        self.paused = False
        self.reader = EventReader(outlet, journal, routes, recent)
        self.looks = looks
        self._routes, self._recent = routes, recent
        self._has_company = has_company
        self._couriers: Couriers | None = None
        self._forked = False
        self._woken = False
        self._will_come = False
        self._wakes_at = math.inf
        self._asks: set[Ask[Any]] = set()
        name = outlet.stored_as
        super().__init__(runtime.executor(f"comity-{name}"), f"outlet {name}", self.JOBS)
        self.claim = Claim(self.actor_urn, open_ledger, runtime.monotonic, watch)
        self._timers: Timers = runtime.timers(f"comity-{name}-timer")
        try:
            self._open(first=True)
        except BaseException:
            self._executor.stop(0.0)
            self._timers.stop(0.0)
            raise
        self.wake()

    # --- turns ------------------------------------------------------------------------------------

    def on_turn(self, messages: list[Job]) -> None:
        """Do the requests, then everything that can be done now."""
        self._woken = False
        for job in messages:
            attempt(job)
        if self._retired:
            return
        if self.dispatcher is None and self.claim.rest <= 0.0:
            self._open()
        self._plan(self._turn())

    def more(self) -> bool:
        """Whether `wake` was called during the turn."""
        return self._woken and not self._retired

    def wake(self) -> None:
        """Take a turn soon. Any thread."""
        self._woken = True
        super().wake()

    def news(self) -> None:
        """Take a turn if news in the journal matter now: the committer calls this."""
        dispatcher = self.dispatcher
        if dispatcher is None or not dispatcher.intake.listens:
            return
        if not dispatcher.outcomes.error:
            self.wake()
        elif not self._will_come:  # a service that fails gets no turn for each command
            self._will_come = True
            self._timers.call_later(self.CALM, self._come)

    def _come(self) -> None:
        self._will_come = False
        self.wake()

    def _turn(self) -> float:
        """Give the dispatcher its turn; returns the seconds until the next one is due."""
        dispatcher = self.dispatcher
        if dispatcher is None:
            return self.claim.rest
        try:
            return self._go_on(dispatcher)
        except BaseException as error:
            return self._fell(error)

    def _go_on(self, dispatcher: Dispatcher) -> float:
        claim = self.claim
        if claim.is_lost:
            dispatcher.ledger.tables.check_place()  # else it would begin anew by itself
            return self._step_down()
        rest, unreadable = dispatcher.go_on(), self.reader.unreadable
        if unreadable is not None and claim.lease is not None and self._has_company():
            self._let_go(self.GRACE)
            claim.leave(unreadable)
            return claim.rest
        return rest

    def _plan(self, seconds: float) -> None:
        """Take the next turn after so many seconds, unless something wakes it before."""
        if seconds <= 0.0:
            self._woken = True
            return
        now = self.runtime.monotonic()
        at = now + seconds
        if seconds < math.inf and not now < self._wakes_at <= at:
            self._wakes_at = at
            self._timers.call_later(seconds, self.wake)

    # --- the ledger -------------------------------------------------------------------------------

    def _open(self, *, first: bool = False) -> None:
        """Open the ledger and deliver, or find out why not.

        Raises:
            WiringError, Invalid: at first, a mistake of the outlet's class.
        """
        ledger = self.claim.open(first=first)
        if ledger is None:
            return
        outlet = self.outlet
        errands = Errands(
            outlet.timeout, max(8, outlet.at_once), is_async(outlet), outlet.open, outlet.close
        )
        self._couriers = self.runtime.couriers(f"comity-{outlet.stored_as}-couriers", errands)
        self.reader = EventReader(outlet, self.journal, self._routes, self._recent)
        self.dispatcher = Dispatcher(
            outlet, ledger, self.reader, self._couriers, self.runtime, self.wake
        )
        self.dispatcher.paused = self.paused
        if self.claim.lease is not None:
            self._beat(self.claim.lease)

    def _beat(self, lease: Lease) -> None:
        """Show that this program does not hang, as long as it has this lease. Any thread."""
        if lease is self.claim.lease:
            if lease.beat():
                self._timers.call_later(BEAT, partial(self._beat, lease))
            else:
                self.wake()  # it steps down

    def _step_down(self) -> float:
        """Deliver nothing more, because another program has taken over from this one."""
        self._let_go(0.0)
        self.paused = False
        self.claim.lose()
        self._open()
        return self.claim.rest

    def _fell(self, error: BaseException) -> float:
        """Begin again from the ledger, or stop, because a turn has raised."""
        if isinstance(error, OutletInUse):
            return self._step_down()
        _log.exception("%s failed, and begins again from its ledger", self.actor_urn)
        self._let_go(0.0)
        if isinstance(error, ComityError) and not isinstance(error, StorageFailed):
            self.claim.stop(error)
        else:
            self.claim.failed(error)
        return self.claim.rest

    def _let_go(self, grace: float) -> None:
        """End the deliveries under way, write what is known, and release the ledger."""
        dispatcher, self.dispatcher = self.dispatcher, None
        couriers, self._couriers = self._couriers, None
        if dispatcher is None:
            return
        dispatcher.closing = True
        if couriers is not None:
            couriers.stop(grace)
        try:
            with suppress(ComityError):
                dispatcher.finish()
        finally:
            dispatcher.ledger.tables.close()

    # --- requests ---------------------------------------------------------------------------------

    def pause(self) -> None:
        """Start no more deliveries."""
        self.claim.check()
        self.paused = True
        self.ask(self._set_paused)

    def resume(self) -> None:
        """Go on after a pause, a stop or a rest."""
        self.claim.check()
        self.paused = False
        self.ask(self._resume)

    def _set_paused(self) -> None:
        if self.dispatcher is not None:
            self.dispatcher.paused = self.paused

    def _resume(self) -> None:
        self._set_paused()
        if self.dispatcher is None:
            self._open()
        else:
            self.dispatcher.breaker.probe_now()
            self.reader.try_again()

    def rejoin(self, how: Callable[[OutletLedger], Rejoined]) -> Rejoined:
        """Change the ledger so that it fits a restored journal, and deliver.

        Raises:
            LedElsewhere, OutletInUse: another program delivers; the text names it.
            OutletError: there is nothing to decide, since nothing was restored.
        """
        self.claim.check()
        return self.ask(partial(self._rejoin, how))

    def _rejoin(self, how: Callable[[OutletLedger], Rejoined]) -> Rejoined:
        if self.looks is None or self.dispatcher is not None:
            raise OutletError(f"{self.actor_urn} knows this journal as it is: it delivers already")
        done = how(self.looks)
        self._resume()
        return done

    def delivering(self) -> Dispatcher:
        """The dispatcher. Call it only in a request.

        Raises:
            LedElsewhere: another program delivers; the text names it.
            OutletError: this outlet does not deliver here now.
        """
        self.claim.check()
        if self.dispatcher is None:
            why = self.claim.why or "it is not open"
            raise OutletError(f"{self.actor_urn} does not deliver here: {why}")
        return self.dispatcher

    def ask(self, function: Callable[[], T]) -> T:
        """Run a function on the outlet's thread, between two turns.

        Raises:
            WiringError: called on that thread, or on another thread of the engine.
            Closed, Forked: the domain was closed before the function ran, or this is a fork.
            OutcomeUnknown: the domain was closed while the function ran.
        """
        check_may_wait()
        self.check_forked()
        ask = Ask(function, self.actor_urn, self.runtime, OutletError)
        self._asks.add(ask)
        try:
            if not self.deliver([ask]):
                raise Closed("the domain is closed; open it again to go on")
            return ask.pending.result()[0]
        finally:
            self._asks.discard(ask)

    def check_forked(self) -> None:
        """Raise `Forked` in a fork of the process that opened the domain."""
        if self._forked:
            msg = "this process is a fork of the one that opened the domain; open it after forking"
            raise Forked(msg)

    # --- its end ----------------------------------------------------------------------------------

    def close(self, timeout: float) -> None:
        """Give deliveries under way a moment, write what is known, and release the ledger."""
        until = self.runtime.monotonic() + timeout
        for job in self.drain():
            if isinstance(job, Ask):
                job.end(Closed("the domain was closed before this was done; open it again"))
        if self.dispatcher is not None:
            self.dispatcher.closing = True
        ended = self._executor.stop(max(0.1, until - self.runtime.monotonic()))
        for ask in list(self._asks):
            ask.end(OutcomeUnknown(f"the domain was closed while {self.actor_urn} was at it"))
        left = max(0.1, until - self.runtime.monotonic()) if ended else 0.0
        if not within(self.runtime, left, self._end):
            _log.error("%s is held up by the disk: it is let go of later", self.actor_urn)

    def _end(self) -> None:
        self._executor.stop(LONGEST)
        try:
            self._let_go(self.GRACE)
        finally:  # until then it beats, so that nobody takes over and delivers the same
            self._timers.stop(0.0)

    def kill(self) -> None:
        """End as a killed process does; see `Closing.kill`."""
        self._retired = True
        if self._couriers is not None:
            self._couriers.kill()
        if self.dispatcher is not None:
            self.dispatcher.ledger.tables.kill()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        self._retired = self._forked = True
        if self.dispatcher is not None:
            self.dispatcher.ledger.tables.abandon()
