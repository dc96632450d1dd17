"""Checks that today's classes keep a contract. For `comity contract check`, and for tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from comity.engine.processes.naming import processes_by_name
from comity.evolution.contract.contract_file import read_contract
from comity.evolution.contract.given import checked_deciders
from comity.evolution.contract.judging import judge
from comity.evolution.contract.terms_of import contract_of

if TYPE_CHECKING:
    from comity.engine.merging.decider import AggregateType
    from comity.engine.processes.process import ProcessType
    from comity.evolution.contract.difference import Difference
    from comity.readmodels.tables.read_model import AnyReadModel


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """What a check found."""

    differences: tuple[Difference, ...]
    """All differences between the contract and today's classes."""

    @property
    def broken(self) -> tuple[Difference, ...]:
        """The differences that break a promise."""
        return tuple(one for one in self.differences if one.breaks)

    @property
    def safe(self) -> tuple[Difference, ...]:
        """The differences that break nothing; write the contract anew to promise them."""
        return tuple(one for one in self.differences if not one.breaks)


def check_contract(
    path: str | os.PathLike[str],
    deciders: Sequence[AggregateType],
    models: Sequence[type[AnyReadModel]] = (),
    *,
    processes: Sequence[ProcessType] = (),
) -> ContractCheck:
    """Compare today's classes with a contract file, and read its stored samples with them.

    Args:
        path: the file.
        deciders: all deciders of the program.
        models: its read models whose rows other programs or clients read.
        processes: all processes of the program.

    Raises:
        NotAContract: the file is missing or damaged.
        TooNew: a newer version of comity wrote it.
        Invalid: none of the deciders is in the contract, or two have one name.

    Example:
        def test_the_contract_is_kept():
            assert check_contract("contract.json", [board], [Cards]).broken == ()
    """
    file = Path(path)
    promised = read_contract(file)
    given = checked_deciders(file, promised, deciders, models)
    running = processes_by_name(processes, {one.name for one in given})
    current = contract_of(given, models, running.values())
    return ContractCheck(tuple(judge(promised, current, given, running)))
