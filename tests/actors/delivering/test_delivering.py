"""What an outlet does with events: in order for each key, back-off, parking, what survives."""

from __future__ import annotations

import pytest
from tests.actors.delivering.posts import Office, Posts
from tests.actors.notebook import NotebookEvent, notebook

from comity.actors import Delivery, OutletStatus
from comity.engine import OutletError, Recorded


def bad(at: Delivery[NotebookEvent]) -> bool:
    return at.aggregate.key == "bad"


def first_bad(at: Delivery[NotebookEvent]) -> bool:
    return bad(at) and at.version == 1


class Moved(Posts):
    """The same outlet, whose class says another beginning."""

    stored_as = "Posts"
    start = "now"


def settled(status: OutletStatus) -> bool:
    return not (status.lag_events or status.in_flight or status.waiting)


@pytest.mark.parametrize("seed", range(5))
def test_each_event_is_delivered_once_and_in_order_for_its_key(seed: int) -> None:
    office = Office(seed=seed)
    office.stamp(*["a", "b", "c"] * 20)
    office.wait(lambda: office.handle.status().delivered == 60)
    assert [office.outlet.of(key) for key in "abc"] == [[*range(1, 21)]] * 3


def test_an_outlet_that_begins_now_passes_over_what_was_before() -> None:
    office = Office()
    office.stamp("a")
    office.domain.close()

    class Late(Posts):
        start = "now"

    office.outlet = Late()
    office.open()
    office.stamp("b")
    office.wait(lambda: office.outlet.seen == [("b", 1)])
    assert office.handle.status().start == 1


def test_where_it_began_is_kept_though_the_class_says_another_beginning() -> None:
    office = Office()
    office.stamp("a")
    office.wait(lambda: office.outlet.seen == [("a", 1)])
    office.stamp("a")
    office.domain.close()
    office.outlet = Moved()
    office.open()
    assert office.handle.status().start == 0
    office.wait(lambda: office.handle.status().delivered == 2)


def test_a_key_that_fails_waits_alone() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad", "good", "bad", "good")
    office.wait(lambda: office.outlet.of("good") == [1, 2], seconds=0.5)
    assert office.outlet.tried.count(("bad", 1)) == 1
    assert ("bad", 2) not in office.outlet.tried
    assert office.handle.status().waiting == 1


def test_a_key_that_works_again_goes_on_in_order() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad", "bad", "good")
    office.wait(lambda: office.handle.status().waiting_events == 2)
    office.outlet.fails = lambda _: False
    office.stamp("bad")
    office.wait(lambda: office.outlet.of("bad") == [1, 2, 3])
    office.wait(lambda: settled(office.handle.status()))


def test_a_delivery_has_the_same_id_at_each_try_and_another_number() -> None:
    office, ids = Office(), list[str]()

    def fails(at: Delivery[NotebookEvent]) -> bool:
        ids.append(at.id)
        return len(ids) == 1

    office.outlet.fails = fails
    office.stamp("a")
    office.wait(lambda: len(office.outlet.seen) == 1)
    assert len(ids) == 2
    assert len({*ids}) == 1
    assert office.outlet.attempts == [1, 2]


def test_ids_differ_between_events_and_between_journals() -> None:
    one, two = Office(seed=1), Office(seed=2)
    two.idle(5)  # the same position, decided at another time
    for office in (one, two):
        office.stamp("a", "a")
        office.wait(lambda: len(office.outlet.ids) == 2)  # noqa: B023 - it is called at once
    assert len({*one.outlet.ids, *two.outlet.ids}) == 4


def test_after_its_last_try_an_event_is_parked_with_those_behind_it() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad", "good", "bad")
    office.wait(lambda: office.handle.status().parked_keys == 1)
    office.stamp("bad")
    office.wait(lambda: office.handle.status().parked == 3)
    parked = office.handle.parked()
    assert [one.version for one in parked] == [1, 2, 3]
    assert [one.tries for one in parked] == [3, 0, 0]
    assert parked[0].error == "ValueError: the service does not answer"
    assert (parked[0].event, parked[0].key) == ("Stamped", "notebook/bad")
    assert office.outlet.of("bad") == []
    office.wait(lambda: settled(office.handle.status()))


