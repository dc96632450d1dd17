"""Adds work to `project` of a read model, for the models of one domain."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from comity.actors.domain import Domain
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel, ReadModel


@contextmanager
def projecting(
    domain: Domain, model: type[AnyReadModel], before: Callable[[], None]
) -> Generator[None]:
    """Until the block ends, call `before` each time that this domain projects an event.

    The class's `project` is replaced, since the domain makes the instances; other domains with the
    same model are not affected.

    Raises:
        WiringError: the domain has no such model.
    """
    folder = domain.model(model).folder.path
    kind = cast("type[ReadModel[Event]]", model)
    project, own = kind.project, "project" in vars(kind)

    def switched(self: ReadModel[Event], event: Event, at: Recorded[Event]) -> None:
        if folder in self.binding.reading.path.parents:
            before()
        project(self, event, at)

    setattr(kind, "project", switched)  # noqa: B010 - type checkers see no assignment to a method
    try:
        yield
    finally:
        if own:
            setattr(kind, "project", project)  # noqa: B010
        else:
            delattr(kind, "project")
