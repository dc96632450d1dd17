"""The judge of `test_kill_reaching` finds each fault that it is there for."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from tests.crash.reaching.facts import Facts, TimerFact
from tests.crash.reaching.judge import judged
from tests.crash.reaching.service import Request

DUE = datetime(2026, 11, 30, 12, tzinfo=UTC)


def well() -> Facts:
    """One parcel that came to its end, and two mails about it; the first one was sent twice."""
    effects = ["take 0 of o", "take 1 of o", "remind of o"]
    facts = Facts(placed=["o"], heard=[("o", 1)], effects=effects)
    facts.given = [(("o", n), effect) for n, effect in enumerate(effects, 1)]
    facts.answered = [(("o", n), False) for n in (1, 2, 3)]
    facts.timers = [
        TimerFact("o", 1, "set", "late", DUE),
        TimerFact("o", 2, "set", "never", DUE),
        TimerFact("o", 1, "rang", "late", DUE, DUE + timedelta(seconds=1)),
        TimerFact("o", 2, "cancelled", "never"),
        TimerFact("o", 0, "ended"),
    ]
    facts.wanted["Mails", "shop/s0"] = [1, 5]
    facts.requests = [
        Request(1, "Mails", "shop/s0", 1, "Mails-1", "refuses"),
        Request(1, "Mails", "shop/s0", 1, "Mails-1", "takes and fails"),
        Request(2, "Mails", "shop/s0", 1, "Mails-1"),
        Request(2, "Mails", "shop/s0", 5, "Mails-5"),
    ]
    return facts


def doubled_order(facts: Facts) -> None:
    facts.effects.append("take 1 of o")


def lost_order(facts: Facts) -> None:
    facts.effects.remove("remind of o")


def order_given_twice(facts: Facts) -> None:
    facts.given.append((("o", 4), "remind of o"))
    facts.answered.append((("o", 4), False))
    facts.effects.append("remind of o")


def order_that_was_never_given(facts: Facts) -> None:
    facts.placed.append("p")


def order_by_nobody(facts: Facts) -> None:
    facts.effects.append("take 0 of q")


def answer_that_came_twice(facts: Facts) -> None:
    facts.answered.append((("o", 2), False))


def answer_that_did_not_come(facts: Facts) -> None:
    del facts.answered[0]


def refusal_that_took_effect(facts: Facts) -> None:
    facts.answered[1] = (("o", 2), True)


def half_a_parcel(facts: Facts) -> None:
    facts.answered[1] = (("o", 2), True)
    facts.effects.remove("take 1 of o")


def event_heard_twice(facts: Facts) -> None:
    facts.heard.append(("o", 1))


def timer_that_rang_twice(facts: Facts) -> None:
    facts.timers.insert(3, facts.timers[2])


def timer_that_rang_after_it_was_cancelled(facts: Facts) -> None:
    facts.timers.append(TimerFact("o", 2, "rang", "never", DUE, DUE))


def timer_that_rang_though_another_has_its_place(facts: Facts) -> None:
    facts.timers.insert(1, TimerFact("o", 3, "set", "late", DUE))


def timer_that_rang_early(facts: Facts) -> None:
    facts.timers[2] = facts.timers[2]._replace(when=DUE - timedelta(seconds=1))


def timer_that_never_rang(facts: Facts) -> None:
    del facts.timers[2:]


def lost_delivery(facts: Facts) -> None:
    facts.requests[3] = facts.requests[3]._replace(end="hangs")


def swapped_deliveries(facts: Facts) -> None:
    facts.requests.insert(0, facts.requests.pop())


def swapped_deliveries_in_one_life(facts: Facts) -> None:
    facts.requests[2:] = reversed(facts.requests[2:])


def delivery_of_nothing(facts: Facts) -> None:
    facts.requests.append(Request(2, "Mails", "shop/s0", 9, "Mails-9"))


def delivery_under_another_key(facts: Facts) -> None:
    facts.requests.append(Request(2, "Mails", "shop/s1", 5, "Mails-5"))


def another_id_at_the_second_try(facts: Facts) -> None:
    facts.requests[2] = facts.requests[2]._replace(id="Mails-1b")


def one_id_for_two_events(facts: Facts) -> None:
    facts.requests[3] = facts.requests[3]._replace(id="Mails-1")


FAULTS: dict[Callable[[Facts], None], str] = {
    doubled_order: "'take 1 of o' took effect 2 times, expected 1",
    lost_order: "'remind of o' took effect 0 times, expected 1",
    order_given_twice: "'remind of o' was ordered 2 times",
    order_that_was_never_given: "'remind of p' was never ordered",
    order_by_nobody: "'take 0 of q' was done, and nobody ordered it",
    answer_that_came_twice: "'take 1 of o' was answered 2 times",
    answer_that_did_not_come: "'take 0 of o' was answered 0 times",
    refusal_that_took_effect: "'take 1 of o' took effect 1 times, expected 0",
    half_a_parcel: "o is neither whole nor undone",
    event_heard_twice: "the event at 1 was heard 2 times",
    timer_that_rang_twice: "the timer late 1 of o rang, and was not set any more",
    timer_that_rang_after_it_was_cancelled: "the timer never 2 of o rang, and was not set",
    timer_that_rang_though_another_has_its_place: "the timer late 1 of o rang, and was not set",
    timer_that_rang_early: "the timer late 1 of o rang before it was due",
    timer_that_never_rang: "the timer late 1 of o never rang",
    lost_delivery: "Mails lost the event at 5 of shop/s0",
    swapped_deliveries: "Mails delivered shop/s0 out of order: ",
    swapped_deliveries_in_one_life: "Mails delivered shop/s0 out of order in life 2: ",
    delivery_of_nothing: "Mails made up an event at 9",
    delivery_under_another_key: "Mails delivered shop/s1, and it has no event",
    another_id_at_the_second_try: "Mails gave the event at 1 two ids",
    one_id_for_two_events: "two deliveries have one id",
}


def test_without_a_fault_there_is_nothing_to_say() -> None:
    assert judged(well())["delivered again, because the sender was not told"] == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: Callable[[Facts], None]) -> None:
    facts = deepcopy(well())
    fault(facts)
    with pytest.raises(AssertionError) as found:
        judged(facts)
    assert FAULTS[fault] in str(found.value)
