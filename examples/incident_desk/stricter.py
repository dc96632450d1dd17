"""Tomorrow's rules: from a day on, an incident is resolved only if it is assigned to somebody.

A rule that holds from a date on is an `if` with `sent.time`: what was decided before that day comes
out as it did. `rehearsal.py` tells whom the rule would have met.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from examples.incident_desk import domain
from examples.incident_desk.domain import (
    UNKNOWN,
    Incident,
    IncidentCommand,
    IncidentEvent,
    Update,
    evolve,
)

from comity.engine import Decider, Rejected, Sent

FROM = datetime(2016, 3, 7, tzinfo=UTC)


class NobodyAssigned(Rejected):
    """The incident would be resolved, and it is assigned to nobody."""

    def __init__(self) -> None:
        super().__init__("assign the incident to somebody before you resolve it")


def decide(incident: Incident, command: IncidentCommand, sent: Sent) -> Iterator[IncidentEvent]:
    if sent.time >= FROM and isinstance(command, Update) and resolves(incident, command):
        assigned = dict(command.values).get("assigned_to", incident.value("assigned_to"))
        if assigned == UNKNOWN:
            raise NobodyAssigned
    yield from domain.decide(incident, command)


def resolves(incident: Incident, command: Update) -> bool:
    """Whether the update makes the incident resolved."""
    return ("incident_state", "Resolved") in incident.differing(command.values)


stricter = Decider("incident", Incident, decide, evolve, rules_revision="2016-03-07")
