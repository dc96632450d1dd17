"""Threads that wait wake one another, and nobody sleeps for ever because another has left."""

from __future__ import annotations

import threading
import time

from comity.actors.sleeper import Sleeper, wake_in_turn


def _asleep(count: int, timeout: float | None = 10) -> tuple[list[Sleeper], list[threading.Thread]]:
    sleepers = [Sleeper() for _ in range(count)]
    threads = [threading.Thread(target=one.sleep, args=(timeout,)) for one in sleepers]
    for thread in threads:
        thread.start()
    return sleepers, threads


def _all_end(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(5)
    return not any(thread.is_alive() for thread in threads)


def test_each_sleeper_wakes_the_next() -> None:
    sleepers, threads = _asleep(20)
    wake_in_turn(sleepers)
    assert _all_end(threads)


def test_those_behind_one_that_gave_up_are_woken() -> None:
    sleepers, threads = _asleep(3)
    gone = [Sleeper() for _ in range(2)]
    assert not any(one.sleep(0.001) for one in gone)
    wake_in_turn([gone[0], sleepers[0], gone[1], *sleepers[1:]])
    assert _all_end(threads)


def test_one_that_is_called_before_it_sleeps_does_not() -> None:
    sleeper = Sleeper()
    wake_in_turn([sleeper])
    assert sleeper.sleep(0)


def test_giving_up_while_being_called_loses_nobody() -> None:
    for _ in range(200):
        hasty, hasty_threads = _asleep(4, timeout=0.0005)
        patient, threads = _asleep(1)
        time.sleep(0.0004)
        wake_in_turn([*hasty, *patient])
        assert _all_end(threads + hasty_threads)


def test_nobody_to_wake_is_no_matter() -> None:
    wake_in_turn([])
