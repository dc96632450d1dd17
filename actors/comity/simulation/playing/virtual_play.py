"""Plays a scenario in virtual time: the real engine, one thread, one outcome for each seed."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from comity.actors.aggregate import Aggregate
from comity.actors.domain import Domain
from comity.actors.runtime.pending import Pending
from comity.actors.runtime.policy import Policy
from comity.actors.runtime.runtime import Callback
from comity.engine.merging.command import Command
from comity.engine.merging.receipt import Receipt
from comity.engine.messages.message import Event
from comity.engine.runtime.system import monotonic
from comity.simulation.playing.cast import cast_of
from comity.simulation.playing.faults import SECOND, SERVER
from comity.simulation.playing.model_checks import ModelChecks
from comity.simulation.playing.stage import Stage
from comity.simulation.playing.stopping import Stopping
from comity.simulation.playing.virtual_time import VirtualTime
from comity.simulation.records.run import FORMAT, Run
from comity.simulation.runtime.dice import Dice
from comity.simulation.runtime.step import Step
from comity.simulation.world.broken import PromiseBroken, hold
from comity.simulation.world.world import World

if TYPE_CHECKING:
    from comity.simulation.playing.asked import Asked

GRACE: Final = 3_600.0
"""Seconds after the working time in which people may finish what they do."""
PROGRESS: Final = 2_000
"""Steps between two reports of progress."""
SLOW_STEP: Final = 0.05
"""The most seconds that the engine may be late with what it could do at once."""
PATIENCE: Final = 120.0
"""Seconds in which the last commands get their answers."""
POLICY: Final = Policy(chores=5.0, idle=3_600.0)
"""Periodic work is rarer than usual, and aggregates stay longer in memory: both save time."""


@contextmanager
def _rare_collections() -> Generator[None]:
    """Let Python look for garbage in cycles less often: a run holds many objects, and few cycles.

    It saves a seventh of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class VirtualPlay:
    """One run in virtual time."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.people: list[str] = []
        """The names of the people."""
        self.commands: list[tuple[str, int]] = []
        """The commands that they sent, by person and number."""
        self._second: set[str] = set()
        """The people who reach the second process, once there is one."""
        self._stage = Stage(
            self._now,
            asked.seconds,
            asked.deciders,
            self._domain_of,
            invariants=asked.invariants,
            allows=self._allows,
        )
        checks = ModelChecks(
            asked.invariants,
            self._domains,
            self._soon,
            partial(self._stage.fail, "InvariantBroken"),
        )
        self._world = World(
            asked.seed,
            deciders=asked.deciders,
            read_models=asked.read_models,
            processes=asked.processes,
            policy=POLICY,
            checked=asked.checked,
            observers=[self._stage.replicas, checks],
            order=asked.order(),
        )
        self._world.runtime.timeline.early_within = SLOW_STEP
        self._stage.steps = lambda: self._world.runtime.steps
        self._stage.sent = self._note_sent
        self._moving = VirtualTime(self._world.runtime, self._stage, goes_on=asked.goes_on)

    def _now(self) -> float:
        return self._world.runtime.monotonic()

    def _soon(self, call: Callback) -> None:
        self._world.runtime.call_soon(call)

    def _domains(self) -> Sequence[Domain]:
        return [one.domain for one in self._world.processes.values() if one.alive]

    def play(self) -> Run:
        """Play it to its end, its first failure, or Ctrl-C."""
        began = monotonic()
        with Stopping() as stopping, _rare_collections(), self._world:
            self._world.start(SERVER)
            self._enter()
            self._plan_faults()
            try:
                self._moving.play(self._asked.seconds + GRACE, self._stop_if(stopping))
            except KeyboardInterrupt:
                stopping.wanted = True
            finally:
                self._moving.end()
                for fault in self._asked.faults:
                    fault.undo()
            interrupted = stopping.wanted or self._moving.interrupted
            seconds = self._now()
            if not interrupted:
                self._check()
            return Run(
                scenario=self._asked.scenario,
                policy=self._asked.policy,
                seed=self._asked.seed,
                people=len(self.people),
                seconds=seconds,
                took=monotonic() - began,
                steps=self._world.runtime.steps,
                trace=self._trace(),
                attempts=tuple(sorted(self._stage.attempts)),
                story=tuple(self._stage.story),
                failure=self._stage.failure,
                interrupted=interrupted,
            )

    # --- the beginning --------------------------------------------------------------------------

    def _enter(self) -> None:
        """Let all people arrive at their times."""
        for life, arrives in cast_of(self._asked, self._stage):
            if life.number % 2 == 0:
                self._second.add(life.name)
            self._moving.add(life, arrives)
            self.people.append(life.name)

    def _allows(self, who: str, number: int) -> bool:
        """Whether a command is sent in this run; then it is noted."""
        if self._asked.kept is not None and (who, number) not in self._asked.kept:
            return False
        self.commands.append((who, number))
        return True

    def _domain_of(self, who: str) -> Domain | None:
        process = self._world.processes[SERVER]
        if who in self._second:
            process = self._world.processes.get(SECOND, process)
        return process.domain if process.alive else None

    def _note_sent(
        self,
        who: str,
        handle: Aggregate[object, Command, Event],
        command: Command,
        pending: Pending[Receipt[Event]],
    ) -> None:
        name = SECOND if who in self._second and SECOND in self._world.processes else SERVER
        self._world.ledger.send(self._world.processes[name], handle, who, command, pending)

    # --- faults ---------------------------------------------------------------------------------

    def _plan_faults(self) -> None:
        for number, fault in enumerate(self._asked.faults):
            dice = Dice(self._asked.seed, f"fault {number}")
            for time in fault.times(dice, self._asked.seconds):
                self._later(time, fault.name, fault.begin)
                self._later(time + fault.lasting, fault.over, fault.end)

    def _later(self, time: float, name: str, do: Callable[[World], None]) -> None:
        def call() -> None:
            if name:
                self._stage.tell(f"{name}.")
            do(self._world)

        self._world.runtime.add_later(time, Step(f"fault: {name}", call, engine=False))

    # --- the end --------------------------------------------------------------------------------

    def _stop_if(self, stopping: Stopping) -> Callable[[], bool]:
        """Return whether to stop, as a function; it reports progress now and then."""
        progress, runtime, next_report = self._asked.progress, self._world.runtime, PROGRESS

        def stop() -> bool:
            nonlocal next_report
            if progress is not None and runtime.steps >= next_report:
                next_report = runtime.steps + PROGRESS
                progress(runtime.monotonic(), len(self._stage.attempts))
            return stopping.wanted

        return stop

    def _check(self) -> None:
        """Check what must hold in the end: the scenario's end, and all promises of the engine."""
        late = self._moving.late
        if late:
            text = (
                f"{len(late)} people go on although the working time was over "
                f"{GRACE / 60:.0f} minutes ago ({', '.join(late[:5])}): write "
                "`while person.working` as the condition of their loops"
            )
            self._stage.fail("NeverEnds", text)
        if self._stage.failure is not None:
            return
        for fault in self._asked.faults:
            fault.end(self._world)
        try:
            self._check_answers()
            self._world.check()
            self._world.check_models()
        except PromiseBroken as error:
            self._stage.fail("PromiseBroken", str(error))

    def _check_answers(self) -> None:
        """Check that each command got an answer, and that the engine reads what people saw.

        Raises:
            PromiseBroken: one got none although its process lives, or a state differs.
        """
        waiting = [one for one in self._world.ledger.sent if one.answer is None and not one.lost]
        if waiting:
            self._world.runtime.wait_until(
                lambda: all(one.pending.done() for one in waiting), PATIENCE
            )
        for one in waiting:
            hold(one.lost or one.pending.done(), f"{one.command!r:.200} never got an answer")
        domain = self._domain_of("")
        assert domain is not None
        disagreement = self._stage.replicas.disagreement(domain)
        hold(disagreement is None, str(disagreement))

    def _trace(self) -> str:
        """Return a hash of all steps and of all events in the journal."""
        events = 0
        for record in self._world.disk.data.read_all():
            events = zlib.crc32(repr((record.command_id, record.events)).encode(), events)
        return f"{FORMAT}-{self._world.runtime.trace:08x}{events:08x}"
