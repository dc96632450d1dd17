"""`given(board, ...).when(...).then(...)`: what it accepts, and how it tells a difference."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from examples.board.domain import (
    AddCard,
    BoardCommand,
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    ColumnFull,
    ColumnLimited,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
)
from tests.actors.notebook import Written

from comity.engine import WiringError
from comity.testing import (
    applied,
    by,
    conflicted,
    given,
    merged,
    rebased,
    rejected,
    unchanged,
)
from comity.testing.stating.expected import Expected

ONE = CardAdded(card="c1", number=1, title="Pay", column="todo")
FULL = ColumnLimited(column="doing", limit=0)
RENAME = RenameCard(card="c1", title="Pay up")
RENAMED = CardRenamed(card="c1", title="Pay up")
BY_BOB = by("bob", CardRenamed(card="c1", title="Paid"))
MOVE = MoveCard(card="c1", column="doing")


def test_a_command_gives_events() -> None:
    given(board, ONE).when(RENAME).then(RENAMED)
    given(board, ONE).when(RENAME).then(applied(RENAMED))


def test_a_rule_refuses_a_command() -> None:
    given(board).when(RENAME).then(rejected("no card 'c1'"))
    given(board, ONE, FULL).when(MOVE).then(rejected(ColumnFull, column="doing", limit=0))
    given(board, ONE, FULL).when(MOVE).then(rejected(ColumnFull, "is full"))


def test_nothing_is_left_to_do() -> None:
    given(board, ONE, RENAMED).when(RENAME).then(unchanged())


def test_what_the_sender_had_not_seen_clashes() -> None:
    stale = given(board, ONE).when(RENAME, who="ann", unseen=[BY_BOB])
    stale.then(conflicted("bob", at="card/c1/title"))
    given(board, ONE, BY_BOB).when(RENAME, who="ann", seen=1).then(conflicted())


def test_what_the_sender_did_itself_does_not_clash() -> None:
    mine = by("ann", CardRenamed(card="c1", title="Paid"))
    given(board, ONE).when(RENAME, who="ann", unseen=[mine]).then(RENAMED)
    other_window = by("ann", CardRenamed(card="c1", title="Paid"), session="phone")
    given(board, ONE).when(RENAME, who="ann", unseen=[other_window]).then(conflicted())


def test_what_the_sender_had_not_seen_merges_or_is_overruled_or_drops_the_command() -> None:
    moved = by("bob", CardMoved(card="c1", column="done"))
    assigned = CardAssigned(card="c1", assignee="bob")
    given(board, ONE).when(RENAME, unseen=[moved]).then(merged(RENAMED))
    given(board, ONE).when(MOVE, unseen=[moved]).then(rebased(rule="overwrite"))
    given(board, ONE).when(RemoveCard(card="c1"), unseen=[assigned]).then(
        unchanged(rule="give_way")
    )


def test_who_and_when_are_told_to_the_domain() -> None:
    noon = datetime(2027, 1, 1, 12, tzinfo=UTC)
    result = given(board, ONE).when(Upvote(card="c1"), who="ann", at=noon)
    result.then(CardUpvoted(card="c1", voter="ann"))
    assert result.state.cards["c1"].voters == {"ann"}
    assert given(board, ONE).state.cards["c1"].voters == set()


def test_a_difference_is_told_field_by_field() -> None:
    with pytest.raises(AssertionError) as told:
        given(board, ONE).when(RENAME, who="ann").then(CardRenamed(card="c1", title="Pay"))
    assert str(told.value) == (
        "RenameCard(card='c1', title='Pay up') on a board at version 1, by ann, who had seen "
        "version 1\n"
        "  event 1, CardRenamed.title: expected 'Pay', came 'Pay up'\n"
        "  report: ann wanted to rename card on version 1: applied"
    )


DIFFERENCES: list[tuple[BoardCommand, Expected[BoardEvent], str]] = [
    (RENAME, rejected(), "outcome: expected rejected, came applied"),
    (RENAME, unchanged(), "event 1: not expected, came CardRenamed("),
    (RENAME, merged(), "outcome: expected merged, came applied"),
    (RENAME, applied(RENAMED, RENAMED), "event 2: expected CardRenamed("),
    (RENAME, applied(CardRemoved(card="c1")), "came CardRenamed("),
    (MOVE, rejected("is empty"), "reason: expected 'is empty' in it, came 'doing is full"),
    (MOVE, rejected(ColumnFull, limit=1), "field limit: expected 1, came 0"),
    (MOVE, rejected(colour="red"), "field colour: expected 'red', came no such field"),
    (MOVE, conflicted(at="card/c1"), "clash: expected at card/c1, came none"),
    (MOVE, rebased(rule="reject"), "rule: expected reject, came none"),
    (Upvote(card="c2"), rejected(ColumnFull), "refusal: expected ColumnFull, came Rejected("),
]


@pytest.mark.parametrize(("command", "expected", "told"), DIFFERENCES)
def test_every_difference_is_told(
    command: BoardCommand, expected: Expected[BoardEvent], told: str
) -> None:
    result = given(board, ONE, FULL).when(command)
    with pytest.raises(AssertionError) as failure:
        result.then(expected)
    assert told in str(failure.value)


def test_an_event_of_another_decider_is_named() -> None:
    stray = cast("BoardEvent", Written(page="p", text="x"))
    with pytest.raises(WiringError, match=r"number 2 is Written.*not an event of board; it has C"):
        given(board, ONE, stray)
    with pytest.raises(WiringError, match=r"unseen: number 1 is Written"):
        given(board).when(RENAME, unseen=[stray])


def test_an_event_is_no_command() -> None:
    with pytest.raises(WiringError, match="is not a command of board; it has AddCard, "):
        given(board).when(cast("BoardCommand", ONE))


def test_an_event_that_cannot_happen_is_named() -> None:
    with pytest.raises(WiringError, match=r"KeyError: 'c1' on event 1, CardRenamed"):
        given(board, RENAMED).when(AddCard(card="c1", number=1, title="Pay"))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(WiringError, match="seen is 2, and only 1 events are given"):
        given(board, ONE).when(RENAME, seen=2)
    with pytest.raises(WiringError, match="at is a time with a zone"):
        given(board, ONE).when(RENAME, at=datetime(2027, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(WiringError, match="takes a part of the reason"):
        rejected(cast("str", 7))
    with pytest.raises(
        WiringError, match="expected a decider, a process or a class of ReadModel first"
    ):
        given(cast("type", ONE))
