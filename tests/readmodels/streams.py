"""Random streams of events in random batches, checked against plain Python after each batch.

The property tests draw them; the planted faults have to be found by the same checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from hypothesis import strategies as st
from tests.readmodels.bench import Bench, at, batch_of
from tests.readmodels.cards import (
    BoardCounted,
    CardAdded,
    CardEstimated,
    CardEvent,
    CardGiven,
    CardMoved,
    CardNumbered,
    CardRekeyed,
    CardRemoved,
    CardRenamed,
    Cards,
    CardTagged,
    CardUpvoted,
    ColumnCleared,
    Fold,
    NumbersSwapped,
    agree,
    same,
)

from comity.engine import AggregateId

CARD = st.sampled_from(["a", "b", "c", "ab", "a\0", "", "é", "\U0001d11e", "\uffff"])
TITLE = st.sampled_from(["", "a", "ab", "b", "a\0b", "ß", "z" * 40])
COLUMN = st.sampled_from(["todo", "doing", "done"])
OWNER = st.sampled_from([None, "ann", "bob", "an", ""])
TAGS = st.lists(st.sampled_from("xyz"), max_size=3).map(tuple)
NUMBER = st.sampled_from([None, 1, 2, 3, -1, 1 << 40])
COST = st.decimals(-1_000, 1_000, places=2)
BOARD = st.sampled_from(["b", "c"])

EVENT: st.SearchStrategy[CardEvent] = st.one_of(
    st.builds(
        CardAdded, card=CARD, title=TITLE, column=COLUMN, owner=OWNER, tags=TAGS, number=NUMBER
    ),
    st.builds(CardAdded, card=CARD, title=TITLE),
    st.builds(CardRenamed, card=CARD, title=TITLE),
    st.builds(CardMoved, card=CARD, column=COLUMN),
    st.builds(CardGiven, card=CARD, owner=OWNER),
    st.builds(CardTagged, card=CARD, tags=TAGS),
    st.builds(CardNumbered, card=CARD, number=NUMBER),
    st.builds(NumbersSwapped, card=CARD, other=CARD),
    st.builds(CardEstimated, card=CARD, points=st.integers(-5, 5), cost=COST),
    st.builds(CardRekeyed, card=CARD, to=CARD),
    st.builds(CardRemoved, card=CARD),
    st.builds(ColumnCleared, column=COLUMN),
    st.builds(CardUpvoted, card=CARD, votes=st.integers(-2, 2)),
    st.builds(BoardCounted, name=st.sampled_from(["p", "q"])),
)

Happening: TypeAlias = tuple[str, CardEvent]
"""An event, and of which board."""

Fault: TypeAlias = Literal["", "reopened", "failed"]


class Step(NamedTuple):
    """One batch, and what befalls the model before it."""

    events: Sequence[Happening]
    before: Fault
    telling: bool


def mostly_good(steps: Sequence[Step]) -> Sequence[Step]:
    """Without most of the events that are refused, so that there are batches without any."""
    fold, refused = Fold(), 0
    kept: list[Step] = []
    for step in steps:
        events: list[Happening] = []
        for board, event in step.events:
            good = fold.take(event, board)
            refused += not good
            if good or refused % 8 == 1:
                events.append((board, event))
        kept.append(step._replace(events=events))
    return kept


STREAM = st.lists(
    st.builds(
        Step,
        st.lists(st.tuples(BOARD, EVENT), max_size=12),
        st.sampled_from(["", "", "", "reopened", "failed"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
).map(mostly_good)


def follow(bench: Bench[Cards], stream: Sequence[Step]) -> Fold:
    """Take the stream into an empty bench; check all there is after each batch.

    Raises:
        Differs: tables, indexes or figures are not what the events come to.
    """
    fold = Fold()
    for events, before, telling in stream:
        if before == "reopened":
            bench.reopen()
        if before == "failed":
            fail(bench, events)
        first = bench.position + 1
        recorded = [
            at(event, position, AggregateId("board", board))
            for position, (board, event) in enumerate(events, first)
        ]
        bench.position += len(recorded)
        batch = batch_of(recorded, bench.position, after=first - 1)
        refused = bench.take_or_pass_over(batch, telling=telling)
        expected = [
            position
            for position, (board, event) in enumerate(events, first)
            if not fold.take(event, board)
        ]
        same("refused", refused, expected)
        with bench.read() as cards:
            same("position", cards.position, bench.position)
            agree(cards, fold)
    return fold


def fail(bench: Bench[Cards], events: Sequence[Happening]) -> None:
    """Try the events, and then one that fails: nothing of them may remain."""
    doomed = [(board, event) for board, event in events]
    doomed.append(("b", CardRenamed(card="there is no such card", title="")))
    first = bench.position + 1
    recorded = [
        at(event, position, AggregateId("board", board))
        for position, (board, event) in enumerate(doomed, first)
    ]
    same("failed", bench.fails(batch_of(recorded, first + len(events))), expected=True)


__all__ = ["EVENT", "STREAM", "Step", "follow", "mostly_good"]