def test_what_is_parked_survives_and_is_not_tried_by_itself() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad", "bad")
    office.wait(lambda: office.handle.status().parked == 2)
    office.domain.close()
    office.outlet.tried.clear()
    office.open()
    office.stamp("bad")
    office.wait(lambda: office.handle.status().parked == 3)
    office.idle(10_000)
    assert office.outlet.tried == []


def test_parked_events_are_tried_again_in_order() -> None:
    office = Office()
    office.outlet.fails = bad
    office.stamp("bad", "bad", "bad")
    office.wait(lambda: office.handle.status().parked == 3)
    office.outlet.fails = lambda _: False
    assert office.handle.try_again("notebook/bad") == 3
    office.wait(lambda: office.outlet.of("bad") == [1, 2, 3])
    office.wait(lambda: settled(office.handle.status()))
    assert office.handle.parked() == []


def test_all_parked_keys_are_tried_again() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.aggregate.key != "good"
    office.stamp("b1", "good", "b2", "good")
    office.wait(lambda: office.handle.status().parked_keys == 2)
    office.outlet.fails = lambda _: False
    assert office.handle.try_again() == 2
    office.wait(lambda: len(office.outlet.seen) == 4)


def test_one_parked_event_is_given_up_and_the_others_stay_parked() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad", "bad", "bad")
    office.wait(lambda: office.handle.status().parked == 3)
    first = office.handle.parked()[0]
    assert office.handle.give_up(first.key, first.position) == 1
    office.idle(1_000)
    assert [one.version for one in office.handle.parked()] == [2, 3]
    office.handle.try_again(first.key)
    office.wait(lambda: office.outlet.of("bad") == [2, 3])
    assert office.handle.status().given_up == 1


def test_one_event_in_the_middle_may_be_given_up() -> None:
    office = Office()
    office.outlet.fails = bad
    office.stamp("bad", "bad", "bad")
    office.wait(lambda: office.handle.status().parked == 3)
    office.handle.give_up("notebook/bad", office.handle.parked()[1].position)
    office.outlet.fails = lambda _: False
    office.handle.try_again("notebook/bad")
    office.wait(lambda: office.outlet.of("bad") == [1, 3])


def test_a_whole_key_is_given_up_and_then_goes_on() -> None:
    office = Office()
    office.outlet.fails = bad
    office.stamp("bad", "bad")
    office.wait(lambda: office.handle.status().parked == 2)
    assert office.handle.give_up("notebook/bad") == 2
    assert office.handle.give_up("notebook/bad") == 0
    office.outlet.fails = lambda _: False
    office.stamp("bad")
    office.wait(lambda: office.outlet.of("bad") == [3])


def test_everything_parked_is_given_up() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.aggregate.key != "good"
    office.stamp("b1", "good", "b2", "good", "b2")
    office.wait(lambda: office.handle.status().parked == 3)
    assert office.handle.give_up_all() == 3
    assert office.handle.parked() == []


def test_parked_events_are_listed_in_pages() -> None:
    office = Office()
    office.outlet.fails = lambda at: at.aggregate.key != "good"
    office.stamp("b1", "good", "b2", "good", "b1", "b2")
    office.wait(lambda: office.handle.status().parked == 4)
    pages = [office.handle.parked(limit=1)]
    while page := office.handle.parked(limit=1, after=pages[-1][-1]):
        pages.append(page)
    assert [one.position for page in pages for one in page] == [1, 5, 3, 6]
    assert [one.position for one in office.handle.parked("notebook/b2")] == [3, 6]


