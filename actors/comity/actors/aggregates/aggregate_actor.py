"""The actor of one aggregate: takes commands one at a time, merges, decides, evolves.

The actor decides on its newest state and does not wait for the disk. The decisions of one turn go
to the committer, which releases the answers once the turn is durable. If domain code fails, another
process writes first or the disk fails, the state in memory is wrong and the actor loads it from the
journal again. The flight says what may happen when.

Before each turn the actor looks for what other processes have appended. If they write its aggregate
all the time, the committer takes its turns, while nobody else writes (`contention.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from comity.actors.aggregates.answered import REPEATED, Answered
from comity.actors.aggregates.decided_turn import MOST_BYTES, DecidedTurn
from comity.actors.aggregates.deciding import decide
from comity.actors.aggregates.flight import Flight, State
from comity.actors.aggregates.replica import Behind, Replica
from comity.actors.aggregates.task import Task
from comity.actors.observing.facts import Loaded, Merged
from comity.actors.runtime.engine_thread import Helping
from comity.actors.runtime.pending import Pending, settle, wake
from comity.actors.runtime.pooled_actor import PooledActor
from comity.actors.runtime.rest import Rest
from comity.engine.errors import (
    CheckFailed,
    ComityError,
    DeciderFailed,
    Expired,
    JournalError,
    StorageFailed,
)
from comity.engine.journal.snapshot import Snapshot
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.receipt import Preview
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comity.actors.aggregates.services import Services
    from comity.actors.aggregates.task import Answer
    from comity.engine.aggregate_id import AggregateId


_log = logging.getLogger("comity")


class AggregateActor(PooledActor[Task]):
    """One live aggregate."""

    __slots__ = (
        "_flight", "_news", "_replica", "_rest", "_services", "decider", "id",
        "last_used",
    )  # fmt: skip

    def __init__(self, services: Services, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(services.executor, id, services.policy.inbox)
        self.id = id
        self.decider = decider
        self.last_used = 0.0
        """The time of the actor's last turn, on the monotonic clock."""
        self._services = services
        self._flight = Flight(self._gate, self.wake)
        self._replica = Replica(
            decider,
            services.journal,
            id,
            services.policy.tail,
            keep_commands=services.keep_commands and id.type not in services.steps,
        )
        self._rest = services.rested
        self._news = -1  # `Journal.news` when it was last looked at

    # --- a turn ---------------------------------------------------------------------------------

    def help(self) -> None:
        """Take the next turn and write its decisions, on a host's thread that waits for an answer.

        Does nothing that another thread is doing already.
        """
        with Helping():
            self.run()
            self._services.committer.help()

    def on_turn(self, messages: list[Task]) -> None:
        """Decide the waiting commands in order, and submit the turn to the committer."""
        self.last_used = now = self._services.monotonic()
        if now < self._flight.contended:
            self._wait_for_the_committer(messages)
        elif (turn := self._decide(messages)) is not None:
            self._services.committer.submit(turn)

    def _decide(self, messages: Sequence[Task], until: float = 0.0) -> DecidedTurn | None:
        """Decide what waits, and then these, on the newest state; the turn is then in the air.

        Args:
            messages: commands that arrived after those that wait.
            until: when to stop after a first command, on the monotonic clock; 0: decide all.
        """
        flight = self._flight
        self._look_for_others()
        tasks = flight.gather(messages)
        if tasks is None and self._load():
            tasks = flight.gather()
        return self._decide_all(tasks, until) if tasks else None

    def _look_for_others(self) -> None:
        """Trust the state no more if another process has appended to the aggregate."""
        journal = self._services.journal
        try:
            if (news := journal.news()) == self._news:
                return
            self._news = news
            state, replica = self._flight.state, self._replica
            if state is State.CLEAR:
                old = not replica.is_newest()
            else:  # what is in the air may be stored and not have landed; so less can be told
                old = state is State.FLYING and journal.version(self.id) > replica.version
        except BaseException:  # reading the events fails too, and then a command has its answer
            old = True
        if old:
            self._flight.fall_behind()

    def _decide_all(self, tasks: Sequence[Task], until: float) -> DecidedTurn | None:
        """Decide as many of these, in order, as fit into one turn; the turn is then in the air."""
        flight, replica = self._flight, self._replica
        turn = DecidedTurn(flight, self.id, self.decider, replica.version)
        if (known := replica.dropped) is not None:
            turn.depend(known)
        replica.durable, every = flight.durable, self._services.policy.snapshot_every
        try:
            done, give_up = self._take_all(tasks, turn, until)
            # After a large snapshot the next one comes later.
            due = give_up is None and replica.fresh >= every + replica.pause
            turn.close(replica.snapshot() if due and turn.stores else None)
            replica.trim()
            left = tasks[done:] and [task for task in tasks[done:] if not task.done()]
            flies = flight.take_off(turn, left)
        except BaseException as error:  # for example MemoryError
            self._give_up_turn(tasks, error)
            return None
        if give_up is not None:
            give_up()
        return turn if flies else None

    def _take_all(
        self, tasks: Sequence[Task], turn: DecidedTurn, until: float
    ) -> tuple[int, Callable[[], None] | None]:
        """Decide or answer commands as long as there is room, time, and a state to decide on.

        Returns how many were taken; then what to tell the flight, if the state is no good now.
        """
        done = 0
        try:
            for task in tasks:
                if turn.size > MOST_BYTES or (task.retry and turn.holds(task.id)):
                    break
                if until and done and self._services.monotonic() > until:
                    break
                if not self._take(task, turn):
                    return done, self._flight.distrust
                done += 1
        except Behind:
            return done, self._flight.fall_behind
        return done, None

    def _give_up_turn(self, tasks: Sequence[Task], error: BaseException) -> None:
        """Answer all tasks of a failed turn and all that wait: none of them is in the air."""
        _log.exception("%s failed in a turn", self.id)
        self._flight.distrust()
        failed = DeciderFailed(f"{type(error).__name__} in a turn of {self.id}; nothing was done")
        for task in [*tasks, *self._flight.take()]:
            if not task.done():
                self._answer(task, failed)

    def _load(self) -> bool:
        """Load the state, or what it lacks. False: impossible now; tasks are answered or wait."""
        rest = self._rest.left()
        if rest > 0:
            if self._rest.quarantined:
                self._answer_all(self._flight.take(), self._rest.error(self.actor_urn))
            else:
                self.park()
                self._services.call_later(rest, self.wake)
            return False
        began, replica, flight = self._services.monotonic(), self._replica, self._flight
        before = replica.version
        try:
            if flight.sound:
                replica.catch_up()
            else:
                replica.load()
        except BaseException as error:
            flight.distrust()
            self._loaded(began, 0, error)
            self._not_loaded(error)
            return False
        self._loaded(began, replica.version - before if flight.sound else replica.fresh, None)
        flight.load(replica.version)
        return True

    def _loaded(self, began: float, events: int, error: BaseException | None) -> None:
        """Tell observers that the state was loaded, or that loading failed."""
        loaded, replica = self._services.observers.loaded, self._replica
        if loaded is not None:
            seconds = self._services.monotonic() - began
            loaded(Loaded(self.id, replica.version, events, seconds, error))

    def _merged(self, task: Task, version: int) -> None:
        """Tell observers that a command was decided."""
        merged = self._services.observers.merged
        if merged is not None:
            outcome = task.own.outcome if isinstance(task.own, Preview) else task.outcome
            assert outcome is not None
            merged(
                Merged(
                    self.id, task.command, task.sender, task.id, task.preview, outcome, version,
                    task.report,
                )
            )  # fmt: skip

    def _not_loaded(self, error: BaseException) -> None:
        """Answer the next command with the error; each other command causes a new try to load."""
        tasks = self._flight.take()
        if not tasks:
            return
        first, *others = tasks
        self._flight.wait(others)
        if isinstance(error, StorageFailed):
            _log.error("%s cannot be loaded: %s", self.id, error)
            self._answer(first, error)  # no rest: the decider did not fail
            return
        _log.error("%s cannot be loaded", self.id, exc_info=error)
        if not isinstance(error, ComityError):
            kind = type(error).__name__
            error = DeciderFailed(f"{kind} while {self.id} was loaded: {told(error)}")
        self._failed(first, error)

    def _take(self, task: Task, turn: DecidedTurn) -> bool:
        """Decide one command, or answer it. False: no more decisions on this state."""
        try:
            if self._services.monotonic() > task.deadline:
                self._answer(task, _expired(task))
            elif not task.retry or not self._answered_before(task):
                if task.preview and not (turn.stores or self._flight.storing):
                    self._replica.check_newest()  # no append will check the version
                version = self._replica.version
                decide(self._replica, task, self._services.now(), turn)
                if self._services.observers.merged is not None:
                    self._merged(task, version)
        except Behind:
            raise
        except CheckFailed as error:  # only copies of the state were changed
            _log.error("%s: %s", self._replica, error)
            self._answer(task, error)
        except (DeciderFailed, JournalError) as error:
            self._failed(task, error)
            return False
        except ComityError as error:
            self._answer(task, error)
        except BaseException as error:
            kind, name = type(error).__name__, type(task.command).__name__
            msg = f"{kind} while {name} was decided: {told(error)}"
            self._failed(task, DeciderFailed(msg))
            return False
        return True

    def _answered_before(self, task: Task) -> bool:
        """Answer the task if its id was used before. False: it was not."""
        record = task.find(self._services.journal)
        if record is None:
            return False
        self._answer(task, self._services.retries.replay(self.decider, self.id, record, task))
        return True

    def _failed(self, task: Task, error: ComityError) -> None:
        """Answer a task that failed, and begin a rest: the state must be loaded again after it."""
        _log.error("%s failed and is loaded again: %s", self._replica, error)
        if self._rest is self._services.rested:
            self._rest = Rest(self._services.policy, self._services.runtime)
        self._rest.begin()
        self._answer(task, error)

    def _answer(self, task: Task, answer: Answer | ComityError) -> None:
        """Answer a task that is not in the air."""
        answer = self._services.retries.true(self.decider, self.id, task, answer)
        self._ended(task, answer)
        wake(self._flight.answer(task, answer))

    def _ended(self, task: Task, answer: object) -> None:
        if answer is REPEATED or not task.done():  # else `end` has answered it
            self._services.observers.ended([Answered.of(self.id, task, answer)])

    def _answer_all(self, tasks: Sequence[Task], error: ComityError) -> None:
        for task in tasks:
            self._answer(task, error)

    # --- an aggregate that several processes write ------------------------------------------------

    def schedule(self) -> None:
        """Let the pool take the queued turn; in a contended aggregate, the committer.

        If the state must be loaded first, the pool does so: nobody is kept from writing meanwhile.
        """
        flight = self._flight
        if (
            flight.contended
            and flight.state is State.CLEAR
            and self._services.monotonic() < flight.contended
        ):
            self._services.committer.hand_over(self)
        else:
            super().schedule()

    def _wait_for_the_committer(self, messages: Sequence[Task]) -> None:
        """Let these wait for the next turn, which the committer takes; the state is loaded here.

        If turns are in the air, the last of them that lands wakes the actor.
        """
        flight = self._flight
        if flight.hold(messages) and flight.state is State.GROUNDED and flight.waiting:
            self._load()  # here, not while other processes are kept from writing

    def decide_alone(self, messages: Sequence[Task], until: float) -> DecidedTurn | None:
        """Decide what waits, and then these, up to this time, while no other process can write.

        The committer calls it, between `begin_turn` and `end_turn`.
        """
        return self._decide(messages, until)

    @property
    def durable(self) -> int:
        """The version that the journal is known to hold; with nothing in the air, the state's."""
        return self._flight.durable

    def expect_others(self, until: float) -> None:
        """Expect that other processes write the aggregate too, until this time; 0: they do not."""
        self._flight.contended = until

    # --- for other objects ----------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many commands and previews are not decided yet."""
        return super().waiting + self._flight.waiting

    @property
    def unanswered(self) -> int:
        """How many commands and previews are in the air."""
        return self._flight.unanswered

    def backlog(self) -> int:
        """How many commands and previews are accepted and not yet answered."""
        return len(self._flight.sent)

    def owed(self) -> Sequence[Pending[Answer]]:
        """The pending answers of this aggregate that are not settled. Any thread."""
        return [task for task in list(self._flight.sent.values()) if not task.done()]

    def more(self) -> bool:
        """Whether commands that a turn took from the inbox wait, and may be decided now."""
        return self._flight.due

    def admit(self, messages: Sequence[Task]) -> Sequence[Task]:
        """Return the messages for the inbox; a repeated command gets the answer of the first one.

        Raises:
            Busy: the messages do not fit.
        """
        flight = self._flight
        if messages[0].retry and flight.join(messages[0]):
            return ()
        if len(flight.sent) + len(messages) > self._capacity:
            raise self._full()
        flight.let_in(messages)
        return messages

    def not_admitted(self, messages: Sequence[Task]) -> None:
        """Tell observers, without holding the gate: an observer may send commands."""
        for task in messages:
            self._ended(task, REPEATED)

    def joins(self, task: Task) -> bool:
        """Give the task the answer of an equal one that is on its way. False: there is none."""
        with self._gate:
            joined = self._flight.join(task)
            first = self._flight.sent.get(task.id)
        if joined:
            self._ended(task, REPEATED)
            return True
        if first is None or not first.same(task):
            return False
        answer = first.answer()
        self._ended(task, answer)
        settle([(task, answer)])
        return True

    def expire(self, now: float) -> None:
        """Answer commands past their deadline: a slow turn or a rest may have held them up."""
        late = self.take_if(lambda task: task.deadline < now)
        for task in [*self._flight.take_late(now), *late]:
            self._answer(task, _expired(task))

    def end(self, closed: ComityError, unknown: ComityError) -> None:
        """Take no more messages, and answer all that are on their way: the domain is closing.

        Args:
            closed: the answer to commands that wait, which are never decided.
            unknown: the answer to commands that a turn or the committer holds.
        """
        untaken = self.drain()
        self._answer_all([*self._flight.take(), *untaken], closed)
        for task in list(self._flight.sent.values()):
            self._ended(task, unknown)
            settle([(task, unknown)])

    def abandon(self, unknown: ComityError) -> None:
        """Settle all answers in a forked child, without waking threads or calling anything."""
        Pending.settle([(task, unknown) for task in list(self._flight.sent.values())])

    def snapshot(self) -> Snapshot | None:
        """Return a snapshot if enough events are new. Call it only once the actor has retired."""
        if self._flight.state is not State.CLEAR:
            return None
        every = self._services.policy.snapshot_every
        return self._replica.snapshot() if self._replica.fresh >= every else None

    def retire(self) -> bool:
        """Take no more messages. False: the actor is busy, or has failed recently."""
        return not self._rest.fresh and super().retire()


def _expired(task: Task) -> Expired:
    return Expired(f"{type(task.command).__name__} waited past its deadline, and was not decided")
