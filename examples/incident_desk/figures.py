"""What became of the year with views of one age: conflicts, their words, and the final records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from examples.incident_desk.domain import Incident, incident
from examples.incident_desk.year import Year, differences

from comity.actors import Domain
from comity.simulation import Attempt, Run
from comity.simulation.replaying.player import Watch
from comity.simulation.telling.axis import span

RECOUNTED = "reassignment_count"
"""The one field in which some of the desk's own records differ from its recorded updates."""

DISPUTED = re.compile(r"\b(\w+) is '")
"""A field in the reason that `Update.on_conflict` gives."""


@dataclass(frozen=True)
class Figures:
    """The figures for views of one age."""

    minutes: int
    """How old the views were; 0: people saw the newest version."""
    run: Run
    first: Sequence[Attempt]
    """What people sent, without what they sent again after a refusal."""
    differing: Mapping[str, int]
    """For each field, how many final records differ from the recorded ones."""

    @property
    def title(self) -> str:
        return title(self.minutes)

    @property
    def stale(self) -> int:
        """Commands of people who had not seen the newest version: a lock refuses them all."""
        return sum(attempt.unseen > 0 for attempt in self.first)

    @property
    def conflicts(self) -> Sequence[Attempt]:
        """Commands that touch what somebody else changed to another value."""
        return [attempt for attempt in self.first if attempt.refused]

    @property
    def accepted_stale(self) -> int:
        return self.stale - len(self.conflicts)

    @property
    def by_field(self) -> Counter[str]:
        """How many conflicts are about each field; one may be about several."""
        return Counter(
            name for attempt in self.conflicts for name in DISPUTED.findall(attempt.sentence)
        )

    @property
    def records_differing(self) -> int:
        """Values of final records that differ, without the recounted field."""
        return sum(count for name, count in self.differing.items() if name != RECOUNTED)

    @property
    def recounted(self) -> int:
        return self.differing.get(RECOUNTED, 0)


def title(minutes: int) -> str:
    """The age of the views in words."""
    return span(60 * minutes) if minutes else "new"


def play(year: Year, minutes: int, watch: Watch | None = None) -> Figures:
    """Play the year in virtual time, with views of this age, and prove the final records."""
    incidents: dict[str, Incident] = {}

    def look(domain: Domain) -> None:
        for key in year.records:
            incidents[key] = domain.state(domain.aggregate(incident, key))

    run = year.scenario.aged(60 * minutes).play(watch=watch, at_end=look)
    first = tuple(attempt for attempt in run.attempts if attempt.again is None)
    differing = Counter[str]() if run.interrupted else differences(incidents, year.records)
    return Figures(minutes, run, first, differing)
