"""The one thread that writes the journal: group commit, answers in order, coping with failure.

While a flush is under way the actors go on deciding; everything that came meanwhile is the next
group. No answer, a refusal neither, leaves before what it rests on is durable.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from comity.actors.pending import enter_engine_thread, settle
from comity.engine.errors import ComityError, OutcomeUnknown, StorageFailed
from comity.engine.journal import Appended, Appending, Repeated, Stale
from comity.engine.message import Event
from comity.engine.receipt import Receipt

if TYPE_CHECKING:
    from comity.actors.aggregate_actor import AggregateActor
    from comity.actors.pending import Pending
    from comity.actors.recent import Recent
    from comity.actors.tally import Tally
    from comity.actors.task import Answer, Decided
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.journal import Journal, Snapshot

_log = logging.getLogger("comity")


class Committer:
    """Takes what actors decided, makes it durable in groups, and answers.

    Args:
        journal: written by this thread alone.
        tally: counts what was answered.
        recent: keeps the newest events.
        advanced: called with the aggregates concerned after each group that moved the journal.
    """

    MOST = 4096
    """Decisions in one group at the most: what a power cut can make one wait for again."""

    CHORES = 10.0
    """Seconds between the journal's small chores."""

    RETRY = 0.2
    """Seconds between attempts to write again after a failure."""

    def __init__(
        self,
        journal: Journal,
        tally: Tally,
        recent: Recent,
        advanced: Callable[[Iterable[AggregateId]], None],
    ) -> None:
        self._journal = journal
        self._tally = tally
        self._recent = recent
        self._advanced = advanced
        self._queue: SimpleQueue[list[Decided] | None] = SimpleQueue()
        self._snapshots: SimpleQueue[Snapshot] = SimpleQueue()
        self._kept: list[Decided] = []  # taken from the queue, beyond the group's bound
        self._broken: StorageFailed | None = None
        self._retry_at = 0.0
        self._stopping = False
        self._chores_at = 0.0
        self.busy_since: float | None = None
        """When the group that is being written was taken, on the monotonic clock."""
        self.last_busy = 0.0
        """When the last group was taken."""
        self._thread = threading.Thread(target=self._run, name="comity-committer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, decided: list[Decided]) -> None:
        """Make these durable, in this order, and answer them. Any thread."""
        self._queue.put(decided)

    def keep(self, snapshot: Snapshot) -> None:
        """Store a snapshot along with some group, within a second. Any thread."""
        self._snapshots.put(snapshot)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return self._queue.empty() and not self._kept and self.busy_since is None

    def stop(self, timeout: float) -> bool:
        """Write what is there, and end. False: it is held up, and `timeout` seconds are over."""
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        enter_engine_thread()
        while True:
            group = self._next()
            try:
                if group or not self._snapshots.empty():
                    self._write(group)
                self._chores()
            except BaseException:
                _log.exception("the committer failed; it goes on with the next group")
                self._fail(group, OutcomeUnknown("the committer failed; retry with the same id"))
            self.busy_since = None
            if self._stopping and self.idle and self._snapshots.empty():
                return

    def _next(self) -> list[Decided]:
        """Everything that waits, up to the bound; after a second without anything, nothing."""
        group, self._kept = self._kept, []
        if not group and not self._stopping:
            try:
                self._collect(self._queue.get(timeout=1.0), group)
            except Empty:
                return group
        self.busy_since = self.last_busy = time.monotonic()
        while len(group) < self.MOST and not self._queue.empty():
            self._collect(self._queue.get(), group)
        self._kept = group[self.MOST :]
        return group[: self.MOST]

    def _collect(self, decided: list[Decided] | None, group: list[Decided]) -> None:
        if decided is None:
            self._stopping = True
        else:
            group += decided

    def _write(self, group: list[Decided]) -> None:
        current = self._current(group)
        entries = [decided.entry for decided in current if decided.entry is not None]
        snapshots = self._take_snapshots()
        if self._broken is not None and not self._recovered():
            self._fail(current, self._broken)
            return
        try:
            results = self._journal.append(entries, snapshots) if entries or snapshots else []
        except StorageFailed as error:
            _log.error("the journal could not write: %s", error)
            self._broken, self._retry_at = error, 0.0
            self._fail(current, error)
        except BaseException as error:
            _log.exception("the journal failed while it wrote")
            self._find_out(current, error)
        else:
            self._answer(current, results)
            if entries:
                self._tally.committed(len(entries))
                self._advanced(entry.aggregate for entry in entries)

    def _current(self, group: list[Decided]) -> list[Decided]:
        """The group, less what was decided on a state that did not come about: given back."""
        current: list[Decided] = []
        lost: dict[AggregateActor, list[Decided]] = defaultdict(list)
        for decided in group:
            if decided.epoch <= decided.actor.lost_epoch:
                lost[decided.actor].append(decided)
            else:
                current.append(decided)
        for actor, again in lost.items():
            actor.give_up(again[-1].epoch, again)
        return current

    def _answer(self, group: Sequence[Decided], results: Sequence[Appending]) -> None:
        """Release the answers, in order; give back what another process was first with."""
        answers: list[tuple[Pending[Answer], Answer | ComityError]] = []
        lost: dict[AggregateActor, list[Decided]] = defaultdict(list)
        committed: list[tuple[Decided, Appended]] = []
        result = iter(results)
        for decided in group:
            actor = decided.actor
            outcome = next(result) if decided.entry is not None else None
            if actor in lost or isinstance(outcome, Stale):
                lost[actor].append(decided)
                continue
            if isinstance(outcome, Repeated):
                actor.give_up(decided.epoch)  # it was decided as if it were new
                lost[actor] = []
                actor.confirm(decided, None)
                answers += decided.task.answers(actor.replay(decided.task, outcome.record))
                continue
            # First confirm, then look who gets the answer: who sends the id again comes in between.
            actor.confirm(decided, None if outcome is None else outcome.version)
            answer = decided.answer or _receipt(decided, outcome)
            answers += decided.task.answers(answer)
            self._tally.answered(decided)
            if decided.events and isinstance(outcome, Appended):
                committed.append((decided, outcome))
        self._recent.add(committed)
        settle(answers)
        for actor, again in lost.items():
            if again:
                actor.give_up(again[0].epoch, again)

    # --- when writing fails ---------------------------------------------------------------------

    def _fail(self, group: Sequence[Decided], error: ComityError) -> None:
        """Answer all with the error, and have their actors forget what did not come about."""
        self._tally.failed_group()
        answers: list[tuple[Pending[Answer], Answer | ComityError]] = []
        for decided in group:
            decided.actor.give_up(decided.epoch)
            decided.actor.confirm(decided, None)
            answers += decided.task.answers(error)
        settle(answers)

    def _find_out(self, group: Sequence[Decided], error: BaseException) -> None:
        """Open the journal again and answer with the truth, or that it is not known."""
        try:
            self._journal.recover()
        except ComityError as failure:
            self._broken = _storage_failed(failure)
            self._retry_at = time.monotonic() + self.RETRY
            unknown = OutcomeUnknown(
                f"{error}; send the command again with the same id to find out"
            )
            self._fail(group, unknown)
            return
        not_stored = StorageFailed(f"the journal failed and holds nothing of this command: {error}")
        answers: list[tuple[Pending[Answer], Answer | ComityError]] = []
        for decided in group:
            entry = decided.entry
            record = self._journal.find(entry.command_id) if entry is not None else None
            answer = not_stored if record is None else decided.actor.replay(decided.task, record)
            decided.actor.give_up(decided.epoch)
            decided.actor.confirm(decided, None)
            answers += decided.task.answers(answer)
        settle(answers)
        self._advanced(one.entry.aggregate for one in group if one.entry is not None)

    def _recovered(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        try:
            self._journal.recover()
        except ComityError as error:
            self._broken = _storage_failed(error)
            self._retry_at = time.monotonic() + self.RETRY
            return False
        self._broken = None
        return True

    # --- besides --------------------------------------------------------------------------------

    def _take_snapshots(self) -> list[Snapshot]:
        return [self._snapshots.get() for _ in range(min(self._snapshots.qsize(), 64))]

    def _chores(self) -> None:
        now = time.monotonic()
        if now >= self._chores_at:
            self._chores_at = now + self.CHORES
            self._journal.maintain()


def _storage_failed(error: ComityError) -> StorageFailed:
    if isinstance(error, StorageFailed):
        return error
    return StorageFailed(f"the journal cannot be written: {error}")


def _receipt(decided: Decided, outcome: Appending | None) -> Receipt[Event]:
    assert isinstance(outcome, Appended)
    task, entry = decided.task, decided.entry
    assert entry is not None
    return Receipt(
        task.pending.id,
        entry.aggregate,
        decided.outcome,
        outcome.version,
        outcome.position,
        decided.events,
        type(task.command).__name__,
        task.sender.who,
        task.sender.seen,
        decided.report,
    )
