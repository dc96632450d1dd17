"""Keeps in the journal where a process begins, when a domain is first opened with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from comity.engine.aggregate_id import AggregateId
from comity.engine.errors import (
    Busy,
    OutcomeUnknown,
    StorageFailed,
    WiringError,
)
from comity.engine.history.history import recorded
from comity.engine.processes.commands import Install
from comity.engine.processes.events import INSTALLED, ProcessInstalled

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.actors.processes.sending import Sending
    from comity.engine.processes.process import AnyProcess

PATIENCE: Final = 5.0
"""Seconds for which a failing disk is tried again."""
REST: Final = 0.05
"""Seconds between two tries."""


def start_of(services: Services, sending: Sending) -> int:
    """The position after which a process hears events; it is kept first if it is not yet.

    Raises:
        WiringError: the process is to begin after the journal's end.
        StorageFailed, OutcomeUnknown: it cannot be kept.
    """
    process = sending.process
    kept = _kept(services, process)
    if kept is None:
        _keep(services, sending, _begins(services, process))
        kept = _kept(services, process)
        assert kept is not None
    return kept


def _kept(services: Services, process: AnyProcess) -> int | None:
    for record in services.journal.read(AggregateId(process.name, INSTALLED)):
        for one in recorded(process.decider, record):
            if isinstance(one.event, ProcessInstalled):
                return one.event.start
    return None


def _begins(services: Services, process: AnyProcess) -> int:
    end, start = services.journal.position(), process.start
    if isinstance(start, str):
        return end if start == "now" else 0
    if start > end:
        msg = f"{process.name}: start: the journal ends at position {end:,}, before {start:,}"
        raise WiringError(f"{msg}; events up to there would never be heard")
    return start


def _keep(services: Services, sending: Sending, start: int) -> None:
    until = services.monotonic() + PATIENCE
    while True:
        try:
            sending.step(INSTALLED, Install(start=start)).result()
        except (StorageFailed, OutcomeUnknown, Busy):
            if services.monotonic() >= until:
                raise
            services.runtime.sleeper().sleep(REST)
        else:
            return
