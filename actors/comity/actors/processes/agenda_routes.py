"""The events that an agenda takes: those that its process hears, and the steps of its instances."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from comity.actors.projecting.model_routes import ModelRoutes
from comity.engine.messages.message import names_of

if TYPE_CHECKING:
    from comity.actors.processes.agenda import AnyAgenda
    from comity.engine.merging.decider import AnyDecider


class AgendaRoutes(ModelRoutes):
    """Routes to the events of an agenda.

    The steps of other processes have the same events; they are skipped, also those of processes
    that the domain was opened without.

    Raises:
        WiringError: the process hears an event that no decider has.
    """

    REMEDY: ClassVar[str] = "open the domain with it, too"

    def __init__(
        self, agenda: type[AnyAgenda], deciders: Iterable[AnyDecider], others: Iterable[str]
    ) -> None:
        super().__init__(agenda, list(deciders))
        process = agenda.process
        self._by_type = {**self._by_type, **dict.fromkeys(others)}
        steps = {name for kind in process.decider.events for name in names_of(kind)}
        heard = {name for kind in process.events for name in names_of(kind)}
        self._names = frozenset(heard - steps)
