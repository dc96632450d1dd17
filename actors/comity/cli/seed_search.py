"""Plays a scenario with many seeds, in several processes, until one fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, get_context
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from comity.cli.script import AnyScenario, load_script
from comity.engine import ComityError
from comity.simulation import Failure

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess


PATIENCE: Final = 5.0
"""Seconds in which an interrupted process may end by itself."""


class Asked(NamedTuple):
    """What each seed plays."""

    script: str
    people: int | None
    hours: float | None


class Played(NamedTuple):
    """What became of a seed."""

    seed: int
    attempts: int
    refused: int
    steps: int
    failure: Failure | None


class SeedSearch:
    """Plays the seeds in order, shared among processes; a failure ends the search.

    Args:
        asked: what each seed plays.
        seeds: the seeds.
        processes: how many processes play.
    """

    def __init__(self, asked: Asked, seeds: range, processes: int) -> None:
        self._asked, self._seeds = asked, seeds
        self._processes = min(processes, len(seeds))
        self.played: list[Played] = []
        """What was played so far, in no order."""

    @property
    def failed(self) -> Played | None:
        """The failed seed with the smallest number; None if no seed failed."""
        failed = [one for one in self.played if one.failure is not None]
        return min(failed, default=None, key=lambda one: one.seed)

    def run(self, show: Callable[[int, int], None]) -> None:
        """Play until all seeds are played, or one failed and all smaller ones are played.

        So the same seed is found with any number of processes.

        Args:
            show: is called with the numbers of seeds and of commands so far.

        Raises:
            ComityError: a process died.
        """
        workers = [self._start(number) for number in range(self._processes)]
        commands = 0
        try:
            while workers and not self._found():
                for pipe in connection.wait([pipe for _, pipe in workers]):
                    one = self._receive(cast("Connection[Played | None, None]", pipe), workers)
                    if one is not None:
                        self.played.append(one)
                        commands += one.attempts
                        show(len(self.played), commands)
        finally:
            for process, _ in workers:
                _end(process)

    def _found(self) -> bool:
        failed = self.failed
        if failed is None:
            return False
        smaller = sum(one.seed < failed.seed for one in self.played)
        return smaller == failed.seed - self._seeds.start

    def _start(self, number: int) -> Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        seeds = self._seeds[number :: self._processes]
        process = context.Process(target=_play, args=(self._asked, seeds, theirs), daemon=True)
        process.start()
        theirs.close()  # so that its end is noticed here
        return process, ours

    def _receive(
        self, pipe: Connection[Played | None, None], workers: list[Worker]
    ) -> Played | None:
        """Take what a process has played; None: it has played all its seeds."""
        (worker,) = (one for one in workers if one[1] is pipe)
        try:
            one = pipe.recv()
        except EOFError:
            worker[0].join()
            code = worker[0].exitcode
            msg = f"a process that played seeds ended with exit code {code}: see above why"
            raise ComityError(msg) from None
        if one is None:
            workers.remove(worker)
        return one


if TYPE_CHECKING:
    Worker = tuple[SpawnProcess, Connection[Played | None, None]]


def _end(process: SpawnProcess) -> None:
    """Interrupt a process, so that it removes its temporary folder; else end it."""
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGINT)
    process.join(PATIENCE)
    process.terminate()
    process.join()


def _play(asked: Asked, seeds: range, pipe: Connection[Played | None, None]) -> None:
    """Play these seeds in a process of its own, until it is interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a script that is being loaded has no way to end
    scenario = load_script(asked.script).scenario
    with suppress(KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _play_all(scenario, asked, seeds, pipe)


def _play_all(
    scenario: AnyScenario, asked: Asked, seeds: range, pipe: Connection[Played | None, None]
) -> None:
    for seed in seeds:
        run = scenario.play(seed, people=asked.people, hours=asked.hours)
        if run.interrupted:
            return
        refused = sum(one.refused for one in run.attempts)
        pipe.send(Played(seed, len(run.attempts), refused, run.steps, run.failure))
    pipe.send(None)
