"""The flight of one aggregate: every command that it was sent and has not answered, in one object.

A command is let in, waits, is decided together with others in a turn, and is in the air until the
journal has told what became of that turn. Two facts say what may happen next, and make four states:

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

`land`: the oldest turn in the air is durable. `lose`: it did not come about, and so neither did any
turn after it; what of them is not answered comes back, before what waits. `distrust`: domain code
failed or another process has appended, so nothing more is decided on this state, while what is in
the air is still good. The state is loaded when nothing is in the air. `take_off` where there is no
state (it was lost while the turn was being decided) is refused, and the turn's commands come back.
Everything else raises.

The actor waits, takes, takes off, distrusts and loads; whoever writes the journal lands and loses.
They are different threads. The one lock is the gate of the actor, which also guards its inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from comity.actors.runtime.pending import Pending, Waiter

if TYPE_CHECKING:
    from comity.actors.aggregates.decided import Decided
    from comity.actors.aggregates.task import Answer, Task
    from comity.engine.errors import ComityError
    from comity.engine.journal.turn import Turn
    from comity.engine.runtime.system import Lock


class State(Enum):
    """What an aggregate may do next."""

    GROUNDED = "load its state"
    CLEAR = "decide; nothing is in the air"
    FLYING = "decide; turns are in the air"
    LANDING = "wait until the turns in the air have landed"


class InTheAir(Protocol):
    """What a flight has to know of a turn; see `DecidedTurn`."""

    current: bool
    """Whether it is in the air: neither durable nor come back. The flight alone sets it."""

    @property
    def decided(self) -> Sequence[Decided]:
        """What was decided in it, in order."""
        ...

    @property
    def written(self) -> Turn | None:
        """What goes to the journal; None where all are previews."""
        ...


class Flight:
    """The commands of one aggregate from when they are let in until they are answered.

    Args:
        lock: guards all of it; whoever lets commands in holds it already.
        wake: called without the lock when the actor has to take a turn.
    """

    __slots__ = ("_air", "_loaded", "_lock", "_waiting", "_wake", "durable", "sent")

    def __init__(self, lock: Lock, wake: Callable[[], None]) -> None:
        self._lock = lock
        self._wake = wake
        self.sent: dict[object, Task] = {}
        """All accepted tasks without an answer, by `Task.key`; each command is there once."""
        self.durable = 0
        """The version that the journal is known to hold."""
        # What is empty is shared: there may be 100,000 aggregates that do nothing.
        self._waiting: Sequence[Task] = ()  # to be decided, in this order
        self._air: Sequence[InTheAir] = ()  # decided and not answered, in this order
        self._loaded = False

    @property
    def state(self) -> State:
        """Which of the four it is in."""
        if self._loaded:
            return State.FLYING if self._air else State.CLEAR
        return State.LANDING if self._air else State.GROUNDED

    @property
    def waiting(self) -> int:
        """How many commands were taken from the inbox and are to be decided."""
        return len(self._waiting)

    @property
    def due(self) -> bool:
        """Whether a command waits, and not for what is in the air."""
        return bool(self._waiting) and (self._loaded or not self._air)

    @property
    def unanswered(self) -> int:
        """How many commands are in the air."""
        return sum([len(turn.decided) for turn in self._air])

    @property
    def storing(self) -> bool:
        """Whether something in the air is to be stored."""
        return any(turn.written for turn in self._air)

    # --- before a turn, and after it ------------------------------------------------------------

    def let_in(self, tasks: Sequence[Task]) -> None:
        """These are on their way now. Whoever calls holds the lock."""
        for task in tasks:
            if task.retry and task.pending.id in self.sent:
                task.key = task  # another command with the same id: the journal says whose it is
            self.sent[task.key] = task

    def join(self, task: Task) -> bool:
        """Whether its id is on its way, so that it gets the same answer. Who calls has the lock."""
        first = self.sent.get(task.pending.id)
        if first is None or not first.same(task) or not task.pending.follow(first.pending):
            return False
        first.deadline = max(first.deadline, task.deadline)
        return True

    def answer(self, task: Task, answer: Answer | ComityError) -> list[Waiter]:
        """Answer a command that is not in the air, and say who is to be woken.

        Who sends it again gets this very answer, or begins anew: nobody comes in between.
        """
        with self._lock:
            return self._answer([(task, answer)])

    def wait(self, tasks: Sequence[Task]) -> None:
        """These are to be decided, after all that wait."""
        with self._lock:
            self._waiting = [*self._waiting, *tasks] if self._waiting else tasks

    def gather(self, tasks: Sequence[Task] = ()) -> Sequence[Task] | None:
        """Take all that wait, and these after them, where they may be decided now.

        None: load a state first. Nothing: nothing waits, or what is in the air has to land first.
        """
        with self._lock:
            waiting = [*self._waiting, *tasks] if self._waiting else tasks
            if self._loaded:
                self._waiting = ()
                return waiting
            self._waiting = waiting
            return None if waiting and not self._air else ()

    def take(self) -> Sequence[Task]:
        """Take all that wait, in order, whatever becomes of them."""
        with self._lock:
            tasks, self._waiting = self._waiting, ()
        return tasks

    def take_late(self, now: float) -> Sequence[Task]:
        """Take those that wait and whose deadline has passed."""
        with self._lock:
            late = [task for task in self._waiting if task.deadline < now]
            if late:
                self._waiting = [task for task in self._waiting if task.deadline >= now]
        return late

    # --- the table ------------------------------------------------------------------------------

    def load(self, version: int) -> None:
        """A state was loaded from the journal: decide on it."""
        with self._lock:
            self._check("load", State.GROUNDED)
            self._loaded, self.durable = True, version

    def distrust(self) -> None:
        """Decide nothing more on this state; what is in the air is still good."""
        with self._lock:
            self._loaded = False

    def take_off(self, turn: InTheAir) -> bool:
        """The turn goes to the journal. False: its state was lost meanwhile, and it came back."""
        with self._lock:
            if not self._loaded:
                self._check("take_off", State.GROUNDED)
                self._waiting = [*self._waiting, *self._back(turn)]
                return False
            self._air = [*self._air, turn]
            turn.current = True
        return True

    def land(self, turn: InTheAir, version: int | None = None) -> None:
        """The oldest turn is durable, which leaves the aggregate at this version, if it stores.

        Whoever calls answers its commands after that.
        """
        with self._lock:
            if not self._air or self._air[0] is not turn:
                self._check("land", State.FLYING, State.LANDING)
                raise RuntimeError("turns land in the order in which they took off")
            self._air = self._air[1:] or ()
            turn.current = False
            if version is not None:
                self.durable = version
            for decided in turn.decided:
                self.sent.pop(decided.task.key, None)
            wanted = not self._loaded and not self._air and self._waiting
        if wanted:
            self._wake()

    def lose(self, answers: Sequence[tuple[Task, Answer | ComityError]] = ()) -> list[Waiter]:
        """The oldest turn did not come about, and so neither did any after it.

        Those of their commands that have an answer get it, and who is to be woken is told; all
        others come back, in order, before what waits.
        """
        with self._lock:
            self._check("lose", State.FLYING, State.LANDING)
            waiters = self._answer(answers)
            back: list[Task] = []
            for turn in self._air:
                turn.current = False
                back += self._back(turn)
            self._waiting = [*back, *self._waiting]
            self._air, self._loaded = (), False
            wanted = self.due
        if wanted:
            self._wake()
        return waiters

    def _answer(self, answers: Sequence[tuple[Task, Answer | ComityError]]) -> list[Waiter]:
        for task, _ in answers:
            self.sent.pop(task.key, None)
        return Pending.settle([(task.pending, answer) for task, answer in answers])

    def _back(self, turn: InTheAir) -> Sequence[Task]:
        """What of a turn that did not come about is to be decided again."""
        back: list[Task] = []
        for one in turn.decided:
            task = one.task
            if task.pending.done():  # just now, or while the domain closes
                self.sent.pop(task.key, None)
            else:
                # Another process was first, perhaps with a retry of this very command: look it up.
                task.retry = not task.preview
                back.append(task)
        return back

    def _check(self, event: str, *states: State) -> None:
        if self.state not in states:
            raise RuntimeError(f"{event} is no event of a flight that is {self.state.name}")
