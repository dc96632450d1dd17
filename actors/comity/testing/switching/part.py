"""A part of a domain that can be switched: a read model, an outlet or a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from comity.actors.delivering.any_outlet import AnyOutlet
from comity.engine.errors import WiringError
from comity.engine.processes.process import ProcessType
from comity.readmodels.tables.read_model import AnyReadModel
from comity.testing.switching.switched_model import SwitchedModel
from comity.testing.switching.switched_outlet import SwitchedOutlet
from comity.testing.switching.switched_process import SwitchedProcess

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from comity.actors.domain import Domain
    from comity.testing.switching.fault import Fault

Switchable: TypeAlias = "type[AnyReadModel | AnyOutlet] | AnyOutlet | ProcessType"
"""What can be switched of a domain, besides its journal."""


class Part(Protocol):
    """What the switches do with a part."""

    name: str
    """Its name, for errors."""

    def pause(self) -> None:
        """Let it begin nothing more."""
        ...

    def resume(self) -> None:
        """Let it go on."""
        ...

    def faulty(self, fault: Fault) -> AbstractContextManager[None]:
        """Until the block ends, let the fault come before each call of the user's function."""
        ...

    def recover(self) -> None:
        """Let it do at once what it has put off because of failures."""
        ...


def part_of(domain: Domain, what: Switchable) -> Part:
    """Return the part of a domain.

    Raises:
        WiringError: the domain has no such part, or it is something else.
    """
    if isinstance(what, ProcessType):
        return SwitchedProcess(domain, what)
    if isinstance(what, AnyOutlet):
        return SwitchedOutlet(domain, what)
    kind = cast("object", what)
    if isinstance(kind, type) and issubclass(kind, AnyOutlet):
        return SwitchedOutlet(domain, kind)
    if isinstance(kind, type) and issubclass(kind, AnyReadModel):
        return SwitchedModel(domain, kind)
    msg = "expected the class of a read model, an outlet or its class, or a process"
    raise WiringError(f"{msg}, got {what!r:.100}")
