"""The tail of an aggregate: whatever was kept in which shape, merging gets what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.actors.notebook import Written, notebook

from comity.actors.aggregates.event_tail import EventTail
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.merging.happened import Happened
from comity.engine.merging.sent import Sent
from comity.engine.messages.message import Event

NOTEBOOK = cast("AnyDecider", notebook)

STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "load", "ask", "drop"]), st.integers(0, 5)), max_size=60
)


def _told(events: Sequence[Happened[Event]]) -> list[tuple[int, Event, str, str]]:
    return [(one.version, one.event, one.who, one.session) for one in events]


@settings(deadline=None)
@given(steps=STEPS)
@example(steps=[("add", 1), ("ask", 1), ("load", 1), ("add", 0)])
def test_the_newest_events_are_given_as_they_happened_however_they_came_and_were_asked_for(
    steps: list[tuple[str, int]],
) -> None:
    tail, version = EventTail(NOTEBOOK), 0
    expected: list[tuple[int, Event, str, str]] = []
    for step, many in steps:
        if step == "ask":
            newest = min(many, len(expected))
            assert _told(tail.last(newest, version)) == expected[len(expected) - newest :]
        elif step == "drop":
            tail.drop(many)
            del expected[:many]
        else:
            events = [Written(page="p", text=f"{version + n}") for n in range(many)]
            stored = [store(event) for event in events]
            if step == "add":
                tail.add(version + 1, events, stored, Sent("ann", "s"), None)
            else:
                tail.add_stored(stored, Sent("ann", "s"), None)
            expected += [(version + n, one, "ann", "s") for n, one in enumerate(events, 1)]
            version += many
        assert len(tail) == len(expected)
    assert _told(tail.last(len(tail), version)) == expected


def test_where_somebody_merges_the_events_are_those_that_were_decided() -> None:
    tail = EventTail(NOTEBOOK)
    first, second = Written(page="p", text="1"), Written(page="p", text="2")
    tail.add(1, [first], [store(first)], Sent("ann", "s"), None)
    (loaded,) = tail.last(1, 1)
    tail.add(2, [second], [store(second)], Sent("bob", "t"), None)
    assert loaded.event == first
    assert loaded.event is not first
    assert tail.last(1, 2)[0].event is second


def test_where_nobody_merges_any_more_they_are_kept_as_they_are_stored_again() -> None:
    tail = EventTail(NOTEBOOK)
    event = Written(page="p", text="1")
    tail.add(1, [event], [store(event)], Sent("ann", "s"), None)
    tail.last(1, 1)
    tail.drop(0)
    tail.drop(0)
    tail.add(2, [event], [store(event)], Sent("ann", "s"), None)
    assert tail.last(1, 2)[0].event is not event
