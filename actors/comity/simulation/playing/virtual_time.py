"""Moves people on in virtual time, on the one thread of a simulated runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from comity.simulation.people.waits import Answered, Pause, Until, Wait
from comity.simulation.playing.life import RAISED, Life, place
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.watch import Watch

if TYPE_CHECKING:
    from comity.actors.runtime.pending import Pending
    from comity.simulation.playing.stage import Stage

AT_ONCE: Final = 20_000
"""How many steps a person may take without once waiting for a second. A script that never thinks
ends there."""


WATCHED: Final = 12
"""So many steps of each person are watched for real clocks and real chance."""


class VirtualTime:
    """Moves people on, each at its times, until all have ended or the run fails.

    Args:
        runtime: gives the steps, in the order that its seed chooses.
        stage: gets failures.
        goes_on: whether a run goes on after one person's script has raised an error.
    """

    def __init__(self, runtime: SimulatedRuntime, stage: Stage, *, goes_on: bool = False) -> None:
        self._runtime = runtime
        self._stage = stage
        self._goes_on = goes_on
        self._lives: list[Life] = []
        self._living = 0
        self._moving = 0
        """How many people will move on without another person's help."""
        self._conditions: list[tuple[Life, Until]] = []
        self.interrupted = False
        """Whether Ctrl-C has interrupted a script."""
        self.steps = 0
        """How many steps people have taken."""

    def add(self, life: Life, arrives: float) -> None:
        """Let a person arrive at this time."""
        self._lives.append(life)
        self._living += 1
        self._later(life, arrives)

    def play(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Move everybody on until all have ended, the run has failed, or the time is over."""
        stage = self._stage
        self._runtime.wait_until(
            lambda: not self._living or self.interrupted or stage.failure is not None or stop(),
            seconds,
        )

    @property
    def late(self) -> Sequence[str]:
        """Those who had to be sent home, because they went on after the working time."""
        return [life.name for life in self._lives if life.sent_home and life.went_on]

    def end(self) -> None:
        """Send home all who are still there."""
        for life in self._lives:
            if not life.ended:
                life.sent_home = True
                try:
                    life.end()
                except RAISED as error:
                    self._failed(life, error)

    # --- one person -----------------------------------------------------------------------------

    def _later(self, life: Life, seconds: float) -> None:
        self._moving += 1
        self._runtime.add_later(seconds, Step(life.name, partial(self.move, life), engine=False))

    def move(self, life: Life) -> None:
        """Take one step of a person."""
        self._moving -= 1
        if life.ended or self._stage.failure is not None:
            return
        self.steps += 1
        now = self._stage.now
        try:
            if life.steps < WATCHED:
                with Watch(self._found):
                    waits = life.go_on(now)
            else:
                waits = life.go_on(now)
        except KeyboardInterrupt:
            self.interrupted = True
        except BaseException as error:  # also SystemExit: it is the script's
            self._living -= 1
            self._failed(life, error)
        else:
            self._wait(life, waits)
        if self._conditions:
            self._ask_again()

    def _wait(self, life: Life, waits: Wait | None) -> None:
        match waits:
            case None:
                self._living -= 1
            case Pause(seconds=seconds):
                self._later(life, seconds)
            case Answered(pendings=pendings, seconds=seconds):
                self._moving += 1
                Waiting(self._runtime, life.name, partial(self.move, life)).wait(pendings, seconds)
            case Until():
                self._conditions.append((life, waits))
        if life.at_once > AT_ONCE:
            text = (
                f"{life.name} took {AT_ONCE:,} steps and never waited for a second: let it think "
                "in its loop"
            )
            self._stage.fail("NeverEnds", text)

    def _ask_again(self) -> None:
        """Let those go on whose condition holds now."""
        asked, self._conditions = self._conditions, []
        for life, until in asked:
            try:
                holds = until.condition()
            except RAISED as error:
                life.ended = True
                self._living -= 1
                self._failed(life, error)
                continue
            if holds:
                self._later(life, 0.0)
            else:
                self._conditions.append((life, until))
        if self._conditions and not self._moving:
            names = ", ".join(life.name for life, _ in self._conditions[:5])
            self._stage.fail("Deadlock", f"nobody can go on: {names} wait for each other")

    def _found(self, call: str) -> None:
        text = (
            f"{call}: a run with this would be another one next time; use person.now, and the "
            "person's own choices such as person.random() and person.choose(things)"
        )
        self._stage.fail("NotRepeatable", text)

    def _failed(self, life: Life, error: BaseException) -> None:
        text = f"{life.name} raised {type(error).__name__} in {place(error)}: {error}"
        if self._goes_on:
            self._stage.tell(text)
        else:
            self._stage.fail(type(error).__name__, text)


class Waiting:
    """Calls a function once: when all answers are there, or the time is over."""

    def __init__(self, runtime: SimulatedRuntime, name: str, call: Callable[[], None]) -> None:
        self._runtime = runtime
        self._timer = Step(name, self._give_up, engine=False)
        self._call: Callable[[], None] | None = call
        self._missing = 0

    def wait(self, pendings: Sequence[Pending[object]], seconds: float) -> None:
        """Begin to wait for these answers, at most so many seconds."""
        self._missing = len(pendings) or 1
        if pendings:
            self._runtime.add_later(seconds, self._timer)
        else:
            self._runtime.call_soon(self._one)
        for pending in pendings:
            pending.add_done_callback(self._one)

    def _one(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._timer.cancel()
            self._give_up()

    def _give_up(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()
