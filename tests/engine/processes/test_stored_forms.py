"""What the stream of an instance holds, field by field: it is read for years, so it only grows.

When a test fails, see docs/formats.md. A new field needs a default, and a line in both forms; the
old form stays here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.trips import trip

from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.engine.merging.report import Outcome
from comity.engine.processes.events import (
    OrderAnswered,
    OrderGiven,
    ProcessEnded,
    ProcessEvent,
    ProcessHeard,
    ProcessInstalled,
    TimerCancelled,
    TimerRang,
    TimerSet,
)
from comity.engine.processes.instance import Instance, OpenOrder, OpenTimer

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
MICROSECONDS = 1_798_804_800_000_000
DATA = b"\x81\xa4trip\xa2t1"

FORMS: dict[str, tuple[ProcessEvent, dict[str, object]]] = {
    "ProcessInstalled": (ProcessInstalled(start=7), {"start": 7}),
    "ProcessHeard": (
        ProcessHeard(
            type="desk", key="d1", version=1, position=7, time=NOON, who="ann", session="s",
            metadata=(("ip", "::1"),), hops=1, name="Wanted", schema_of=2, readable=1, stamp=5,
            data=DATA,
        ),
        {
            "type": "desk", "key": "d1", "version": 1, "position": 7, "time": MICROSECONDS,
            "who": "ann", "session": "s", "metadata": (("ip", "::1"),), "hops": 1,
            "name": "Wanted", "schema_of": 2, "readable": 1, "stamp": 5, "data": DATA,
        },
    ),
    "OrderGiven": (
        OrderGiven(
            number=1, name="seat", type="seats", key="LH1", command="Reserve", schema_of=1,
            data=DATA, seen=3, hops=2, depth=4,
        ),
        {
            "number": 1, "name": "seat", "type": "seats", "key": "LH1", "command": "Reserve",
            "schema_of": 1, "data": DATA, "seen": 3, "hops": 2, "depth": 4,
        },
    ),
    "OrderAnswered": (
        OrderAnswered(
            number=1, name="seat", outcome=Outcome.REJECTED, code="Full", reason="full",
            fields=(("seats", 0),), version=2, position=9,
        ),
        {
            "number": 1, "name": "seat", "outcome": "rejected", "code": "Full", "reason": "full",
            "fields": (("seats", 0),), "version": 2, "position": 9,
        },
    ),
    "TimerSet": (
        TimerSet(name="late", number=1, due=NOON, hops=2, depth=4),
        {"name": "late", "number": 1, "due": MICROSECONDS, "hops": 2, "depth": 4},
    ),
    "TimerCancelled": (TimerCancelled(name="late", number=1), {"name": "late", "number": 1}),
    "TimerRang": (
        TimerRang(name="late", number=1, due=NOON),
        {"name": "late", "number": 1, "due": MICROSECONDS},
    ),
    "ProcessEnded": (
        ProcessEnded(reason="done", by_hand=True, upto=9),
        {"reason": "done", "by_hand": True, "upto": 9},
    ),
}  # fmt: skip


def test_each_event_has_its_form_here() -> None:
    assert {kind.stored_as for kind in trip.decider.events} == FORMS.keys()


@pytest.mark.parametrize("name", FORMS)
def test_an_event_is_written_as_ever(name: str) -> None:
    event, fields = FORMS[name]
    stored = store(event)
    assert (stored.name, stored.schema, stored.readable) == (name, 1, 0)
    assert stored.data == fields
    assert stored.stamp, "an event without a stamp would be validated each time it is read"


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_read_as_ever(name: str) -> None:
    event, fields = FORMS[name]
    assert trip.decider.load(StoredEvent(name, 1, fields)) == event


def test_packed_fields_are_shown_as_fields() -> None:
    shown = FORMS["OrderGiven"][0].model_dump(mode="json")
    assert shown["data"] == {"trip": "t1"}


def test_a_snapshot_is_written_and_read_as_ever() -> None:
    instance = trip.decider.initial()
    kind = type(instance)
    assert issubclass(kind, Instance)
    instance.key, instance.running, instance.heard = "t1", True, 7
    instance.orders[1] = OpenOrder("seat", "seats", "LH1", "Reserve", 1, DATA, 1, 1)
    instance.timers["late"] = OpenTimer(1, NOON, 0, 0)
    instance.ordered = instance.timed = 1
    assert trip.decider.states.pack(instance) == (
        b'{"state":{"room":"","done":[]},"key":"t1","running":true,"reason":"","heard":7,'
        b'"orders":{"1":{"name":"seat","type":"seats","key":"LH1","command":"Reserve","schema":1,'
        b'"data":"gaR0cmlwonQx","hops":1,"depth":1}},'
        b'"timers":{"late":{"number":1,"due":"2027-01-01T12:00:00Z","hops":0,"depth":0}},'
        b'"ordered":1,"timed":1,"before":0,"start":null}'
    )
