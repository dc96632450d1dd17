"""The recorded year: what people did, the final records, and reference figures to compare with."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from examples.incident_desk.domain import Incident, incident
from examples.incident_desk.play import Step, read, record
from examples.recordings import recording

from comity.engine import AggregateId
from comity.simulation import Act, RecordedScenario

RECORDING = "incident-desk/demo_2000.jsonl.gz"
RECORDS = "incident-desk/demo_2000.final.json.gz"
EXPECTED = "incident-desk/demo_2000.expected.json"

Records: TypeAlias = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Expected:
    """The reference figures for views of one age."""

    stale: int
    conflicts: int


@dataclass(frozen=True)
class Year:
    """A service desk's recorded year."""

    scenario: RecordedScenario
    records: Records
    """Each incident's last recorded row."""
    expected: Mapping[int, Expected]
    """By the age of the views in minutes."""

    @classmethod
    def recorded(cls) -> Year:
        """Read the recording.

        Raises:
            FileNotFoundError: it is not there; the text says where it should be.
        """
        steps, records = read(recording(RECORDING)), final_records(recording(RECORDS))
        scenario = RecordedScenario("incident desk", [incident], tuple(acts(steps)))
        return cls(scenario, records, expected_figures(recording(EXPECTED)))


def acts(steps: Sequence[Step]) -> Iterator[Act]:
    """The steps as a recorded history, in which everybody saw the newest version.

    The desk records no view. The version is the desk's own: the number of an incident's updates.
    """
    updates: Counter[str] = Counter()
    for step in steps:
        seen = updates[step.incident]
        updates[step.incident] += 1
        yield Act(
            aggregate=AggregateId(incident.name, step.incident),
            command=step.command,
            microseconds=step.seconds * 1_000_000,
            version=seen + 1,
            who=step.user,
            session=step.user,
            seen=seen,
        )


def final_records(path: Path) -> Records:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records: Records = json.load(file)
    return records


def expected_figures(path: Path) -> dict[int, Expected]:
    told = json.loads(path.read_text(encoding="utf-8"))
    return {
        int(name.removeprefix("stale_").removesuffix("min")): Expected(
            stale=figures["stale"], conflicts=figures["command_level_conflict"]
        )
        for name, figures in told.items()
        if name.startswith("stale_")
    }


def differences(incidents: Mapping[str, Incident], records: Records) -> Counter[str]:
    """For each field, the number of incidents in which it differs from the recording."""
    return Counter(
        name
        for key, recorded in records.items()
        for name, value in record(incidents[key]).items()
        if recorded[name] != value
    )
