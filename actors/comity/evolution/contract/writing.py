"""Writes a contract. For `comity contract write`, and for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from comity.engine.errors import ComityError, WiringError
from comity.engine.processes.naming import processes_by_name
from comity.evolution.contract.checking import ContractCheck
from comity.evolution.contract.contract import Contract, Section
from comity.evolution.contract.contract_file import read_contract, write_contract_file
from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.dropping import without, without_commands
from comity.evolution.contract.given import checked_deciders
from comity.evolution.contract.judging import judge
from comity.evolution.contract.renewing import Sample, renewed
from comity.evolution.contract.terms_of import contract_of

if TYPE_CHECKING:
    from pydantic import JsonValue

    from comity.engine.merging.decider import AggregateType, AnyDecider
    from comity.engine.messages.message import Message
    from comity.engine.processes.process import ProcessType
    from comity.evolution.contract.making import Strategies
    from comity.evolution.contract.sampling import Sampler
    from comity.readmodels.tables.read_model import AnyReadModel

Progress: TypeAlias = Callable[[int, int], None]
"""Is called with how many messages have got samples, and how many there are."""


class ContractBroken(ComityError):
    """Writing the contract would hide what today's classes break, so it was not written."""

    def __init__(self, path: Path, differences: Sequence[Difference]) -> None:
        self.differences = tuple(differences)
        """What today's classes break."""
        events = sorted({"/".join(one.message) for one in differences if one.message})
        drop = "".join(f" --drop {name}" for name in events)
        hint = f"; if no journal has such events, let the contract forget them:{drop}"
        self.conclusion = f"{path} was not written{hint if drop else ''}"
        """What became of the file, and what to do, on one line."""
        super().__init__("\n  ".join([self.conclusion, *map(str, differences)]))


def write_contract(
    path: str | os.PathLike[str],
    deciders: Sequence[AggregateType],
    models: Sequence[type[AnyReadModel]] = (),
    *,
    processes: Sequence[ProcessType] = (),
    drop: Sequence[str] = (),
    strategies: Strategies | None = None,
    progress: Progress | None = None,
) -> ContractCheck:
    """Promise what today's classes do, and keep what was promised to stored events.

    The file is replaced in one step, if anything has changed. Stored samples of older schema
    versions stay for ever; today's versions get samples if they have none. Hypothesis makes them.

    Args:
        path: the file; it may be missing.
        deciders: all deciders of the program.
        models: its read models whose rows other programs or clients read.
        processes: all processes of the program.
        drop: stored names of events, or names of deciders or processes, of which no journal has
            any: the contract forgets what it said about them.
        strategies: for fields whose validators accept few values, as `laws` takes them.
        progress: is called while samples are made.

    Returns:
        The differences that were accepted.

    Raises:
        ContractBroken: stored events could not be read; nothing is written.
        NotAContract: the file is another file, or damaged; nothing is written.
        TooNew: a newer version of comity wrote it.
        Invalid: a name to drop is not in the contract; deciders as in `check_contract`.
        WiringError: Hypothesis is not installed, or cannot make a message.
    """
    file = Path(path)
    before = read_contract(file) if file.exists() else Contract(deciders={})
    promised = without(before, drop, file)
    given = checked_deciders(file, promised if promised.deciders else None, deciders, models)
    running = processes_by_name(processes, {one.name for one in given})
    current = contract_of(given, models, running.values())
    differences = list(judge(promised, current, given, running))
    lost = [one for one in differences if one.breaks is Broken.STORED_EVENTS]
    if lost:
        raise ContractBroken(file, lost)
    reviewed = [
        (one.message[0], one.message[1])
        for one in differences
        if one.message and one.breaks is Broken.OLDER_CLIENTS
    ]
    promised = without_commands(promised, reviewed)
    new = renewed(promised, current, _sampler(given, strategies, progress))
    remaining = [one for one in judge(new, current, given, running) if one.breaks]
    if remaining:  # the classes contradict themselves, which no contract can settle
        raise ContractBroken(file, remaining)
    if new != before:
        write_contract_file(file, new)
    return ContractCheck(tuple(differences))


def _sampler(
    deciders: Sequence[AnyDecider], strategies: Strategies | None, progress: Progress | None
) -> Sample:
    """Return what makes samples of a message. Hypothesis is loaded when it is first needed."""
    kinds: dict[tuple[str, str, str], type[Message]] = {}
    for decider in deciders:
        kinds |= {(decider.name, "events", kind.stored_as): kind for kind in decider.events}
        kinds |= {(decider.name, "commands", kind.stored_as): kind for kind in decider.commands}
    sampler = cache(lambda: _hypothesis_sampler(kinds.values(), strategies or {}))
    made = 0

    def sample(decider: str, section: Section, name: str) -> tuple[Mapping[str, JsonValue], ...]:
        nonlocal made
        samples = sampler().samples_of(kinds[decider, section, name])
        made += 1
        if progress is not None:
            progress(made, len(kinds))
        return samples

    return sample


def _hypothesis_sampler(kinds: Iterable[type[Message]], strategies: Strategies) -> Sampler:
    try:
        from comity.evolution.contract.sampling import Sampler  # noqa: PLC0415 - in an extra
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        msg = "Hypothesis makes the samples of a contract: pip install 'comity[testing]'"
        raise WiringError(msg) from None
    return Sampler(kinds, strategies)
