"""Mistakes in an outlet fail when its class is made or the domain opens, and say what to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Generic, TypeVar

import pytest
from tests.actors.delivering.posts import Posts
from tests.actors.notebook import NotebookEvent, Stamped, Written, notebook

from comity.actors import Delivery, Domain, Outlet
from comity.actors.delivering.any_outlet import Start
from comity.engine import Event, FromTheFuture, WiringError
from comity.engine.journal.memory_journal import MemoryJournal

E = TypeVar("E", bound=Event)


class Unheard(Event):
    """Nobody decides this."""


def opened(*outlets: object) -> Domain:
    return Domain(MemoryJournal(), deciders=[notebook], outlets=outlets)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - the mistake


def test_an_outlet_knows_its_events_and_its_name() -> None:
    assert Posts.events == {Written, Stamped, *Posts.events}
    assert Posts.stored_as == "Posts"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("start", None), ("start", "soon"), ("start", -1), ("start", True), ("at_once", 0),
        ("at_once", 10_001), ("at_once", 1.5), ("timeout", 0), ("timeout", float("nan")),
        ("tries", 0), ("tries", True), ("back_off", 1.0), ("back_off", (2.0, 1.0)),
        ("back_off", (0.0, 1.0)), ("stored_as", "a/b"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named_when_the_class_is_made(option: str, value: object) -> None:
    with pytest.raises(WiringError, match=rf"Wrong\.{option}"):
        type("Wrong", (Posts,), {option: value})


def test_an_option_with_other_underscores_is_a_mistake() -> None:
    with pytest.raises(WiringError, match=r"Wrong\.backoff: the option is called back_off"):
        type("Wrong", (Posts,), {"backoff": (1, 2)})
    type("Right", (Posts,), {"backoff": property(str), "_timeout": 1, "on_start": 1})


def test_a_position_to_begin_after_is_0_or_more() -> None:
    with pytest.raises(WiringError, match=r"or a position, 0 or more, got -1"):
        type("Wrong", (Posts,), {"start": -1})


def test_a_wrong_option_of_an_object_is_named_when_it_is_opened() -> None:
    outlet = Posts()
    outlet.at_once = 0  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the mistake
    with pytest.raises(WiringError, match=r"Posts\.at_once"):
        opened(outlet)


def test_where_it_begins_must_be_said() -> None:
    with pytest.raises(WiringError, match=r"Silent\.start: say where"):

        class Silent(Outlet[Written]):
            def deliver(self, event: Written, at: Delivery[Written]) -> None:
                """Do nothing."""

        Silent()


def test_an_outlet_delivers() -> None:
    with pytest.raises(WiringError, match="write deliver"):

        class Idle(Outlet[Written]):
            start = "now"

        Idle()


def generating(self: object, event: object, at: object) -> Iterator[None]:
    yield None


async def waiting(self: object, event: object, at: object) -> str:
    return ""


async def hook(self: object) -> None:
    """Wait."""


def short(self: object) -> str:
    return ""


def long(self: object, event: object, at: object, more: object) -> str:
    return ""


@pytest.mark.parametrize(
    ("method", "function", "said"),
    [
        ("deliver", short, "expected"),
        ("deliver", generating, "not a generator"),
        ("key", short, "expected"),
        ("key", waiting, "must not be async"),
        ("open", long, "expected"),
        ("open", hook, "no event loop"),
        ("close", hook, "no event loop"),
    ],
)  # fmt: skip
def test_a_wrong_method_is_named(method: str, function: object, said: str) -> None:
    with pytest.raises(WiringError, match=rf"Wrong\.{method}.*{said}"):
        type("Wrong", (Posts,), {method: function})


def test_a_base_of_outlets_may_be_generic() -> None:
    class Base(Outlet[E], Generic[E]):
        start = "now"

        def deliver(self, event: E, at: Delivery[E]) -> None:
            """Do nothing."""

    class Own(Base[Written]):
        pass

    assert Own.events == {Written}


def test_a_domain_takes_objects_and_not_classes() -> None:
    with pytest.raises(WiringError, match="got the class Posts; pass an instance, such as Posts"):
        opened(Posts)


def test_a_domain_takes_outlets_only() -> None:
    with pytest.raises(WiringError, match="inherit from Outlet"):
        opened("Posts")


def test_two_outlets_have_two_names() -> None:
    with pytest.raises(WiringError, match="two outlets are stored as 'Posts'"):
        opened(Posts(), Posts())


def test_an_event_without_a_decider_is_named() -> None:
    class Deaf(Outlet[Unheard | NotebookEvent]):
        start = "now"

        def deliver(
            self, event: Unheard | NotebookEvent, at: Delivery[Unheard | NotebookEvent]
        ) -> None:
            """Do nothing."""

    with pytest.raises(WiringError, match="listens to Unheard, which no decider"):
        opened(Deaf())


def test_a_beginning_beyond_the_journals_end_is_refused() -> None:
    class Later(Posts):
        start: ClassVar[Start] = 7

    with pytest.raises(FromTheFuture, match=r"Later\.start=7"):
        opened(Later())


def test_a_domain_knows_its_outlets() -> None:
    class Other(Posts):
        stored_as = "Other_posts"

    posts = Posts()
    with opened(posts, Other()) as domain:
        assert domain.outlet(Posts).outlet is posts
        assert domain.outlet(posts).outlet is posts
        assert [status.name for status in domain.outlets()] == ["Posts", "Other_posts"]
        with pytest.raises(WiringError, match="not among the outlets"):
            domain.outlet(Posts())
