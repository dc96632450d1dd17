"""Events as CloudEvents and back: all kinds of fields, older and newer programs, wrong data."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator
from tests.integration.events import SOURCE, Everything, at, everything
from tests.support.making import make

from comity.actors import Delivery
from comity.engine import (
    AggregateId,
    Command,
    Decider,
    Event,
    Fields,
    Invalid,
    Key,
    StoredAs,
    Value,
    WiringError,
)
from comity.engine.messages.retired_event import retired_event
from comity.integration import ForeignEvents, from_cloud_event, from_http, to_cloud_event

Form = Callable[[BaseCloudEvent], http.HTTPMessage]
BOTH: list[Form] = [http.to_structured_event, http.to_binary_event]
everywhere = ForeignEvents("order", [Everything])


def with_time(due: date) -> Fields:
    return {"due": datetime.combine(due, time(12), UTC)}


class Place(Value):
    number: Annotated[int, StoredAs("no")]


class Planned(Event):
    stored_as = "OrderPlanned"
    aliases = ("OrderDated",)
    schema_version = 2
    upcasts = {1: with_time}
    readable_from = 2
    order: Key[str]
    title: Annotated[str, StoredAs("name")]
    due: datetime
    places: tuple[Place, ...] = ()


class Noted(Event):
    text: str


class Either(Event):
    said: str | bytes


class Growing(Event):
    said: Annotated[str, AfterValidator(lambda text: f"{text}!")]


class Named(Event):
    names: frozenset[str]


NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
PLANNED = Planned(order="A-17", title="Pay", due=NOON, places=(Place(number=1),))
orders = ForeignEvents[Planned | Noted]("order", [Planned, Noted])


def evolve(state: int, event: Planned | Noted) -> int:
    return state + 1


class Note(Command):
    text: str


def decide(state: int, command: Note) -> Iterator[Noted]:
    yield Noted(text=command.text)


ours = Decider("order", int, decide, evolve)


def sent(event: Event, form: Form = http.to_structured_event, key: str = "A-17") -> CloudEvent:
    """The CloudEvent of an event, as it arrives."""
    message = form(to_cloud_event(at(event, key), source=SOURCE))
    return from_http(message.headers, message.body)


def changed(**changes: object) -> CloudEvent:
    """A CloudEvent with other attributes; None leaves one out."""
    whole = {**to_cloud_event(at(PLANNED), source=SOURCE).get_attributes(), **changes}
    data = whole.pop("data", to_cloud_event(at(PLANNED), source=SOURCE).get_data())
    kept = {name: value for name, value in whole.items() if value is not None}
    body = json.dumps({**kept, "data": data}, default=str).encode()
    return from_http({"Content-Type": "application/cloudevents+json"}, body)


# --- out ------------------------------------------------------------------------------------------


def test_a_cloud_event_says_where_the_event_has_its_place() -> None:
    event = to_cloud_event(at(PLANNED), source=SOURCE, prefix="com.example")
    assert event.get_attributes() == {
        "specversion": "1.0",
        "id": "20",
        "source": SOURCE,
        "type": "com.example.order.OrderPlanned",
        "subject": "order/A-17",
        "time": datetime(2027, 1, 15, 8, tzinfo=UTC),
        "datacontenttype": "application/json",
        "schemaversion": 2,
        "readablefrom": 2,
        "aggregateversion": "3",
        "sequence": "00000000000000000020",
        "partitionkey": "order/A-17",
    }
    assert event.get_data() == {
        "order": "A-17", "name": "Pay", "due": "2027-03-01T12:00:00Z", "places": [{"no": 1}],
    }  # fmt: skip


@pytest.mark.parametrize("source", ["", "a b", "/ü", "x" * 501, "/a\n", 7, None])
def test_a_source_is_a_uri(source: str) -> None:
    with pytest.raises(Invalid, match="source: expected a URI"):
        to_cloud_event(at(PLANNED), source=source)


@pytest.mark.parametrize("prefix", ["com.", ".com", "com example", "com..example", "com\n"])
def test_a_prefix_is_a_name(prefix: str) -> None:
    with pytest.raises(Invalid, match="prefix: expected"):
        to_cloud_event(at(PLANNED), source=SOURCE, prefix=prefix)


def test_an_event_that_json_would_change_is_not_sent() -> None:
    assert to_cloud_event(at(Either(said="AA==")), source=SOURCE).get_data() == {"said": "AA=="}
    with pytest.raises(Invalid, match="would be read back changed"):
        to_cloud_event(at(Either(said=b"\0")), source=SOURCE)


def test_an_event_whose_validator_changes_it_each_time_is_not_sent() -> None:
    with pytest.raises(Invalid, match="would be read back changed"):
        to_cloud_event(at(Growing(said="hm")), source=SOURCE)


def test_a_retired_event_is_not_sent() -> None:
    with pytest.raises(Invalid, match="Starred has no class any more"):
        to_cloud_event(at(retired_event("Starred", 1, {})), source=SOURCE)


def test_a_second_try_sends_the_same_bytes() -> None:
    event = Named(names=frozenset({f"n{number}" for number in range(99)}))
    data = to_cloud_event(at(event), source=SOURCE).get_data()
    assert data == {"names": sorted(event.names)}


def test_the_id_of_a_delivery_is_that_of_the_cloud_event() -> None:
    delivery = Delivery(*at(PLANNED), "Mails-20-9f3a", 2)
    assert to_cloud_event(delivery, source=SOURCE).get_id() == "Mails-20-9f3a"


def test_the_id_of_an_event_without_a_delivery_has_its_branch_after_a_restore() -> None:
    ids = [to_cloud_event(at(PLANNED), source=SOURCE, branch=one).get_id() for one in ("", "b2")]
    assert ids == ["20", "20-b2"]


# --- and back -------------------------------------------------------------------------------------


@given(event=everything, form=st.sampled_from(BOTH))
def test_an_event_comes_back_with_all_kinds_of_fields(event: Everything, form: Form) -> None:
    assert from_cloud_event(sent(event, form), everywhere).event == event


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@pytest.mark.parametrize("form", BOTH)
def test_an_event_comes_back_with_its_place(form: Form, key: str) -> None:
    received = from_cloud_event(sent(PLANNED, form, key), orders)
    assert received[1:] == (AggregateId("order", key), 3, 20, at(PLANNED).time, SOURCE, "20")


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_attributes_have_only_what_the_specification_allows(key: str) -> None:
    subject = to_cloud_event(at(PLANNED, key), source=SOURCE).get_subject() or ""
    assert not [
        c for c in subject if ord(c) < 32 or 127 <= ord(c) < 160 or ord(c) & 0xFFFE == 0xFFFE
    ]


def test_an_older_program_that_sends_is_understood() -> None:
    data = {"order": "A-17", "name": "Pay", "due": "2027-03-01", "places": [{"no": 1}]}
    older = changed(type="order.OrderDated", schemaversion=1, readablefrom=None, data=data)
    assert from_cloud_event(older, orders).event == PLANNED


def test_what_a_newer_program_knows_more_is_left_out_if_it_says_so() -> None:
    data = {
        "order": "A-17", "name": "Pay", "due": "2027-03-01T12:00:00Z", "colour": "red",
        "places": [{"no": 1, "street": "x"}],
    }  # fmt: skip
    assert from_cloud_event(changed(schemaversion=3, data=data), orders).event == PLANNED
    with pytest.raises(Invalid, match="a newer program has sent this OrderPlanned"):
        from_cloud_event(changed(schemaversion=3, readablefrom=3, data=data), orders)


def test_foreign_events_need_not_have_all_fields_and_those_of_a_decider_must() -> None:
    data = {"text": "hm", "more": {"x": [1]}}
    noted = changed(type="order.Noted", schemaversion=1, data=data)
    assert from_cloud_event(noted, orders).event == Noted(text="hm")
    with pytest.raises(Invalid, match="more: Extra inputs"):
        from_cloud_event(noted, ours)


def test_an_event_of_a_system_without_comity_needs_only_type_subject_and_data() -> None:
    extensions = ("schemaversion", "readablefrom", "aggregateversion", "sequence", "partitionkey")
    foreign = changed(
        type="order.Noted", data={"text": "hm"}, **dict.fromkeys(extensions), time=None
    )
    received = from_cloud_event(foreign, orders)
    assert received.event == Noted(text="hm")
    assert (received.version, received.position) == (0, 0)


def test_a_command_id_names_the_event_in_the_world() -> None:
    here = from_cloud_event(changed(), orders)
    there = from_cloud_event(changed(source="/elsewhere"), orders)
    assert here.command_id == f"{SOURCE} 20"
    assert there.command_id != here.command_id


def test_a_command_id_is_never_too_long() -> None:
    ids = {from_cloud_event(changed(id="ü" * 400 + end), orders).command_id for end in "ab"}
    assert set(map(len, ids)) == {64}
    assert len(ids) == 2


# --- wrong data -----------------------------------------------------------------------------------


WRONG: list[tuple[str, object, str]] = [
    ("type", "order.Gone", "expected order.NAME with one of Noted, OrderDated, OrderPlanned"),
    ("type", "orders.Noted", "expected order.NAME"),
    ("type", "builtins.eval", "expected order.NAME"),
    ("subject", "board/A-17", "subject: expected order/KEY"),
    ("subject", "order/", "key"),
    ("subject", "order/" + "x" * 201, "key"),
    ("subject", "order/%ff", "subject: expected order/KEY"),
    ("source", "a b", "source: expected a URI"),
    ("id", "a\x1b[2Jb", "id: expected"),
    ("id", "x" * 501, "id: expected"),
    ("schemaversion", 0, "schema version"),
    ("schemaversion", -1, "schemaversion: expected a whole number"),
    ("schemaversion", "²", "schemaversion: expected a whole number"),
    ("schemaversion", True, "schemaversion: expected a whole number"),
    ("aggregateversion", str(1 << 63), "aggregateversion: expected a whole number"),
    ("time", "0001-01-01T00:00:00+05:00", "time: expected"),
    ("time", "2027-01-01T00:00:00", "time"),
    ("time", "noon", "not a CloudEvent"),
    ("data", ["a"], "expected the event's fields as a JSON object, got list"),
    ("data", "{}", "expected the event's fields as a JSON object, got str"),
    ("data", {}, "order: Field required"),
    ("data", {"order": "A", "title": "B", "due": 5}, "due: expected a text"),
    ("data", {"order": "A", "title": "B", "due": "soon"}, "due"),
    ("data", {"order": "A", "title": "B", "name": "C", "due": "soon"}, "given twice"),
    ("data", {"order": "A", "title": "B", "due": str(NOON), "places": [[]]}, "fields of a Pl"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_what_does_not_fit_is_invalid_and_says_what_was_expected(
    name: str, value: object, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        from_cloud_event(changed(**{name: value}), ours)


def test_data_in_too_many_levels_are_invalid() -> None:
    deep: object = "x"
    for _ in range(70):
        deep = [deep]
    with pytest.raises(Invalid, match="at most 64 levels"):
        from_cloud_event(changed(data={"order": deep}), orders)


def test_mutated_cloud_events_are_read_or_invalid_and_nothing_else() -> None:
    dice = random.Random(42)
    whole = http.to_structured_event(to_cloud_event(at(PLANNED), source=SOURCE)).body
    seen, longest = {"read": 0, "invalid": 0}, 0
    for _ in range(3_000):
        body = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(body))
            body[place : place + dice.randint(0, 3)] = dice.choice(
                [b"", b"null", b"[", b"{}", b"9", b"1e999", b'"', b"\xff", b"\\ud800", b"-"]
            )
        try:
            event = from_http({"content-type": "application/cloudevents+json"}, bytes(body))
            from_cloud_event(event, orders)
            seen["read"] += 1
        except Invalid as error:
            longest = max(longest, len(str(error)))
            seen["invalid"] += 1
    assert min(seen.values()) > 50
    assert longest < 2_000


# --- wiring ---------------------------------------------------------------------------------------


def test_without_the_sdk_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudevents.core.v1.event", None)
    with pytest.raises(WiringError, match=r"pip install 'comity\[cloudevents\]'"):
        to_cloud_event(at(PLANNED), source=SOURCE)


def test_foreign_events_have_a_name_and_are_there_once() -> None:
    with pytest.raises(WiringError, match="an aggregate type's name"):
        ForeignEvents("Order!", [Noted])
    with pytest.raises(WiringError, match="two of its classes are called Noted"):
        ForeignEvents[Event]("order", [Noted, make(Event, name="Noted")])
