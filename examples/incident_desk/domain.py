"""A service desk's incident: people change some fields, and others are computed from them.

Priority, active, and the numbers of reassignments and reopenings are computed, never sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from comity.engine import (
    Clash,
    Command,
    Conflicted,
    Decider,
    Event,
    Footprint,
    Rejected,
)

FieldName: TypeAlias = Literal[
    "assigned_to",
    "assignment_group",
    "caller_id",
    "category",
    "caused_by",
    "cmdb_ci",
    "contact_type",
    "impact",
    "incident_state",
    "knowledge",
    "location",
    "made_sla",
    "notify",
    "problem_id",
    "rfc",
    "subcategory",
    "u_priority_confirmation",
    "u_symptom",
    "urgency",
    "vendor",
]

Values: TypeAlias = tuple[tuple[FieldName, str], ...]

UNKNOWN = "?"

PRIORITY = {
    ("1", "1"): "1 - Critical",
    ("1", "2"): "2 - High",
    ("2", "1"): "2 - High",
    ("2", "2"): "3 - Moderate",
    ("3", "1"): "3 - Moderate",
    ("2", "3"): "4 - Low",
    ("3", "2"): "4 - Low",
    ("3", "3"): "4 - Low",
}
"""By impact and urgency, each named by its first character."""


# --- state --------------------------------------------------------------------------------------


@dataclass
class Incident:
    opened: bool = False
    values: dict[FieldName, str] = field(default_factory=dict[FieldName, str])
    reassigned: int = 0
    reopened: int = 0
    notes: int = 0

    def value(self, name: FieldName) -> str:
        return self.values.get(name, UNKNOWN)

    @property
    def priority(self) -> str:
        return PRIORITY.get((self.value("impact")[0], self.value("urgency")[0]), UNKNOWN)

    @property
    def active(self) -> bool:
        return self.value("incident_state") != "Closed"

    def differing(self, values: Values) -> Values:
        return tuple((name, value) for name, value in values if self.value(name) != value)


def paths(values: Values) -> Footprint:
    """One path for each field, so that changes to different fields do not clash."""
    return tuple(("fields", name) for name, _ in values)


# --- commands -----------------------------------------------------------------------------------


class Open(Command):
    values: Values
    touches = "opened"


class Update(Command):
    values: Values

    def footprint(self) -> Footprint:
        return paths(self.values)

    def on_conflict(self, clash: Clash[Incident], /) -> Update:
        """Fields with the same new value do not conflict; the rest of the update is applied."""
        theirs: set[FieldName] = {name for event in clash.events for name in names_of(event)}
        differing = [name for name, _ in clash.state.differing(self.values)]
        others: list[FieldName] = [name for name in differing if name in theirs]
        if others:
            now = (f"{name} is {clash.state.value(name)!r} now" for name in others)
            raise Conflicted(" and ".join(now))
        return self


class Note(Command):
    """Somebody wrote a work note, which changes no field."""

    touches = "notes"


IncidentCommand: TypeAlias = Open | Update | Note


# --- events -------------------------------------------------------------------------------------


class Opened(Event):
    values: Values
    touches = "opened"  # no field: an update never clashes with the opening


class Updated(Event):
    values: Values

    def footprint(self) -> Footprint:
        return paths(self.values)


class Noted(Event):
    touches = "notes"
    commutes = True


IncidentEvent: TypeAlias = Opened | Updated | Noted


def names_of(event: Event) -> tuple[FieldName, ...]:
    return tuple(name for name, _ in event.values) if isinstance(event, Updated) else ()


def decide(incident: Incident, command: IncidentCommand) -> Iterator[IncidentEvent]:
    if not isinstance(command, Open) and not incident.opened:
        raise Rejected("this incident has not been opened")
    match command:
        case Open(values=values):
            if incident.opened:
                raise Rejected("this incident has been opened already")
            yield Opened(values=values)
        case Update(values=values):
            differing = incident.differing(values)
            if differing:
                yield Updated(values=differing)
        case Note():
            yield Noted()


def evolve(incident: Incident, event: IncidentEvent) -> Incident:
    match event:
        case Opened(values=values):
            incident.opened = True
            incident.values.update(values)
        case Updated(values=values):
            new = dict(values)
            if "assignment_group" in new:
                incident.reassigned += 1
            if incident.value("incident_state") in OVER and "incident_state" in new:
                incident.reopened += new["incident_state"] not in OVER
            incident.values.update(new)
        case Noted():
            incident.notes += 1
    return incident


OVER = ("Resolved", "Closed")

incident = Decider("incident", Incident, decide, evolve)
