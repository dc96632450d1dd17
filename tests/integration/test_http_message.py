"""CloudEvents in HTTP messages: both forms, and what strangers send instead."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import http
from tests.integration.events import SOURCE, at

from comity.engine import Event, Invalid, WiringError
from comity.integration import from_http, to_cloud_event


class Noted(Event):
    text: str


EVENT = to_cloud_event(at(Noted(text="ü")), source=SOURCE)
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
LEAST = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


@pytest.mark.parametrize("form", [http.to_structured_event, http.to_binary_event])
def test_both_forms_are_read_whatever_the_case_of_the_headers(
    form: Callable[[BaseCloudEvent], http.HTTPMessage],
) -> None:
    message = form(EVENT)
    event = from_http({name.upper(): told for name, told in message.headers.items()}, message.body)
    assert (event.get_id(), event.get_time(), event.get_data()) == (
        "20", EVENT.get_time(), {"text": "ü"},
    )  # fmt: skip


def test_ce_headers_beside_a_structured_body_change_nothing() -> None:
    message = http.to_structured_event(EVENT)
    assert from_http({**message.headers, "ce-id": "other"}, message.body).get_id() == "20"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/html"},
        {"content-type": "application/json"},
        {"content-type": "application/cloudevents-batch+json"},
        {"content-type": "application/cloudevents+avro"},
        {"content-type": "application/xml", "ce-specversion": "1.0", "ce-id": "1"},
    ],
)
def test_another_content_type_is_invalid(headers: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="expected one CloudEvent as"):
        from_http(headers, json.dumps(LEAST).encode())


@pytest.mark.parametrize("missing", LEAST)
def test_no_attribute_is_made_up(missing: str) -> None:
    """The SDK would give an event without an id a new one each time: no copy would be noticed."""
    told = {name: value for name, value in LEAST.items() if name != missing}
    with pytest.raises(Invalid, match=f"it has no {missing}"):
        from_http(STRUCTURED, json.dumps(told).encode())
    with pytest.raises(Invalid):
        headers = {f"ce-{name}": value for name, value in told.items()}
        from_http({"content-type": "application/json", **headers}, b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 100_000, b"9" * 5_000,
        b'{"specversion": {}}', b'{"id": ["1"], "specversion": "1.0", "source": "s", "type": "t"}',
        json.dumps({**LEAST, "specversion": "0.3"}).encode(),
        json.dumps({**LEAST, "id": ""}).encode(),
        json.dumps({**LEAST, "id": 7}).encode(),
        json.dumps({**LEAST, "time": 7}).encode(),
        json.dumps({**LEAST, "Bad Name": "x"}).encode(),
        json.dumps({**LEAST, "data_base64": 7}).encode(),
    ],
)  # fmt: skip
def test_a_body_that_is_no_cloud_event_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid) as error:
        from_http(STRUCTURED, body)
    assert len(str(error.value)) < 500


def test_a_body_that_is_too_large_is_not_read() -> None:
    body = http.to_structured_event(EVENT).body
    assert from_http(STRUCTURED, body, most=len(body)).get_id() == "20"
    with pytest.raises(Invalid, match="expected a body of at most"):
        from_http(STRUCTURED, body, most=len(body) - 1)


def test_an_attribute_that_is_null_is_absent() -> None:
    assert (
        from_http(STRUCTURED, json.dumps({**LEAST, "subject": None}).encode()).get_subject() is None
    )


def test_swapped_arguments_are_a_mistake_of_the_program() -> None:
    with pytest.raises(WiringError, match=r"expected the headers, .* got bytes and dict"):
        from_http(b"{}", STRUCTURED)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - a mistake
