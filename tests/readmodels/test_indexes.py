"""Indexes: other keys to find rows by, kept with the rows; unique ones keep their promise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.readmodels.bench import Bench, at, batch_of
from tests.readmodels.cards import (
    CardAdded,
    CardEvent,
    CardGiven,
    CardMoved,
    CardNumbered,
    CardRekeyed,
    CardRemoved,
    CardRenamed,
    CardRow,
    Cards,
    CardTagged,
    NumbersSwapped,
    same,
)
from tests.readmodels.streams import Step, mostly_good

from comity.engine.errors import NotUnique
from comity.readmodels import Query
from comity.readmodels.projecting.projection import CannotProject


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Bench[Cards]]:
    bench = Bench(Cards, tmp_path / "cards")
    yield bench
    bench.close()


def names(query: Query[CardRow]) -> str:
    return "".join(row.card for row in query)


# --- plain, compound, of several keys, partial, falling -------------------------------------------


def test_rows_are_found_by_another_key(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", owner="ann"), CardAdded(card="b", title="x"))
    cards.take(CardAdded(card="c", title="x", owner="ann"))
    with cards.read() as model:
        assert names(model.by_owner["ann"]) == "ac"
        assert names(model.by_owner["bob"]) == ""
        assert model.by_owner.exists("ann")
        assert not model.by_owner.exists("bob")
        assert [len(rows) for rows in model.by_owner.get_many(["bob", "ann"])] == [0, 2]


def test_a_row_without_the_key_is_not_in_the_index(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", owner="ann"), CardAdded(card="b", title="x"))
    assert cards.ask(lambda model: model.by_owner.count()) == 1
    cards.take(CardGiven(card="a", owner=None))
    assert cards.ask(lambda model: model.by_owner.count()) == 0


def test_a_row_that_changes_is_found_by_what_it_is_now(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", owner="ann"), CardGiven(card="a", owner="bob"))
    cards.take(CardGiven(card="a", owner="cyd"))
    with cards.read() as model:
        assert [row.owner for row in model.by_owner.all()] == ["cyd"]


def test_a_compound_key_sorts_by_its_parts_and_the_falling_one_backwards(
    cards: Bench[Cards],
) -> None:
    for card, column, title in map(tuple, ["a1z", "b1a", "c0m", "d1m"]):
        cards.take(CardAdded(card=card, column=column, title=title))
    with cards.read() as model:
        assert names(model.by_column.all()) == "cadb"
        assert names(model.by_column.prefix("b", "1")) == "adb"
        assert names(model.by_column.prefix("b", "1").reversed()) == "bda"


def test_a_row_is_found_by_each_of_its_tags_once(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", tags=("x", "y", "x")))
    cards.take(CardAdded(card="b", title="x", tags=("y",)))
    with cards.read() as model:
        assert (names(model.by_tag["x"]), names(model.by_tag["y"])) == ("a", "ab")
        assert model.by_tag.count() == 3
    cards.take(CardTagged(card="a", tags=("z",)))
    with cards.read() as model:
        assert (names(model.by_tag["x"]), names(model.by_tag["y"])) == ("", "b")
        assert names(model.by_tag["z"]) == "a"
    cards.take(CardTagged(card="a", tags=()), CardRemoved(card="b"))
    assert cards.ask(lambda model: model.by_tag.count()) == 0


def test_rows_with_one_key_are_in_the_order_of_their_own(cards: Bench[Cards]) -> None:
    for card in "cab":
        cards.take(CardAdded(card=card, title="x"))
    with cards.read() as model:
        assert names(model.by_title["x"]) == "abc"
        assert names(model.by_title["x"].reversed()) == "cba"
        assert (model.by_title.first(), model.by_title.last()) == (
            model.rows["b", "a"],
            model.rows["b", "c"],
        )


def test_a_row_under_another_key_is_found_once(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", owner="ann", tags=("x",), number=1))
    cards.take(CardRekeyed(card="a", to="b"))
    with cards.read() as model:
        for found in (model.by_owner, model.by_title, model.by_tag, model.by_number):
            assert names(found.all()) == "b"


# --- unique ---------------------------------------------------------------------------------------


def test_a_unique_key_finds_its_row(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", number=1), CardAdded(card="b", title="x"))
    with cards.read() as model:
        assert model.by_number.get(("b", 1)) == model.rows["b", "a"]
        assert model.by_number.get(("b", 2)) is None
        assert model.by_number.count() == 1
        assert names(model.by_number.prefix("b")) == "a"


TAKEN: list[list[CardEvent]] = [
    [CardAdded(card="b", title="x", number=1)],
    [CardAdded(card="b", title="x"), CardNumbered(card="b", number=1)],
    [
        CardAdded(card="b", title="x", number=2),
        CardNumbered(card="a", number=2),
    ],
    [
        CardNumbered(card="a", number=2),
        CardAdded(card="b", title="x", number=1),
        CardNumbered(card="a", number=1),
    ],
]


@pytest.mark.parametrize("events", TAKEN)
@pytest.mark.parametrize("together", [True, False])
def test_a_second_row_with_the_key_is_refused_in_one_batch_or_in_two(
    cards: Bench[Cards], events: list[CardEvent], *, together: bool
) -> None:
    cards.take(CardAdded(card="a", title="x", number=1))
    *before, last = [cards.make(*events)] if together else [cards.make(one) for one in events]
    for batch in before:
        cards.projection.take(batch)
    with pytest.raises(CannotProject, match=r"rows\.by_number: another row has the key") as failed:
        cards.projection.take(last)
    assert isinstance(failed.value.reason, NotUnique)
    assert failed.value.at == last.events[-1]


def test_a_key_that_is_free_again_may_be_given_away_in_the_same_batch(
    cards: Bench[Cards],
) -> None:
    cards.take(CardAdded(card="a", title="x", number=1))
    cards.take(CardRemoved(card="a"), CardAdded(card="b", title="x", number=1))
    cards.take(CardNumbered(card="b", number=None), CardAdded(card="c", title="x", number=1))
    with cards.read() as model:
        assert names(model.by_number.all()) == "c"


def test_a_row_may_be_put_again_with_its_own_key(cards: Bench[Cards]) -> None:
    cards.take(CardAdded(card="a", title="x", number=1))
    cards.take(CardAdded(card="a", title="y", number=1), CardRenamed(card="a", title="z"))
    assert cards.ask(lambda model: names(model.by_number.all())) == "a"


@pytest.mark.parametrize("together", [True, False])
def test_two_rows_may_swap_their_keys(cards: Bench[Cards], *, together: bool) -> None:
    events: list[CardEvent] = [
        CardAdded(card="a", title="x", number=1),
        CardAdded(card="b", title="x", number=2),
        NumbersSwapped(card="a", other="b"),
        NumbersSwapped(card="b", other="a"),
        NumbersSwapped(card="a", other="b"),
    ]
    for batch in [cards.make(*events)] if together else map(cards.make, events):
        cards.projection.take(batch)
    with cards.read() as model:
        found = [model.by_number.get(("b", number)) for number in (1, 2)]
        assert [row and row.card for row in found] == ["b", "a"]


NUMBERING = st.one_of(
    st.builds(
        CardAdded,
        card=st.sampled_from("abc"),
        title=st.just(""),
        number=st.sampled_from([None, 1, 2]),
    ),
    st.builds(CardNumbered, card=st.sampled_from("abc"), number=st.sampled_from([None, 1, 2])),
    st.builds(NumbersSwapped, card=st.sampled_from("abc"), other=st.sampled_from("abc")),
    st.builds(CardRekeyed, card=st.sampled_from("abc"), to=st.sampled_from("abc")),
    st.builds(CardRemoved, card=st.sampled_from("abc")),
    st.builds(CardMoved, card=st.sampled_from("abc"), column=st.sampled_from("xy")),
)


EVENTS = st.lists(NUMBERING, max_size=30).map(
    lambda events: [
        event
        for _, event in mostly_good([Step([("b", event) for event in events], "", telling=True)])[
            0
        ].events
    ]
)
CUTS = st.sets(st.integers(1, 19))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, cuts=CUTS)
def test_which_events_fail_does_not_depend_on_the_batches(
    cards: Bench[Cards], events: Sequence[CardEvent], cuts: set[int]
) -> None:
    compare(cards, events, cuts)


def compare(cards: Bench[Cards], events: Sequence[CardEvent], cuts: set[int]) -> None:
    """Take the events in batches, and one by one.

    Raises:
        Differs: that makes a difference.
    """
    recorded = [at(event, position) for position, event in enumerate(events, 1)]
    whole = sorted({0, *(cut for cut in cuts if cut < len(events)), len(events)})
    outcomes: list[object] = []
    for ends in (whole, range(len(events) + 1)):
        cards.wipe()
        failed: list[int] = []
        for begin, end in pairwise(ends):
            failed += cards.take_or_pass_over(batch_of(recorded[begin:end], end, after=begin))
        with cards.read() as model:
            outcomes.append((failed, model.rows.all().list(), model.by_number.all().list()))
    same("in batches", *outcomes)
