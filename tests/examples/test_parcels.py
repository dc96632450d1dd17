"""Parcels whose messages come from a broker: when each is acknowledged, and what it does once."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from examples.parcels import __main__ as program
from examples.parcels import consumer as consuming
from examples.parcels.broker import Broker, Message
from examples.parcels.consumer import Consumer, read, written
from examples.parcels.domain import (
    ChangeAddress,
    Charge,
    HandOver,
    Parcel,
    ParcelCommand,
    ParcelEvent,
    RecordScan,
    parcel,
)
from examples.parcels.play import POISON, Killed, play
from pydantic import ValidationError

from comity.actors import Aggregate, Domain
from comity.engine import Invalid, Receipt
from comity.testing import OpenDomain, down, failing


@pytest.fixture
def depot(domain: OpenDomain) -> Domain:
    return domain(deciders=[parcel])


def broker(*messages: tuple[str, bytes], twice: float = 0.0) -> Broker:
    made = Broker(twice=twice, shuffled=1)
    for message in messages:
        made.publish(*message)
    return made


def killed_at(step: str) -> Callable[[str], None]:
    def die(now: str) -> None:
        if now == step:
            raise Killed

    return die


def do_without_id(
    self: Aggregate[Parcel, ParcelCommand, ParcelEvent], command: ParcelCommand, seen: int, **_: str
) -> Receipt[ParcelEvent]:
    return self.send(command, seen).result()


def fees(depot: Domain) -> int:
    return depot.aggregate(parcel, "p1").look().state.fees


CHARGE = ("m1", written("p1", Charge(cents=250)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_message_has_its_effect_once(depot: Domain, seed: int) -> None:
    told = play(depot, parcels=10, seed=seed)
    assert told.exact
    assert told.killed > 0
    assert told.delivered > told.published
    assert told.dead == len(POISON)


def test_without_the_messages_ids_some_would_have_two(
    depot: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Aggregate, "do", do_without_id)
    assert not play(depot, parcels=10).exact


@pytest.mark.parametrize("step", ["taken", "answered"])
def test_a_consumer_that_is_killed_leaves_its_message_for_the_next_one(
    depot: Domain, step: str
) -> None:
    messages = broker(CHARGE)
    with pytest.raises(Killed):
        Consumer(depot, messages, killed_at(step)).run()
    assert messages.acknowledged == 0
    messages.consumer_died()
    Consumer(depot, messages).run()
    assert (messages.acknowledged, fees(depot)) == (1, 250)


def test_a_refusal_is_an_answer_and_is_acknowledged(depot: Domain) -> None:
    handed, late = HandOver(to="Ann"), ChangeAddress(address="Ring 1")
    messages = broker(("m1", written("p1", handed)), ("m2", written("p1", late)))
    Consumer(depot, messages).run()
    assert messages.acknowledged == 2
    assert depot.aggregate(parcel, "p1").look().state.address == ""


def test_of_two_who_change_the_address_at_once_one_is_refused(depot: Domain) -> None:
    changes = [ChangeAddress(address="Ring 1"), ChangeAddress(address="Ring 2")]
    Consumer(depot, broker(*((f"m{at.address}", written("p1", at, 0)) for at in changes))).run()
    assert depot.aggregate(parcel, "p1").look().state.address == "Ring 1"


def test_scans_in_the_wrong_order_say_where_the_parcel_is(depot: Domain) -> None:
    for scan, place in ((3, "Basel"), (1, "Lyon"), (2, "Dijon"), (1, "Lyon")):
        depot.aggregate(parcel, "p1").do(RecordScan(scan=scan, place=place))
    assert depot.aggregate(parcel, "p1").look().state.place == "Basel"
    assert depot.aggregate(parcel, "p1").version == 3


def test_while_the_journal_is_down_messages_come_again_and_none_is_dead(depot: Domain) -> None:
    messages = broker(CHARGE)
    with down(depot):
        for _ in range(50):
            message = messages.take()
            assert message is not None
            Consumer(depot, messages).consume(message)
    assert (messages.acknowledged, messages.dead_letters) == (0, [])
    Consumer(depot, messages).run()
    assert (messages.acknowledged, fees(depot)) == (1, 250)


@pytest.mark.parametrize("stored", [True, False])
def test_a_command_whose_outcome_is_unknown_has_its_effect_once(
    depot: Domain,
    stored: bool,  # noqa: FBT001 - each of the two
) -> None:
    messages = broker(CHARGE)
    with failing(depot, stored=stored):
        Consumer(depot, messages).run()
    assert (messages.acknowledged, fees(depot)) == (1, 250)


@pytest.mark.parametrize(
    "body", [*POISON, b"", b"x" * 70_000, b'{"parcel": 1}', written("p" * 201, Charge(cents=1))]
)
def test_poison_is_put_aside_at_once(depot: Domain, body: bytes) -> None:
    messages = broker(("m1", body), ("m2", CHARGE[1]))
    Consumer(depot, messages).run()
    assert [one.id for one in messages.dead_letters] == ["m1"]
    assert (messages.acknowledged, messages.delivered, fees(depot)) == (1, 2, 250)


def test_an_id_that_another_message_had_is_put_aside(depot: Domain) -> None:
    messages = broker(CHARGE, ("m1", written("p2", Charge(cents=1))))
    Consumer(depot, messages).run()
    assert len(messages.dead_letters) == 1


def test_a_bug_of_the_consumer_is_tried_ten_times(
    depot: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buggy(body: bytes) -> None:
        raise KeyError(body)

    monkeypatch.setattr(consuming, "read", buggy)
    messages = broker(CHARGE)
    Consumer(depot, messages).run()
    assert messages.dead_letters == [Message("m1", CHARGE[1], 10)]


def test_mutated_bodies_are_read_or_refused_and_nothing_else() -> None:
    dice, seen = random.Random(7), {"read": 0, "refused": 0}
    for _ in range(2_000):
        body = bytearray(written("p1", RecordScan(scan=1, place="Lyon"), 3))
        place = dice.randrange(len(body))
        body[place : place + dice.randint(0, 3)] = dice.choice([b"", b"9", b"null", b"[", b"\xff"])
        try:
            read(bytes(body))
            seen["read"] += 1
        except (Invalid, ValidationError):
            seen["refused"] += 1
    assert min(seen.values()) > 50


def test_the_program_says_what_came_of_the_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--parcels", "5"]) == 0
    assert "each message had its effect once" in capsys.readouterr().out
