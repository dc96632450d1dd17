"""What reading an event costs at today's schema version, at older ones and at a newer one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Final

from benchmarks.board import SETUP, card_id
from benchmarks.experiments.finding import Finding
from benchmarks.proof import Wrong
from comity.engine import Command, Decider, Event, Fields, Key, StoredAs
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.messages import codec

_MANY: Final = 200
_TODAY: Final = "today's schema version"


def with_time(due: date) -> Fields:
    """Version 1 had a day."""
    return {"due": datetime.combine(due, time_of_day(12), UTC)}


def with_points(title: str) -> Fields:
    """Version 2 had the points at the end of the title."""
    text, _, points = title.rpartition(" ")
    return {"title": text, "points": int(points)}


class Planned(Event):
    """A card with a day, at its third schema version."""

    schema_version = 3
    upcasts = {1: with_time, 2: with_points}
    readable_from = 3
    card: Key[str]
    title: str
    due: datetime
    points: int


class Renamed(Event):
    """The same with a renamed field."""

    card: Key[str]
    text: Annotated[str, StoredAs("title")]
    due: datetime
    points: int


class Plan(Command):
    """A command, since a decider has one."""


def decide(plans: int, command: Plan) -> Iterator[Planned | Renamed]:
    """Nothing comes of it."""
    yield from ()


def evolve(plans: int, event: Planned | Renamed) -> int:
    """Count."""
    return plans + 1


def run(folder: Path, seconds: float) -> list[Finding]:
    """Nanoseconds for one event: the best of some thousand rounds over all of them."""
    plans = Decider("plans", int, decide, evolve)
    cases = dict(_cases(plans))
    best = dict.fromkeys(cases, float("inf"))
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, stored in cases.items():
            began = time.perf_counter()
            for _ in range(_MANY):
                plans.load(stored)
            best[name] = min(best[name], (time.perf_counter() - began) / _MANY * 1e9)
    return [
        Finding(name, found, "ns", best[_TODAY], f"{found - best[_TODAY]:+.0f} ns")
        for name, found in best.items()
    ]


def _cases(plans: Decider[int, Plan, Planned | Renamed]) -> Iterator[tuple[str, StoredEvent]]:
    """Each event as it is stored; all of them are read as the same one."""
    when = datetime(2027, 3, 1, 12, tzinfo=UTC)
    event = Planned(card=card_id(SETUP, 1), title="Pay the bill", due=when, points=3)
    stored = store(event)
    before = {"card": event.card, "title": "Pay the bill 3"}
    fields = codec.storable(event)
    older = {1: {**before, "due": "2027-03-01"}, 2: {**before, "due": fields["due"]}}
    newer = {**fields, "colour": "red"}
    cases = {
        _TODAY: stored,
        "today's, validated": stored._replace(stamp=0, readable=0),
        "one upcast": StoredEvent("Planned", 2, older[2]),
        "two upcasts": StoredEvent("Planned", 1, older[1]),
        "a newer program's": StoredEvent("Planned", 4, newer, 1, 3),
    }
    for name, one in cases.items():
        if plans.load(one) != event:
            msg = f"{name}: it is read as {plans.load(one)!r}"
            raise Wrong(msg)
        yield name, one
    renamed = Renamed(card=event.card, text=event.title, due=when, points=3)
    yield "a renamed field", store(renamed)
