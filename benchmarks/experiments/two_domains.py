"""A shop's events in a warehouse of another process: the counts on both sides of a bad network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from examples.shop_and_warehouse.client import Client
from examples.shop_and_warehouse.network import Weather
from examples.shop_and_warehouse.play import Told, fill, play
from examples.shop_and_warehouse.service import HOST, Service, killing

from benchmarks.experiments.finding import Finding
from benchmarks.proof import Wrong

_LONG: Final = 0.5
"""Seconds from which on the experiment is in earnest."""
_KILLS: Final = 10
"""How often the warehouse is killed, in earnest."""


def run(folder: Path, seconds: float) -> list[Finding]:
    """The counts of both journals, and what the network did."""
    many, kills = (10_000, _KILLS) if seconds >= _LONG else (60, 1)
    fill(folder / "warehouse")
    with (
        Service(folder / "warehouse") as service,
        Client(HOST, service.port) as client,
    ):
        told = play(
            folder,
            client.post,
            events=many,
            weather=Weather(period=4.0 if seconds >= _LONG else 0.5),
            meanwhile=killing(service, kills),
            ended=service.stop,
        )
        kills = service.kills
    if not told.proof.exact:
        raise Wrong("; ".join(told.proof.mistakes) or f"{told.proof.commands:,} of {many:,} events")
    return list(_findings(told, kills))


def _findings(told: Told, kills: int) -> Iterator[Finding]:
    proof, network = told.proof, told.network
    events = proof.placed + proof.cancelled
    yield Finding(
        "events of the shop", events, "events", None,
        f"{proof.placed:,} orders placed, {proof.cancelled:,} of them cancelled",
    )  # fmt: skip
    yield Finding(
        "commands of the warehouse", proof.commands, "commands", None,
        f"each with its own id: {proof.reserved:,} orders reserved, {proof.refused:,} refused, "
        f"{proof.released:,} released; both journals agree on each order",
    )  # fmt: skip
    copies = sum(count for name, count in network.items() if name.startswith("answered")) - events
    yield Finding(
        "requests", network["sent"], "requests", None,
        f"{network['down']:,} met no endpoint, {network['no answer']:,} one that was killed "
        f"({kills} times), {network['lost']:,} were lost, {network['doubled']:,} doubled, "
        f"{network['answer lost']:,} answers lost; {copies:,} copies or refusals for now arrived",
    )  # fmt: skip
    yield Finding("until all were taken", told.seconds, "s")
