"""Checks the deciders and read models that `check_contract` and `write_contract` are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from comity.engine.errors import Invalid, WiringError
from comity.engine.merging.decider import AggregateType, AnyDecider, Decider

if TYPE_CHECKING:
    from comity.evolution.contract.contract import Contract
    from comity.readmodels.tables.read_model import AnyReadModel


def checked_deciders(
    file: Path,
    promised: Contract | None,
    deciders: Sequence[AggregateType],
    models: Sequence[type[AnyReadModel]],
) -> Sequence[AnyDecider]:
    """Return the deciders, if they can be those of the contract.

    Raises:
        Invalid: there is none, two have one name, or none of them is in the contract.
        WiringError: one is no decider.
    """
    for one in deciders:
        if not isinstance(one, Decider):
            msg = f"expected a Decider(...), got {one!r:.100}"
            raise WiringError(msg)
    names = [decider.name for decider in deciders]
    if not names:
        msg = "expected at least one decider"
        raise Invalid(msg)
    _check_once(names, "deciders")
    _check_once([model.stored_as for model in models], "read models")
    if promised is not None and not promised.deciders.keys() & set(names):
        msg = (
            f"{file} is the contract of {', '.join(sorted(promised.deciders))}, and these deciders "
            f"are {', '.join(names)}: give the file of these deciders; if a migration gave a "
            "decider another name, forget the old one with contract write --drop"
        )
        raise Invalid(msg)
    return cast("Sequence[AnyDecider]", deciders)


def _check_once(names: Iterable[str], noun: str) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        msg = f"two of the {noun} are called {', '.join(twice)}: give each once"
        raise Invalid(msg)
