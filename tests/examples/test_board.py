"""The task board: every decision happens, has already happened or is illegal; then stale people."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from examples.board.domain import (
    AddCard,
    AssignCard,
    Board,
    BoardCommand,
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardCommented,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    ColumnFull,
    ColumnLimited,
    Comment,
    LimitColumn,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
    board,
)

from comity.engine import (
    Conflicted,
    Decision,
    Happened,
    Outcome,
    Rejected,
    Sent,
    merge,
)

ONE = CardAdded(card="c1", number=1, title="Pay", column="todo")
TWO = CardAdded(card="c2", number=2, title="Ship", column="doing")
JUST_TWO = ColumnLimited(column="doing", limit=2)
THREE = CardAdded(card="c3", number=3, title="Rest", column="doing")


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        (
            [ONE],
            AddCard(card="c2", number=2, title="Ship", column="doing"),
            [TWO],
        ),
        ([ONE], RenameCard(card="c1", title="Pay up"), [CardRenamed(card="c1", title="Pay up")]),
        ([ONE], MoveCard(card="c1", column="doing"), [CardMoved(card="c1", column="doing")]),
        ([ONE], AssignCard(card="c1", assignee="ann"), [CardAssigned(card="c1", assignee="ann")]),
        ([ONE], Upvote(card="c1"), [CardUpvoted(card="c1", voter="ann")]),
        (
            [ONE],
            Comment(card="c1", comment="a1", text="Hm"),
            [CardCommented(card="c1", comment="a1", text="Hm")],
        ),
        ([ONE], RemoveCard(card="c1"), [CardRemoved(card="c1")]),
        ([], LimitColumn(column="done", limit=9), [ColumnLimited(column="done", limit=9)]),
        ([], LimitColumn(column="doing", limit=None), [ColumnLimited(column="doing", limit=None)]),
        ([], LimitColumn(column="later", limit=None), [ColumnLimited(column="later", limit=None)]),
    ],
)
def test_it_happens(given: list[BoardEvent], when: BoardCommand, then: list[BoardEvent]) -> None:
    assert list(board.decide(after(given), when, Sent("ann"))) == then


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ([ONE], RenameCard(card="c1", title="Pay")),
        ([ONE], MoveCard(card="c1", column="todo")),
        ([ONE, CardAssigned(card="c1", assignee="ann")], AssignCard(card="c1", assignee="ann")),
        ([ONE, CardUpvoted(card="c1", voter="ann")], Upvote(card="c1")),
        (
            [ONE, CardCommented(card="c1", comment="a1", text="Hm")],
            Comment(card="c1", comment="a1", text="Hm"),
        ),
        ([ONE, CardRemoved(card="c1")], RemoveCard(card="c1")),
        ([], LimitColumn(column="doing", limit=3)),
    ],
)
def test_it_already_happened(given: list[BoardEvent], when: BoardCommand) -> None:
    assert list(board.decide(after(given), when, Sent("ann"))) == []


@pytest.mark.parametrize(
    ("given", "when", "reason"),
    [
        ([ONE], AddCard(card="c1", number=2, title="Ship"), "already a card 'c1'"),
        ([ONE], AddCard(card="c2", number=1, title="Ship"), "the next card is number 2, not 1"),
        ([], AddCard(card="c1", number=1, title="Ship", column="x"), "no column 'x'"),
        ([], RenameCard(card="c1", title="Pay"), "no card 'c1'"),
        ([], MoveCard(card="c1", column="doing"), "no card 'c1'"),
        ([ONE], MoveCard(card="c1", column="x"), "no column 'x'"),
        ([], AssignCard(card="c1", assignee="ann"), "no card 'c1'"),
        ([], Upvote(card="c1"), "no card 'c1'"),
        ([], Comment(card="c1", comment="a1", text="Hm"), "no card 'c1'"),
        (
            [TWO, THREE],
            LimitColumn(column="doing", limit=1),
            "holds 2 cards: its limit cannot be 1",
        ),
    ],
)
def test_it_is_illegal(given: list[BoardEvent], when: BoardCommand, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        list(board.decide(after(given), when, Sent("ann")))


def test_a_full_column_says_which_and_how_many() -> None:
    with pytest.raises(ColumnFull) as refusal:
        list(board.decide(after([ONE, TWO, THREE, JUST_TWO]), MoveCard(card="c1", column="doing")))
    assert refusal.value.fields == {"column": "doing", "limit": 2}


def test_a_card_within_a_full_column_can_still_be_changed() -> None:
    full = after([ONE, TWO, THREE, JUST_TWO])
    assert list(board.decide(full, MoveCard(card="c2", column="doing"))) == []
    assert list(board.decide(full, MoveCard(card="c2", column="done")))


def test_a_move_and_a_rename_merge() -> None:
    decision = meet(
        RenameCard(card="c1", title="Pay up"), [ONE], [CardMoved(card="c1", column="done")]
    )
    assert decision.outcome is Outcome.MERGED


def test_two_renames_conflict_and_the_report_says_with_whom() -> None:
    with pytest.raises(Conflicted) as refusal:
        meet(RenameCard(card="c1", title="A"), [ONE], [CardRenamed(card="c1", title="B")])
    assert "card renamed by bob at card/c1/title (version 2)" in refusal.value.report.sentence()


def test_the_same_rename_twice_is_no_conflict() -> None:
    decision = meet(RenameCard(card="c1", title="B"), [ONE], [CardRenamed(card="c1", title="B")])
    assert decision.outcome is Outcome.UNCHANGED


def test_the_last_move_wins() -> None:
    decision = meet(
        MoveCard(card="c1", column="doing"), [ONE], [CardMoved(card="c1", column="done")]
    )
    assert decision.outcome is Outcome.REBASED
    assert decision.events == (CardMoved(card="c1", column="doing"),)


def test_who_takes_a_card_takes_it_for_what_it_said() -> None:
    with pytest.raises(Conflicted):
        meet(AssignCard(card="c1", assignee="ann"), [ONE], [CardRenamed(card="c1", title="B")])


def test_votes_of_two_people_both_count() -> None:
    decision = meet(Upvote(card="c1"), [ONE], [CardUpvoted(card="c1", voter="bob")])
    assert decision.outcome is Outcome.MERGED


def test_comments_of_two_people_both_stand() -> None:
    theirs = CardCommented(card="c1", comment="b1", text="Hm")
    decision = meet(Comment(card="c1", comment="a1", text="Ah"), [ONE], [theirs])
    assert decision.outcome is Outcome.MERGED


@pytest.mark.parametrize(
    "touched",
    [
        CardRenamed(card="c1", title="B"),
        CardMoved(card="c1", column="done"),
        CardAssigned(card="c1", assignee="bob"),
        CardUpvoted(card="c1", voter="bob"),
        CardCommented(card="c1", comment="b1", text="Hm"),
    ],
)
def test_removing_gives_way_to_whoever_touched_the_card(touched: BoardEvent) -> None:
    decision = meet(RemoveCard(card="c1"), [ONE], [touched])
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())


@pytest.mark.parametrize(
    "command",
    [
        RenameCard(card="c1", title="B"),
        AssignCard(card="c1", assignee="ann"),
        Upvote(card="c1"),
        Comment(card="c1", comment="a1", text="Hm"),
    ],
)
def test_a_card_that_was_removed_meanwhile_is_a_conflict(command: BoardCommand) -> None:
    with pytest.raises(Conflicted):
        meet(command, [ONE], [CardRemoved(card="c1")])


def test_a_number_that_was_taken_meanwhile_becomes_the_next_free_one() -> None:
    decision = meet(AddCard(card="c9", number=2, title="Rest"), [ONE], [TWO, THREE])
    assert decision.outcome is Outcome.REBASED
    assert decision.events == (CardAdded(card="c9", number=4, title="Rest", column="todo"),)


def test_cards_added_in_one_go_keep_their_order_after_somebody_elses() -> None:
    mine = CardAdded(card="c8", number=3, title="Mine", column="todo")
    since = [happened(2, TWO, "bob"), happened(3, mine, "ann")]
    command = AddCard(card="c9", number=3, title="Mine, too")
    decision = merge(board, after([ONE, TWO, mine]), 3, command, Sent("ann", "ann's", 1), since)
    assert decision.events == (CardAdded(card="c9", number=4, title="Mine, too", column="todo"),)


def test_the_limit_holds_whoever_fills_the_column_first() -> None:
    with pytest.raises(ColumnFull):
        meet(MoveCard(card="c1", column="doing"), [ONE, TWO, JUST_TWO], [THREE])


def test_the_story_is_told() -> None:
    root = Path(__file__).parents[2]
    story = subprocess.run(
        [sys.executable, "-m", "examples.board"],
        cwd=root, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first_words = {line.split()[0] for line in story.stdout.splitlines() if line}
    assert first_words >= set(Outcome)


def test_the_story_takes_no_path_where_there_is_something(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "examples.board", str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "name a new directory" in ran.stderr


def after(events: Sequence[BoardEvent]) -> Board:
    return board.fold(Board(), events)


def meet(
    command: BoardCommand, seen: Sequence[BoardEvent], unseen: Sequence[BoardEvent]
) -> Decision[BoardCommand, BoardEvent]:
    """ann saw the one, bob did the other; now her command comes."""
    since = [happened(version, event, "bob") for version, event in enumerate(unseen, len(seen) + 1)]
    sender = Sent("ann", "ann's", len(seen))
    return merge(board, after([*seen, *unseen]), len(seen) + len(unseen), command, sender, since)


def happened(version: int, event: BoardEvent, who: str) -> Happened[BoardEvent]:
    return Happened(version, event, who, f"{who}'s")
