"""Judges today's classes by a contract. `checking.py` and `writing.py` use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from comity.evolution.contract.difference import Broken, Difference
from comity.evolution.contract.judging_commands import judge_commands
from comity.evolution.contract.judging_events import judge_events
from comity.evolution.contract.judging_merging import judge_merging
from comity.evolution.contract.judging_processes import judge_processes, with_orders
from comity.evolution.contract.judging_rows import judge_rows

if TYPE_CHECKING:
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.processes.process import AnyProcess
    from comity.evolution.contract.contract import Contract


def judge(
    promised: Contract,
    current: Contract,
    deciders: Sequence[AnyDecider],
    processes: Mapping[str, AnyProcess],
) -> Iterator[Difference]:
    """Yield all differences, decider by decider, then those of processes and read models."""
    yield from with_orders(_of_deciders(promised, current, deciders), promised)
    yield from judge_processes(promised, current, processes)
    yield from judge_rows(promised.models, current.models)


def _of_deciders(
    promised: Contract, current: Contract, deciders: Sequence[AnyDecider]
) -> Iterator[Difference]:
    given = {decider.name: decider for decider in deciders}
    for name in sorted(promised.deciders.keys() | given.keys()):
        if name not in promised.deciders:
            yield Difference(f"decider {name}", "it is new")
        elif name not in given:
            yield Difference(
                f"decider {name}",
                "it was promised, and is not among the deciders that were given",
                "name it too; if it has another name now, journals cannot be read: give it back "
                f'its name, Decider("{name}", ...)',
                Broken.STORED_EVENTS,
            )
        else:
            terms = given[name], promised.deciders[name], current.deciders[name]
            for judging in (judge_events, judge_commands, judge_merging):
                yield from judging(*terms)
