"""Writes the journal: group commit, answers in order, coping with failure.

While a flush is under way the actors go on deciding; everything that came meanwhile is the next
group. No answer, a refusal neither, leaves before what it rests on is durable.

One thread at a time writes, whoever has the *role*: the committer's own thread, or one that waits
for its answer and finds nobody at it. That saves a lone client a hand-over and back, 0.1 ms.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from comity.actors.aggregates.outage import Outage
from comity.actors.aggregates.turns import Batch, batches, size_of
from comity.actors.runtime.engine_thread import is_helping
from comity.actors.runtime.pending import Waiter, settle, wake
from comity.engine.errors import ComityError, OutcomeUnknown, StorageFailed, StorageFull
from comity.engine.journal.result import Repeated, Result, Stale, Stored, Unknown
from comity.engine.merging.receipt import Receipt
from comity.engine.messages.message import Event
from comity.engine.runtime.system import Lock

if TYPE_CHECKING:
    from comity.actors.aggregates.recent import Recent
    from comity.actors.aggregates.tally import Tally
    from comity.actors.aggregates.task import Answer, Decided, Owner
    from comity.actors.runtime.pending import Pending
    from comity.actors.runtime.runtime import Runtime, Timers
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.snapshot import Snapshot

_log = logging.getLogger("comity")


class Committer:
    """Takes what actors decided, makes it durable in groups, and answers.

    Args:
        journal: written by who has the role alone.
        runtime: gives the committer a thread of its own.
        timers: wake it where nobody does.
        tally: counts what was answered.
        recent: keeps the newest events.
        advanced: called with the aggregates concerned after each group that moved the journal.
    """

    MOST = 4096
    """Decisions after which a group is full: what a power cut can make one wait for again."""

    MOST_BYTES = 4 << 20
    """The same in bytes: 4 MiB."""

    CHORES = 10.0
    """Seconds between the journal's small chores."""

    KEEP = 1.0
    """Seconds that a snapshot waits for a group to go along with."""

    def __init__(
        self,
        journal: Journal,
        runtime: Runtime,
        timers: Timers,
        tally: Tally,
        recent: Recent,
        advanced: Callable[[Iterable[AggregateId]], None],
    ) -> None:
        self._journal = journal
        self._tally = tally
        self._recent = recent
        self._advanced = advanced
        self._outage = Outage(journal, runtime, advanced)
        self._role = Lock()
        self._waiting: deque[list[Decided]] = deque()
        self._snapshots: deque[Snapshot] = deque()
        self._now = runtime.monotonic
        self._timers = timers
        self._rung = False
        self._retrying = self._keeping = False  # a timer rings for that
        self._chores_due = False
        self._stopping = False
        self._ended = False
        self.busy_since: float | None = None
        """When the group that is being written was taken, on the monotonic clock."""
        self.last_busy = 0.0
        """When the last group was taken."""
        self._executor = runtime.executor("comity-committer")

    def start(self) -> None:
        """Do the journal's chores, now and then."""
        self._chores_due = True
        self._ring()
        self._timers.call_later(self.CHORES, self.start)

    def submit(self, decided: list[Decided]) -> None:
        """Make these durable, in this order, and answer them. Any thread."""
        self._waiting.append(decided)
        if not is_helping():  # else `help` comes next, on this thread
            self._ring()

    def keep(self, snapshot: Snapshot) -> None:
        """Store a snapshot along with some group, within a second. Any thread."""
        if not self._outage.on or len(self._snapshots) < self.MOST:  # else they would pile up
            self._snapshots.append(snapshot)
            if not self._keeping:
                self._keeping = True
                self._timers.call_later(self.KEEP, self._keep_now)

    def help(self) -> None:
        """Write what waits, if nobody is at it: for a thread that waits for an answer."""
        if self._role.acquire(blocking=False):
            try:
                if self._waiting and not self._ended:
                    self._write_group()
            finally:
                self._role.release()
        if self._waiting:
            self._ring()

    def is_unknown(self, command_id: str) -> bool:
        """Whether the journal may hold this command without showing it, until it can write."""
        return self._outage.is_unknown(command_id)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._waiting and self.busy_since is None

    def stop(self, timeout: float) -> bool:
        """Write what is there, and end. False: it is held up, and `timeout` seconds are over."""
        self._stopping = True
        self._executor.schedule(self)
        return self._executor.stop(timeout)

    # --- its own thread -------------------------------------------------------------------------

    def run(self) -> None:
        """Write what waits, and do what is due: a turn on the committer's own thread."""
        self._rung = False  # before looking: what comes from here on rings again
        with self._role:
            self._work()
            while self._stopping and self._waiting:
                self._work()
            self._ended = self._stopping  # nobody helps any more: the journal is about to be closed
        if self._outage.on and not self._retrying:
            self._retrying = True
            self._timers.call_later(self._outage.left(), self._retry)

    def _work(self) -> None:
        try:
            self._outage.over()
            while self._waiting or (self._snapshots and not self._outage.on):
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
        """Write what waits, up to the bound. Who calls it has the role."""
        self.busy_since = self.last_busy = self._now()
        group: list[Decided] = []
        try:
            size = 0
            while self._waiting and len(group) < self.MOST and size < self.MOST_BYTES:
                decided = self._waiting.popleft()
                size += sum([size_of(one.entry) for one in decided if one.entry is not None])
                group += decided
            self._write(group)
        except BaseException:
            _log.exception("the committer failed; it goes on with the next group")
            unknown = OutcomeUnknown("the committer failed; retry with the same id")
            self._fail(group, lambda _: unknown)
        self.busy_since = None

    def _write(self, group: list[Decided]) -> None:
        current = self._current(group)
        if not self._outage.over():
            self._fail(current, self._outage.answer)
            return
        found = batches(current)
        turns = [batch.turn for batch in found if batch.turn is not None]
        snapshots = self._take_snapshots()
        try:
            results = self._journal.append(turns, snapshots) if turns or snapshots else ()
        except StorageFailed as error:
            self._outage.begin(error)
            self._keep_again(snapshots, error)
            self._fail(current, self._outage.answer)
            self._ring()  # this may be a helper: the own thread tries again
        except BaseException as error:
            self._keep_again(snapshots, error)
            self._find_out(current, error)
        else:
            self._answer(found, results)
            if turns:
                self._tally.committed()
                self._advanced(turn.aggregate for turn in turns)

    def _current(self, group: list[Decided]) -> list[Decided]:
        """The group, less what was decided on a state that did not come about: given back."""
        if all(decided.epoch > decided.actor.lost_epoch for decided in group):
            return group
        current: list[Decided] = []
        lost: dict[Owner, list[Decided]] = defaultdict(list)
        for decided in group:
            if decided.epoch <= decided.actor.lost_epoch:
                lost[decided.actor].append(decided)
            else:
                current.append(decided)
        for actor, again in lost.items():
            actor.give_up(again[-1].epoch, again)
        return current

    def _answer(self, group: Sequence[Batch], results: Sequence[Result]) -> None:
        """Release the answers, in order; give back what another process was first with."""
        answers: list[tuple[Pending[Answer], Answer | ComityError]] = []
        lost: dict[Owner, list[Decided]] = defaultdict(list)
        done: list[tuple[Decided, Stored | None]] = []
        unknown: list[Decided] = []
        result = iter(results)
        why = ""
        for batch in group:
            outcome = None if batch.turn is None else next(result)
            actor = batch.decided[0].actor
            if isinstance(outcome, Unknown):
                unknown += batch.decided
                why = outcome.why
                lost[actor] = []
            elif isinstance(outcome, Repeated):
                lost[actor] += self._repeated(batch, outcome, answers)
            elif isinstance(outcome, Stale) or actor in lost:
                lost[actor] += batch.decided
            else:
                for decided, stored in batch.each(outcome):
                    actor.confirm(decided, None if stored is None else stored.version)
                    answer = decided.answer or _receipt(decided, stored)
                    answers.append((decided.task.pending, answer))
                    done.append((decided, stored))
        self._tally.answered([decided for decided, _ in done])
        self._recent.add(done)
        settle(answers)
        if unknown:
            self._find_out(unknown, OutcomeUnknown(why))
        for actor, again in lost.items():
            if again:
                actor.give_up(again[0].epoch, again)

    def _repeated(
        self,
        batch: Batch,
        outcome: Repeated,
        answers: list[tuple[Pending[Answer], Answer | ComityError]],
    ) -> list[Decided]:
        """Answer the one that was recorded before; the others were decided as if it were new."""
        stored = [one for one in batch.decided if one.entry is not None]
        known = stored[outcome.number]
        actor, task = known.actor, known.task
        actor.give_up(known.epoch)
        actor.confirm(known, None)
        answers.append((task.pending, actor.replay(task, outcome.record)))
        self._tally.ended(answers[-1][1])
        return [one for one in batch.decided if one is not known]

    # --- when writing fails ---------------------------------------------------------------------

    def _fail(self, group: Sequence[Decided], answer: Callable[[str], ComityError]) -> None:
        """Answer all by their ids, and have their actors forget what did not come about."""
        self._tally.failed_group()
        for decided in group:
            decided.actor.give_up(decided.epoch)
        told = [(one, one.actor.true(one.task, answer(one.task.pending.id))) for one in group]
        self._forget(told)

    def _forget(
        self,
        failed: Sequence[tuple[Decided, Answer | ComityError]],
        stored: Sequence[tuple[Decided, Answer | ComityError]] = (),
    ) -> None:
        """Answer these, whose actors forget them after that."""
        for decided, error in failed:
            if not decided.task.pending.done():
                self._tally.ended(error)
        waiters: list[Waiter] = []
        for decided, answer in [*failed, *stored]:
            waiters += decided.actor.forget(decided.task, answer)
        wake(waiters)

    def _find_out(self, group: Sequence[Decided], error: BaseException) -> None:
        """Open the journal again and answer with the truth, or that it is not known."""
        if not isinstance(error, OutcomeUnknown):
            _log.error("the journal failed while it wrote", exc_info=error)
        entries = [(one.entry, one.actor.id) for one in group if one.entry is not None]
        self._outage.begin(error, {entry.command_id: id_ for entry, id_ in entries})
        if not self._outage.over():
            self._fail(group, self._outage.answer)
            self._ring()
            return
        not_stored = StorageFailed(f"the journal failed and holds nothing of this command: {error}")
        failed: list[tuple[Decided, ComityError]] = []
        stored: list[tuple[Decided, Answer | ComityError]] = []
        for decided in group:
            entry = decided.entry
            record = self._journal.find(entry.command_id) if entry is not None else None
            if record is None:
                failed.append((decided, not_stored))
            else:
                stored.append((decided, decided.actor.replay(decided.task, record)))
            decided.actor.give_up(decided.epoch)
        self._tally.answered([decided for decided, _ in stored])
        self._forget(failed, stored)

    # --- besides --------------------------------------------------------------------------------

    def _take_snapshots(self) -> list[Snapshot]:
        return [self._snapshots.popleft() for _ in range(min(len(self._snapshots), 64))]

    def _keep_again(self, snapshots: Sequence[Snapshot], error: BaseException) -> None:
        # They are but a cache: not where they make it worse, or may be what cannot be written.
        if isinstance(error, StorageFailed | OutcomeUnknown) and not isinstance(error, StorageFull):
            self._snapshots.extendleft(reversed(snapshots))


def _receipt(decided: Decided, stored: Stored | None) -> Receipt[Event]:
    assert stored is not None
    task = decided.task
    return Receipt(
        task.pending.id,
        decided.actor.id,
        decided.outcome,
        stored.version,
        stored.position,
        decided.events,
        type(task.command).__name__,
        task.sender.who,
        task.sender.seen,
        decided.report,
        task.sender.session,
    )
