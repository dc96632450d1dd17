"""A second opinion on histories, without the journal: does some order explain all that was told?

This is the search of Wing and Gong, with Lowe's memory of places that were reached before. It looks
at one aggregate, of which only the version counts: from which version a command was decided, and to
which it led.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from tests.sharing.calls import Call, Decided, History, had_no_effect


class Step(NamedTuple):
    """Something that took place at one moment between its start and its end."""

    start: float
    end: float
    before: int | None
    """The version that it met; None: nobody was told."""
    after: int | None


MOST = 3
"""The most events that a command makes of which nobody was told."""


def steps_of(history: History, key: str) -> list[Step]:
    """The steps of one aggregate. A command that was sent several times is one step."""
    steps = [
        Step(one.start, one.end, one.version, one.version)
        for one in history.looks
        if one.key == key
    ]
    sent = defaultdict[str, list[Step]](list)
    for call in history.calls:
        if call.key == key and not had_no_effect(call):
            sent[call.id].append(_step(call))
    for same in sent.values():
        start, end = min(step.start for step in same), min(step.end for step in same)
        told = next((step for step in same if step.after is not None), same[0])
        steps.append(told._replace(start=start, end=end))
    return steps


def _step(call: Call) -> Step:
    if not isinstance(call.answer, Decided) or call.end is None:
        return Step(call.start, inf, None, None)
    match call.answer.says:
        case (_, int(after), _, str(report)):
            return Step(call.start, call.end, json.loads(report)["version"], after)
        case (*_, str(report)):  # a refusal
            version = json.loads(report)["version"]
            return Step(call.start, call.end, version, version)
        case says:
            raise AssertionError(says)


def is_linearizable(steps: Sequence[Step]) -> bool:
    """Whether there is an order. The steps that nobody was told of may be missing in it."""
    ordered = sorted(steps)
    reached = {(0, 0)}
    stack = [(0, 0)]  # the steps that are done, as bits, and the version then
    told = sum(1 << n for n, step in enumerate(ordered) if step.after is not None)
    while stack:
        done, version = stack.pop()
        if done & told == told:
            return True
        for n, after in _next(ordered, done, version):
            place = done | 1 << n, after
            if place not in reached:
                reached.add(place)
                stack.append(place)
    return False


def _next(ordered: Sequence[Step], done: int, version: int) -> Iterator[tuple[int, int]]:
    """Each step that may come next, with the version after it."""
    first_end = inf
    for n, step in enumerate(ordered):
        if done >> n & 1:
            continue
        if step.start > first_end:  # another one had ended before it began
            return
        first_end = min(first_end, step.end)
        if step.after is None:
            yield from ((n, version + made) for made in range(MOST + 1))
        elif step.before == version:
            yield n, step.after
