"""The actor of one aggregate: takes commands one at a time, merges, decides, evolves. The heart.

It decides on its newest state and does not wait for the disk: what it decided goes to the
committer, which releases the answers once they are durable. When something goes wrong on the way
(a bug in domain code, another process was first, the disk failed), the state in memory is worth
nothing any more: the actor begins a new *epoch*, waits until nothing of the old one is under way,
and loads its state from the journal again.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from comity.actors.outage import not_known
from comity.actors.pending import helping, settle
from comity.actors.pooled_actor import PooledActor
from comity.actors.replica import Behind, Replica
from comity.actors.rest import Rest
from comity.actors.task import Answer, AnyDecider, Decided, Task
from comity.engine import codec, note
from comity.engine.decider import store
from comity.engine.errors import (
    ComityError,
    DeciderFailed,
    Expired,
    IdReused,
    JournalError,
    Refused,
    Rejected,
    Scalar,
    StorageFailed,
)
from comity.engine.journal import Entry, Record, Snapshot
from comity.engine.merge import Decision, merge
from comity.engine.receipt import Preview
from comity.engine.report import MergeReport, Outcome
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comity.actors.site import Site
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.message import Command, Event


_log = logging.getLogger("comity")


class AggregateActor(PooledActor[Task]):
    """One live aggregate."""

    __slots__ = (
        "_again", "_decider", "_in_turn", "_replica", "_rest", "_site", "_undecided", "_waiting",
        "epoch", "id", "last_used", "lost_epoch", "outstanding",
    )  # fmt: skip

    def __init__(self, site: Site, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(site.pool, id, site.policy.inbox)
        self.id = id
        self.epoch = 0
        """Counts the states that were loaded: it changes when one is given up."""
        self.lost_epoch = -1
        """The last epoch that was given up; what was decided in it is decided again."""
        self.outstanding: dict[str, Decided] = {}
        """Decided and not yet answered, by command id, in order."""
        self.last_used = 0.0
        """When it last took a turn, on the monotonic clock."""
        self._site = site
        self._decider = decider
        self._replica = Replica(decider, site.journal, id, site.policy.tail)
        # What is empty is shared: there may be 100,000 actors that do nothing.
        self._again: Sequence[Task] = ()  # decided in a lost epoch; guarded by the gate
        self._waiting: Sequence[Task] = ()  # taken from the inbox, and not decided yet
        self._in_turn: Sequence[Task] = ()  # being decided
        self._undecided = 0  # so many of those are not decided yet
        self._rest = site.rested

    # --- a turn ---------------------------------------------------------------------------------

    def help(self) -> None:
        """Take the turn that is wanted and write what it came to: for a thread that waits for it.

        It does nothing that somebody else is doing already.
        """
        with helping():
            self.run()
            self._site.committer.help()

    def on_turn(self, messages: list[Task]) -> None:
        """Decide what waits, in order, and hand over to the committer what it came to."""
        self.last_used = time.monotonic()
        self._waiting = [*self._waiting, *messages]
        decided: list[Decided] = []
        while self.more() and (self._replica.loaded or self._ready()):
            if not self._gather():
                continue
            tasks, self._waiting = self._waiting, ()
            self._in_turn = tasks
            self._undecided = len(tasks)
            for index, task in enumerate(tasks):
                self._take(task, decided)
                self._undecided -= 1
                if not self._replica.loaded:  # the rest waits for a new state
                    again = [] if task.pending.done() else [task]
                    self._waiting = [*again, *tasks[index + 1 :]]
                    self._undecided = 0
                    break
        if decided:
            self._site.committer.submit(decided)
        self._in_turn = ()

    def backlog(self) -> int:
        """Commands that are on their way and not in the inbox."""
        waiting = len(self._waiting) + len(self._again) + self._undecided
        return waiting + len(self.outstanding)

    def more(self) -> bool:
        """Whether commands wait that were taken from the inbox already."""
        return bool(self._waiting or self._again)

    def _ready(self) -> bool:
        """Load the state if that is possible now; if not, see to it that the turn is continued."""
        rest = self._rest.left()
        if rest > 0:
            if self._rest.quarantined:
                self._answer_all(self._rest.error(self.actor_urn))
            else:
                self.park()
                self._site.wake_in(rest, self)
            return False
        if self.outstanding:
            self.park()  # `confirm` wakes it with the last answer, unless that came before:
            if not self.outstanding:
                self.wake()
            return False
        self.epoch += 1
        try:
            self._replica.load()
        except StorageFailed as error:
            _log.error("%s cannot be loaded: %s", self.id, error)
            self._answer(self._first(), error)  # and no rest: the decider is not to blame
        except BaseException as error:
            _log.exception("%s cannot be loaded", self.id)
            if not isinstance(error, ComityError):
                kind = type(error).__name__
                error = DeciderFailed(f"{kind} while {self.id} was loaded: {told(error)}")
            self._failed(self._first(), error)
        return self._replica.loaded

    def _first(self) -> Task:
        """Take the command that is the next to be decided, out of those that wait."""
        self._gather()
        first, *self._waiting = self._waiting
        return first

    def _gather(self) -> bool:
        """Put what has to be decided again before what waits. False: the state was lost meanwhile.

        Then more may still come back, and must not be overtaken: `_ready` waits for all of it.
        """
        with self._gate:
            if self.lost_epoch == self.epoch:
                self._replica.loaded = False
                return False
            if self._again:
                self._waiting = [*self._again, *self._waiting]
                self._again = ()
        return True

    def _take(self, task: Task, decided: list[Decided]) -> None:
        """Decide one command; whatever happens, it is answered, now or by the committer."""
        try:
            if time.monotonic() > task.deadline:
                self._answer(task, _expired(task))
            elif not task.retry or not self._answered_before(task):
                decision = self._decide(task)
                if decision.entry is not None:
                    self.outstanding[task.pending.id] = decision
                decided.append(decision)
        except Behind:
            self._replica.loaded = False
        except (DeciderFailed, JournalError) as error:
            self._failed(task, error)
        except ComityError as error:
            self._answer(task, error)
        except BaseException as error:
            kind, name = type(error).__name__, type(task.command).__name__
            msg = f"{kind} while {name} was decided: {told(error)}"
            self._failed(task, DeciderFailed(msg))

    def _decide(self, task: Task) -> Decided:
        """Merge, decide, evolve."""
        sender, command, replica = task.sender, task.command, self._replica
        if task.preview and not self.outstanding:
            replica.check_newest()  # nothing is committed that would find out
        since = () if sender.seen is None else replica.since(sender.seen)
        known = len(since[-1].dropped) if since else None
        try:
            decision = merge(self._decider, replica.state, replica.version, command, sender, since)
        except Refused as refusal:
            return self._refused(task, refusal, known)
        outcome, events, became, report = decision
        if task.preview:
            return self._previewed(task, decision)
        stored = tuple([store(event) for event in events])
        digest = note.digest(command) if task.retry else None
        # What its sender does next rests on the command as it was sent, also where nothing came.
        dropped = not events and bool(sender.session and report and report.rule)
        sent = command if dropped or (events and became is not command) else None
        entry = Entry(
            self.id, replica.version, task.pending.id, stored, self._site.now(),
            self._note(task, digest, outcome, report, sent), task.retry, dropped, known,
        )  # fmt: skip
        if dropped:
            replica.drop(sender, command)
        replica.apply(events, stored, sender, sent)
        return Decided(self, task, entry, outcome, digest, events, report)

    def _refused(self, task: Task, refusal: Refused, known: int | None) -> Decided:
        refusal.__traceback__ = None  # it would keep all that merging looked at, until it is read
        report, command, explain = refusal.report, task.command, None
        outcome = report.outcome
        if report.unseen and outcome is Outcome.REJECTED:
            session = task.sender.session
            explain = self._site.explanation(self._decider, self.id, command, session)
        if task.preview:
            answer: Preview[Event] = Preview(outcome, self._replica.version, (), report, explain)
            return Decided(self, task, None, outcome, answer=answer)
        refusal.attach(report, explain)
        digest = note.digest(command) if task.retry else None
        fields: Mapping[str, Scalar] = refusal.fields if isinstance(refusal, Rejected) else {}
        code = refusal.code if isinstance(refusal, Rejected) else type(refusal).__name__
        text = self._note(task, digest, outcome, report, None, (code, refusal.said, fields))
        entry = Entry(
            self.id, self._replica.version, task.pending.id, (), self._site.now(), text, task.retry,
            known=known,
        )  # fmt: skip
        return Decided(self, task, entry, outcome, digest=digest, report=report, answer=refusal)

    def _previewed(self, task: Task, decision: Decision[Command, Event]) -> Decided:
        sender = task.sender
        report = decision.report or MergeReport(
            outcome=decision.outcome, command=type(task.command).__name__, who=sender.who,
            seen=sender.seen, version=self._replica.version,
        )  # fmt: skip
        answer = Preview(decision.outcome, self._replica.version, decision.events, report)
        return Decided(self, task, None, decision.outcome, answer=answer)

    def _note(
        self,
        task: Task,
        digest: int | None,
        outcome: Outcome,
        report: MergeReport | None,
        sent: Command | None,
        refusal: tuple[str, str, Mapping[str, Scalar]] | None = None,
    ) -> bytes:
        sender = task.sender
        return note.pack(
            sender.who, sender.session, sender.seen, type(task.command).__name__, digest, outcome,
            task.metadata, report, refusal, None if sent is None else codec.pack(sent),
        )  # fmt: skip

    def _answered_before(self, task: Task) -> bool:
        """Whether the id was used before; then the task is answered, or will be with the first."""
        first = self.outstanding.get(task.pending.id)
        if first is not None:
            if not note.same(task.command, type(first.task.command).__name__, first.digest):
                raise IdReused(_reused(task))
            first.task.also += (task.pending,)
            if self.outstanding.get(task.pending.id) is first:
                return True  # `confirm` takes it out before the committer looks who gets the answer
        record = self._site.journal.find(task.pending.id)
        if record is None:
            return False
        self._answer(task, self.replay(task, record))
        return True

    def _failed(self, task: Task, error: ComityError) -> None:
        """The task failed, and the state is not to be trusted: load it again, after a rest."""
        _log.error("%s failed and is loaded again: %s", self._replica, error)
        self._replica.loaded = False
        if self._rest is self._site.rested:
            self._rest = Rest(self._site.policy)
        self._rest.begin()
        self._answer(task, error)

    def _answer(self, task: Task, answer: Answer | ComityError) -> None:
        if isinstance(answer, StorageFailed) and task.retry:  # its id could not be looked up
            answer = not_known(answer)
        settle(task.answers(answer))

    def _answer_all(self, error: ComityError) -> None:
        with self._gate:
            tasks = [*self._again, *self._waiting]
            self._again, self._waiting = (), ()
        for task in tasks:
            self._answer(task, error)

    # --- what others tell it --------------------------------------------------------------------

    def confirm(self, decided: Decided, durable: int | None) -> None:
        """It is about to be answered; `durable` is the version in the journal, if known."""
        if decided.entry is not None:
            self.outstanding.pop(decided.entry.command_id, None)
        if durable is not None and decided.epoch == self.epoch:
            self._replica.durable = durable
        if self._parked and not self.outstanding:
            self.wake()

    def give_up(self, epoch: int, again: Sequence[Decided] = ()) -> None:
        """What was decided in this epoch did not come about: decide `again` what is given."""
        for decided in again:
            # Another process was first, perhaps with a retry of this very command: look its id up.
            decided.task.retry = not decided.task.preview
        with self._gate:
            self.lost_epoch = epoch
            self._again = [*self._again, *(decided.task for decided in again)]
        for decided in again:
            if decided.entry is not None:
                self.outstanding.pop(decided.entry.command_id, None)
        self.wake()

    def replay(self, task: Task, record: Record) -> Answer | ComityError:
        """The answer that the journal holds for the task's id."""
        return self._site.replay(self._decider, self.id, record, task)

    def expire(self, now: float) -> None:
        """Answer the commands in the inbox whose deadline has passed; a slow turn may keep them."""
        late = self.take_if(lambda task: task.deadline < now)
        for task in late:
            self._answer(task, _expired(task))

    def unanswered(self) -> tuple[list[Task], list[Task], list[Decided]]:
        """At the end: what is undecided, what a turn is busy with, what is decided, not durable."""
        undecided = self.drain()
        with self._gate:
            undecided = [*self._again, *self._waiting, *undecided]
            return undecided, list(self._in_turn), list(self.outstanding.values())

    def snapshot(self) -> Snapshot | None:
        """A snapshot of its state, if it is worth one. Only once it has retired."""
        if self.lost_epoch == self.epoch:
            return None
        return self._replica.snapshot(self._site.policy.snapshot_every)

    def retire(self) -> bool:
        """Leave memory, unless it is busy or its failures are fresh."""
        return not self._rest.fresh and super().retire()


def _expired(task: Task) -> Expired:
    return Expired(f"{type(task.command).__name__} waited past its deadline, and was not decided")


def _reused(task: Task) -> str:
    return (
        f"the id {task.pending.id!r} was used before, for another command; an id is given again "
        "only to retry the same command on the same aggregate"
    )
