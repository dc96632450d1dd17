"""The runner of a process: does what its agenda lists, as errands, and brings the answers back.

What is to be done is in the agenda, which is made from the journal. The runner keeps in memory only
what it has begun. So it may be killed at any moment: what it had begun is still in the agenda, and
is begun again. What has taken effect already is known to the instance or to the ordered aggregate.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from comity.actors.following.follower_actor import Job
from comity.actors.processes.errand import Errand, Hearing, Ordering, Ringing
from comity.actors.processes.errands import Errands
from comity.actors.processes.process_lease import ProcessLease
from comity.actors.runtime.callbacks import attempt
from comity.actors.runtime.pooled_actor import PooledActor
from comity.engine.errors import (
    Closed,
    ComityError,
    Forked,
    ProcessFailed,
    ReadModelError,
    StorageFailed,
)
from comity.engine.merging.receipt import Receipt
from comity.engine.merging.refusals import Refused
from comity.engine.sharing.lease_watch import LOOK
from comity.engine.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from comity.actors.aggregates.services import Services
    from comity.actors.processes.agenda import AnyAgenda
    from comity.actors.processes.agenda_actor import AgendaActor
    from comity.actors.processes.sending import Sending
    from comity.actors.runtime.runtime import Timer
    from comity.readmodels.storage.environment import Environment

_log = logging.getLogger("comity")


class Runner(PooledActor[Job]):
    """Runs one process, on a thread of its own.

    It sleeps until the agenda has moved, an answer has come, a timer is due or a rest is over.
    """

    JOBS = 1_000
    """The largest number of waiting jobs."""
    LOOK = 256
    """Rows of the agenda that one turn looks at."""
    CROWD = 1_000
    """With more timers of stuck instances than these, timers are looked at less often: all that are
    due must be read to find those that can ring."""
    FORGOTTEN = 60.0
    """Seconds after which forgotten errands are looked for."""
    LONGEST = 3_600.0
    """The longest alarm in seconds."""
    WAIT = 0.1
    """Seconds after which an agenda that could not be read is tried again."""
    REST = 1.0
    """Seconds of rest after a fault of the runner itself."""

    def __init__(
        self, services: Services, sending: Sending, agenda: AgendaActor, path: Path | None
    ) -> None:
        name = sending.process.name
        super().__init__(
            services.runtime.executor(f"comity-process-{name}"), f"process {name}", self.JOBS
        )
        self.errands = Errands()
        self.paused = False
        """Whether to begin nothing more."""
        self.next_due: int | None = None
        """When the next timer is due, in microseconds since 1970; None if none is known."""
        self._services = services
        self._sending = sending
        self._agenda = agenda
        self.lease = ProcessLease(
            services, name, path, wanted=lambda: agenda.keeper.leads, wake=self.wake
        )
        """The right to run the process."""
        self._runs = False
        """Whether this domain ran the process in the last turn."""
        self._answers: deque[Errand] = deque()
        self._read: Environment | None = None
        self._heard_to = self._ordered_to = -1  # positions up to which rows were looked at
        self._looked_at = -1  # the agenda's position when all of its rows had been looked at
        self._look_at_timers = 0.0
        self._forgotten_at = 0.0
        self._again = self._woken = False
        self._alarm: tuple[float, Timer] | None = None
        self.lease.look()  # before the first turn: requests go to who has it
        sending.runs = self.lease.held
        agenda.moved = self.wake

    # --- turns ----------------------------------------------------------------------------------

    def on_turn(self, messages: list[Job]) -> None:
        """Run the jobs, take the answers, and begin what there is room for."""
        self._woken = self._again = False  # before looking, so that nothing is missed
        for job in messages:
            attempt(job)
        if not self._retired:
            self._look_who_runs()
        while self._answers and not self._retired:
            self._take(self._answers.popleft())
        if self._retired or self.paused or not (self._runs and self._agenda.is_ready):
            return
        try:
            with self._agenda.keeper.access.reader.snapshot() as agenda:
                self._look(agenda)
        except (ReadModelError, StorageFailed) as error:  # it is rebuilt, or the disk is full
            _log.debug("%s: %s", self.actor_urn, error)
            self._wake_in(self.WAIT)
        except Exception:
            self._wake_in(self.REST)
            raise

    def more(self) -> bool:
        """Whether to take another turn: there was more, or `wake` was called meanwhile."""
        return (self._again or self._woken) and not self._retired

    def wake(self) -> None:
        """Take a turn, because there may be something to do."""
        self._woken = True
        super().wake()

    def hurry(self, key: str | None) -> None:
        """Try at once what rests after a failure: of one instance, or of all."""
        self.deliver([lambda: self.errands.hurry(key, self._services.monotonic())])

    def look_after(self) -> None:
        """Notice that a clock was set, a few times a second."""
        if self.next_due is not None and self._services.now() >= self.next_due:
            self.wake()

    def end(self, timeout: float) -> bool:
        """Take no more turns, and wait for the current one; False if it takes over `timeout`."""
        self.drain()
        return self._executor.stop(timeout)

    def kill(self) -> None:
        """Take no more turns; see `Closing.kill`."""
        self._retired = True

    def _look_who_runs(self) -> None:
        """Begin to run the process, or cease to, if another program has ended or taken over."""
        before, self._runs = self._runs, self.lease.look()
        if not self._runs:
            self._wake_in(LOOK)
        if self._runs != before:
            self._sending.be_unsure()
            self.errands, self._read, self.next_due = Errands(), None, None
            self.paused = self.paused and self._runs

    # --- looking --------------------------------------------------------------------------------

    def _look(self, agenda: AnyAgenda) -> None:
        """Begin what the agenda lists. Orders come first, so that what has begun comes to an end.

        Each row is looked at once; its errand is then in memory, until the agenda shows it as done.
        """
        now = self._services.monotonic()
        environment = self._agenda.keeper.access.reader.environment()
        if environment is not self._read or (self.errands.forgot and now >= self._forgotten_at):
            self._read, self.errands.forgot = environment, False
            self._heard_to = self._ordered_to = self._looked_at = -1
            self._forgotten_at = now + self.FORGOTTEN
        for errand in self.errands.seen(agenda.position):
            self._drop(agenda, errand, done=True)
        for errand in self.errands.rested(now):
            if errand.is_due(agenda):
                self._send(errand)
            else:
                self._drop(agenda, errand)
        if agenda.position != self._looked_at:
            ordered, heard = self._order(agenda), self._hear(agenda)
            self._looked_at = agenda.position if ordered and heard else -1
        self._ring(agenda)
        self._set_alarm()

    def _order(self, agenda: AnyAgenda) -> bool:
        """Send the orders for which there is room; returns whether these were all."""
        room = self.errands.room(Ordering)
        rows = agenda.by_position.after(self._ordered_to).list(room)
        for row in rows:
            self._ordered_to = row.position
            self._begin(Ordering(row))
        self._again = self._again or 0 < room == len(rows)
        return len(rows) < room

    def _hear(self, agenda: AnyAgenda) -> bool:
        """Let instances hear, as far as there is room; returns whether these were all."""
        rows = agenda.unheard.after(self._heard_to).list(self.LOOK)
        for row in rows:
            if ("hear", row.key) not in self.errands:  # otherwise its turn comes after that
                if not self.errands.room(Hearing):
                    return False
                if row.previous is None:
                    self._begin(Hearing(row))
                else:
                    self._hear_next(agenda, row.key)
            self._heard_to = row.position
        self._again = self._again or len(rows) == self.LOOK
        return len(rows) < self.LOOK

    def _hear_next(self, agenda: AnyAgenda, key: str) -> None:
        """Let an instance hear the first event that it has not heard."""
        instance = agenda.instances.get(key)
        if instance is not None and instance.first is not None:
            self._begin(Hearing(agenda.unheard[instance.first]))

    def _ring(self, agenda: AnyAgenda) -> None:
        """Ring the timers that are due, and note when the next one is."""
        now, first = self._services.now(), agenda.by_due.first()
        if first is None or first.due > now:
            self.next_due = None if first is None else first.due
            return
        began, many = self._services.monotonic(), self.errands.many(Ringing)
        if many > self.CROWD and began < self._look_at_timers:
            self._wake_in(self._look_at_timers - began)
            return
        room = self.errands.room(Ringing)
        rows = agenda.by_due.before(now + 1).list(many + room)
        left = room
        for errand in map(Ringing, rows):
            if left and errand.id not in self.errands:
                left -= 1
                self._begin(errand)
        if len(rows) < many + room:
            later = agenda.by_due.since(now + 1).first()
            self.next_due = None if later is None else later.due
        else:
            self.next_due = now
            self._again = self._again or left < room
        self._look_at_timers = began + 20 * (self._services.monotonic() - began)

    def _set_alarm(self) -> None:
        """Take a turn when a rest is over, a timer is due, or errands were forgotten."""
        now, waits = self._services.monotonic(), list[float]()
        if self.errands.next is not None:
            waits.append(self.errands.next - now)
        if self.next_due is not None and self.errands.room(Ringing):
            waits.append((self.next_due - self._services.now()) / 1_000_000)
        if self.errands.forgot:
            waits.append(self._forgotten_at - now)
        if waits:
            self._wake_in(max(0.0, min(waits)))

    def _wake_in(self, seconds: float) -> None:
        """Take a turn after so many seconds, or earlier."""
        now = self._services.monotonic()
        at = now + min(seconds, self.LONGEST)
        if self._alarm is not None:
            due, timer = self._alarm
            if now < due <= at:
                return
            timer.cancel()
        self._alarm = at, self._services.timers.call_later(at - now, self.wake)

    # --- errands --------------------------------------------------------------------------------

    def _begin(self, errand: Errand) -> None:
        if errand.id not in self.errands:
            self.errands.begin(errand)
            self._send(errand)

    def _drop(self, agenda: AnyAgenda, errand: Errand, *, done: bool = False) -> None:
        """Forget an errand that the agenda does not list any more, and go on with the next one."""
        if done and errand.is_due(agenda):
            msg = f"{errand.key} {errand}, and its history does not show it"
            self._failed(errand, ProcessFailed(f"{msg}: is it another process of this name?"))
            return
        self.errands.drop(errand)
        if isinstance(errand, Hearing):
            self._hear_next(agenda, errand.key)

    def _send(self, errand: Errand) -> None:
        """Send the errand's command; its answer comes to this thread."""
        try:
            errand.task = errand.send(self._sending)
        except (Closed, Forked):
            self._retired = True
        except BaseException as error:  # `key` and upcasts of the domain may raise anything
            self._failed(errand, error)
        else:
            errand.task.call_at_once(lambda: self._answer(errand))

    def _answer(self, errand: Errand) -> None:
        """Take note of an answer, on any thread."""
        self._answers.append(errand)
        self.wake()

    def _take(self, errand: Errand) -> None:
        """Go on with an errand that has its answer."""
        if not self.errands.has(errand):  # it was begun before another program ran the process
            return
        assert errand.task is not None
        answer = errand.task.answer()
        if isinstance(answer, (Closed, Forked)):
            return
        if not isinstance(answer, (Receipt, Refused)):
            assert isinstance(answer, ComityError)
            self._failed(errand, answer)
            return
        errand.tries, errand.is_stuck = 0, False
        try:
            done = errand.took(answer)
        except ProcessFailed as error:
            self._failed(errand, error)
        else:
            if done:
                assert isinstance(answer, Receipt)
                known = answer.position if answer.events else self._services.journal.position()
                self.errands.done(errand, known)
                self._woken = True
            else:
                self._send(errand)

    def _failed(self, errand: Errand, error: BaseException) -> None:
        """Let an errand rest, and say once that it needs a person."""
        was_stuck = errand.is_stuck
        rest = errand.failed(error)
        if errand.is_stuck and not was_stuck:
            doing = printable(f"{self.actor_urn}: {errand.key} {errand}: {errand.reason}")
            _log.error("%s; it is tried again, other instances go on", doing)
        self.errands.rest(errand, self._services.monotonic() + rest)
