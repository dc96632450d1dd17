"""Runs the rounds: each runs every contender of every case once, in another order."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import FLOORS
from benchmarks.job import Case, Job
from benchmarks.plan import Item, Plan
from benchmarks.process import Done, Failed, Variant


@dataclass(frozen=True)
class Sample:
    """The end of a job: a result, or the reason why there is none."""

    case: Case
    variant: Variant
    round: int
    done: Done | None
    failure: str = ""


def rounds(
    plan: Plan,
    variants: Mapping[str, Sequence[Variant]],
    place: Path | None,
    say: Callable[[str], None],
) -> Iterator[Sample]:
    """Run the plan. `variants` has the variants of each contender; the others do not run."""
    chance = random.Random(7)  # noqa: S311 - an order, not a secret
    for number in range(1, plan.rounds + 1):
        began, done = time.perf_counter(), 0
        spent: defaultdict[str, float] = defaultdict(float)
        for item in plan.items:
            some = _shuffled(item.taking_part(number), variants, chance)
            start = time.perf_counter()
            yield from _case(plan, item, number, some, place, say)
            spent[item.case.workload] += time.perf_counter() - start
            done += len(some)
        took = time.perf_counter() - began
        load = os.getloadavg()[0]
        where = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in spent.items())
        say(f"round {number} of {plan.rounds}: {done} runs, {took:.0f} s, load {load:.1f}")
        say(f"  {where}")


def _case(
    plan: Plan,
    item: Item,
    number: int,
    variants: Sequence[Variant],
    place: Path | None,
    say: Callable[[str], None],
) -> Iterator[Sample]:
    hints: Mapping[str, float] = {}
    for variant in variants:
        job = Job(item.case, variant.contender, plan.seconds, hints)
        try:
            done = variant.run(job, place)
        except Failed as failure:
            say(f"{item.case.name}, {variant.label}: FAILED: {failure}")
            yield Sample(item.case, variant, number, None, str(failure))
            continue
        if variant.contender == "comity":
            hints = done.result.facts
        yield Sample(item.case, variant, number, done)


def _shuffled(
    names: Sequence[str], variants: Mapping[str, Sequence[Variant]], chance: random.Random
) -> list[Variant]:
    """Shuffled, but with floors after comity, since they use its batch sizes."""
    found = [variant for name in names for variant in variants.get(name, ())]
    chance.shuffle(found)
    return sorted(found, key=lambda variant: variant.contender in FLOORS)
