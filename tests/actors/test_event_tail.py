"""The tail of an aggregate: whatever was kept in which shape, merging gets what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.actors.notebook import Written, notebook

from comity.actors.aggregates.event_tail import EventTail
from comity.engine import Outcome
from comity.engine.aggregate_id import AggregateId
from comity.engine.history import note
from comity.engine.journal.entry import pack_entry
from comity.engine.journal.record import Record
from comity.engine.merging.decider import AnyDecider, store
from comity.engine.merging.happened import Happened
from comity.engine.merging.sent import Sender
from comity.engine.messages.message import Event

BOOK = AggregateId("notebook", "a")
NOTEBOOK = cast("AnyDecider", notebook)

STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "load", "ask", "drop"]), st.integers(0, 5)), max_size=60
)


NOTE = note.fold("ann", "s", None, "Write", None, Outcome.APPLIED, {})


def record(*events: Event) -> Record:
    """A record of these events, as a journal gives it."""
    return Record(BOOK, 0, 0, "id", tuple(map(store, events)), 7, NOTE)


def add(tail: EventTail, version: int, *events: Event) -> None:
    """Add events that were just decided."""
    entry = pack_entry("id", 7, list(map(store, events)), NOTE)
    tail.add(version, events, entry, Sender("ann", "s"), 7, None)


def _told(events: Sequence[Happened[Event]]) -> list[tuple[int, Event, str, str]]:
    return [(one.version, one.event, one.who, one.session) for one in events]


@settings(deadline=None)
@given(steps=STEPS)
@example(steps=[("add", 1), ("ask", 1), ("load", 1), ("add", 0)])
def test_the_newest_events_are_given_as_they_happened_however_they_came_and_were_asked_for(
    steps: list[tuple[str, int]],
) -> None:
    tail, version = EventTail(NOTEBOOK, BOOK), 0
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
            if step == "add":
                add(tail, version + 1, *events)
            else:
                tail.add_record(record(*events))
            expected += [(version + n, one, "ann", "s") for n, one in enumerate(events, 1)]
            version += many
        assert len(tail) == len(expected)
    assert _told(tail.last(len(tail), version)) == expected


def test_where_somebody_merges_the_events_are_those_that_were_decided() -> None:
    tail = EventTail(NOTEBOOK, BOOK)
    first, second = Written(page="p", text="1"), Written(page="p", text="2")
    add(tail, 1, first)
    (loaded,) = tail.last(1, 1)
    add(tail, 2, second)
    assert loaded.event == first
    assert loaded.event is not first
    assert tail.last(1, 2)[0].event is second


def test_where_nobody_merges_any_more_they_are_kept_as_they_are_stored_again() -> None:
    tail = EventTail(NOTEBOOK, BOOK)
    event = Written(page="p", text="1")
    add(tail, 1, event)
    tail.last(1, 1)
    tail.drop(0)
    tail.drop(0)
    add(tail, 2, event)
    assert tail.last(1, 2)[0].event is not event
