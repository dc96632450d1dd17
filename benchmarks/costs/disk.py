"""Disk space of an event with everything that is stored about it, after a clean end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.costs.cards import CARDS, command, commands, names
from benchmarks.costs.rounds import in_memory, result, size
from benchmarks.job import Job, Result
from benchmarks.peers.comity_board import board
from benchmarks.proof import Wrong
from comity.actors import Domain

_BOARDS: Final = 100


def run(job: Job, folder: Path) -> Result:
    """Bytes for each event, where a turn has one command or a hundred."""
    rounds = size(job.seconds, 2)
    send = _alone if job.case.options["alone"] else _together
    kept = job.case.options.get("keep")
    opened = partial(Domain.open, keep_commands=True) if kept else Domain.open
    with in_memory(folder) as path:
        with opened(path, deciders=[board]) as domain:
            for number in range(rounds):
                send(domain, number)
            if (events := domain.statistics().position) != rounds * _BOARDS * CARDS:
                msg = f"{events:,} events instead of {rounds * _BOARDS * CARDS:,}"
                raise Wrong(msg)
        used = sum(file.stat().st_blocks * 512 for file in path.rglob("*") if file.is_file())
    return result([used / events], "bytes", f"{events:,} events")


def _alone(domain: Domain, number: int) -> None:
    """A command to each board, a hundred times: each is a turn."""
    for card in range(CARDS):
        some = [
            domain.aggregate(board, name).send(command(number, card)) for name in names(_BOARDS)
        ]
        for pending in some:
            pending.result(60)


def _together(domain: Domain, number: int) -> None:
    """A hundred commands to each board: one turn."""
    for name in names(_BOARDS):
        domain.aggregate(board, name).send_many(commands(number)).result(60)
