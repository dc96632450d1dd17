"""Plays a scenario once for each policy: the same people, the same seed, other rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from comity.engine.errors import WiringError
from comity.simulation.comparing.cost import Cost, cost
from comity.simulation.comparing.playable import Playable
from comity.simulation.comparing.policies import POLICIES, Policy, played_by
from comity.simulation.records.run import Run

Progress: TypeAlias = Callable[[str, float, int], None]
"""Called now and then with the policy, the simulated seconds and the attempts so far."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The runs of a scenario under several policies, in their order."""

    runs: tuple[Run, ...]

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What each policy cost."""
        return tuple(cost(run) for run in self.runs)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it: policies may be missing, and the last run is only a part."""
        return any(run.interrupted for run in self.runs)


def compare(
    scenario: Playable,
    policies: Mapping[str, Policy] = POLICIES,
    *,
    seed: int = 7,
    people: int | None = None,
    hours: float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Play the same people with the same seed under each policy.

    The domain's classes stay as they are. People see what the rules made of the state, so they may
    choose differently from then on; their dice are the same.

    Args:
        scenario: a `Scenario`, or a recorded one.
        policies: by name. A policy is a function of a decider, such as `whole_aggregate`, or rules
            for some commands, such as `{RenameCard: overwrite}`. By default: the own rules,
            `reject`, a version column, and the last writer wins.
        seed: the seed of each run.
        people: so many people instead of the scenario's.
        hours: so many simulated hours instead of the scenario's.
        progress: is called now and then.

    Raises:
        WiringError: there are no policies, or one of them names a command that no decider has.
            Nothing has been played then.

    Example:
        comparison = compare(team, {"hasty": {RenameCard: overwrite}, "own rules": own_rules})
        for cost in comparison.costs:
            print(cost.policy, cost.lost, cost.asked, cost.half)
    """
    if not policies:
        msg = "compare: expected at least one policy, such as {'version column': whole_aggregate}"
        raise WiringError(msg)
    deciders = {
        name: played_by(name, policy, scenario.deciders) for name, policy in policies.items()
    }
    runs: list[Run] = []
    for name, its in deciders.items():
        told = _telling(progress, name)
        runs.append(
            scenario.play(
                seed, people=people, hours=hours, deciders=its, policy=name, progress=told
            )
        )
        if runs[-1].interrupted:
            break
    return Comparison(tuple(runs))


def _telling(progress: Progress | None, policy: str) -> Callable[[float, int], None] | None:
    if progress is None:
        return None
    return lambda seconds, attempts: progress(policy, seconds, attempts)
