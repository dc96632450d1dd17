"""Moves people on in real time: each on a thread of its own, or all in one event loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from comity.engine.errors import WiringError
from comity.engine.runtime.system import Flag, Lock, monotonic, pause, start
from comity.simulation.people.waits import Answered, Pause, Until, Wait
from comity.simulation.playing.life import RAISED, Life, place
from comity.simulation.runtime import event_loop

if TYPE_CHECKING:
    from comity.simulation.playing.stage import Stage

POLL: Final = 0.01
"""Seconds between two looks at a condition that a person waits for."""

SHORTEST: Final = 1.0
"""The least real seconds that a person waits for an answer: the disk is as slow at any speed."""
PATIENCE: Final = 5.0
"""Seconds in which a thread ends the step that it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTime:
    """How to play a scenario in real time, on the disk.

    Attributes:
        folder: a new folder, which keeps the models and the journal, in which every command is kept
            as it was sent; None: a temporary one.
        speed: simulated seconds in a real second. With 60, an hour takes a minute.
        way: each person on a thread of its own, or all of them in one event loop.

    Raises:
        WiringError: the speed is not above 0, or there is no such way.
    """

    folder: str | os.PathLike[str] | None = None
    speed: float = 1.0
    way: Literal["threads", "asyncio"] = "threads"

    def __post_init__(self) -> None:
        if not 0 < self.speed < float("inf"):
            msg = f"RealTime.speed: expected a number above 0, got {self.speed!r}"
            raise WiringError(msg)
        if self.way not in {"threads", "asyncio"}:
            msg = f'RealTime.way: expected "threads" or "asyncio", got {self.way!r}'
            raise WiringError(msg)


class RealClock:
    """The seconds since the beginning, at some speed."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._began = monotonic()

    def now(self) -> float:
        """Return the simulated seconds since the beginning."""
        return (monotonic() - self._began) * self.speed


class Moving:
    """Moves people on, each at its times, until all have ended or the run is to stop.

    Args:
        stage: gets failures.
        speed: simulated seconds in a real second.
        goes_on: whether a run goes on after one person's script has raised an error.
    """

    def __init__(self, stage: Stage, speed: float, *, goes_on: bool) -> None:
        self._stage = stage
        self._speed = speed
        self._goes_on = goes_on
        self._lives: list[tuple[Life, float]] = []
        self._over = Flag()
        self._running = 0
        """How many threads run."""
        self._lock = Lock()

    def add_all(self, lives: Iterable[tuple[Life, float]]) -> int:
        """Let these people arrive at their times; return how many they are."""
        self._lives.extend(lives)
        return len(self._lives)

    def on_threads(self, stop: Callable[[], bool]) -> None:
        """Give each person a thread, and wait until all have ended, or `stop()` is true."""
        self._running = len(self._lives)
        for life, arrives in self._lives:
            start(life.name, partial(self._live, life, arrives))
        while self._running and not stop():
            self._over.wait(event_loop.POLL)
        self._over.set()
        until = monotonic() + PATIENCE
        while self._running and monotonic() < until:  # in the middle of a step
            pause(POLL)

    def in_event_loop(self, stop: Callable[[], bool]) -> None:
        """Give each person a task, and run them until all have ended, or `stop()` is true."""
        event_loop.run_all(
            [partial(self._live_in_loop, life, arrives) for life, arrives in self._lives], stop
        )

    @property
    def late(self) -> list[str]:
        """Those who have not ended, and went on after the working time."""
        return [life.name for life, _ in self._lives if not life.ended and life.went_on]

    def is_over(self) -> bool:
        """Whether the working time is over, and nobody still ends what was begun before."""
        until = self._stage.open_until
        return self._stage.now > until and all(
            life.has_no_more_to_do(until) for life, _ in self._lives
        )

    def end(self) -> None:
        """Send home all who are still there."""
        for life, _ in self._lives:
            if not life.ended:
                try:
                    with suppress(ValueError):  # its thread hangs in a step
                        life.end()
                except RAISED as error:
                    self._failed(life, error)

    # --- one person -----------------------------------------------------------------------------

    def _live(self, life: Life, arrives: float) -> None:
        waits: Wait | None = Pause(arrives)
        try:
            while waits is not None and not self._over.is_set():
                self._wait(waits)
                waits = None if self._over.is_set() else self._go_on(life)
        except RAISED as error:
            self._failed(life, error)
        finally:
            with self._lock:
                self._running -= 1

    def _wait(self, waits: Wait) -> None:
        match waits:
            case Pause(seconds=seconds):
                self._over.wait(seconds / self._speed)
            case Answered(pendings=pendings, seconds=seconds):
                until = monotonic() + max(seconds / self._speed, SHORTEST)
                for pending in pendings:
                    try:
                        pending.wait(max(0.0, until - monotonic()))
                    except TimeoutError:
                        return
            case Until(condition=condition):
                while not condition() and not self._over.wait(POLL):
                    pass

    async def _live_in_loop(self, life: Life, arrives: float) -> None:
        waits: Wait | None = Pause(arrives)
        try:
            while waits is not None:
                await self._wait_in_loop(waits)
                waits = self._go_on(life)
        except RAISED as error:
            self._failed(life, error)

    async def _wait_in_loop(self, waits: Wait) -> None:
        match waits:
            case Pause(seconds=seconds):
                await event_loop.sleep(seconds / self._speed)
            case Answered(pendings=pendings, seconds=seconds):
                await event_loop.wait_for(pendings, max(seconds / self._speed, SHORTEST))
            case Until(condition=condition):
                while not condition():
                    await event_loop.sleep(POLL)

    def _go_on(self, life: Life) -> Wait | None:
        if self._stage.failure is not None:
            return None
        return life.go_on(self._stage.now)

    def _failed(self, life: Life, error: BaseException) -> None:
        """Note an error of the person's script, or of a condition that it waits for."""
        life.ended = True
        text = f"{life.name} raised {type(error).__name__} in {place(error)}: {error}"
        if self._goes_on:
            self._stage.tell(text)
        else:
            self._stage.fail(type(error).__name__, text)
