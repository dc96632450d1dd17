"""A follower's turns: no step without news, none lost, and one timer however often it is woken."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import cast

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until
from tests.actors.test_subscription import Collector

from comity.actors import Domain
from comity.actors.aggregates.services import Services
from comity.actors.following.follower import UNTIL_WOKEN, Follower
from comity.actors.following.follower_actor import FollowerActor
from comity.actors.observing.observers import Observers
from comity.actors.runtime.pooled_actor import PooledActor
from comity.actors.runtime.runtime import Runnable


class ByHand:
    """Services whose time stands, and whose turns a test gives."""

    def __init__(self) -> None:
        self.runtime = self
        self.observers = Observers()
        self.time = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.wanted: deque[Runnable] = deque()

    def executor(self, _: str) -> ByHand:
        return self

    def schedule(self, runnable: Runnable) -> None:
        self.wanted.append(runnable)

    def monotonic(self) -> float:
        return self.time

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.timers.append((self.time + seconds, callback))

    def turns(self) -> int:
        """Give all that are wanted; how many it were."""
        many = 0
        while self.wanted:
            self.wanted.popleft().run()
            many += 1
            assert many < 100, "it does not come to rest"
        return many

    def later(self, seconds: float) -> None:
        """So many seconds pass, and what was to be called by then is."""
        self.time += seconds
        due = [callback for at, callback in self.timers if at <= self.time]
        self.timers = [one for one in self.timers if one[0] > self.time]
        for callback in due:
            callback()


class Stepping(FollowerActor):
    """Says after each step what a test has planned, and in the end that it has nothing to do."""

    def __init__(self, services: ByHand, *rests: float) -> None:
        super().__init__(cast("Services", services), "stepping", "stepping")
        self.rests = list(rests)
        self.steps = 0
        self.chores_done = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def stepping(self) -> None:
        """Nothing that observers are told."""

    def step(self) -> float:
        self.steps += 1
        self.meanwhile()
        return self.rests.pop(0) if self.rests else UNTIL_WOKEN

    def chores(self) -> None:
        self.chores_done += 1


@pytest.fixture
def services() -> ByHand:
    return ByHand()


def test_it_steps_until_there_is_nothing_and_then_not_before_it_is_woken(services: ByHand) -> None:
    actor = Stepping(services, 0, 0)
    assert services.turns() == 0
    actor.wake()
    assert (services.turns(), actor.steps) == (3, 3)
    services.later(1_000)
    assert (services.turns(), services.timers) == (0, [])
    actor.wake()
    assert (services.turns(), actor.steps) == (1, 4)


def test_who_is_woken_while_it_is_about_to_sleep_looks_again(services: ByHand) -> None:
    assert _steps_if_woken_in_the_first(services) == 2


def test_that_test_notices_a_wake_up_that_is_lost(
    services: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FollowerActor, "wake", PooledActor[Callable[[], None]].wake)
    assert _steps_if_woken_in_the_first(services) == 1


def _steps_if_woken_in_the_first(services: ByHand) -> int:
    """It has looked and found nothing; then comes the news, from another thread."""
    actor = Stepping(services)

    def news() -> None:
        actor.meanwhile = lambda: None
        waker = threading.Thread(target=actor.wake)
        waker.start()
        waker.join()

    actor.meanwhile = news
    actor.wake()
    services.turns()
    return actor.steps


def test_thousands_of_wakes_while_it_rests_cost_no_step_and_no_timer(services: ByHand) -> None:
    actor = Stepping(services, 2.0)
    actor.wake()
    services.turns()
    for _ in range(5_000):
        actor.wake()
        services.turns()
    assert (actor.steps, len(services.timers)) == (1, 1)
    services.later(1.9)
    assert (services.turns(), actor.steps) == (0, 1)
    services.later(0.2)
    assert (services.turns(), actor.steps) == (1, 2)


def test_thousands_of_wakes_at_once_are_one_turn(services: ByHand) -> None:
    actor = Stepping(services)
    for _ in range(5_000):
        actor.wake()
    assert (services.turns(), actor.steps) == (1, 1)


def test_jobs_and_chores_are_done_while_it_rests(services: ByHand) -> None:
    actor, done = Stepping(services, 5.0), list[int]()
    actor.wake()
    services.turns()
    actor.deliver([lambda: done.append(1), lambda: done.append(2)])
    assert (services.turns(), done, actor.steps, actor.chores_done) == (1, [1, 2], 1, 2)


def test_a_job_may_end_the_rest(services: ByHand) -> None:
    actor = Stepping(services, 5.0)
    actor.wake()
    services.turns()
    actor.deliver([actor.rest_no_more])
    assert (services.turns(), actor.steps) == (1, 2)
    services.later(6.0)  # the timer that was set rings for nothing
    assert (services.turns(), actor.steps) == (1, 3)


def test_a_job_that_raises_holds_up_neither_the_others_nor_the_step(
    services: ByHand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", logger="comity")
    actor, done = Stepping(services), list[int]()

    def bad() -> None:
        raise SystemExit

    actor.deliver([bad, lambda: done.append(1)])
    assert (services.turns(), done, actor.steps) == (1, [1], 1)


def test_one_that_has_retired_takes_no_step_whoever_wakes_it(services: ByHand) -> None:
    actor = Stepping(services, 1.0)
    actor.wake()
    services.turns()
    actor.drain()
    services.later(2.0)
    actor.wake()
    assert (services.turns(), actor.steps) == (0, 1)


# --- on threads -----------------------------------------------------------------------------------


@pytest.fixture
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="comity")


@pytest.mark.usefixtures("_quiet")
def test_one_that_rests_is_closed_at_once(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Follower, "REST", (600.0, 600.0))
    subscription = domain.listen(Collector(failures=1_000))
    domain.aggregate(notebook, "a").do(Stamp(page="p", stamps=1))
    assert until(lambda: subscription.error is not None)
    subscription.close()
    ends = "comity-Collector"
    assert until(lambda: not any(one.name.startswith(ends) for one in threading.enumerate()))
    assert subscription.position == 0


def test_nothing_is_missed_where_commands_come_while_it_goes_to_sleep(domain: Domain) -> None:
    """One command at a time, each as soon as the listener has the one before: it is just about to
    sleep then. A wake-up that is lost leaves the last event out."""
    collector = Collector()
    domain.listen(collector)
    book = domain.aggregate(notebook, "a")
    for number in range(1, 101):
        book.do(Stamp(page="p", stamps=1))
        assert until(lambda number=number: len(collector.positions) == number)  # type: ignore[misc]
    assert collector.positions == list(range(1, 101))
