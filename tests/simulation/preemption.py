"""Turns that are interrupted between two lines of the engine, as threads are.

Each turn runs on a real thread, and one thread runs at a time: the one that has the baton. It gives
the baton up at lines that the tape chooses, and where it wants a lock that another one holds. So
the tape determines the run here, too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ParamSpec

import pytest

from comity.actors.runtime import pending
from comity.actors.runtime.engine_thread import Acting
from comity.simulation.runtime.crashed import Crashed, Stuck
from comity.simulation.runtime.order import Order
from comity.simulation.runtime.step import Step
from comity.simulation.runtime.tape import Tape
from comity.simulation.runtime.timeline import Timeline
from comity.simulation.world.world import World

P = ParamSpec("P")

ROOMS = ("actors/runtime", "actors/aggregates", "actors/following", "actors/assembly")
"""Between whose lines turns are interrupted. Not in those of the read models: a thread may not end
another one's transaction of LMDB."""
LOCKED = ("comity.actors.", "comity.engine.journal.")
"""The modules whose locks may be held by a turn that is interrupted."""
LINES = 150
"""Lines until the next interruption, at most."""
CALM = 3_000
"""Lines without an interruption, where the tape says zero."""
TRIES = 100_000
"""How often a lock is tried."""
HANGS = 60.0
"""Seconds after which a thread hangs."""

_here = threading.local()


class Worker:
    """A thread that does steps, and can be paused in the middle of one."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.step = Step("", lambda: None)
        self.wants: BatonLock | None = None
        """The lock that it waits for."""
        self.held: set[BatonLock] = set()
        """The locks that it holds."""
        self.calm = False
        """Whether it is not interrupted: it is in the middle of a crash, which is one moment."""
        self._finished = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._work, daemon=True).start()

    def go_on(self) -> bool:
        """Give it the baton. True: it has finished its step; False: it is paused."""
        self._go.release()
        if not self._back.acquire(timeout=HANGS):
            raise Stuck(f"{self.step.name} hangs: it waits for a lock that is none of ours")
        return self._finished

    def pause(self) -> None:
        """Give the baton back, and wait for it. On its own thread."""
        trace = sys.gettrace()
        sys.settrace(None)
        self._back.release()
        self._go.acquire()
        if self.step.dropped:
            self.wants = None
            self.check_alive()
        sys.settrace(trace)

    def check_alive(self) -> None:
        """Raise `Crashed` if the step's process has crashed."""
        if self.step.dropped:
            raise Crashed(self.step.name)

    def _work(self) -> None:
        _here.worker = self
        while True:
            self._go.acquire()
            self._finished, self.error, self.calm = False, None, False
            if self.step.engine:
                sys.settrace(_timelines[-1].traced)
            try:
                with Acting(engine=self.step.engine):
                    self.step.call()
            except BaseException as error:
                self.error = error
            sys.settrace(None)
            self._finished = True
            self._back.release()


