"""Very many timers that are due at once, for example after a long time without the program.

`COMITY_TIMERS` says how many; 100,000 by default.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.actors.shelf import until

from comity.actors import Domain, Policy
from comity.engine import Answered, Command, Decider, Event, Key, Process, Rang, SetTimer
from comity.engine.history.history import recorded
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.processes.events import TimerRang

EACH = 100
"""Timers of one instance."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FEW_IN_MEMORY = Policy(max_live=2_000)


class Begin(Command):
    sleeper: Key[str]


class Begun(Event):
    sleeper: Key[str]


def decide(begun: int, command: Begin) -> Iterator[Begun]:
    yield Begun(sleeper=command.sleeper)


def count(begun: int, event: Begun) -> int:
    return begun + 1


def key(event: Begun) -> str | None:
    return None if event.sleeper == "nobody" else event.sleeper


def evolve(rang: int, thing: Begun | Answered | Rang) -> int:
    return rang + isinstance(thing, Rang)


def react(rang: int, thing: Begun | Answered | Rang) -> Iterator[SetTimer]:
    if isinstance(thing, Begun):
        for number in range(EACH):
            yield SetTimer(f"t{number}", at=LONG_AGO)


alarm = Decider("alarm", int, decide, count)
sleepers = Process("sleepers", int, key, evolve, react, starts=[Begun])


def rings(path: Path) -> Counter[tuple[str, str]]:
    """How often each timer of each instance has rung."""
    journal = LmdbJournal.open(path)
    try:
        return Counter(
            (at.aggregate.key, at.event.name)
            for record in journal.read_all()
            if record.aggregate.type == sleepers.name
            for at in recorded(sleepers.decider, record)
            if isinstance(at.event, TimerRang)
        )
    finally:
        journal.close()


def memory() -> float:
    """MB of this program, without the pages of files; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    told = status.read_text() if status.exists() else ""
    return sum(int(kilobytes) / 1024 for kilobytes in re.findall(r"RssAnon:\s+(\d+)", told))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_very_many_timers_that_are_due_at_once_ring_once_each_and_people_go_on(
    tmp_path: Path,
) -> None:
    many = int(os.environ.get("COMITY_TIMERS", "100000"))
    with Domain.open(
        tmp_path / "d", deciders=[alarm], processes=[sleepers], policy=FEW_IN_MEMORY
    ) as domain:
        domain.process(sleepers).pause()
        clock = domain.aggregate(alarm, "clock")
        commands = [Begin(sleeper=f"s{number}") for number in range(many // EACH)]
        for start in range(0, len(commands), 500):
            clock.send_many(commands[start : start + 500]).result(60)
        end, before = domain.statistics().position, memory()
        domain.process(sleepers).resume()
        longest = 0.0

        def is_done() -> bool:
            nonlocal longest
            begun = domain.statistics().uptime
            domain.aggregate(alarm, "people").send(Begin(sleeper="nobody")).result(60)
            longest = max(longest, domain.statistics().uptime - begun)
            (status,) = domain.processes()
            return status.position >= end and status.unheard == status.timers == 0

        assert until(is_done, 3_000)
        grown = memory() - before
    found = rings(tmp_path / "d")
    assert len(found) == many
    assert set(found.values()) == {1}
    assert grown < 100
    print(
        f"\n{many:,} timers that were due at once rang once each; memory grew by "
        f"{grown:.0f} MB; a command of a person took {longest:.2f} s at the most"
    )
