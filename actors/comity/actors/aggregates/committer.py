"""Writes the journal: group commit, answers in order.

The actors go on deciding during a flush; the turns of that time are the next group. No answer, not
even a refusal, is released before everything that it depends on is durable.

One thread at a time writes: the one that holds the *role*. It is the committer's own thread, or a
thread that waits for an answer and finds the role free. That saves a lone client two hand-overs
between threads, 0.1 ms.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from comity.actors.aggregates.answered import Answered
from comity.actors.aggregates.contention import Contention
from comity.actors.aggregates.failures import Failures
from comity.actors.aggregates.outage import Outage
from comity.actors.aggregates.retries import Retries
from comity.actors.aggregates.task import settle_turns
from comity.actors.observing.facts import Committed
from comity.actors.runtime.engine_thread import is_helping
from comity.actors.runtime.pending import wake
from comity.engine.errors import Closed, OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.journal.result import Repeated, Result, Stale, Stored
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.contention import Contended
    from comity.actors.aggregates.decided_turn import DecidedTurn
    from comity.actors.aggregates.flight import Flight
    from comity.actors.aggregates.recent import Recent
    from comity.actors.aggregates.task import Answer, Task
    from comity.actors.observing.observers import Observers
    from comity.actors.runtime.runtime import Runtime, Timers
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.errors import ComityError
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.snapshot import Snapshot

_log = logging.getLogger("comity")


class Committer:
    """Writes decided turns to the journal in groups, and answers their commands.

    Args:
        journal: written only by the thread that holds the role.
        runtime: gives the committer a thread of its own.
        timers: wake the committer for chores, snapshots and retries.
        observers: are told of each group and of the end of each command.
        recent: keeps the newest events.
        advanced: called with the aggregates concerned after each group that moved the journal.
    """

    MOST_BYTES = 4 << 20
    """The size of a full group: 4 MiB, or 4,096 commands, each of which counts for 1 KiB or more.

    It bounds the time that a group takes, and the work to be repeated after a power cut.
    """

    MOST_SNAPSHOTS = 4096
    """The most snapshots that wait while the journal cannot write."""

    CHORES = 10.0
    """Seconds between the journal's small chores."""

    KEEP = 1.0
    """Seconds that a snapshot waits to be written together with a group."""

    def __init__(
        self,
        journal: Journal,
        runtime: Runtime,
        timers: Timers,
        observers: Observers,
        recent: Recent,
        advanced: Callable[[Iterable[AggregateId]], None],
    ) -> None:
        self._journal = journal
        self._observers = observers
        self._recent = recent
        self._advanced = advanced
        self._outage = Outage(journal, runtime, advanced)
        self.retries = Retries(journal, self._outage.is_unknown)
        """The answers to commands that are sent again."""
        self._failures = Failures(journal, self._outage, self.retries, observers)
        self._contention = Contention(journal, runtime)
        self._role = Lock()
        self._waiting: deque[DecidedTurn] = deque()
        self._snapshots: deque[Snapshot] = deque()
        self._now = runtime.monotonic
        self._timers = timers
        self._rung = False
        self._retrying = self._keeping = False  # a timer is set
        self._chores_due = False
        self._stopping = False
        self._ended = False
        self.busy_since: float | None = None
        """When the group being written was taken, on the monotonic clock; None: there is none."""
        self.last_busy = 0.0
        """When the last group was taken, on the monotonic clock."""
        self._executor = runtime.executor("comity-committer")

    def start(self) -> None:
        """Do the journal's chores now, and every `CHORES` seconds."""
        self._chores_due = True
        self._ring()
        self._timers.call_later(self.CHORES, self.start)

    def submit(self, turn: DecidedTurn) -> None:
        """Write the turn after those submitted earlier, and answer its commands. Any thread."""
        self._waiting.append(turn)
        if not self._rung and not is_helping():  # a helping thread calls `help` next
            self._ring()

    def hand_over(self, actor: Contended) -> None:
        """Take the actor's queued turn while no other process can write. Any thread."""
        self._contention.add(actor)
        if not self._rung and not is_helping():
            self._ring()

    def keep(self, snapshot: Snapshot) -> None:
        """Store a snapshot with one of the next groups, within a second. Any thread."""
        if (
            not self._outage.on or len(self._snapshots) < self.MOST_SNAPSHOTS
        ):  # else too many would wait
            self._snapshots.append(snapshot)
            if not self._keeping:
                self._keeping = True
                self._timers.call_later(self.KEEP, self._keep_now)

    def help(self) -> None:
        """Write a group if the role is free: for a host's thread that waits for an answer."""
        if self._role.acquire(blocking=False):
            try:
                if self._busy and not self._ended:
                    self._write_group()
            finally:
                self._role.release()
        if self._busy:
            self._ring()

    def outage(self) -> tuple[float, str]:
        """See `Outage.told`. Any thread."""
        return self._outage.told()

    def aside(self, work: Callable[[], None]) -> None:
        """Let `work` write in the journal between two groups, on the caller's thread.

        It must take a few milliseconds only: no command is committed meanwhile.

        Raises:
            Closed: the domain is closed.
            StorageFailed: the journal cannot be written now; nothing was changed.
            OutcomeUnknown: it may be changed; the journal recovers.
        """
        with self._role:
            if self._ended:
                raise Closed("the domain is closed")
            if not self._outage.over():
                raise StorageFailed(f"the journal cannot be written: {self._outage.answer('')}")
            try:
                work()
            except (StorageFailed, OutcomeUnknown) as error:
                self._outage.begin(error)
                raise
            finally:
                if self._busy or self._outage.on:
                    self._ring()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._busy and self.busy_since is None

    def stop(self, timeout: float) -> bool:
        """Write all waiting turns, and end. False: that takes longer than `timeout` seconds."""
        self._stopping = True
        self._executor.schedule(self)
        return self._executor.stop(timeout)

    # --- its own thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Write the waiting turns and do the chores that are due, on the committer's own thread."""
        self._rung = False  # first: a turn submitted from here on rings again
        with self._role:
            self._work()
            while self._stopping and self._busy:
                self._work()
            self._ended = self._stopping  # no more help: the journal is about to be closed
        if self._outage.on and not self._retrying:
            self._retrying = True
            self._timers.call_later(self._outage.left(), self._retry)

    @property
    def _busy(self) -> bool:
        """Whether turns wait to be written, or actors to decide."""
        return bool(self._waiting or self._contention)

    def _work(self) -> None:
        try:
            self._outage.over()
            while self._busy or (self._snapshots and not self._outage.on):
                self._write_group()
            if self._chores_due:
                self._chores_due = False
                self._journal.maintain()
        except BaseException:
            _log.exception("the committer failed; it goes on")
            self._ring()

    def _retry(self) -> None:
        self._retrying = False
        self._ring()

    def _keep_now(self) -> None:
        self._keeping = False
        self._ring()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._executor.schedule(self)

    def _write_group(self) -> None:
        """Write the waiting turns, up to `MOST_BYTES`. The caller holds the role."""
        self.busy_since = self.last_busy = self._now()
        group: list[DecidedTurn] = []
        try:
            size = 0
            while self._waiting and size < self.MOST_BYTES:
                turn = self._waiting.popleft()
                if turn.current:  # else it was taken back with an earlier turn
                    group.append(turn)
                    size += turn.size
            if self._contention:
                self._write_alone(group)
            else:
                self._write(group)
        except BaseException as error:
            self._contention.let_go()
            _log.exception("the committer failed; it goes on with the next group")
            unknown = OutcomeUnknown("the committer failed; retry with the same id")
            left = [turn for turn in group if turn.current]
            self._failures.fail(left, error, lambda _: unknown)
        self.busy_since = None

    def _write_alone(self, group: list[DecidedTurn]) -> None:
        """Write the group, and with it what contended aggregates decide."""
        if self._outage.over():
            try:
                with self._contention.decided(group):
                    self._write(group)
            except StorageFailed as error:  # others cannot be kept away; `_write` has its own
                self._outage.begin(error)
                self._ring()
            else:
                return
        self._contention.let_go()
        self._write([turn for turn in group if turn.current])

    def _write(self, group: Sequence[DecidedTurn]) -> None:
        if not self._outage.over():
            self._failures.fail(group, self._outage.answer(""), self._outage.answer)
            return
        turns = [turn.written for turn in group if turn.written is not None]
        snapshots = self._take_snapshots() if self._snapshots else ()
        try:
            results = self._journal.append(turns, snapshots) if turns or snapshots else ()
        except StorageFailed as error:
            self._outage.begin(error)
            self._keep_again(snapshots, error)
            self._failures.fail(group, error, self._outage.answer)
            self._ring()  # this may be a helper: the committer's thread tries again
        except BaseException as error:
            self._keep_again(snapshots, error)
            self._failures.find_out(group, error)
            self._ring()
        else:
            self._answer(group, results)
            if turns:
                self._advanced([turn.aggregate for turn in turns])

    def _answer(self, group: Sequence[DecidedTurn], results: Sequence[Result]) -> None:
        """Release the answers, in order. A turn is taken back if another process wrote first."""
        answers: list[tuple[Task, Answer | ComityError | int]] = []
        landed: list[tuple[DecidedTurn, Stored | None]] = []
        unknown: dict[Flight, DecidedTurn] = {}
        result, why = iter(results), ""
        try:
            for turn in group:
                found = None if turn.written is None else next(result)
                if not turn.current or turn.flight in unknown:
                    continue  # an earlier turn of this flight is lost, or unknown
                if found is None or isinstance(found, Stored):
                    answers += turn.answers(found)
                    turn.flight.land(turn, None if found is None else found.version)
                    landed.append((turn, found))
                elif isinstance(found, Stale):
                    self._contention.lose(turn)
                elif isinstance(found, Repeated):
                    self._repeated(turn, found)
                else:
                    unknown[turn.flight], why = turn, found.why
        finally:
            try:
                self._landed(landed)
            finally:
                wake(settle_turns(answers))
        if unknown:
            self._failures.find_out(list(unknown.values()), OutcomeUnknown(why))

    def _landed(self, landed: Sequence[tuple[DecidedTurn, Stored | None]]) -> None:
        """Tell `recent` and the observers before the senders, who may look at both."""
        ended: list[Task] = []
        stored: list[AggregateId] = []
        commands = events = 0
        for turn, _ in landed:
            # Closing may have answered some commands, and told the observers.
            ended += [task for task in turn.tasks if not task.done()]
            if turn.written is not None:
                stored.append(turn.aggregate)
                commands += len(turn.written.ids)
                events += turn.events
        if stored:
            seconds = self._now() - self.last_busy
            self._observers.committed(Committed(stored, commands, events, seconds, None))
        self._recent.add(landed)
        self._observers.ended(ended)

    def _repeated(self, turn: DecidedTurn, found: Repeated) -> None:
        """Answer the command that the journal had already; the other commands are decided again."""
        task = turn.stored[found.number]
        answer = self.retries.replay(turn.decider, turn.aggregate, found.record, task)
        if not task.done():  # closing may have answered it
            self._observers.ended([Answered.of(turn.aggregate, task, answer)])
        wake(turn.flight.lose([(task, answer)]))

    # --- snapshots ------------------------------------------------------------------------------

    def _take_snapshots(self) -> list[Snapshot]:
        return [self._snapshots.popleft() for _ in range(min(len(self._snapshots), 64))]

    def _keep_again(self, snapshots: Sequence[Snapshot], error: BaseException) -> None:
        # Only a cache: drop them if the disk is full, or if they may be the cause of the error.
        if isinstance(error, StorageFailed | OutcomeUnknown) and not isinstance(error, StorageFull):
            self._snapshots.extendleft(reversed(snapshots))
