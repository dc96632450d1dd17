"""Judges processes: can today's read what their instances have heard and ordered?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from comity.engine.messages.message import names_of
from comity.evolution.contract.difference import Broken, Difference

if TYPE_CHECKING:
    from comity.engine.processes.process import AnyProcess
    from comity.evolution.contract.contract import Contract, ProcessTerms

STORED: Final = Broken.STORED_EVENTS


def judge_processes(
    promised: Contract, current: Contract, processes: Mapping[str, AnyProcess]
) -> Iterator[Difference]:
    """Yield how today's processes differ from those that were promised."""
    for name in sorted(promised.processes.keys() | processes.keys()):
        where = f"process {name}"
        if name not in promised.processes:
            yield Difference(where, "it is new")
        elif name not in processes:
            yield Difference(
                where,
                "it was promised, and is not among the processes that were given",
                "name it too; if it has another name now, its instances are lost: give it back "
                f'its name, Process("{name}", ...)',
                STORED,
                (name,),
            )
        else:
            terms = promised.processes[name], current.processes[name]
            yield from _heard(processes[name], *terms)
            yield from _ordered(name, *terms)
            yield from _starts(name, *terms)


def _heard(
    process: AnyProcess, promised: ProcessTerms, current: ProcessTerms
) -> Iterator[Difference]:
    name = process.name
    readable = {one for kind in process.events for one in names_of(kind)} | process.retired
    for event in sorted({*promised.hears} - readable):
        yield Difference(
            f"{name}, event {event}",
            "its instances may have heard it, and no class of the process reads it",
            "put its class back among the events of key, or its name among the aliases of another; "
            f'if it no longer happens, write Process(..., retired=["{event}"])',
            STORED,
            (name, event),
        )
    for event in sorted({*current.hears} - {*promised.hears}):
        said = "the process hears it now: its instances also hear those that happened since the"
        yield Difference(f"{name}, event {event}", f"{said} last event that they heard")


def _ordered(name: str, promised: ProcessTerms, current: ProcessTerms) -> Iterator[Difference]:
    for decider in sorted({*promised.orders} - {*current.orders}):
        yield Difference(
            f"{name}, orders of {decider}",
            f"its instances may have given orders to {decider}, and it is not among its orders",
            "put the decider back into orders=[...]",
            STORED,
            (name, decider),
        )
    for decider in sorted({*current.orders} - {*promised.orders}):
        yield Difference(f"{name}, orders of {decider}", "they are new")


def _starts(name: str, promised: ProcessTerms, current: ProcessTerms) -> Iterator[Difference]:
    for event in sorted({*promised.starts} - {*current.starts}):
        yield Difference(f"{name}, event {event}", "it begins no instance any more")
    for event in sorted({*current.starts} - {*promised.starts}):
        yield Difference(f"{name}, event {event}", "it begins an instance")


def with_orders(differences: Iterable[Difference], promised: Contract) -> Iterator[Difference]:
    """Yield differences; where a command is lost, with the processes that may have ordered it."""
    for one in differences:
        decider = one.message[0] if one.message else ""
        by = [name for name, terms in promised.processes.items() if decider in terms.orders]
        if one.breaks is Broken.OLDER_CLIENTS and by:
            said = f"the process {', '.join(by)} may have ordered it: run comity check on a journal"
            yield replace(one, remedy=f"{one.remedy}; {said}")
        else:
            yield one
