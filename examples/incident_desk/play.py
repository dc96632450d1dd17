"""Plays a service desk's recorded year in real time, on any domain, for tests and benchmarks.

Every incident is an aggregate and an asyncio task: thousands of them wait for answers at once. The
example itself plays the same steps in virtual time: see `figures.py`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias, cast, get_args

from examples.incident_desk.domain import (
    FieldName,
    Incident,
    IncidentCommand,
    Note,
    Open,
    Update,
    Values,
    incident,
)

from comity.actors import Domain, Session
from comity.engine import Conflicted, Outcome

Progress: TypeAlias = Callable[[int], None]

FIELDS: tuple[FieldName, ...] = get_args(FieldName)

AT_ONCE = 500
"""The number of incidents that are played at the same time."""


@dataclass(frozen=True)
class Step:
    """A recorded action of a person on an incident."""

    incident: str
    user: str
    seconds: int
    """When, since 1970; the recording has minutes."""
    command: IncidentCommand


@dataclass
class Tally:
    """Counts of the commands' outcomes."""

    commands: int = 0
    stale: int = 0
    """Commands with unseen events."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """The first outcome of each stale command."""
    told: list[str] = field(default_factory=list[str])
    """The merge reports of the refused commands, as sentences."""


def read(path: Path) -> list[Step]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [step(json.loads(line)) for line in lines]


def step(row: Mapping[str, object]) -> Step:
    """Read a line of the recording, without the fields that are computed from others."""
    values = dict(cast("dict[FieldName, str]", row.get("set", {})))
    if "made_sla" in row:  # set by the clock, not by a person: it is sent with the command
        values["made_sla"] = cast("str", row["made_sla"])
    return Step(
        incident=str(row["i"]),
        user=f"user {row['u']}",
        seconds=cast("int", row["t"]),
        command=command(str(row["c"]), tuple(values.items())),
    )


def command(kind: str, values: Values) -> IncidentCommand:
    match kind:
        case "Open":
            return Open(values=values)
        case "Update" | "Sla":
            return Update(values=values)
        case "Note":
            return Note()
        case _:
            msg = f"not a command of an incident: {kind}"
            raise ValueError(msg)


async def play(
    domain: Domain,
    steps: Iterable[Step],
    minutes: int | None = None,
    progress: Progress = lambda _: None,
) -> tuple[Tally, dict[str, Incident]]:
    """Play the steps; each person sees an incident as it was `minutes` ago.

    A view is never older than the person's own last write. Without minutes all people see the
    newest version. A person whose command is refused looks again, and sends it once more.
    """
    tally = Tally()
    sessions: dict[str, Session] = {}
    prefix = "now" if minutes is None else f"{minutes}-minutes"
    room = asyncio.Semaphore(AT_ONCE)

    async def one(key: str, some: Sequence[Step]) -> tuple[str, Incident]:
        async with room:
            state = await play_one(domain, f"{prefix}-{key}", some, minutes, sessions, tally)
        progress(len(some))
        return key, state

    by_incident = groupby(sorted(steps, key=attrgetter("incident")), key=attrgetter("incident"))
    played = await asyncio.gather(*[one(key, list(some)) for key, some in by_incident])
    return tally, dict(played)


async def play_one(
    domain: Domain,
    key: str,
    steps: Sequence[Step],
    minutes: int | None,
    sessions: dict[str, Session],
    tally: Tally,
) -> Incident:
    times: list[int] = []  # the time of each step, and the version after it
    versions = [0]
    own: dict[str, int] = {}  # the version after each person's last write
    for one in steps:
        session = sessions.setdefault(one.user, domain.session(one.user))
        aggregate = session.aggregate(incident, key)
        newest = seen = versions[-1]
        if minutes is not None:
            shown = bisect_right(times, one.seconds - 60 * minutes)
            seen = max(versions[shown], own.get(one.user, 0))
        try:
            receipt = await aggregate.send(one.command, seen=seen)
        except Conflicted as refusal:
            tally.outcomes[Outcome.CONFLICTED.value] += 1
            tally.told.append(refusal.report.sentence())
            receipt = await aggregate.send(one.command, seen=newest)  # a second look
        else:
            if seen < newest:
                tally.outcomes[receipt.outcome.value] += 1
        tally.commands += 1
        tally.stale += seen < newest
        times.append(one.seconds)
        versions.append(receipt.version)
        own[one.user] = receipt.version
    return domain.state(domain.aggregate(incident, key))


def record(state: Incident) -> dict[str, str]:
    """The incident in the form of the service desk's records."""
    return {
        **{name: state.value(name) for name in FIELDS},
        "priority": state.priority,
        "active": str(state.active).lower(),
        "reopen_count": str(state.reopened),
        "reassignment_count": str(state.reassigned),
    }
