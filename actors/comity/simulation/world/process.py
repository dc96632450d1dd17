"""A simulated process: a domain with its journal, its models, its clock. It may crash."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from comity.actors.domain import Domain, kill
from comity.engine.errors import StorageFailed
from comity.readmodels.tables.read_model import AnyReadModel
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime


class Process:
    """One life of a process, from its start to its end. `World.start` makes it.

    Args:
        name: its name; when it is started again, it has the same name.
        runtime: its own runtime.
        open_domain: opens its domain.
    """

    def __init__(
        self, name: str, runtime: SimulatedRuntime, open_domain: Callable[[], Domain]
    ) -> None:
        self.name = name
        self.runtime = runtime
        self.domain = open_domain()
        """Its domain. Nothing of it is used once the process has ended."""
        self._ended = False

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return not self._ended

    def crash(self) -> None:
        """End it here and now: it answers nothing more, and what it has not written is lost."""
        if not self._ended:
            self._ended = True
            try:
                self.runtime.crash()
            finally:
                kill(self.domain)

    def close(self) -> None:
        """End it as a program ends: its domain is closed, and then no thread of it goes on."""
        if not self._ended:
            self.domain.close(timeout=60)
            self.runtime.finish()
            self._ended = True
            self.runtime.crash()

    def jump(self, seconds: float) -> None:
        """Set its clock forward by these seconds; back, if they are negative."""
        self.runtime.ahead += seconds

    def delay(self, model: type[AnyReadModel], seconds: float) -> None:
        """Let the model take each batch so many seconds late; 0: no more."""
        self.runtime.slow[f"comity-{model.stored_as}"] = seconds

    def fail(self, model: type[AnyReadModel], *, fails: bool = True) -> None:
        """Let the model's tables refuse every write; with `fails=False`, take writes again.

        Until a crash at most: a process that starts again finds a disk that works.
        """
        keeper = self.domain.model(model).actor.keeper
        for follower in (keeper.follower, keeper.rebuild and keeper.rebuild.follower):
            if follower is not None:
                environment = follower.projection.environment
                if fails:
                    setattr(environment, "writing", _failing)  # noqa: B010 - for this one only
                else:
                    with suppress(AttributeError):  # it did not fail
                        delattr(environment, "writing")


@contextmanager
def _failing() -> Generator[None]:
    raise StorageFailed("the simulated disk does not take what the model writes")
    yield
