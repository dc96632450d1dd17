"""The flight of one aggregate: its commands from their acceptance to their answers.

A command is let in, waits, is decided together with others in a turn, and is in the air until the
journal has stored that turn or failed to. Two facts determine what may happen next: whether there
is a state to decide on, and whether turns are in the air. They make four states:

                    nothing in the air                   turns in the air

                 +---------------------+   take_off   +---------------------+
    there is a   |                     |------------->|                     |  take_off,
    state to     |        CLEAR        |              |       FLYING        |  land
    decide on    |                     |<-------------|                     |
                 +---------------------+  land, last  +---------------------+
                    ^               |                   |               |
               load |      distrust |      lose         |               | distrust
                    |               |   +---------------+               |
                    |               v   v                               v
                 +---------------------+  land, last  +---------------------+
                 |                     |<-------------|                     |
    there is     |      GROUNDED       |     lose     |       LANDING       |  land
    none         |                     |<-------------|                     |
                 +---------------------+              +---------------------+

`land`: the oldest turn in the air is durable. `lose`: the oldest turn was not stored, and so
neither was any turn after it; their unanswered commands wait again, before all others. `distrust`:
domain code failed, so nothing more is decided on this state; the turns in the air are still good.
`fall_behind` has the arrows of `distrust`: another process has appended; the state is only old, and
the events after it make it new. `load`: the state is loaded while nothing is in the air. `take_off`
without a state (lost while the turn was being decided) is refused, and the turn's commands wait
again. Everything else raises.

The actor calls `wait`, `hold`, `take`, `take_off`, `distrust`, `fall_behind` and `load`; the thread
that writes the journal calls `land` and `lose`, and everything for an actor whose turn it takes.
The one lock is the actor's gate, which also guards its inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from comity.actors.runtime.pending import Pending, Waiter

if TYPE_CHECKING:
    from comity.actors.aggregates.task import Answer, Task
    from comity.engine.errors import ComityError
    from comity.engine.journal.turn import Turn
    from comity.engine.runtime.system import Lock


class State(Enum):
    """The states of a flight; each value says what the aggregate may do next."""

    GROUNDED = "load its state"
    CLEAR = "decide; nothing is in the air"
    FLYING = "decide; turns are in the air"
    LANDING = "wait until the turns in the air have landed"


class InTheAir(Protocol):
    """The part of `DecidedTurn` that a flight uses."""

    current: bool
    """Whether the turn is in the air. Only the flight sets this."""

    @property
    def tasks(self) -> Sequence[Task]:
        """The decided commands, in order."""
        ...

    @property
    def written(self) -> Turn | None:
        """The turn for the journal; None if all are previews."""
        ...


class Flight:
    """The commands of one aggregate from their acceptance to their answers.

    Args:
        lock: guards the flight; callers of `let_in` and `join` hold it already.
        wake: called without the lock when the actor has to take a turn.
    """

    __slots__ = (
        "_air", "_loaded", "_lock", "_waiting", "_wake", "contended", "durable", "sent", "sound",
    )  # fmt: skip

    def __init__(self, lock: Lock, wake: Callable[[], None]) -> None:
        self._lock = lock
        self._wake = wake
        self.sent: dict[object, Task] = {}
        """All accepted tasks without an answer, by `Task.key`; each command is there once."""
        self.durable = 0
        """The version that the journal is known to hold."""
        self.sound = False
        """Whether the state, if it may not be decided on, is only old: `fall_behind`."""
        self.contended = 0.0
        """Until when, on the monotonic clock, other processes are expected to write it too."""
        # Empty sequences are shared: 100,000 aggregates may be idle.
        self._waiting: Sequence[Task] = ()  # to be decided, in this order
        self._air: tuple[InTheAir, ...] = ()  # decided and not answered, in this order
        self._loaded = False

    @property
    def state(self) -> State:
        """The flight's state, one of the four."""
        if self._loaded:
            return State.FLYING if self._air else State.CLEAR
        return State.LANDING if self._air else State.GROUNDED

    @property
    def waiting(self) -> int:
        """How many commands were taken from the inbox and are not decided yet."""
        return len(self._waiting)

    @property
    def due(self) -> bool:
        """Whether a command waits and need not wait for turns in the air."""
        return bool(self._waiting) and (self._loaded or not self._air)

    @property
    def unanswered(self) -> int:
        """How many commands are in the air."""
        return sum([len(turn.tasks) for turn in self._air])

    @property
    def storing(self) -> bool:
        """Whether a turn in the air has entries for the journal."""
        return any(turn.written for turn in self._air)

    # --- before a turn, and after it ------------------------------------------------------------

    def let_in(self, tasks: Sequence[Task]) -> None:
        """Accept these tasks. The caller holds the lock."""
        for task in tasks:
            if task.retry and task.id in self.sent:
                task.key = task  # the same id twice: the journal tells whether it is a retry
            self.sent[task.key] = task

    def join(self, task: Task) -> bool:
        """Give the task the answer of an equal one that has none yet. The caller holds the lock.

        False: there is no such task.
        """
        first = self.sent.get(task.id)
        if first is None or not first.same(task) or not task.follow(first):
            return False
        first.deadline = max(first.deadline, task.deadline)
        return True

    def answer(self, task: Task, answer: Answer | ComityError) -> list[Waiter]:
        """Answer a command that is not in the air; returns the waiters to wake.

        Atomic: a retry gets this answer, or is accepted as a new command.
        """
        with self._lock:
            return self._answer([(task, answer)])

    def wait(self, tasks: Sequence[Task]) -> None:
        """Add these tasks after those that wait to be decided."""
        with self._lock:
            self._waiting = [*self._waiting, *tasks] if self._waiting else tasks

    def hold(self, tasks: Sequence[Task]) -> bool:
        """Let these tasks wait. Turns in the air land before anything more is decided.

        Returns whether nothing is in the air; otherwise the last turn that lands wakes the actor.
        """
        with self._lock:
            self._waiting = [*self._waiting, *tasks] if self._waiting else tasks
            if self._air:
                self._loaded = False
            return not self._air

    def gather(self, tasks: Sequence[Task] = ()) -> Sequence[Task] | None:
        """Take all waiting tasks, then these, if they may be decided now; otherwise all wait.

        None: load a state first. Empty: nothing waits, or the turns in the air must land first.
        """
        with self._lock:
            waiting = [*self._waiting, *tasks] if self._waiting else tasks
            if self._loaded:
                self._waiting = ()
                return waiting
            self._waiting = waiting
            return None if waiting and not self._air else ()

    def take(self) -> Sequence[Task]:
        """Take all waiting tasks, in order, in any state."""
        with self._lock:
            tasks, self._waiting = self._waiting, ()
        return tasks

    def take_late(self, now: float) -> Sequence[Task]:
        """Take the waiting tasks whose deadline is before `now`."""
        with self._lock:
            late = [task for task in self._waiting if task.deadline < now]
            if late:
                self._waiting = [task for task in self._waiting if task.deadline >= now]
        return late

    # --- the diagram's transitions --------------------------------------------------------------

    def load(self, version: int) -> None:
        """Note that the state was loaded from the journal at this version."""
        with self._lock:
            self._check("load", State.GROUNDED)
            self._loaded, self.sound, self.durable = True, True, version

    def distrust(self) -> None:
        """Decide nothing more on this state; the turns in the air are still good."""
        with self._lock:
            self._loaded = self.sound = False

    def fall_behind(self) -> None:
        """Decide nothing more on this state before it has the events of another process."""
        with self._lock:
            self._loaded = False

    def take_off(self, turn: InTheAir, left: Sequence[Task] = ()) -> bool:
        """Put the turn in the air. False: its state was lost meanwhile; its commands wait again.

        Args:
            turn: the decided turn; without commands it stays on the ground.
            left: commands that the turn had no room for; they wait again, before all others.
        """
        with self._lock:
            if not self._loaded:
                self._check("take_off", State.GROUNDED)
                self._waiting = [*self._waiting, *self._back(turn), *left]
                return False
            if left:
                self._waiting = [*left, *self._waiting]
            if not turn.tasks:
                return False
            self._air = (*self._air, turn)
            turn.current = True
        return True

    def land(self, turn: InTheAir, version: int | None = None) -> None:
        """Remove the oldest turn, which is durable. The caller then answers its commands.

        Args:
            turn: the oldest turn in the air.
            version: the aggregate's version after the turn; None if the turn stores nothing.
        """
        sent = self.sent
        with self._lock:
            if not self._air or self._air[0] is not turn:
                self._check("land", State.FLYING, State.LANDING)
                raise RuntimeError("turns land in the order in which they took off")
            self._air = self._air[1:]
            turn.current = False
            if version is not None:
                self.durable = version
            for task in turn.tasks:
                sent.pop(task.key, None)
            if not sent:
                self.sent = {}  # a dict keeps its size when it is emptied: 120 bytes more
            wanted = self._waiting and not self._loaded and not self._air
        if wanted:
            self._wake()

    def lose(self, answers: Sequence[tuple[Task, Answer | ComityError]] = ()) -> list[Waiter]:
        """Take back all turns in the air: the oldest was not stored, so neither was any later one.

        Args:
            answers: for the commands that are answered now; the others wait again, before all
                that wait already.

        Returns:
            The waiters to wake.
        """
        with self._lock:
            self._check("lose", State.FLYING, State.LANDING)
            waiters = self._answer(answers)
            back: list[Task] = []
            for turn in self._air:
                turn.current = False
                back += self._back(turn)
            self._waiting = [*back, *self._waiting]
            self._air, self._loaded, self.sound = (), False, False
            wanted = self.due
        if wanted:
            self._wake()
        return waiters

    def _answer(self, answers: Sequence[tuple[Task, Answer | ComityError]]) -> list[Waiter]:
        for task, _ in answers:
            self.sent.pop(task.key, None)
        return Pending.settle(answers)

    def _back(self, turn: InTheAir) -> Sequence[Task]:
        """Return the tasks of a lost turn that must be decided again."""
        back: list[Task] = []
        for task in turn.tasks:
            if task.done():  # answered by `lose`, or while the domain closes
                self.sent.pop(task.key, None)
            else:
                # Another process may have stored a retry of this command: look it up first.
                task.retry = not task.preview
                back.append(task)
        return back

    def _check(self, event: str, *states: State) -> None:
        if self.state not in states:
            raise RuntimeError(f"{event} is no event of a flight that is {self.state.name}")
