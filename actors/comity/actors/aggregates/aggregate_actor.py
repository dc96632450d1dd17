"""The actor of one aggregate: takes commands one at a time, merges, decides, evolves.

The actor decides on its newest state and does not wait for the disk. The decisions of one turn go
to the committer, which releases the answers once the turn is durable. How commands come in and are
answered is in `answering_actor.py`, how the state is loaded in `loading_actor.py`; the flight says
what may happen when.

Before each turn the actor looks for what other processes have appended. If they write its aggregate
all the time, the committer takes its turns, while nobody else writes (`contention.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from comity.actors.aggregates.answering_actor import expired
from comity.actors.aggregates.decided_turn import MOST_BYTES, DecidedTurn
from comity.actors.aggregates.deciding import decide
from comity.actors.aggregates.flight import State
from comity.actors.aggregates.loading_actor import LoadingActor
from comity.actors.aggregates.replica import Behind
from comity.actors.aggregates.task import Task
from comity.actors.observing.facts import Merged
from comity.actors.runtime.engine_thread import Helping
from comity.engine.errors import CheckFailed, ComityError, DeciderFailed, JournalError
from comity.engine.merging.decider import AnyDecider
from comity.engine.merging.receipt import Preview
from comity.engine.text import told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comity.actors.aggregates.services import Services
    from comity.engine.aggregate_id import AggregateId


_log = logging.getLogger("comity")


class AggregateActor(LoadingActor):
    """One live aggregate."""

    __slots__ = ("_news", "last_used")

    def __init__(self, services: Services, decider: AnyDecider, id: AggregateId) -> None:
        super().__init__(services, decider, id)
        self.last_used = 0.0
        """The time of the actor's last turn, on the monotonic clock."""
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

    def _take(self, task: Task, turn: DecidedTurn) -> bool:
        """Decide one command, or answer it. False: no more decisions on this state."""
        try:
            if self._services.monotonic() > task.deadline:
                self._answer(task, expired(task))
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

    def expect_others(self, until: float) -> None:
        """Expect that other processes write the aggregate too, until this time; 0: they do not."""
        self._flight.contended = until
