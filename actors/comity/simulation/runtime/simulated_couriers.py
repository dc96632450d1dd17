"""Calls a host's functions in virtual time: each call is a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import cast

from comity.actors.runtime.runtime import Errands, Interrupted, Told
from comity.engine.errors import WiringError, describe_error
from comity.simulation.runtime.process_steps import ProcessSteps
from comity.simulation.runtime.step import Step


@dataclass(eq=False)
class SimulatedCouriers:
    """Implements `Couriers`, for plain functions and coroutines that never wait."""

    process: ProcessSteps
    kind: str
    """The name that the domain gave them."""
    name: str
    """A name that no other couriers have."""
    errands: Errands
    full: str = ""
    opened: bool = False
    stopped: bool = False
    under_way: int = 0

    def send(self, call: Callable[[], object], told: Told) -> None:
        """See `Couriers.send`. A process may make the steps of this kind late."""
        self.under_way += 1
        step = Step(self.name, partial(self._make, call, told), engine=False)
        late = self.process.slow.get(self.kind)
        self.process.add(step) if not late else self.process.add_later(late, step)

    def _make(self, call: Callable[[], object], told: Told) -> None:
        error: BaseException | None = None
        if not self.stopped:
            try:
                self._open()
                _run(call())
            except Exception as raised:
                error = raised
        self.under_way -= 1
        if not self.stopped:
            told(error)

    def _open(self) -> None:
        if not self.opened:
            try:
                _run(self.errands.open())
            except Exception as error:
                raise Interrupted(f"open raised {describe_error(error)}") from error
            self.opened = True

    def stop(self, timeout: float) -> None:
        """See `Couriers.stop`."""
        self.process.wait_until(lambda: not self.under_way, timeout)
        self.stopped = True
        if self.opened:
            _run(self.errands.close())

    def kill(self) -> None:
        """See `Couriers.kill`."""
        self.stopped = True


def _run(answer: object) -> None:
    """Run a coroutine, which must not wait.

    Raises:
        WiringError: it waits.
    """
    if not inspect.iscoroutine(answer):
        return
    running = cast("Coroutine[object, None, object]", answer)
    try:
        running.send(None)
        running.close()
    except StopIteration:
        return
    except RuntimeError as error:
        if "event loop" not in str(error):
            raise
    msg = (
        "in a simulation deliver must not wait: there is no event loop, and time is virtual; give "
        "the outlet a service that answers at once, or raises"
    )
    raise WiringError(msg)
