"""Listeners: every event in order, at their own pace, whatever they do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until

from comity.actors import Domain
from comity.engine import Event, Recorded


class Collector:
    """Keeps what it is given; fails first if told so."""

    def __init__(self, failures: int = 0) -> None:
        self.positions: list[int] = []
        self.failures = failures

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Take the batch, or fail."""
        if self.failures:
            self.failures -= 1
            msg = "not yet"
            raise SystemExit(msg)
        self.positions += [recorded.position for recorded in batch]


class Held:
    """Keeps its first batch until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        """Wait."""
        self.entered.set()
        self.released.wait(30)


def _stamp(domain: Domain, times: int) -> None:
    book = domain.aggregate(notebook, "a")
    book.send_many([Stamp(page="p", stamps=1)] * times).result(60)


def test_a_listener_catches_up_and_then_follows(domain: Domain) -> None:
    _stamp(domain, 50)
    collector = Collector()
    domain.listen(collector)
    _stamp(domain, 50)
    assert until(lambda: collector.positions == list(range(1, 101)))


def test_a_listener_may_begin_in_the_middle(domain: Domain) -> None:
    _stamp(domain, 50)
    collector = Collector()
    domain.listen(collector, after=47)
    assert until(lambda: collector.positions == [48, 49, 50])


def test_a_listener_that_fails_gets_the_same_events_again(
    domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    collector = Collector(failures=3)
    subscription = domain.listen(collector)
    _stamp(domain, 10)
    assert until(lambda: collector.positions == list(range(1, 11)))
    assert until(lambda: subscription.error is None)


def test_a_slow_listener_delays_no_command(domain: Domain) -> None:
    listener = Held()
    subscription = domain.listen(listener)
    _stamp(domain, 1)
    assert listener.entered.wait(60)
    _stamp(domain, 20)  # while the listener is busy with the first event
    assert subscription.position == 0
    listener.released.set()
    assert until(lambda: subscription.position == 21)


def test_a_slow_listener_delays_no_other_listener(domain: Domain) -> None:
    listener, collector = Held(), Collector()
    domain.listen(listener)
    domain.listen(collector)
    _stamp(domain, 5)
    assert listener.entered.wait(60)
    assert until(lambda: len(collector.positions) == 5)
    listener.released.set()


def test_a_closed_subscription_is_fed_no_more(domain: Domain) -> None:
    collector = Collector()
    subscription = domain.listen(collector)
    _stamp(domain, 5)
    assert until(lambda: len(collector.positions) == 5)
    subscription.close()
    _stamp(domain, 5)
    time.sleep(0.1)
    assert len(collector.positions) == 5
