"""An outlet for these tests, which writes down what it delivers, and may fail on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tests.actors.notebook import NotebookEvent, Stamp, notebook

from comity.actors import Deliverer, Delivery, Domain, Outlet, Policy
from comity.actors.delivering.any_outlet import Start
from comity.actors.domain import kill
from comity.engine.journal.memory_journal import MemoryJournal
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime

Seen = tuple[str, int]
"""The key of a notebook, and the version of its event."""


class Posts(Outlet[NotebookEvent]):
    """Writes down what it delivers, unless `fails` says that the service fails."""

    start: ClassVar[Start] = "beginning"
    at_once = 4
    tries = 3
    back_off = (1.0, 60.0)

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.ids: list[str] = []
        self.tried: list[Seen] = []
        self.attempts: list[int] = []
        self.fails: Callable[[Delivery[NotebookEvent]], bool] = lambda _: False
        self.error: BaseException = ValueError("the service does not answer")

    def deliver(self, event: NotebookEvent, at: Delivery[NotebookEvent]) -> None:
        """Write it down."""
        self.tried.append((at.aggregate.key, at.version))
        self.attempts.append(at.attempt)
        if self.fails(at):
            raise self.error
        self.seen.append((at.aggregate.key, at.version))
        self.ids.append(at.id)

    def of(self, key: str) -> list[int]:
        """The versions that were delivered of one notebook."""
        return [version for each, version in self.seen if each == key]


class LastingJournal(MemoryJournal):
    """A journal in memory that can be used again after its domain was closed."""

    def close(self) -> None:
        """Stay open."""


class Office:
    """A domain with one outlet in simulated time, that can be opened again."""

    def __init__(self, outlet: Posts | None = None, seed: int = 1) -> None:
        self.outside = SimulatedRuntime(seed)
        self.runtime = self.outside.beside("first life")
        self.journal = LastingJournal()
        self.outlet = outlet or Posts()
        self.domain = self.open()

    def open(self) -> Domain:
        """Open the domain, as a new program does."""
        self.domain = Domain(
            self.journal, deciders=[notebook], outlets=[self.outlet], runtime=self.runtime,
            policy=Policy(chores=60.0),
        )  # fmt: skip
        return self.domain

    def crash(self) -> None:
        """Kill the program, and start it again."""
        self.runtime.crash()
        kill(self.domain)
        self.runtime = self.outside.beside("next life")
        self.open()

    def stamp(self, *keys: str) -> None:
        """Let something happen in each of these notebooks."""
        for key in keys:
            self.domain.aggregate(notebook, key).do(Stamp(page="p1", stamps=1))

    def wait(self, until: Callable[[], bool], seconds: float = 3_600.0) -> None:
        """Let time go on until the condition holds."""
        assert self.outside.wait_until(until, seconds), self.handle.status()

    def idle(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.outside.wait_until(lambda: False, seconds)

    @property
    def handle(self) -> Deliverer[Posts]:
        """The handle of the outlet."""
        return self.domain.outlet(self.outlet)
