"""Two people ask for a trip, and there is one car. Run `python -m examples.trip`.

With a path, such as trips.db, it keeps the journal, so that you can use `comity history` on it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from examples.trip.domain import AskForTrip, OpenPlaces, cars, flights, hotels, journeys
from examples.trip.process import Trip, trip

from comity.actors import Domain, ProcessHandle
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
)

DECIDERS = (flights, hotels, cars, journeys)


def tell(domain: Domain) -> None:
    for decider, which, places in ((flights, "LH1", 9), (hotels, "Ritz", 9), (cars, "Mini", 1)):
        domain.aggregate(decider, which).send(OpenPlaces(places=places)).result(timeout=5)

    for who in ("ann", "bob"):
        print(f"{who} asks for a flight, a room and a car:\n")
        asked = domain.session(who).aggregate(journeys, who)
        asked.send(AskForTrip(flight="LH1", hotel="Ritz", car="Mini")).result(timeout=5)
        wait(domain, who)
        show(domain.process(trip), who)
        print(f"\n{'':12}the trip is {asked.look().state}\n")

    print("What is booked in the end, whole or not at all:\n")
    for decider, which in ((flights, "LH1"), (hotels, "Ritz"), (cars, "Mini")):
        booked = domain.aggregate(decider, which).look().state.trips
        print(f"{decider.name:>10}  {which}: {', '.join(booked)}")


def wait(domain: Domain, key: str) -> None:
    """Wait until the journey is confirmed or called off."""
    for number, _ in enumerate(domain.subscribe(journeys, key), 1):
        if number == 2:  # noqa: PLR2004 - requested; confirmed or called off
            return


def show(process: ProcessHandle[Trip], key: str) -> None:
    """Print what the process heard, and what it ordered because of that."""
    for one in process.history(key):
        if said := sentence(one.event):
            print(f"{said[0]:>10}  {said[1]}")


def sentence(event: ProcessEvent) -> tuple[str, str] | None:
    match event:
        case ProcessHeard():
            return "heard", f"{event.name} of {event.type}/{event.key}"
        case OrderGiven():
            return "ordered", f"{event.command} of {event.type}/{event.key}"
        case OrderAnswered():
            return "answer", f"{event.name}: {event.outcome} {event.reason}".rstrip()
        case ProcessEnded():
            return "ended", event.reason
        case _:
            return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m examples.trip",
        description="A process books a flight, a hotel and a car, or undoes what it has booked.",
    )
    parser.add_argument("path", nargs="?", type=Path, help="keep the journal in this new directory")
    chosen = parser.parse_args()
    if chosen.path and chosen.path.exists():
        parser.error(f"{chosen.path} exists already: name a new directory")
    with (
        tempfile.TemporaryDirectory() as folder,
        Domain.open(chosen.path or folder, deciders=DECIDERS, processes=[trip]) as domain,
    ):
        tell(domain)
