"""Faults that a scenario asks for, as plain values: crashes, disks, clocks, models, processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite
from typing import cast

from comity.engine.errors import WiringError
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.runtime.crashed import Crashed
from comity.simulation.runtime.dice import Dice
from comity.simulation.world.world import World

SERVER = "server"
"""The name of the process that all people reach."""
SECOND = "second server"
"""The name of the process that half of the people reach, if there is one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong. Make it with `crash`, `slow_disk` and the others."""

    name: str
    """What happens, for the story: `the server crashes`."""
    begin: Callable[[World], None]
    end: Callable[[World], None]
    over: str
    """What happens when it ends, for the story."""
    at: float | None
    """When it begins, in seconds; None: again and again."""
    every: float | None
    """The mean of the seconds between two of its beginnings."""
    lasting: float
    """Seconds until it ends."""
    model: type[AnyReadModel] | None = None
    """The read model that it concerns, if it concerns one."""
    undo: Callable[[], None] = lambda: None
    """Called at the end of a run, even if the run failed while the fault was there."""

    def times(self, dice: Dice, until: float) -> Iterator[float]:
        """Yield when it begins."""
        if self.at is not None:
            yield self.at
            return
        time = 0.0
        while (time := time + dice.exponential(cast("float", self.every))) < until:
            yield time
            time += self.lasting


def crash(
    *, at: float | None = None, every: float | None = None, down: float = 5.0, process: str = SERVER
) -> Fault:
    """Let a process crash, and start again after `down` seconds.

    What it has not written is lost, and nobody gets an answer from it.

    Args:
        at: when it crashes, in seconds since the beginning.
        every: instead, the mean of the seconds between two crashes, which come at random.
        down: seconds until it starts again.
        process: which one, if there are two: `"server"` or `"second server"`.

    Raises:
        WiringError: neither `at` nor `every` was given, or both, or a number is below 0.
    """
    _check_process(process)

    def begin(world: World) -> None:
        if process in world.processes:  # the second one may not run yet
            world.crash(process)

    def end(world: World) -> None:
        if process in world.processes:
            _restart(world, process)

    return _fault(
        f"the {process} crashes", begin, f"the {process} starts again", end, at, every, down
    )


def power_cut(*, at: float | None = None, every: float | None = None, down: float = 5.0) -> Fault:
    """Crash all processes at once, and lose what the disk has not flushed. See `crash`."""

    def restart(world: World) -> None:
        for name in list(world.processes):
            _restart(world, name)

    return _fault(
        "the power is cut", World.cut_power, "the power is back", restart, at, every, down
    )


def slow_disk(
    seconds: float, *, at: float | None = None, every: float | None = None, lasting: float = 60.0
) -> Fault:
    """Let each write take up to `seconds`, for `lasting` seconds. See `crash` for the times."""

    def begin(world: World) -> None:
        world.disk.faults.slow, world.disk.faults.seconds = 1.0, seconds

    def end(world: World) -> None:
        world.disk.faults.slow = 0.0

    name = f"the disk gets slow: {seconds:g} s for a write"
    return _fault(name, begin, "the disk is fast again", end, at, every, lasting)


def failing_disk(
    part: float = 1.0,
    *,
    at: float | None = None,
    every: float | None = None,
    lasting: float = 30.0,
) -> Fault:
    """Let this part of the writes fail, for `lasting` seconds. See `crash` for the times.

    Half of the failing writes have certainly stored nothing; of the others it is not known.
    """

    def begin(world: World) -> None:
        world.disk.faults.failing = world.disk.faults.unknown = part / 2
        world.disk.is_down = part == 1.0

    def end(world: World) -> None:
        world.disk.faults.failing = world.disk.faults.unknown = 0.0
        world.disk.is_down = False

    return _fault("the disk fails", begin, "the disk works again", end, at, every, lasting)


def lagging_model(
    model: type[AnyReadModel],
    seconds: float,
    *,
    at: float | None = None,
    every: float | None = None,
    lasting: float = 600.0,
) -> Fault:
    """Let a read model take each batch `seconds` late. See `crash` for the times."""

    def delay(world: World, late: float) -> None:
        for process in world.processes.values():
            process.delay(model, late)

    started = _fault(
        f"{model.__name__} lags: {seconds:g} s", lambda world: delay(world, seconds),
        f"{model.__name__} is fast again", lambda world: delay(world, 0.0),
        at, every, lasting,
    )  # fmt: skip
    return replace(started, model=model)


def failing_model(
    model: type[AnyReadModel],
    *,
    at: float | None = None,
    every: float | None = None,
    lasting: float = 60.0,
) -> Fault:
    """Let every `project` of a read model raise, for `lasting` seconds. See `crash` for the times.

    The model parks the events of this time, and takes them when the fault ends.
    """
    before: object = getattr(model, "project")  # noqa: B009 - type checkers do not know it

    def fail(self: AnyReadModel, event: object, at: object) -> None:
        msg = f"{model.__name__} fails, as the scenario asked for"
        raise RuntimeError(msg)

    def begin(world: World) -> None:
        setattr(model, "project", fail)  # noqa: B010 - type checkers refuse to assign a method

    def undo() -> None:
        setattr(model, "project", before)  # noqa: B010

    def end(world: World) -> None:
        undo()
        for process in list(world.processes.values()):
            if process.alive:
                projector = process.domain.model(model)
                with suppress(Crashed):  # meanwhile, by another fault
                    projector.resume()
                    projector.replay()

    started = _fault(
        f"{model.__name__} fails", begin, f"{model.__name__} works again", end, at, every, lasting
    )
    return replace(started, model=model, undo=undo)


def clock_jump(
    seconds: float, *, at: float | None = None, every: float | None = None, process: str = SERVER
) -> Fault:
    """Set the clock of a process forward by `seconds`, or back. See `crash` for the times."""
    _check_process(process)
    if not isfinite(seconds):
        msg = f"clock_jump: expected a number of seconds, got {seconds!r}"
        raise WiringError(msg)

    def begin(world: World) -> None:
        if process in world.processes:  # the second one may not run yet
            world.processes[process].jump(seconds)

    name = f"the clock of the {process} jumps by {seconds:g} s"
    return _fault(name, begin, "", _nothing, at, every, 0.0)


def second_process(*, at: float = 0.0) -> Fault:
    """Start a second process over the same journal, which half of the people reach from then on."""
    return _fault(
        "a second server starts", lambda world: _restart(world, SECOND),
        "", _nothing, at, None, 0.0,
    )  # fmt: skip


def _nothing(world: World) -> None:
    """End nothing."""


def _check_process(name: str) -> None:
    if name not in {SERVER, SECOND}:
        msg = f"process: expected {SERVER!r} or {SECOND!r}, got {name!r:.100}"
        raise WiringError(msg)


def _restart(world: World, name: str) -> None:
    process = world.processes.get(name)
    if process is None or not process.alive:
        world.start(name)


def _fault(
    name: str,
    begin: Callable[[World], None],
    over: str,
    end: Callable[[World], None],
    at: float | None,
    every: float | None,
    lasting: float,
) -> Fault:
    if (at is None) == (every is None):
        msg = f"{name}: expected either `at` or `every`, in seconds, got {at!r} and {every!r}"
        raise WiringError(msg)
    given = lasting if at is None and every is None else (at if at is not None else every)
    if not (cast("float", given) >= 0 and lasting >= 0) or every == 0:
        msg = f"{name}: expected seconds above 0, got {given!r} and {lasting!r}"
        raise WiringError(msg)
    return Fault(name, begin, end, over, at, every, lasting)
