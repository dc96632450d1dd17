"""Forgets what a contract says about some messages or deciders. `writing.py` uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from comity.engine.errors import Invalid
from comity.evolution.contract.contract import Contract, DeciderTerms, MessageTerms, ProcessTerms

T = TypeVar("T")


def without(contract: Contract, names: Iterable[str], file: Path) -> Contract:
    """Return the contract without these events, commands, deciders and processes.

    Args:
        contract: the contract.
        names: stored names such as `CardMoved` or `board/CardMoved`, or names of deciders or
            processes.
        file: where the contract is, for errors.

    Raises:
        Invalid: a name is not in the contract, or two deciders have it.
    """
    for name in names:
        contract = contract.model_copy(update=_without(contract, name, file))
    return contract


def _without(contract: Contract, name: str, file: Path) -> dict[str, object]:
    process, _, rest = name.partition("/")
    if process in contract.processes:
        others = _but(contract.processes, {process})
        terms = contract.processes[process]
        if not rest:
            return {"processes": others}
        if rest in (*terms.hears, *terms.orders):
            return {"processes": {**others, process: _forgotten(terms, rest)}}
    if name in contract.deciders:
        return {"deciders": _but(contract.deciders, {name})}
    decider, message = _found(contract, name, file)
    forgetting = _forgetting(contract.deciders[decider], {message})
    return {"deciders": {**contract.deciders, decider: forgetting}}


def _forgotten(terms: ProcessTerms, name: str) -> ProcessTerms:
    return ProcessTerms(
        hears=tuple(one for one in terms.hears if one != name),
        starts=tuple(one for one in terms.starts if one != name),
        orders=tuple(one for one in terms.orders if one != name),
    )


def without_commands(contract: Contract, commands: Iterable[tuple[str, str]]) -> Contract:
    """Return the contract without these commands, each given by its decider and stored name."""
    gone = set(commands)
    deciders = {
        name: terms.model_copy(
            update={"commands": _but(terms.commands, {one for of, one in gone if of == name})}
        )
        for name, terms in contract.deciders.items()
    }
    return contract.model_copy(update={"deciders": deciders})


def _found(contract: Contract, name: str, file: Path) -> tuple[str, str]:
    """Return the decider and the stored name that a name means."""
    decider, slash, message = name.rpartition("/")
    where = [
        one
        for one, terms in contract.deciders.items()
        if message in _names(terms) and (not slash or one == decider)
    ]
    if len(where) == 1:
        return where[0], message
    if where:
        msg = f"{', '.join(where)} both have {message}: write {where[0]}/{message}"
    else:
        msg = f"{file} says nothing about {name}: there is nothing to drop"
    raise Invalid(msg)


def _names(terms: DeciderTerms) -> set[str]:
    return {*terms.events, *terms.commands, *terms.retired, *terms.readers("events")}


def _forgetting(terms: DeciderTerms, names: set[str]) -> DeciderTerms:
    events: dict[str, MessageTerms] = {
        name: message.model_copy(
            update={"aliases": tuple(one for one in message.aliases if one not in names)}
        )
        for name, message in _but(terms.events, names).items()
    }
    return terms.model_copy(
        update={
            "events": events,
            "commands": _but(terms.commands, names),
            "retired": tuple(one for one in terms.retired if one not in names),
        }
    )


def _but(named: Mapping[str, T], names: set[str]) -> dict[str, T]:
    return {name: value for name, value in named.items() if name not in names}
