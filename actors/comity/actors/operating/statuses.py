"""What the parts of a domain say of themselves. Health and metrics are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from comity.engine.text import told

if TYPE_CHECKING:
    from comity.actors.delivering.outlet_status import OutletStatus
    from comity.actors.delivering.outlets import Outlets
    from comity.actors.processes.process_status import ProcessStatus
    from comity.actors.processes.processes import Processes
    from comity.actors.projecting.model_status import ModelStatus
    from comity.actors.projecting.models import Models
    from comity.actors.projecting.projector import Projector
    from comity.readmodels.tables.read_model import AnyReadModel

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class _HasStatus(Protocol[T_co]):
    def status(self) -> T_co: ...


class Statuses(NamedTuple):
    """The status of each part that could say it."""

    models: Sequence[ModelStatus] = ()
    outlets: Sequence[OutletStatus] = ()
    processes: Sequence[ProcessStatus] = ()
    unreadable: Mapping[str, str] = {}
    """The names of the models that cannot be read now, with the reasons."""
    broken: Sequence[str] = ()
    """The parts that could not say their status, with the reasons."""


def statuses_of(models: Models, outlets: Outlets, processes: Processes) -> Statuses:
    """Ask each part of a domain for its status. It never raises."""
    broken: list[str] = []
    return Statuses(
        _asked("read model", ((one.model.stored_as, one) for one in models.all()), broken),
        _asked("outlet", ((one.outlet.stored_as, one) for one in outlets.all()), broken),
        _asked("process", ((one.process.name, one) for one in processes.all()), broken),
        {one.model.stored_as: why for one in models.all() if (why := _why_unreadable(one))},
        broken,
    )


def _asked(kind: str, parts: Iterable[tuple[str, _HasStatus[T]]], broken: list[str]) -> Sequence[T]:
    found: list[T] = []
    for name, one in parts:
        try:
            found.append(one.status())
        except Exception as error:
            broken.append(f"{kind} {name} cannot say how it is: {told(error)}")
    return found


def _why_unreadable(projector: Projector[AnyReadModel]) -> str:
    try:
        projector.access.read(None, 0.0, stale=False).close()
    except Exception as error:
        return told(error)
    return ""
