"""The actor of one aggregate: takes commands one at a time, merges, decides, evolves. The heart.

It decides on its newest state and does not wait for the disk: what it decided goes to the
committer, which releases the answers once they are durable. When something goes wrong on the way
(a bug in domain code, another process was first, the disk failed), the state in memory is worth
nothing any more: the actor begins a new *epoch*, waits until nothing of the old one is under way,
and loads its state from the journal again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from comity.actors.aggregates.explanation import explanation
from comity.actors.aggregates.replica import Behind, Replica
from comity.actors.aggregates.tally import REPEATED
from comity.actors.aggregates.task import Answer, Decided, Task
from comity.actors.runtime.engine_thread import Helping
from comity.actors.runtime.pending import Pending, Waiter, settle, wake
from comity.actors.runtime.pooled_actor import PooledActor
from comity.actors.runtime.rest import Rest
from comity.engine.errors import (
    ComityError,
    DeciderFailed,
    Expired,
    JournalError,
    NotExecuted,
    StorageFailed,
)
from comity.engine.history import note
from comity.engine.journal.record import Record
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Entry
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.merging.merge import Decision, merge
from comity.engine.merging.receipt import Preview
from comity.engine.merging.refusals import Refused, Rejected, Scalar
from comity.engine.merging.report import MergeReport, Outcome
from comity.engine.messages import codec
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comity.actors.aggregates.site import Site
    from comity.engine.aggregate_id import AggregateId
    from comity.engine.merging.command import Command
    from comity.engine.messages.message import Event


_log = logging.getLogger("comity")


class AggregateActor(PooledActor[Task]):
    """One live aggregate."""

    __slots__ = (
        "_again", "_replica", "_rest", "_site", "_waiting",
        "decider", "epoch", "id", "last_used", "lost_epoch", "on_their_way",
    )  # fmt: skip

    def __init__(self, site: Site, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(site.executor, id, site.policy.inbox)
        self.id = id
        self.decider = decider
        self.epoch = 0
        """Counts the states that were loaded: it changes when one is given up."""
        self.lost_epoch = -1
        """The last epoch that was given up; what was decided in it is decided again."""
        self.on_their_way: dict[object, Task] = {}
        """Whatever was delivered and is not answered, by command id: a command is there once."""
        self.last_used = 0.0
        """When it last took a turn, on the monotonic clock."""
        self._site = site
        self._replica = Replica(decider, site.journal, id, site.policy.tail)
        # What is empty is shared: there may be 100,000 actors that do nothing.
        self._again: Sequence[Task] = ()  # decided in a lost epoch; guarded by the gate
        self._waiting: Sequence[Task] = ()  # taken from the inbox, and not decided yet
        self._rest = site.rested

    # --- a turn ---------------------------------------------------------------------------------

    def help(self) -> None:
        """Take the turn that is wanted and write what it came to: for a thread that waits for it.

        It does nothing that somebody else is doing already.
        """
        with Helping():
            self.run()
            self._site.committer.help()

    def on_turn(self, messages: list[Task]) -> None:
        """Decide what waits, in order, and hand over to the committer what it came to."""
        self.last_used = self._site.monotonic()
        with self._gate:  # at the end, what waits is answered and taken away
            self._waiting = [*self._waiting, *messages]
        decided: list[Decided] = []
        try:
            self._decide_all(decided)
        except BaseException as error:  # too little memory, for one
            self._give_up_turn(decided, error)
        else:
            if decided:
                self._site.committer.submit(decided)

    def _decide_all(self, decided: list[Decided]) -> None:
        while (self._waiting or self._again) and (self._replica.loaded or self._ready()):
            tasks = self._gather()
            for index, task in enumerate(tasks, 1):
                self._take(task, decided)
                if not self._replica.loaded:  # the rest waits for a new state
                    again = [] if task.pending.done() else [task]
                    self._waiting = [*again, *tasks[index:]]
                    break

    def _give_up_turn(self, decided: Sequence[Decided], error: BaseException) -> None:
        """Answer whatever it had taken: the committer has nothing of it."""
        _log.exception("%s failed in a turn", self.id)
        self._replica.loaded = False
        for one in decided:
            one.task.decided = False
        with self._gate:
            taken = [
                task
                for task in self.on_their_way.values()
                if not task.decided and not self._inbox.holds(task)
            ]
            self._again, self._waiting = (), ()
        failed = DeciderFailed(f"{type(error).__name__} in a turn of {self.id}; nothing was done")
        for task in taken:
            self._answer(task, failed)

    def backlog(self) -> int:
        """Commands and previews that are on their way."""
        return len(self.on_their_way)

    def owed(self) -> Sequence[Pending[Answer]]:
        """The answers that are still to come. Any thread."""
        pendings = [task.pending for task in list(self.on_their_way.values())]
        return [pending for pending in pendings if not pending.done()]

    def admit(self, messages: Sequence[Task]) -> Sequence[Task]:
        """Those that are not on their way already: who sends again gets the answer of the first."""
        if messages and messages[0].retry and self._joins(messages[0]):
            return ()
        on_their_way = self.on_their_way
        if len(on_their_way) + len(messages) > self._capacity:
            raise self._full()
        for task in messages:
            if task.retry and task.pending.id in on_their_way:
                task.key = task  # another command with the same id: the journal says whose it is
            on_their_way[task.key] = task
        return messages

    def _joins(self, task: Task) -> bool:
        """Whether its id is on its way, so that it gets the same answer; the gate is held."""
        first = self.on_their_way.get(task.pending.id)
        if first is None or not first.same(task) or not task.pending.follow(first.pending):
            return False
        first.deadline = max(first.deadline, task.deadline)
        self._site.tally.ended(REPEATED)
        return True

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
                self._site.call_later(rest, self.wake)
            return False
        if self.outstanding:
            self.park()  # `confirm` wakes it with the last answer, unless that came before:
            if not self.outstanding:
                self.wake()
            return False
        self.epoch += 1
        try:
            self._replica.load()
        except BaseException as error:
            self._not_loaded(error)
        return self._replica.loaded

    def _not_loaded(self, error: BaseException) -> None:
        """Answer the command that is the next to be decided; the others have a try of their own."""
        tasks = self._gather()
        if not tasks:
            return
        first, *self._waiting = tasks
        if isinstance(error, StorageFailed):
            _log.error("%s cannot be loaded: %s", self.id, error)
            self._answer(first, error)  # and no rest: the decider is not to blame
            return
        _log.error("%s cannot be loaded", self.id, exc_info=error)
        if not isinstance(error, ComityError):
            kind = type(error).__name__
            error = DeciderFailed(f"{kind} while {self.id} was loaded: {told(error)}")
        self._failed(first, error)

    def _gather(self) -> Sequence[Task]:
        """Take all that waits, and first what has to be decided again.

        Nothing where the state was lost meanwhile: then more may still come back, and must not be
        overtaken; `_ready` waits for all of it.
        """
        with self._gate:
            if self.lost_epoch == self.epoch:
                self._replica.loaded = False
                return ()
            tasks = [*self._again, *self._waiting] if self._again else self._waiting
            self._again, self._waiting = (), ()
        return tasks

    @property
    def outstanding(self) -> int:
        """How many are decided and not yet answered."""
        return sum([task.decided for task in list(self.on_their_way.values())])

    def _take(self, task: Task, decided: list[Decided]) -> None:
        """Decide one command; whatever happens, it is answered, now or by the committer."""
        try:
            if self._site.monotonic() > task.deadline:
                self._answer(task, _expired(task))
            elif not task.retry or not self._answered_before(task):
                decision = self._decide(task)
                task.decided = True
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
            decision = merge(self.decider, replica.state, replica.version, command, sender, since)
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
        version, now = replica.version, self._site.now()
        text = self._note(task, digest, outcome, report, sent)
        entry = Entry(task.pending.id, stored, now, text, task.retry, dropped)
        if dropped:
            replica.drop(sender, command)
        replica.apply(events, stored, sender, sent)
        return Decided(
            self, task, entry, outcome, version, digest, events, report, known=known
        )  # fmt: skip

    def _refused(self, task: Task, refusal: Refused, known: int | None) -> Decided:
        refusal.__traceback__ = None  # it would keep all that merging looked at, until it is read
        report, command, explain = refusal.report, task.command, None
        outcome = report.outcome
        if report.unseen and outcome is Outcome.REJECTED:
            session = task.sender.session
            explain = explanation(self._site.journal, self.decider, self.id, command, session)
        if task.preview:
            answer: Preview[Event] = Preview(outcome, self._replica.version, (), report, explain)
            return Decided(self, task, None, outcome, self._replica.version, answer=answer)
        refusal.attach(report, explain)
        digest = note.digest(command) if task.retry else None
        fields: Mapping[str, Scalar] = refusal.fields if isinstance(refusal, Rejected) else {}
        code = refusal.code if isinstance(refusal, Rejected) else type(refusal).__name__
        text = self._note(task, digest, outcome, report, None, (code, refusal.said, fields))
        entry = Entry(task.pending.id, (), self._site.now(), text, task.retry)
        return Decided(
            self, task, entry, outcome, self._replica.version, digest, (), report, refusal, known
        )  # fmt: skip

    def _previewed(self, task: Task, decision: Decision[Command, Event]) -> Decided:
        sender = task.sender
        report = decision.report or MergeReport(
            outcome=decision.outcome, command=type(task.command).__name__, who=sender.who,
            seen=sender.seen, version=self._replica.version,
        )  # fmt: skip
        answer = Preview(decision.outcome, self._replica.version, decision.events, report)
        return Decided(self, task, None, decision.outcome, self._replica.version, answer=answer)

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
        """Whether the id was used before; then the task is answered."""
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
            self._rest = Rest(self._site.policy, self._site.runtime)
        self._rest.begin()
        self._answer(task, error)

    def _answer(self, task: Task, answer: Answer | ComityError) -> None:
        """Answer what the committer does not have."""
        answer = self.true(task, answer)
        self._site.tally.ended(answer)
        wake(self.forget(task, answer))

    def true(self, task: Task, answer: Answer | ComityError) -> Answer | ComityError:
        """The answer, or what became of the task's id before, where it says that nothing did."""
        if task.retry and isinstance(answer, NotExecuted):
            return self._site.retries.looked_up(self.decider, self.id, task) or answer
        return answer

    def _settle(self, task: Task, answer: Answer | ComityError) -> None:
        self._site.tally.ended(answer)
        settle([(task.pending, answer)])

    def _answer_all(self, error: ComityError, also: Sequence[Task] = ()) -> None:
        """Answer whatever waits to be decided, and has not been taken for that."""
        with self._gate:
            tasks = [*self._again, *self._waiting, *also]
            self._again, self._waiting = (), ()
        for task in tasks:
            self._answer(task, error)

    # --- what others tell it --------------------------------------------------------------------

    def confirm(self, decided: Decided, durable: int | None) -> None:
        """It is about to be answered; `durable` is the version in the journal, if known."""
        self.on_their_way.pop(decided.task.key, None)
        if durable is not None and decided.epoch == self.epoch:
            self._replica.durable = durable
        if self._parked:
            self._landed()

    def forget(self, task: Task, answer: Answer | ComityError) -> list[Waiter]:
        """Answer a task of which nothing is to be stored, and say who is to be woken.

        Who sends it again gets this very answer, or begins anew: nobody comes in between.
        """
        task.decided = False
        with self._gate:
            waiters = Pending.settle([(task.pending, answer)])
            self.on_their_way.pop(task.key, None)
        self._landed()
        return waiters

    def give_up(self, epoch: int, again: Sequence[Decided] = ()) -> None:
        """What was decided in this epoch did not come about: decide `again` what is given."""
        for decided in again:
            # Another process was first, perhaps with a retry of this very command: look its id up.
            decided.task.retry = not decided.task.preview
        with self._gate:
            self.lost_epoch = epoch
            self._again = [*self._again, *(decided.task for decided in again)]
        for decided in again:
            decided.task.decided = False
        self.wake()

    def _landed(self) -> None:
        if self._parked and not self.outstanding:
            self.wake()

    def replay(self, task: Task, record: Record) -> Answer | ComityError:
        """The answer that the journal holds for the task's id."""
        return self._site.retries.replay(self.decider, self.id, record, task)

    def joins(self, task: Task) -> bool:
        """Whether its id is on its way: then it gets the same answer, though it is not let in."""
        with self._gate:
            if self._joins(task):
                return True
            first = self.on_their_way.get(task.pending.id)
        if first is None or not first.same(task):
            return False
        self._settle(task, first.pending.answer())
        return True

    def expire(self, now: float) -> None:
        """Answer the commands whose deadline has passed: a slow turn may keep them, or a rest."""
        late = self.take_if(lambda task: task.deadline < now)
        with self._gate:  # and what a turn has taken, and could not decide yet
            again = [task for task in self._again if task.deadline < now]
            waiting = [task for task in self._waiting if task.deadline < now]
            if again:
                self._again = [task for task in self._again if task.deadline >= now]
            if waiting:  # else a turn may be about to put some there
                self._waiting = [task for task in self._waiting if task.deadline >= now]
        late += again + waiting
        for task in late:
            self._answer(task, _expired(task))

    def end(self, closed: ComityError, unknown: ComityError) -> None:
        """Take no more messages, and answer whatever is on its way: the domain is closing.

        What no turn has taken is never decided; of the rest a turn or the committer has hold.
        """
        untaken = self.drain()
        self._answer_all(closed, untaken)
        for task in list(self.on_their_way.values()):
            self._settle(task, unknown)

    def abandon(self, unknown: ComityError) -> None:
        """In a forked child: whoever looks is told; nobody is woken, and nothing is called."""
        Pending.settle([(task.pending, unknown) for task in list(self.on_their_way.values())])

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