def test_a_key_of_its_own_orders_events_of_several_aggregates() -> None:
    class ByParity(Posts):
        def key(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> str:
            return str(at.position % 2)

    office = Office(ByParity())
    office.outlet.fails = lambda at: at.position == 1
    office.stamp("a", "b", "c", "d")
    office.wait(lambda: len(office.outlet.seen) == 2)
    assert office.outlet.seen == [("b", 1), ("d", 1)]
    assert office.handle.status().waiting_events == 2


@pytest.mark.parametrize("key", ["", "x" * 501, 7, None])
def test_an_event_whose_key_fails_is_parked_alone(key: object) -> None:
    class Keyless(Posts):
        def key(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> str:
            if at.aggregate.key != "bad":
                return super().key(event, at)
            if key is None:
                raise ValueError("it has none")
            return key  # type: ignore[return-value] # pyright: ignore[reportReturnType] - the mistake

    office = Office(Keyless())
    office.stamp("bad", "good")
    office.wait(lambda: office.handle.status().parked == 1 and bool(office.outlet.seen))
    assert office.handle.parked()[0].error.startswith("key")
    assert office.outlet.seen == [("good", 1)]


class SomeKeyless(Posts):
    """Its key fails for second events, until it is repaired."""

    works = False

    def key(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> str:
        """See `Outlet.key`."""
        if at.version == 2 and not self.works:
            raise ValueError("it has none")
        return super().key(event, at)


def test_an_event_whose_key_fails_is_parked_in_its_turn_and_not_those_before_it() -> None:
    office = Office(outlet := SomeKeyless())
    office.handle.pause()
    office.stamp("a", "a", "a", "b")
    office.handle.resume()
    office.wait(lambda: office.handle.status().parked == 2)
    assert office.outlet.seen == [("b", 1), ("a", 1)]
    with pytest.raises(OutletError, match="key failed"):
        office.handle.try_again("notebook/a")
    assert office.handle.try_again() == 0
    outlet.works = True
    office.handle.try_again("notebook/a")
    office.wait(lambda: office.outlet.of("a") == [1, 2, 3])


def test_an_event_whose_key_fails_is_counted_once_though_its_aggregate_waited_before() -> None:
    office = Office(SomeKeyless())
    office.outlet.fails = lambda at: at.attempt == 1
    office.stamp("a")
    office.wait(lambda: office.outlet.of("a") == [1])
    office.stamp("a")  # before it is written that nothing waits any more
    office.wait(lambda: office.handle.status().parked == 1)
    status = office.handle.status()
    assert (status.waiting, status.parked_keys) == (0, 1)
    office.idle(1)
    office.stamp("a")
    office.idle(60)
    assert (office.outlet.of("a"), office.handle.status().parked) == ([1], 2)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_tried_again_is_settled_when_all_of_it_is_delivered(seed: int) -> None:
    """Before the first of its events, none is under way, and none is behind."""
    office = Office(seed=seed)
    office.outlet.fails = bad
    office.stamp("bad", "bad", "bad")
    office.wait(lambda: office.handle.status().parked == 3)
    office.handle.pause()
    office.handle.try_again("notebook/bad")
    office.crash()
    office.outlet.fails = lambda _: False
    while not office.handle.is_settled():
        office.idle(0.001)
    assert office.outlet.of("bad") == [1, 2, 3]


def test_what_backs_off_is_settled_and_what_is_under_way_or_paused_is_not() -> None:
    office = Office()
    office.outlet.fails = bad
    office.stamp("bad", "good")
    office.wait(lambda: bool(office.handle.status().waiting))
    office.idle(0.2)
    assert office.handle.is_settled()
    office.handle.pause()
    office.stamp("good")
    assert not office.handle.is_settled()


def test_a_paused_outlet_delivers_nothing_until_it_is_resumed() -> None:
    office = Office()
    office.handle.pause()
    office.stamp("a")
    office.idle(10)
    assert office.handle.status().state == "paused"
    assert office.outlet.seen == []
    office.handle.resume()
    office.wait(lambda: office.outlet.seen == [("a", 1)])


def test_status_says_how_far_it_is_and_what_waits_longest() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp("bad")
    office.wait(lambda: office.handle.status().waiting == 1)
    recorded = next(office.domain.history(office.domain.aggregate(notebook, "bad"))).time
    office.stamp("good")
    office.wait(lambda: office.outlet.of("good") == [1])
    office.idle(0.2)
    status = office.handle.status()
    assert (status.state, status.position, status.lag_events) == ("following", 2, 0)
    assert status.oldest == recorded
    assert status.error == ""
    assert (status.delivered, status.failed) == (1, 1)


def test_one_slow_key_holds_up_nobody_though_it_has_many_events() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp(*["bad"] * 300)
    office.stamp("good")
    office.wait(lambda: office.outlet.of("good") == [1])
    assert office.handle.status().waiting_events == 300


def test_a_million_failing_events_would_take_no_memory() -> None:
    office = Office()
    office.outlet.fails = first_bad
    office.stamp(*["bad"] * 600)
    office.wait(lambda: office.handle.status().parked == 600)
    office.idle(0.5)
    dispatcher = office.handle.actor.dispatcher
    assert dispatcher is not None
    assert dispatcher.window.first is None
    assert office.journal.position() == 600
