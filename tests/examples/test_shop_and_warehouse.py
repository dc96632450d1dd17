"""A shop posts its events to a warehouse over a bad network: each has its effect once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from examples.shop_and_warehouse import __main__ as program
from examples.shop_and_warehouse.answer import Answer, not_taken
from examples.shop_and_warehouse.network import Network, Weather
from examples.shop_and_warehouse.play import Told, fill, play
from examples.shop_and_warehouse.receiver import PREFIX, make, receive
from examples.shop_and_warehouse.shop import CancelOrder, OrderCommand, PlaceOrder, order
from examples.shop_and_warehouse.warehouse import Fill, stock
from fastapi.testclient import TestClient

from comity.actors import Domain
from comity.engine import (
    Busy,
    DeciderFailed,
    Expired,
    OutcomeUnknown,
    StorageFailed,
    WiringError,
)
from comity.integration import Received, to_cloud_event
from comity.testing import OpenDomain, down, failing

SOURCE = "https://shop.example/orders"
CALM = Weather(loses=0, forgets=0, doubles=0, down=0, delay=0)
ORDERED = PlaceOrder(item="apple", quantity=2)


@pytest.fixture
def warehouse(domain: OpenDomain) -> Domain:
    opened = domain(deciders=[stock])
    opened.aggregate(stock, "apple").do(Fill(quantity=3))
    return opened


@pytest.fixture
def shop(domain: OpenDomain) -> Domain:
    return domain(deciders=[order])


def posts(shop: Domain, *commands: OrderCommand, key: str = "A-1") -> Iterator[HTTPMessage]:
    """What the shop posts after these commands."""
    aggregate = shop.aggregate(order, key)
    before = aggregate.version
    for command in commands:
        aggregate.do(command)
    for at in shop.history(aggregate, after=before):
        yield to_structured_event(to_cloud_event(at, source=SOURCE, prefix=PREFIX))


def got(warehouse: Domain, message: HTTPMessage) -> int:
    return receive(warehouse, message.headers, message.body).status


def got_later(warehouse: Domain, message: HTTPMessage) -> int:
    """The first answer of a warehouse that recovers from an outage."""
    until = time.monotonic() + 30
    while (status := got(warehouse, message)) == 503 and time.monotonic() < until:
        time.sleep(0.01)
    return status


def fine(_: Mapping[str, str], __: bytes) -> Answer:
    return Answer(200, "")


def left(warehouse: Domain) -> int:
    return warehouse.aggregate(stock, "apple").look().state.left


# --- the receiver ---------------------------------------------------------------------------------


def test_an_event_has_its_effect_once_however_often_it_comes(
    shop: Domain, warehouse: Domain
) -> None:
    placed, cancelled = posts(shop, ORDERED, CancelOrder())
    assert [got(warehouse, placed) for _ in range(3)] == [201, 200, 200]
    assert left(warehouse) == 1
    assert [got(warehouse, message) for message in (cancelled, placed)] == [201, 200]
    assert left(warehouse) == 3


def test_a_refusal_is_an_answer_and_each_copy_gets_it(shop: Domain, warehouse: Domain) -> None:
    (placed,) = posts(shop, PlaceOrder(item="apple", quantity=4))
    first = receive(warehouse, placed.headers, placed.body)
    warehouse.aggregate(stock, "apple").do(Fill(quantity=9))
    assert first == receive(warehouse, placed.headers, placed.body)
    assert first == Answer(409, "3 are left")


def test_what_has_nothing_to_do_is_taken(shop: Domain, warehouse: Domain) -> None:
    _, cancelled = posts(shop, ORDERED, CancelOrder())
    assert got(warehouse, cancelled) == 200


def test_two_shops_may_use_one_id(domain: OpenDomain, shop: Domain, warehouse: Domain) -> None:
    (here,) = posts(shop, PlaceOrder(item="apple", quantity=1))
    (there,) = posts(domain(deciders=[order]), PlaceOrder(item="apple", quantity=1))
    other = there.body.replace(b"shop.example", b"else.example")
    assert got(warehouse, here) == 201
    assert got(warehouse, HTTPMessage(there.headers, other)) == 201
    assert left(warehouse) == 1


def test_an_id_of_another_event_is_refused(shop: Domain, warehouse: Domain) -> None:
    (placed,) = posts(shop, ORDERED)
    other = placed.body.replace(b'"quantity": 2', b'"quantity": 1')
    assert got(warehouse, placed) == 201
    assert got(warehouse, HTTPMessage(placed.headers, other)) == 422
    assert left(warehouse) == 1


def test_while_its_journal_is_down_it_takes_nothing(shop: Domain, warehouse: Domain) -> None:
    (placed,) = posts(shop, ORDERED)
    with down(warehouse):
        answer = receive(warehouse, placed.headers, placed.body)
    assert (answer.status, answer.headers) == (503, {"Retry-After": "1"})
    assert got_later(warehouse, placed) == 201


@pytest.mark.parametrize("stored", ["stored", ""])
def test_an_outcome_that_is_unknown_is_found_out_by_the_next_copy(
    shop: Domain, warehouse: Domain, stored: str
) -> None:
    (placed,) = posts(shop, ORDERED)
    with failing(warehouse, stored=bool(stored)):
        got(warehouse, placed)
    assert got_later(warehouse, placed) in {200, 201}
    assert left(warehouse) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"content-type": "text/html"}, b"<html>"),
        ({"content-type": "application/cloudevents+json"}, b"\xff"),
        ({"content-type": "application/cloudevents+json"}, b"[" * 60_000),
        ({"content-type": "application/cloudevents+json"}, b"x" * 70_000),
        ({"content-type": "application/json", "ce-specversion": "1.0", "ce-id": "1"}, b"{}"),
    ],
)
def test_what_is_no_event_is_unprocessable(
    warehouse: Domain, headers: dict[str, str], body: bytes
) -> None:
    answer = receive(warehouse, headers, body)
    assert (answer.status, left(warehouse)) == (422, 3)
    assert len(answer.text) < 600


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Busy("full", 2.5), 503),
        (Expired("late"), 503),
        (OutcomeUnknown("?"), 503),
        (StorageFailed("full"), 503),
        (TimeoutError(), 503),
        (DeciderFailed("bug"), 503),
        (WiringError("bug"), 503),
        (KeyError("bug"), 500),
    ],
)
def test_what_a_later_copy_may_mend_is_answered_so(error: Exception, status: int) -> None:
    answer = not_taken(error)
    assert answer.status == status
    assert int(answer.headers["Retry-After"]) == (3 if isinstance(error, Busy) else 1)


@pytest.mark.parametrize("form", [to_structured_event, to_binary_event])
def test_the_endpoint_answers_over_http(
    tmp_path: Path, shop: Domain, form: Callable[[BaseCloudEvent], HTTPMessage]
) -> None:
    with Domain.open(tmp_path / "warehouse", deciders=[stock]) as warehouse:
        warehouse.aggregate(stock, "apple").do(Fill(quantity=3))
    shop.aggregate(order, "A-1").do(ORDERED)
    (at,) = shop.history(shop.aggregate(order, "A-1"))
    message = form(to_cloud_event(at, source=SOURCE, prefix=PREFIX))
    with TestClient(make(str(tmp_path / "warehouse"))) as client:
        answers = [
            client.post("/events", content=message.body, headers=message.headers) for _ in "ab"
        ]
        large = client.post("/events", content=b"x" * 100_000, headers=message.headers)
    assert [answer.status_code for answer in answers] == [201, 200]
    assert large.status_code == 413


# --- the network ----------------------------------------------------------------------------------


def test_a_network_does_the_same_with_the_same_seed() -> None:
    def fates(seed: int) -> list[str]:
        told: list[str] = []
        weather = CALM._replace(loses=0.3, forgets=0.3)
        with Network(fine, seed, weather) as network:
            for number in range(50):
                try:
                    network.post({"Idempotency-Key": f"m{number % 10}"}, b"")
                    told.append("answered")
                except OSError as error:
                    told.append(str(error))
        return told

    assert fates(1) == fates(1) != fates(2)
    assert len(set(fates(1))) == 3


def test_a_network_that_doubles_delivers_the_copy_later() -> None:
    arrived: list[bytes] = []

    def post(headers: object, body: bytes) -> Answer:
        arrived.append(body)
        return Answer(200, "")

    with Network(post, 1, CALM._replace(doubles=1)) as network:
        network.post({"Idempotency-Key": "m"}, b"x")
    assert arrived == [b"x", b"x"]


def test_a_network_is_down_for_its_part_of_the_time() -> None:
    with (
        Network(fine, 1, CALM._replace(down=1)) as network,
        pytest.raises(ConnectionRefusedError),
    ):
        network.post({"Idempotency-Key": "m"}, b"x")
    assert network.counts == {"sent": 1, "down": 1}


# --- the whole ------------------------------------------------------------------------------------


def test_each_event_of_the_shop_has_its_effect_once(tmp_path: Path) -> None:
    told = played(tmp_path, 120)
    assert told.proof.exact, told
    assert (told.proof.commands, told.proof.mistakes) == (120, ())
    assert min(told.network[what] for what in ("down", "lost", "doubled", "answer lost")) > 0
    assert told.proof.refused > 0


def test_without_the_events_ids_some_would_have_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Received, "command_id", property(lambda _: f"{SOURCE} {uuid4()}"))
    proof = played(tmp_path, 60).proof
    assert proof.commands > 60
    assert proof.mistakes


def played(folder: Path, events: int) -> Told:
    fill(folder / "warehouse")
    with Domain.open(folder / "warehouse", deciders=[stock]) as warehouse:
        return play(
            folder,
            lambda headers, body: receive(warehouse, headers, body),
            events=events,
            ended=warehouse.close,
        )


@pytest.mark.slow
def test_a_warehouse_that_is_killed_takes_each_event_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program.main(["--events", "1000", "--kills", "5"]) == 0
    assert "exactly once" in capsys.readouterr().out