class PreemptiveTimeline(Timeline):
    """Interrupts turns and timers between lines."""

    def __init__(self, tape: Tape, order: Order) -> None:
        super().__init__(tape, order)
        self._gaps = tape.stream("interruptions")
        self._left = 0
        self._paused: dict[Step, Worker] = {}
        self.interrupted = 0
        """How often a turn was interrupted."""

    def drop_crashed(self) -> None:
        """Let the turns of crashed processes end where they are."""
        for step, worker in list(self._paused.items()):
            if step.dropped:
                del self._paused[step]
                while not worker.go_on():
                    """It ends as soon as it notices."""
                self._end(worker)
        super().drop_crashed()

    def traced(self, frame: FrameType, event: str, arg: object) -> Any:  # noqa: ANN401
        """Trace the lines of the rooms."""
        return self._line if frame.f_code.co_filename in _files() else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:  # noqa: ANN401
        if event == "line":
            self._left -= 1
            if self._left <= 0 and not _here.worker.calm:
                self._left = self._gaps.below(LINES) or CALM
                if self._left < CALM:
                    self.interrupted += 1
                    _here.worker.pause()
        return self._line

    def _run(self, step: Step) -> None:
        worker = self._paused.pop(step, None)
        if worker is None:
            worker = _idle.pop() if _idle else Worker()
            worker.step = step
            if step.turn_of is not None:
                self._turns.append(step.turn_of)
        if worker.go_on():
            self._end(worker)
        else:
            again = Step(step.name, step.call, owner=step.owner)
            self._paused[again] = worker
            if worker.wants is None:
                self.ready.append(again)
            else:
                worker.wants.waiting.append(again)

    def free(self, waiting: list[Step]) -> None:
        """Let the turns go on that have waited for a lock."""
        self.ready += [step for step in waiting if step in self._paused]

    def _end(self, worker: Worker) -> None:
        step, error = worker.step, worker.error
        if step.turn_of is not None:
            self._turns.remove(step.turn_of)
        for lock in list(worker.held):  # an exception at the end of a `with` block leaves it held
            lock.release()
        _idle.append(worker)
        if error is not None and not step.dropped:
            raise error


class BatonLock:
    """A lock: who wants it while it is held gives up the baton until it is free."""

    def __init__(self) -> None:
        self.waiting: list[Step] = []
        """The turns that wait for it."""
        self._held = False
        self._holder: Worker | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002
        """Take the lock."""
        timeline = _timelines[-1]
        worker: Worker | None = getattr(_here, "worker", None)
        for _ in range(TRIES):
            if not self._held:
                break
            if not blocking:
                return False
            if worker is None:
                timeline._go_on(timeline.time + 1)  # pyright: ignore[reportPrivateUsage]
            else:
                worker.check_alive()
                worker.wants = self
                worker.pause()
                worker.wants = None
        else:
            raise Stuck("nobody releases a lock")
        self._held = True
        self._holder = worker
        if worker is not None:
            worker.held.add(self)
        return True

    def release(self) -> None:
        """Release the lock."""
        self._held = False
        if self._holder is not None:
            self._holder.held.discard(self)
        waiting, self.waiting = self.waiting, []
        if waiting:
            _timelines[-1].free(waiting)

    def locked(self) -> bool:
        """Whether it is held."""
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


_timelines: list[PreemptiveTimeline] = []
_idle: list[Worker] = []
"""Workers that have finished their step."""
_found: set[str] = set()


def _files() -> set[str]:
    """The files between whose lines turns are interrupted."""
    if not _found:
        root = Path(pending.__file__).parents[2]
        _found.update(str(file) for room in ROOMS for file in (root / room).glob("*.py"))
        _found.add(str(Path(__file__).with_name("planted.py")))
    return _found


def _calmly(what: Callable[P, None]) -> Callable[P, None]:
    """Do not interrupt the turn in which this is called, from here on."""

    def do(*arguments: P.args, **options: P.kwargs) -> None:
        here: Worker | None = getattr(_here, "worker", None)
        if here is not None:
            here.calm = True
        what(*arguments, **options)

    return do


@contextmanager
def preempting(tape: Tape, order: Order) -> Generator[PreemptiveTimeline]:
    """Give a timeline that interrupts turns; the engine's locks give up the baton meanwhile."""
    with pytest.MonkeyPatch.context() as plant:
        for name, module in list(sys.modules.items()):
            if name.startswith(LOCKED) and getattr(module, "Lock", None) is threading.Lock:
                plant.setattr(module, "Lock", BatonLock)
        plant.setattr(pending, "_lock", BatonLock())
        plant.setattr(World, "crash", _calmly(World.crash))
        plant.setattr(World, "cut_power", _calmly(World.cut_power))
        timeline = PreemptiveTimeline(tape, order)
        _timelines.append(timeline)
        try:
            yield timeline
        finally:
            _timelines.remove(timeline)
