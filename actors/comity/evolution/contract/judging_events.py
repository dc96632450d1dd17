"""Judges events: can today's classes read all that is stored, and older programs what is new?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.judging_older import judge_older
from comity.evolution.contract.judging_versions import EVENTS, judge_version

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.evolution.contract.contract import DeciderTerms

STORED: Final = Broken.STORED_EVENTS


def judge_events(
    decider: AnyDecider, promised: DeciderTerms, current: DeciderTerms
) -> Iterator[Difference]:
    """Yield how the decider's events differ from those that were promised."""
    readers, before = current.readers("events"), promised.readers("events")
    known = {*before, *promised.events, *promised.retired}
    for name in sorted(known):
        where = f"{decider.name}, event {name}"
        if name in current.retired:
            if name not in promised.retired:
                yield Difference(where, "it is retired: history shows it, and it changes nothing")
        elif name not in readers:
            yield _unread(where, decider.name, name)
        elif name in promised.events:
            newest = current.events[readers[name]].versions[-1]
            for version in promised.events[name].versions:
                yield from judge_version(EVENTS, decider, name, version, newest)
            yield from judge_older(decider.name, promised.events[name], name, readers[name], newest)
        else:
            yield from _judge_unsampled(decider, name, before, promised, current)
    for name in sorted(current.events.keys() - known):
        yield Difference(f"{decider.name}, event {name}", "it is new")


def _unread(where: str, decider: str, name: str) -> Difference:
    return Difference(
        where,
        "journals may have it, and no class reads it",
        f'if its class was renamed, write stored_as = "{name}" on it, or add "{name}" to its '
        f'aliases; if it no longer happens, write Decider(..., retired=["{name}"])',
        STORED,
        (decider, name),
    )


def _judge_unsampled(
    decider: AnyDecider,
    name: str,
    before: Mapping[str, str],
    promised: DeciderTerms,
    current: DeciderTerms,
) -> Iterator[Difference]:
    """Judge an alias, or a retired event whose class the contract does not know."""
    reader = current.readers("events")[name]
    if name not in before:
        yield _used_again(f"{decider.name}, event {name}", decider.name, name)
    elif before[name] != reader:
        newest = current.events[reader].versions[-1]
        for version in promised.events[before[name]].versions:
            yield from judge_version(EVENTS, decider, name, version, newest)


def _used_again(where: str, decider: str, name: str) -> Difference:
    return Difference(
        where,
        "it was retired, so journals may have it, and the contract does not know with which fields",
        "give the new event another stored_as, or leave the name in retired=[...]; if no journal "
        "has it, or its class is back as it was, let the contract forget it",
        STORED,
        (decider, name),
    )
