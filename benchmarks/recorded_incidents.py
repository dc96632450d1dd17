"""A service desk's year, by people whose views are ten minutes old, for `recorded`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from examples.incident_desk.__main__ import RECORDING, RECORDS, Records, differences, final_records
from examples.incident_desk.domain import incident
from examples.incident_desk.play import Step, play
from examples.incident_desk.play import read as read_steps
from examples.recordings import recording

from benchmarks.proof import Wrong
from benchmarks.recorded import Played
from comity.actors import Domain

_MINUTES: Final = 10
_RECOUNTED: Final = 18
"""Incidents whose reassignment count the desk's own records have otherwise than their history."""


@dataclass(frozen=True)
class Year:
    """What people did, in order, and each incident as the desk recorded it in the end."""

    steps: Sequence[Step]
    records: Records

    def open(self, folder: Path) -> Domain:
        """As the example does."""
        return Domain.open(folder, deciders=[incident])

    def play(self, domain: Domain) -> Played:
        """Five hundred incidents at a time; who is refused looks again and sends once more."""
        began = time.perf_counter()
        tally, found = asyncio.run(play(domain, self.steps, _MINUTES))
        seconds = time.perf_counter() - began
        differ = differences(found, self.records)
        recounted = differ.pop("reassignment_count", 0)
        if differ or recounted > _RECOUNTED or tally.commands != len(self.steps):
            msg = f"{tally.commands:,} commands; fields that are not as recorded: {dict(differ)}"
            raise Wrong(msg)
        proof = f"{len(self.records):,} incidents end as recorded, but for {recounted} counts"
        facts = {"stale commands": tally.stale, "refused at first": len(tally.told)}
        return Played(tally.commands, seconds, proof, facts)


def read(part: int) -> Year:
    """So many incidents, or all."""
    records = final_records(recording(RECORDS))
    kept = {key: records[key] for key in islice(sorted(records), part or None)}
    steps = [step for step in read_steps(recording(RECORDING)) if step.incident in kept]
    return Year(steps, kept)
