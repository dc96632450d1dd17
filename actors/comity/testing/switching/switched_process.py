"""Switches a process of a domain: adds faults to its `react`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from comity.actors.domain import Domain
    from comity.engine.processes.functions import Thing
    from comity.engine.processes.heard import Heard
    from comity.engine.processes.process import AnyProcess, ProcessType
    from comity.testing.switching.fault import Fault


class SwitchedProcess:
    """Implements `Part`.

    Raises:
        WiringError: the domain has no such process.
    """

    def __init__(self, domain: Domain, process: ProcessType) -> None:
        self.name = process.name
        self._process = cast("AnyProcess", process)
        self._handle = domain.process(self._process)

    def pause(self) -> None:
        """See `Part.pause`."""
        self._handle.pause()

    def resume(self) -> None:
        """See `Part.resume`."""
        self._handle.resume()

    def recover(self) -> None:
        """See `Part.recover`."""
        self._handle.try_again()

    @contextmanager
    def faulty(self, fault: Fault) -> Generator[None]:
        """See `Part.faulty`. All domains of this program with the same process are affected."""
        functions = self._process.functions
        react = functions.react

        def switched(state: object, thing: Thing, heard: Heard) -> object:
            fault.now()
            return react(state, thing, heard)

        functions.react = switched
        try:
            yield
        finally:
            functions.react = react
