"""`down`, `failing` and `slow`: a part of a domain is off, and the rest goes on."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TypeAlias, cast

import pytest
from examples.board.domain import AddCard, Board, BoardCommand, BoardEvent, RenameCard, board
from examples.board.read_models import Activity, Cards
from tests.actors.processes.travel import DECIDERS, trip, vessels, wish
from tests.actors.shelf import until
from tests.testing.drilled.team import Ask, Letters, Mails, desk, stock

from comity.actors import Aggregate, Domain
from comity.engine import (
    Behind,
    Invalid,
    NotReady,
    OutcomeUnknown,
    StorageFailed,
    StorageFull,
    WiringError,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.testing import OpenDomain, SwitchedJournal, down, failing, hanging, slow

Kind: TypeAlias = type[Mails] | type[Letters]

ADD = AddCard(card="c1", number=1, title="Pay")
RENAME = RenameCard(card="c1", title="Paid")


def open_team(domain: OpenDomain) -> Domain:
    return domain(deciders=[board], read_models=[Cards, Activity])


def open_travel(domain: OpenDomain) -> Domain:
    return domain(deciders=DECIDERS, processes=[trip])


def open_post(domain: OpenDomain, kind: Kind) -> tuple[Domain, Mails | Letters]:
    outlet = kind()
    return domain(deciders=[desk, stock], outlets=[outlet], may_fail=True), outlet


def wished(team: Domain) -> None:
    team.aggregate(desk, "d").do(Ask(wish="tea"))


def has_booked(travel: Domain, place: str) -> bool:
    return travel.state(travel.aggregate(vessels, place)).trips == ["t"]


def retried(sprint: Aggregate[Board, BoardCommand, BoardEvent]) -> int:
    """The version after the command with the id "one", once the domain has recovered."""
    while True:
        with suppress(OutcomeUnknown, StorageFailed):
            return sprint.do(ADD, id="one").version


def test_a_journal_that_is_down_stores_nothing_and_can_be_read(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    sprint.do(ADD)
    with down(team), pytest.raises(StorageFailed):
        sprint.do(RENAME)
    assert team.state(sprint).cards["c1"].title == "Pay"


def test_a_journal_that_was_down_recovers(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with down(team), pytest.raises(StorageFailed):
        sprint.do(ADD, id="one")
    assert retried(sprint) == 1


@pytest.mark.parametrize("stored", [False, True])
def test_a_write_without_an_answer_has_one_effect(domain: OpenDomain, *, stored: bool) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with failing(team, stored=stored), suppress(OutcomeUnknown, StorageFailed):
        sprint.do(ADD, id="one")
    assert retried(sprint) == 1
    assert team.version(sprint) == 1


def test_a_journal_fails_with_the_error_of_the_test(domain: OpenDomain) -> None:
    team = open_team(domain)
    with failing(team, error=StorageFull("the disk is full")), pytest.raises(StorageFull):
        team.aggregate(board, "b1").do(ADD)


def test_a_slow_journal_answers_in_the_end(domain: OpenDomain) -> None:
    team = open_team(domain)
    with slow(team, seconds=0.01):
        assert team.aggregate(board, "b1").do(ADD).version == 1


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1"])
def test_slow_takes_a_number_of_seconds(domain: OpenDomain, seconds: float) -> None:
    with (
        pytest.raises(Invalid, match="seconds: expected"),
        slow(open_team(domain), seconds=seconds),
    ):
        pass


def test_a_journal_that_hangs_answers_when_it_goes_on(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with hanging(team):
        pending = sprint.send(ADD)
        with pytest.raises(TimeoutError):
            pending.result(0.05)
        assert team.version(sprint) == 0
    assert pending.result(30).version == 1


def test_a_model_that_is_down_gets_behind_and_catches_up(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with down(team, Cards):
        receipt = sprint.do(ADD)
        with pytest.raises((Behind, NotReady)):
            team.read(Cards, after=receipt, timeout=0.05)
        with team.read(Activity, after=receipt, timeout=30) as activity:
            assert activity.rows.all().count() == 1
    with team.read(Cards, after=receipt, timeout=30) as cards:
        assert cards.rows["b1", "c1"].title == "Pay"


def test_a_model_that_fails_stops_nothing_else_and_goes_on(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with failing(team, Cards, error=KeyError("switched")):
        receipt = sprint.do(ADD)
        with team.read(Activity, after=receipt, timeout=30) as activity:
            assert activity.rows.all().count() == 1
        with pytest.raises((Behind, NotReady)):
            team.read(Cards, after=receipt, timeout=0.05)
    with team.read(Cards, after=receipt, timeout=30) as cards:
        assert cards.rows["b1", "c1"].title == "Pay"


def test_a_slow_model_delays_no_sender(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with slow(team, Cards, seconds=0.2):
        receipt = sprint.do(ADD)
        with pytest.raises((Behind, NotReady)):
            team.read(Cards, after=receipt, timeout=0.01)
    team.reached(Cards, receipt, timeout=30).result(30)


def test_a_model_that_hangs_delays_nobody_and_goes_on(domain: OpenDomain) -> None:
    team = open_team(domain)
    sprint = team.aggregate(board, "b1")
    with hanging(team, Cards):
        receipt = sprint.do(ADD)
        with team.read(Activity, after=receipt, timeout=30) as activity:
            assert activity.rows.all().count() == 1
        with pytest.raises((Behind, NotReady)):
            team.read(Cards, after=receipt, timeout=0.05)
    team.reached(Cards, receipt, timeout=30).result(30)


def test_a_process_that_is_down_orders_later(domain: OpenDomain) -> None:
    travel = open_travel(domain)
    with down(travel, trip):
        wish(travel, "t", "plane")
        assert travel.process(trip).status().state == "paused"
    assert until(lambda: has_booked(travel, "plane"))


def test_a_process_that_fails_is_stuck_and_orders_once_it_works(domain: OpenDomain) -> None:
    travel = open_travel(domain)
    with failing(travel, trip, error=KeyError("switched")):
        wish(travel, "t", "plane")
        assert until(lambda: travel.process(trip).status().stuck == 1)
        (stuck,) = travel.process(trip).stuck()
        assert "KeyError: 'switched'" in stuck.reason
        assert travel.version(travel.aggregate(vessels, "plane")) == 0
    assert until(lambda: has_booked(travel, "plane"))


def test_a_slow_process_takes_longer(domain: OpenDomain) -> None:
    travel = open_travel(domain)
    with slow(travel, trip, seconds=0.05):
        began = time.monotonic()
        wish(travel, "t", "plane")
        assert until(lambda: has_booked(travel, "plane"))
        assert time.monotonic() - began >= 0.05


def test_a_process_that_hangs_orders_when_it_goes_on(domain: OpenDomain) -> None:
    travel = open_travel(domain)
    with hanging(travel, trip):
        wish(travel, "t", "plane")
        wish(travel, "u")
        assert not has_booked(travel, "plane")
    assert until(lambda: has_booked(travel, "plane"))


@pytest.mark.parametrize("kind", [Mails, Letters], ids=["async", "plain"])
class TestOutlet:
    def test_one_that_is_down_delivers_later(self, kind: Kind, domain: OpenDomain) -> None:
        team, outlet = open_post(domain, kind)
        with down(team, kind):
            wished(team)
            assert team.outlet(outlet).status().state == "paused"
        assert until(lambda: "tea" in outlet.sent["d"])

    def test_one_that_fails_delivers_once_it_works(self, kind: Kind, domain: OpenDomain) -> None:
        team, outlet = open_post(domain, kind)
        with failing(team, outlet, error=KeyError("switched")):
            wished(team)
            assert until(lambda: team.outlet(outlet).status().error == "KeyError: 'switched'")
        assert until(lambda: "tea" in outlet.sent["d"])

    def test_what_was_parked_meanwhile_is_delivered_too(
        self, kind: Kind, domain: OpenDomain
    ) -> None:
        team, outlet = open_post(domain, kind)
        setattr(outlet, "tries", 1)  # noqa: B010 - of this one only
        with failing(team, outlet):
            wished(team)
            assert until(lambda: team.outlet(outlet).status().parked == 1)
        assert until(lambda: "tea" in outlet.sent["d"])

    def test_a_slow_one_takes_longer(self, kind: Kind, domain: OpenDomain) -> None:
        team, outlet = open_post(domain, kind)
        with slow(team, kind, seconds=0.05):
            began = time.monotonic()
            wished(team)
            assert until(lambda: "tea" in outlet.sent["d"])
            assert time.monotonic() - began >= 0.05

    def test_one_that_hangs_has_failed_after_its_limit(
        self, kind: Kind, domain: OpenDomain
    ) -> None:
        team, outlet = open_post(domain, kind)
        with hanging(team, kind):
            wished(team)
            assert until(lambda: "TimeoutError" in team.outlet(outlet).status().error)
        assert until(lambda: "tea" in outlet.sent["d"])


def test_a_slow_outlet_takes_virtual_time_in_a_simulation(domain: OpenDomain) -> None:
    mails, runtime = Mails(), SimulatedRuntime()
    team = domain(deciders=[desk, stock], outlets=[mails], runtime=runtime)
    with slow(team, mails, seconds=500):
        wished(team)
        assert runtime.wait_until(lambda: bool(mails.sent))
    assert runtime.monotonic() > 500


def test_nothing_hangs_on_one_thread(domain: OpenDomain) -> None:
    team = domain(deciders=[board], read_models=[Cards], runtime=SimulatedRuntime())
    with pytest.raises(WiringError, match="hanging needs threads"), hanging(team, Cards):
        pass


def test_a_slow_part_takes_virtual_time_in_a_simulation(domain: OpenDomain) -> None:
    runtime = SimulatedRuntime()
    team = domain(deciders=[board], read_models=[Cards], runtime=runtime)
    with slow(team, seconds=500):
        team.aggregate(board, "b1").send(ADD, deadline=5_000).result()
    assert runtime.monotonic() > 500


def test_another_domain_with_the_same_model_goes_on(domain: OpenDomain) -> None:
    one, other = open_team(domain), open_team(domain)
    with failing(one, Cards):
        receipt = other.aggregate(board, "b1").do(ADD)
        other.reached(Cards, receipt, timeout=30).result(30)


def test_a_journal_can_be_switched_without_the_fixture() -> None:
    journal = SwitchedJournal(MemoryJournal())
    with (
        Domain(journal, deciders=[board]) as team,
        down(journal),
        pytest.raises(StorageFailed),
    ):
        team.aggregate(board, "b1").do(ADD)


def test_what_cannot_be_switched_is_named(domain: OpenDomain) -> None:
    with (
        Domain(MemoryJournal(), deciders=[board]) as team,
        pytest.raises(WiringError, match="open the domain with the `domain` fixture"),
        down(team),
    ):
        pass
    bare = domain(deciders=[board])
    with pytest.raises(WiringError, match="not among the read models"), down(bare, Cards):
        pass
    with pytest.raises(WiringError, match="not among the processes"), down(bare, trip):
        pass
    with pytest.raises(WiringError, match="not among the outlets"), down(bare, Mails):
        pass
    wrong = cast("type[Cards]", board)
    with pytest.raises(WiringError, match="expected the class of a read"), down(bare, wrong):
        pass
    with (
        pytest.raises(WiringError, match="to switch Cards, pass the domain"),
        slow(SwitchedJournal(MemoryJournal()), Cards),
    ):
        pass
