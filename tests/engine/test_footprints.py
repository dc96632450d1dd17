"""Footprints: which paths a message touches, by its fields or by what its class says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.engine import Command, Event, Footprint, Key, Path, overlap
from comity.engine.messages.footprint import Hole, Pattern, checked, filling, meeting, show


class Rename(Command):
    card: Key[str]
    title: str


class Remove(Command):
    card: Key[str]


class Move(Command):
    card: Key[str]
    column: str
    row: int


class Comment(Command):
    card: Key[str]
    comment: Key[int]
    text: str


class SetLimit(Command):
    limit: int


class Clear(Command):
    pass


def test_a_field_that_is_no_key_is_a_leaf_of_what_the_keys_name() -> None:
    assert Rename(card="c1", title="x").footprint() == (("card", "c1", "title"),)


def test_every_such_field_is_a_leaf_of_its_own() -> None:
    move = Move(card="c1", column="done", row=2)
    assert move.footprint() == (("card", "c1", "column"), ("card", "c1", "row"))


def test_a_message_of_keys_alone_touches_the_whole_thing() -> None:
    assert Remove(card="c1").footprint() == (("card", "c1"),)


def test_several_keys_name_one_thing_inside_of_another() -> None:
    comment = Comment(card="c1", comment=7, text="x")
    assert comment.footprint() == (("card", "c1", "comment", 7, "text"),)


def test_without_a_key_a_message_touches_leaves_of_the_aggregate() -> None:
    assert SetLimit(limit=3).footprint() == (("limit",),)


def test_a_message_without_fields_touches_everything() -> None:
    assert Clear().footprint() == ((),)
    assert overlap((), ("card", "c1"))


def test_touches_says_it_instead() -> None:
    class Swap(Command):
        one: Key[str]
        other: Key[str]
        touches = ("cards/{one}/place", "cards/{other}/place")

    assert Swap(one="a", other="b").footprint() == (
        ("cards", "a", "place"),
        ("cards", "b", "place"),
    )


def test_touches_may_say_that_nothing_is_touched() -> None:
    class Ping(Event):
        card: Key[str]
        touches = ()

    assert Ping(card="c1").footprint() == ()


def test_touches_and_depends_on_are_inherited() -> None:
    class Base(Command):
        card: Key[str]
        touches = "cards/{card}"
        depends_on = "limits"

    class Derived(Base):
        title: str

    message = Derived(card="c1", title="x")
    assert message.footprint() == (("cards", "c1"),)
    assert message.dependencies() == (("limits",),)


def test_depends_on_adds_what_a_command_rests_on() -> None:
    class Assign(Command):
        card: Key[str]
        user: str
        depends_on = ("card/{card}/title", "users/{user}")

    assign = Assign(card="c1", user="ann")
    assert assign.footprint() == (("card", "c1", "user"),)
    assert assign.dependencies() == (("card", "c1", "title"), ("users", "ann"))
    assert Rename(card="c1", title="x").dependencies() == ()


def test_a_footprint_may_be_computed() -> None:
    class Sort(Command):
        cards: tuple[str, ...]

        def footprint(self) -> Footprint:
            return tuple(("cards", card, "place") for card in self.cards)

        def dependencies(self) -> Footprint:
            return (("count",),)

    sort = Sort(cards=("a", "b"))
    assert sort.footprint() == (("cards", "a", "place"), ("cards", "b", "place"))
    assert sort.dependencies() == (("count",),)


def test_paths_are_segments_so_that_a_slash_in_a_key_meets_nothing_else() -> None:
    one = Rename(card="a/title", title="x").footprint()
    other = Remove(card="a").footprint()
    assert meeting(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        (("card", "c1"), ("card", "c1", "title"), True),
        (("card", "c1"), ("card", "c1"), True),
        (("card", "c1"), ("card", "c2"), False),
        (("card", "c1", "title"), ("card", "c1", "column"), False),
        ((), ("anything",), True),
        ((), (), True),
        (("card", 1), ("card", "1"), False),
    ],
)
def test_paths_overlap_where_one_is_inside_of_the_other(
    one: Path, other: Path, *, overlaps: bool
) -> None:
    assert overlap(one, other) is overlap(other, one) is overlaps


PATHS = st.lists(st.sampled_from(["a", "b", 1, ("a", "b")]), max_size=4).map(tuple)
FOOTPRINTS = st.lists(PATHS, max_size=3).map(tuple)


@given(FOOTPRINTS, FOOTPRINTS)
def test_footprints_meet_where_any_two_of_their_paths_overlap(
    ours: Footprint, theirs: Footprint
) -> None:
    where = meeting(ours, theirs)
    met = [(one, other) for one in ours for other in theirs if overlap(one, other)]
    assert (where is None) == (not met)
    assert where is None or where == max(met[0], key=len)


def test_a_path_reads_as_people_write_it() -> None:
    assert show(("card", "c1", 7)) == "card/c1/7"
    assert show(()) == "/"


@pytest.mark.parametrize("wrong", [("cards/c1",), (["cards", "c1"],), "cards"])
def test_a_footprint_that_would_silently_overlap_nothing_is_refused(wrong: Footprint) -> None:
    with pytest.raises(TypeError, match="a footprint is a tuple of tuples"):
        checked(wrong)


PARTS = st.sampled_from(["card", "cards", Hole("card"), Hole("list")])
PATTERNS = st.lists(st.lists(PARTS, max_size=4).map(tuple), max_size=3)


@given(PATTERNS)
def test_patterns_are_filled_part_by_part(patterns: list[Pattern]) -> None:
    fields: dict[str, object] = {"card": "c1", "list": 7}
    assert filling(patterns)(fields) == tuple(
        tuple(fields[part.field] if isinstance(part, Hole) else part for part in pattern)
        for pattern in patterns
    )
