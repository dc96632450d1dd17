"""Forgets what a contract says about some messages or deciders. `writing.py` uses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from comity.engine.errors import Invalid
from comity.evolution.contract.contract import Contract, DeciderTerms, MessageTerms

T = TypeVar("T")


def without(contract: Contract, names: Iterable[str], file: Path) -> Contract:
    """Return the contract without these events, commands and deciders.

    Args:
        contract: the contract.
        names: stored names such as `CardMoved` or `board/CardMoved`, or names of deciders.
        file: where the contract is, for errors.

    Raises:
        Invalid: a name is not in the contract, or two deciders have it.
    """
    for name in names:
        if name in contract.deciders:
            deciders = _but(contract.deciders, {name})
        else:
            decider, message = _found(contract, name, file)
            deciders = {
                **contract.deciders,
                decider: _forgetting(contract.deciders[decider], {message}),
            }
        contract = contract.model_copy(update={"deciders": deciders})
    return contract


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
