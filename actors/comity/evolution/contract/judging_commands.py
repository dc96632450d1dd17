"""Judges commands: can today's classes read what older clients and queues send?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.edges import with_edges
from comity.evolution.contract.fitting import misfits
from comity.evolution.contract.judging_fields import changed, remedy, unread
from comity.evolution.contract.judging_samples import judge_command_samples

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.evolution.contract.contract import DeciderTerms, VersionTerms

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
                yield from _judge(decider, name, version, newest)
        elif before[name] != readers[name]:  # an alias, of which there are no samples
            newest = current.commands[readers[name]].versions[-1]
            for version in promised.commands[before[name]].versions:
                yield from _judge(decider, name, version, newest)
    for name in sorted(current.commands.keys() - known):
        yield Difference(f"{decider.name}, command {name}", "it is new")


def _judge(
    decider: AnyDecider, name: str, version: VersionTerms, current: VersionTerms
) -> Iterator[Difference]:
    """Say what of the commands of a schema version cannot be read."""
    number, newest = version.schema_version, current.schema_version
    where = f"{decider.name}, command {name}, schema version {number}"
    if number > newest:
        said = f"clients may send it, and today's class has schema version {newest}"
        todo = f"a schema version never goes back: set schema_version = {number} or more"
        yield Difference(where, said, todo, CLIENTS, (decider.name, name))
        return
    wrong = list(misfits(current.form, version.form)) if number == newest else []
    for one in wrong:
        said = unread(one, "older clients send", "today's class reads")
        yield Difference(where, said, remedy(one, number), CLIENTS, (decider.name, name))
    if not wrong:
        tried = version if number == newest else with_edges(version, current)
        yield from judge_command_samples(decider, where, name, tried)
        if number == newest:
            for said in changed(version.form, current.form):
                yield Difference(where, said)
