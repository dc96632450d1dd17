"""Voter: six hot aggregates, votes with old views, and increments that commute."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.job import Job, Result
from benchmarks.latency import Latency
from benchmarks.proof import Wrong
from comity.actors import Domain
from comity.engine import Command, Decider, Event

_CONTESTANTS: Final = 6
_CLIENTS: Final = 64


class Vote(Command):
    """Add one."""

    phone: int


class Voted(Event):
    """A vote was given."""

    phone: int
    commutes = True


@dataclass
class Contestant:
    """The number of votes."""

    votes: int = 0


def decide(contestant: Contestant, command: Vote) -> Iterator[Voted]:
    """Give one event."""
    yield Voted(phone=command.phone)


def evolve(contestant: Contestant, event: Voted) -> Contestant:
    """Count the vote."""
    contestant.votes += 1
    return contestant


contestant = Decider("contestant", Contestant, decide, evolve)


def run(job: Job, folder: Path) -> Result:
    """Measure 64 tasks, each with its first view."""
    behind = int(job.case.options["behind"])
    times: list[float] = []
    with Domain.open(folder / "votes", deciders=[contestant]) as domain:
        handles = [domain.aggregate(contestant, f"c{number}") for number in range(_CONTESTANTS)]
        for handle in handles:
            handle.send_many([Vote(phone=number) for number in range(max(1, behind))]).result(60)
        start = [handle.version for handle in handles]
        answered = [0] * _CONTESTANTS
        highest = list(start)

        async def client(number: int, until: float) -> None:
            for turn in itertools.count(number):
                began = time.perf_counter()
                if began >= until:
                    return
                which = turn % _CONTESTANTS
                seen = max(0, highest[which] - behind)
                receipt = await handles[which].send(Vote(phone=turn), seen=seen)
                times.append(time.perf_counter() - began)
                answered[which] += 1
                highest[which] = max(highest[which], receipt.version)

        async def clients(seconds: float) -> None:
            until = time.perf_counter() + seconds
            await asyncio.gather(*[client(number, until) for number in range(_CLIENTS)])

        gc.collect()
        gc.freeze()
        asyncio.run(clients(job.seconds / 3))
        times.clear()
        cpu, began = time.process_time(), time.perf_counter()
        asyncio.run(clients(job.seconds))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        votes = [domain.state(handle).votes for handle in handles]
    wanted = [before + more for before, more in zip(start, answered, strict=True)]
    if votes != wanted:
        msg = f"expected {wanted} votes, got {votes}"
        raise Wrong(msg)
    facts = {"µs CPU per command": cpu * 1e6 / len(times)}
    proof = f"all {sum(votes):,} votes were counted"
    return Result(len(times) / seconds, "commands/s", proof, facts, Latency.of(times))
