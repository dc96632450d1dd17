"""A test of a process: what an instance has heard so far, what it hears, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from comity.engine.errors import ProcessFailed, WiringError
from comity.engine.messages.message import Event
from comity.testing.stating.told import reactions_unlike, shown
from comity.testing.stating.walking import Hears, Walk

if TYPE_CHECKING:
    from comity.engine.processes.process import Process
    from comity.engine.processes.reaction import Reaction

S = TypeVar("S")
E = TypeVar("E", bound=Event)


class GivenProcess(Generic[S, E]):
    """An instance that has heard some things. `given(trip, ...)` makes it."""

    def __init__(self, walk: Walk[S, E]) -> None:
        self.walk = walk
        """The instance, and how it goes on."""

    @property
    def state(self) -> S:
        """The state of the instance."""
        return self.walk.instance.state

    @property
    def ended(self) -> bool:
        """Whether the instance has not begun, or has ended."""
        return not self.walk.instance.running

    def when(self, thing: Hears[E]) -> ProcessResult[S, E]:
        """Let the instance hear something; then say what must follow, with `then`.

        Args:
            thing: an event, `answered("flight")`, `refused("flight", "full")` or `rang("late")`.
                `by` gives an event a sender, a time and the key of its aggregate.

        Raises:
            WiringError: it cannot happen: there is no such open order or timer, or the event is
                not for this instance.
            ProcessFailed: `evolve` or `react` failed, or the orders are a loop.
        """
        walk = self.walk.branch()
        about = f"given({walk.process.name}, ...).when({shown(thing)})"
        given = walk.hear(thing, about)
        if given is None:
            about += f"\n  {passed_over(walk.process)}"
        return ProcessResult(walk, given or (), about)


class ProcessResult(GivenProcess[S, E]):
    """What followed from a thing. `when` makes it, `then` says what it must be; `when` goes on."""

    def __init__(self, walk: Walk[S, E], reactions: Sequence[Reaction], about: str) -> None:
        super().__init__(walk)
        self._about = about
        self.reactions = reactions
        """What `react` gave."""

    def then(self, *expected: Reaction) -> Self:
        """Check what follows: exactly these orders, timers and ends, in this order; none: nothing.

        Raises:
            AssertionError: something else followed; the text tells the difference.

        Example:
            given(trip, REQUESTED).when(refused("car", "sold out")).then(
                Order(flights, "LH1", CancelSeat(trip="t1")), End()
            )
        """
        __tracebackhide__ = True
        lines = reactions_unlike(expected, self.reactions)
        if lines:
            said = "\n".join(f"  {line}" for line in [*lines, f"state: {shown(self.state)}"])
            raise AssertionError(f"{self._about}\n{said}")
        return self


def given_process(process: Process[S, E], things: Sequence[Hears[E]]) -> GivenProcess[S, E]:
    """Let an instance hear some things; raises `WiringError` if they cannot happen."""
    walk = Walk(process)
    for number, thing in enumerate(things, 1):
        where = f"given({process.name}, ...): number {number}, {shown(thing)}"
        try:
            heard = walk.hear(thing, where)
        except ProcessFailed as error:
            raise WiringError(f"{where}: give things that can happen; {error}") from error
        if heard is None:
            raise WiringError(f"{where}: {passed_over(process)}")
    return GivenProcess(walk)


def passed_over(process: Process[S, E]) -> str:
    """Say why a process passes over what it was to hear."""
    starts = ", ".join(sorted(kind.__name__ for kind in process.starts))
    msg = "the process passes it over: its key is None, or the instance has not begun, or has ended"
    return f"{msg}; begin with one of {starts}"
