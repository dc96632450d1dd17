"""A service desk's year with people whose views are ten minutes old, for `recorded`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from examples.incident_desk.domain import incident
from examples.incident_desk.play import Step, play
from examples.incident_desk.play import read as read_steps
from examples.incident_desk.year import RECORDING, RECORDS, Records, differences, final_records
from examples.recordings import recording

from benchmarks.proof import Wrong
from benchmarks.recorded import Played
from comity.actors import Domain

_MINUTES: Final = 10
_RECOUNTED: Final = 18
"""Incidents whose reassignment count in the desk's records differs from their history."""


@dataclass(frozen=True)
class Year:
    """The recorded actions in order, and the final record of each incident."""

    steps: Sequence[Step]
    records: Records

    def open(self, folder: Path) -> Domain:
        """Open the domain as the example does."""
        return Domain.open(folder, deciders=[incident])

    def play(self, domain: Domain) -> Played:
        """Play 500 incidents at a time; a person whose command is refused looks and sends again."""
        began = time.perf_counter()
        tally, found = asyncio.run(play(domain, self.steps, _MINUTES))
        seconds = time.perf_counter() - began
        differ = differences(found, self.records)
        recounted = differ.pop("reassignment_count", 0)
        if differ or recounted > _RECOUNTED or tally.commands != len(self.steps):
            msg = (
                f"{tally.commands:,} commands; fields that differ from the records: {dict(differ)}"
            )
            raise Wrong(msg)
        proof = f"{len(self.records):,} incidents end as recorded, but for {recounted} counts"
        facts = {"stale commands": tally.stale, "refused at first": len(tally.told)}
        return Played(tally.commands, seconds, proof, facts)


def read(part: int) -> Year:
    """Read the first `part` incidents, or all if it is 0."""
    records = final_records(recording(RECORDS))
    kept = {key: records[key] for key in islice(sorted(records), part or None)}
    steps = [step for step in read_steps(recording(RECORDING)) if step.incident in kept]
    return Year(steps, kept)
