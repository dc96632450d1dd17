"""While most deliveries fail, the outlet rests and is probed; a night of that parks nothing."""

from __future__ import annotations

from tests.actors.delivering.posts import Office, Posts
from tests.actors.notebook import NotebookEvent

from comity.actors import Delivery
from comity.actors.delivering.breaker import Breaker, rest_after
from comity.actors.runtime.runtime import Interrupted

HOUR = 3_600.0
KEYS = [f"n{number}" for number in range(30)]


class Clock:
    """A clock that a test sets."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> int:
        return int(self.seconds * 1_000_000)


def breaker(clock: Clock) -> Breaker:
    return Breaker((1.0, 8.0), clock, lambda: 1.0)


def fail(one: Breaker, *keys: bytes, times: int = 4) -> None:
    for _ in range(times):
        for key in keys:
            one.failed(key)


def test_it_opens_when_most_of_several_keys_fail() -> None:
    fail(one := breaker(Clock()), b"a", b"b", b"c")
    assert (one.state, one.allowed) == ("open", 0)


def test_it_stays_closed_while_one_or_two_keys_fail() -> None:
    fail(one := breaker(Clock()), b"a", b"b", times=50)
    assert (one.state, one.allowed) == ("closed", None)


def test_it_stays_closed_while_half_succeed() -> None:
    one = breaker(Clock())
    for _ in range(20):
        for number in range(5):
            one.succeeded(b"good")
            one.failed(b"%d" % number)
    assert one.state == "closed"


def test_it_probes_after_its_rest_one_first_and_then_a_few() -> None:
    fail(one := breaker(clock := Clock()), b"a", b"b", b"c")
    clock.seconds = 1.0
    assert (one.state, one.allowed) == ("probing", 1)
    one.succeeded(b"a")
    assert (one.state, one.allowed) == ("probing", 2)
    one.failed(b"a")
    assert one.allowed == 0
    clock.seconds = 2.0
    for _ in range(3):
        one.succeeded(b"a")
    assert one.state == "closed"


def test_each_failed_probe_doubles_its_rest_up_to_the_longest() -> None:
    fail(one := breaker(clock := Clock()), b"a", b"b", b"c")
    rests: list[float] = []
    for _ in range(5):
        rests.append(one.left)
        clock.seconds += one.left
        one.failed(b"a")
    assert rests == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_what_fails_while_it_is_open_does_not_count_as_a_try() -> None:
    one = breaker(Clock())
    assert one.failed(b"a")
    fail(one, b"a", b"b", b"c")
    assert not one.failed(b"a")


def test_rests_double_and_half_of_each_is_by_chance() -> None:
    assert [rest_after(each, (1.0, 5.0), 1.0) for each in (1, 2, 3, 4, 500)] == [1, 2, 4, 5, 5]
    assert rest_after(2, (1.0, 5.0), 0.0) == 1.0


def down(_: Delivery[NotebookEvent]) -> bool:
    return True


def test_a_service_that_is_down_for_a_night_parks_nothing_and_is_seldom_asked() -> None:
    office = Office()
    office.outlet.fails = down
    office.stamp(*KEYS)
    office.idle(10 * HOUR)
    status = office.handle.status()
    assert (status.state, status.parked) == ("resting", 0)
    assert status.breaker in {"open", "probing"}
    assert len(office.outlet.tried) < 100 + 10 * HOUR / 30
    office.outlet.fails = lambda _: False
    office.wait(lambda: len(office.outlet.seen) == len(KEYS), seconds=600)
    office.wait(lambda: office.handle.status().state == "following")


def test_many_bad_keys_are_parked_though_nothing_else_is_left_to_do() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.aggregate.key != "good"
    for number, key in enumerate(KEYS[:12], 1):
        office.stamp(key, "good")
        office.wait(lambda: len(office.outlet.of("good")) == number)  # noqa: B023 - called at once
    office.wait(lambda: office.handle.status().parked_keys == 12)
    office.wait(lambda: office.handle.status().state == "following")


def test_a_quiet_night_parks_nothing_either() -> None:
    office = Office()
    office.outlet.fails = down
    for key in KEYS[:6]:
        office.stamp(key)
        office.idle(HOUR)
    assert office.handle.status().parked == 0
    office.outlet.fails = lambda _: False
    office.wait(lambda: len(office.outlet.seen) == 6)


def test_while_it_rests_nothing_is_read_and_nothing_is_lost() -> None:
    office = Office()
    office.outlet.fails = down
    office.stamp(*KEYS)
    office.wait(lambda: office.handle.status().breaker == "open")
    position = office.handle.status().position
    office.stamp(*KEYS * 3)
    assert office.handle.status().position == position
    office.outlet.fails = lambda _: False
    office.wait(lambda: len(office.outlet.seen) == 4 * len(KEYS))
    assert all(office.outlet.of(key) == [1, 2, 3, 4] for key in KEYS)


def test_a_rest_ends_at_once_when_somebody_says_so() -> None:
    class Patient(Posts):
        back_off = (HOUR, HOUR)

    office = Office(Patient())
    office.outlet.fails = down
    office.stamp(*KEYS)
    office.wait(lambda: office.handle.status().breaker == "open")
    until = office.handle.status().rests_until
    assert until is not None
    office.outlet.fails = lambda _: False
    office.handle.resume()
    office.wait(lambda: len(office.outlet.seen) >= 20, seconds=1.0)


def test_a_failure_that_is_not_to_blame_rests_the_outlet_and_does_not_count() -> None:
    office = Office()
    office.outlet.fails = down
    office.outlet.error = Interrupted("open raised ConnectionError")
    office.stamp("a")
    office.idle(10 * HOUR)
    status = office.handle.status()
    assert (status.parked, status.waiting, status.state) == (0, 0, "resting")
    assert status.error == "open raised ConnectionError"
    office.outlet.fails = lambda _: False
    office.wait(lambda: office.outlet.of("a") == [1], seconds=61)


def test_other_programs_are_told_that_it_rests() -> None:
    office = Office()
    office.outlet.fails = down
    office.stamp(*KEYS)
    office.wait(lambda: office.handle.status().breaker == "open")
    office.idle(0.2)
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    live = dispatcher.ledger.live
    assert (live.state, live.breaker, live.error) == (
        "resting", "open", "ValueError: the service does not answer",
    )  # fmt: skip
