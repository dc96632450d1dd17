"""Switches a read model of one domain: adds faults to its `project`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from comity.actors.domain import Domain
    from comity.engine.history.recorded import Recorded
    from comity.engine.messages.message import Event
    from comity.readmodels.tables.read_model import AnyReadModel, ReadModel
    from comity.testing.switching.fault import Fault


class SwitchedModel:
    """Implements `Part`.

    Raises:
        WiringError: the domain has no such model.
    """

    def __init__(self, domain: Domain, model: type[AnyReadModel]) -> None:
        self.name = model.__name__
        self._model = cast("type[ReadModel[Event]]", model)
        self._projector = domain.model(model)

    def pause(self) -> None:
        """See `Part.pause`."""
        self._projector.pause()

    def resume(self) -> None:
        """See `Part.resume`."""
        self._projector.resume()

    def recover(self) -> None:
        """See `Part.recover`; also the events that it has parked."""
        self._projector.resume()
        self._projector.replay()

    @contextmanager
    def faulty(self, fault: Fault) -> Generator[None]:
        """See `Part.faulty`.

        The class's `project` is replaced, since the domain makes the instances; other domains with
        the same model are not affected.
        """
        folder, kind = self._projector.folder.path, self._model
        project, own = kind.project, "project" in vars(kind)

        def switched(self: ReadModel[Event], event: Event, at: Recorded[Event]) -> None:
            if folder in self.binding.reading.path.parents:
                fault.now()
            project(self, event, at)

        setattr(kind, "project", switched)  # noqa: B010 - type checkers see no assignment to a method
        try:
            yield
        finally:
            if own:
                setattr(kind, "project", project)  # noqa: B010
            else:
                delattr(kind, "project")
