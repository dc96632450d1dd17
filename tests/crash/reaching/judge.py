"""Judges what happened: each order once, each timer once, each event delivered and in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.crash.reaching.facts import Facts, Numbered, TimerFact
from tests.crash.reaching.service import Ends

NEEDED = ("take 0", "take 1", "remind")
"""What each parcel orders, whatever comes."""


def judged(facts: Facts) -> Counter[str]:
    """Return the figures.

    Raises:
        AssertionError: with a sentence for each thing that is wrong.
    """
    wrong = [*wrong_orders(facts), *wrong_timers(facts), *wrong_deliveries(facts)]
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong[:50])
    return figures_of(facts)


def wrong_orders(facts: Facts) -> Iterator[str]:
    """Say which order did not take effect exactly once, and which event was not heard once."""
    heard = Counter(position for _, position in facts.heard)
    yield from (f"the event at {at} was heard {n} times" for at, n in heard.items() if n > 1)
    given, effects = Counter(effect for _, effect in facts.given), Counter(facts.effects)
    yield from (f"{effect!r} was ordered {n} times" for effect, n in given.items() if n > 1)
    yield from (f"{effect!r} was done, and nobody ordered it" for effect in effects - given)
    for order in facts.placed:
        for needed in NEEDED:
            if f"{needed} of {order}" not in given:
                yield f"'{needed} of {order}' was never ordered"
    answers = defaultdict[Numbered, list[bool]](list)
    for number, refused in facts.answered:
        answers[number].append(refused)
    for number, effect in facts.given:
        if len(answers[number]) != 1:
            yield f"{effect!r} was answered {len(answers[number])} times"
        elif effects[effect] != (expected := 0 if answers[number][0] else 1):
            yield f"{effect!r} took effect {effects[effect]} times, expected {expected}"
    yield from wrong_trips(facts, effects)


def wrong_trips(facts: Facts, effects: Counter[str]) -> Iterator[str]:
    """Say which parcel is neither whole nor wholly undone."""
    for order in facts.placed:
        both = effects[f"take 0 of {order}"] + effects[f"take 1 of {order}"]
        if both - effects[f"give back of {order}"] not in {0, 2}:
            yield f"{order} is neither whole nor undone"


def wrong_timers(facts: Facts) -> Iterator[str]:
    """Say which timer did not ring once, and which rang early or after it was cancelled."""
    open_ = defaultdict[str, dict[str, int]](dict)
    for fact in facts.timers:
        mine, said = open_[fact.instance], f"the timer {fact.name} {fact.number} of {fact.instance}"
        match fact:
            case TimerFact(what="set"):
                mine[fact.name] = fact.number
            case TimerFact(what="ended"):
                mine.clear()
            case _ if mine.pop(fact.name, 0) != fact.number:
                yield f"{said} {fact.what}, and was not set any more"
            case TimerFact(what="rang", due=datetime() as due, when=datetime() as when):
                if when < due:
                    yield f"{said} rang before it was due"
            case _:
                pass
    for instance, left in open_.items():
        yield from (
            f"the timer {name} {number} of {instance} never rang" for name, number in left.items()
        )


def wrong_deliveries(facts: Facts) -> Iterator[str]:
    """Say which event was not delivered, or before an earlier one with its key.

    The first receipt of each event counts: one that comes again after a crash may be out of order,
    since the receiver knows its id. So it is in each life of the program, too.
    """
    first = defaultdict[tuple[str, str], dict[int, None]](dict)
    in_life = defaultdict[tuple[int, str, str], dict[int, None]](dict)
    ids = dict[tuple[str, int], str]()
    for one in facts.requests:
        if ids.setdefault((one.outlet, one.position), one.id) != one.id:
            yield f"{one.outlet} gave the event at {one.position} two ids"
        if one.taken:
            first[one.outlet, one.key][one.position] = None
            in_life[one.life, one.outlet, one.key][one.position] = None
    if len(set(ids.values())) < len(ids):
        yield "two deliveries have one id"
    for (outlet, key), positions in facts.wanted.items():
        got = list(first.pop((outlet, key), ()))
        yield from (f"{outlet} lost the event at {one} of {key}" for one in set(positions) - {*got})
        yield from (f"{outlet} made up an event at {one}" for one in set(got) - {*positions})
        if got != sorted(got):
            yield f"{outlet} delivered {key} out of order: {got}"
    yield from (f"{outlet} delivered {key}, and it has no event" for outlet, key in first)
    for (life, outlet, key), got_then in in_life.items():
        if list(got_then) != sorted(got_then):
            yield f"{outlet} delivered {key} out of order in life {life}: {list(got_then)}"


def figures_of(facts: Facts) -> Counter[str]:
    """Count what happened, for the report."""
    last, again = dict[tuple[str, int], Ends](), Counter[str]()
    for one in facts.requests:
        if one.taken:
            before = last.get((one.outlet, one.position))
            if before is not None:
                why = "was killed" if before == "takes" else "was not told"
                again[f"delivered again, because the sender {why}"] += 1
            last[one.outlet, one.position] = one.end
    figures = Counter(
        {
            "events": facts.events,
            "parcels": len(facts.placed),
            "orders": len(facts.given),
            "orders refused": sum(refused for _, refused in facts.answered),
            "timers set": sum(one.what == "set" for one in facts.timers),
            "timers rung": sum(one.what == "rang" for one in facts.timers),
            "delivered": len(last),
            "requests": len(facts.requests),
            **again,
        }
    )
    for one in facts.requests:
        figures[f"the service {one.end}"] += 1
    return figures
