"""Judges commands: can today's classes read what older clients and queues send?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.judging_versions import COMMANDS, judge_version

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.evolution.contract.contract import DeciderTerms

CLIENTS: Final = Broken.OLDER_CLIENTS


def judge_commands(
    decider: AnyDecider, promised: DeciderTerms, current: DeciderTerms
) -> Iterator[Difference]:
    """Yield how the decider's commands differ from those that were promised."""
    readers, before = current.readers("commands"), promised.readers("commands")
    known = {*before, *promised.commands}
    for name in sorted(known):
        where = f"{decider.name}, command {name}"
        if name not in readers:
            yield Difference(
                where,
                "clients may still send it, and no class reads it",
                f'if its class was renamed, write stored_as = "{name}" on it, or add "{name}" to '
                "its aliases; if no client sends it any more, write the contract anew",
                CLIENTS,
                (decider.name, name),
            )
        elif name in promised.commands:
            terms, newest = promised.commands[name], current.commands[readers[name]].versions[-1]
            if readers[name] not in {name, terms.read_as}:
                yield Difference(where, f"it is called {readers[name]} now")
            for version in terms.versions:
                yield from judge_version(COMMANDS, decider, name, version, newest)
        elif before[name] != readers[name]:  # an alias, of which there are no samples
            newest = current.commands[readers[name]].versions[-1]
            for version in promised.commands[before[name]].versions:
                yield from judge_version(COMMANDS, decider, name, version, newest)
    for name in sorted(current.commands.keys() - known):
        yield Difference(f"{decider.name}, command {name}", "it is new")
