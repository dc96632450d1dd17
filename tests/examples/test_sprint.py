"""Closing a sprint: each step happens, has already happened or is refused; then two people at once.

The board's own rules are tested in `test_board`.
"""

from __future__ import annotations

import pytest
from examples.board.domain import (
    AddCard,
    BoardEvent,
    CardAdded,
    CardAssigned,
    CardCommented,
    CardMoved,
    CardRemoved,
    CardRenamed,
    CardUpvoted,
    Comment,
    MoveCard,
    RemoveCard,
    RenameCard,
    Upvote,
)
from examples.sprint.domain import BoardIsFrozen, SprintCommand, SprintEvent, sprint
from examples.sprint.messages import (
    BoardFrozen,
    CardDecided,
    Carried,
    CarryOver,
    CloseSprint,
    ClosingBegun,
    ClosingReminded,
    ClosingStopped,
    DecideCard,
    DraftSummary,
    FreezeBoard,
    NameReviewer,
    PublishSummary,
    Remind,
    ReviewerNamed,
    StopClosing,
    SummaryDrafted,
    SummaryPublished,
)
from examples.sprint.read_models import ClosingRow, Closings

from comity.testing import by, conflicted, given, merged, rebased, rejected, unchanged

PAY = CardAdded(card="c1", number=1, title="Pay", column="todo")
SHIP = CardAdded(card="c2", number=2, title="Ship", column="doing")
REST = CardAdded(card="c3", number=3, title="Rest", column="done")
CARDS: tuple[BoardEvent, ...] = (PAY, SHIP, REST)
BEGUN = ClosingBegun(into="sprint-43", open=("c1", "c2"), decided=(), reviewer="")
CARRY_PAY = CardDecided(card="c1", fate="carry")
SHIP_IS_DONE = CardDecided(card="c2", fate="done")
DAN = ReviewerNamed(reviewer="dan")
READY: tuple[SprintEvent, ...] = (*CARDS, BEGUN, CARRY_PAY, SHIP_IS_DONE, DAN)
FROZEN = BoardFrozen(
    into="sprint-43",
    done=("Ship", "Rest"),
    dropped=(),
    carried=(Carried(card="c1", title="Pay", assignee=""),),
)
FREEZING = (CardMoved(card="c2", column="done"), CardRemoved(card="c1"), FROZEN)
DRAFT = SummaryDrafted(text="Two cards are done.")
PUBLISHED = SummaryPublished(text="Two cards are done, hooray.")
PUBLISH = PublishSummary(text="Two cards are done, hooray.")


@pytest.mark.parametrize(
    ("before", "when", "then"),
    [
        (CARDS, CloseSprint(into="sprint-43"), [BEGUN]),
        ((*CARDS, BEGUN), StopClosing(), [ClosingStopped()]),
        ((*CARDS, BEGUN), DecideCard(card="c1", fate="carry"), [CARRY_PAY]),
        (READY, DecideCard(card="c1", fate="drop"), [CardDecided(card="c1", fate="drop")]),
        ((*CARDS, BEGUN), NameReviewer(reviewer="dan"), [DAN]),
        (READY, FreezeBoard(), FREEZING),
        ((*READY, *FREEZING), DraftSummary(text="Two cards are done."), [DRAFT]),
        ((*READY, *FREEZING), NameReviewer(reviewer="eve"), [ReviewerNamed(reviewer="eve")]),
        (READY, Remind(waits_for="freeze"), [ClosingReminded(waits_for="freeze")]),
        (
            (PAY,),
            CarryOver(card="x1", title="Sleep", assignee="ann"),
            [
                CardAdded(card="x1", number=2, title="Sleep", column="todo"),
                CardAssigned(card="x1", assignee="ann"),
            ],
        ),
    ],
)
def test_a_step_is_done(
    before: list[SprintEvent], when: SprintCommand, then: list[SprintEvent]
) -> None:
    given(sprint, *before).when(when).then(*then)


@pytest.mark.parametrize(
    ("before", "when"),
    [
        ((*CARDS, BEGUN), CloseSprint(into="sprint-43")),
        (CARDS, StopClosing()),
        (READY, DecideCard(card="c1", fate="carry")),
        (READY, NameReviewer(reviewer="dan")),
        ((*READY, *FREEZING, DRAFT), DraftSummary(text="Two cards are done.")),
        ((*READY, *FREEZING, DRAFT, PUBLISHED), PUBLISH),
        ((*READY, *FREEZING, DRAFT, PUBLISHED), Remind(waits_for="publish")),
        ((PAY,), CarryOver(card="c1", title="Pay", assignee="")),
    ],
)
def test_a_step_was_done_already(before: list[SprintEvent], when: SprintCommand) -> None:
    given(sprint, *before).when(when).then(unchanged())


@pytest.mark.parametrize(
    ("before", "when", "reason"),
    [
        (CARDS, CloseSprint(into="*"), "no board is called *"),
        (CARDS, CloseSprint(into="\U0001f600" * 51), "more than 200 bytes"),
        (CARDS, DecideCard(card="c1", fate="drop"), "nobody is closing this sprint"),
        (CARDS, NameReviewer(reviewer="dan"), "nobody is closing this sprint"),
        (CARDS, FreezeBoard(), "nobody is closing this sprint"),
        ((*CARDS, BEGUN), DecideCard(card="c9", fate="drop"), "there is no card 'c9'"),
        ((*CARDS, BEGUN), DecideCard(card="c3", fate="drop"), "#3 is done"),
        ((*CARDS, BEGUN), FreezeBoard(), "decide what becomes of #1 and #2 first"),
        ((*CARDS, BEGUN, CARRY_PAY, SHIP_IS_DONE), FreezeBoard(), "name a reviewer first"),
        (READY, PUBLISH, "freeze the board first"),
        ((*READY, *FREEZING), PUBLISH, "the summary is still being written"),
        (
            (*READY, *FREEZING, DRAFT),
            PUBLISH,
            "dan reviews the summary, and nobody else publishes it",
        ),
        (
            (*READY, *FREEZING, DRAFT, PUBLISHED),
            NameReviewer(reviewer="eve"),
            "the sprint is closed: its summary is published",
        ),
    ],
)
def test_a_step_is_refused_with_its_reason(
    before: list[SprintEvent], when: SprintCommand, reason: str
) -> None:
    given(sprint, *before).when(when, who="ann").then(rejected(reason))


def test_the_reviewer_publishes_the_summary() -> None:
    published = given(sprint, *READY, *FREEZING, DRAFT).when(PUBLISH, who="dan")
    published.then(PUBLISHED)
    assert published.state.summary == PUBLISHED.text


def test_what_was_decided_stays_if_the_closing_is_stopped() -> None:
    again = given(sprint, *READY, ClosingStopped()).when(CloseSprint(into="sprint-44"))
    again.then(ClosingBegun(into="sprint-44", open=(), decided=("c1", "c2"), reviewer="dan"))


@pytest.mark.parametrize(
    "when",
    [
        AddCard(card="c4", number=4, title="More"),
        MoveCard(card="c2", column="todo"),
        RenameCard(card="c2", title="Ship it"),
        Upvote(card="c2"),
        Comment(card="c2", comment="a1", text="Hm"),
        RemoveCard(card="c2"),
        DecideCard(card="c2", fate="drop"),
        FreezeBoard(),
        StopClosing(),
        CloseSprint(into="sprint-44"),
        CarryOver(card="x1", title="Sleep", assignee=""),
    ],
)
def test_a_frozen_board_does_not_change_and_says_who_froze_it(when: SprintCommand) -> None:
    frozen = [*READY, *(by("bob", event) for event in FREEZING)]
    given(sprint, *frozen).when(when, who="ann").then(rejected(BoardIsFrozen, "bob froze it"))


# --- two people at once ---------------------------------------------------------------------------


def test_two_decide_about_two_cards() -> None:
    bobs = by("bob", SHIP_IS_DONE)
    at_once = given(sprint, *CARDS, BEGUN).when(DecideCard(card="c1", fate="carry"), unseen=[bobs])
    at_once.then(merged(CARRY_PAY))


def test_one_decides_cards_while_the_other_names_a_reviewer() -> None:
    bobs = [by("bob", event) for event in (CARRY_PAY, SHIP_IS_DONE)]
    given(sprint, *CARDS, BEGUN).when(NameReviewer(reviewer="dan"), unseen=bobs).then(merged(DAN))


@pytest.mark.parametrize(
    ("when", "bobs", "at"),
    [
        (
            DecideCard(card="c1", fate="carry"),
            CardDecided(card="c1", fate="drop"),
            "card/c1/fate",
        ),
        (
            DecideCard(card="c1", fate="carry"),
            CardMoved(card="c1", column="done"),
            "card/c1/column",
        ),
        (
            DecideCard(card="c1", fate="carry"),
            CardRenamed(card="c1", title="Refund"),
            "card/c1/title",
        ),
        (NameReviewer(reviewer="dan"), ReviewerNamed(reviewer="eve"), "reviewer"),
        (NameReviewer(reviewer="dan"), ClosingStopped(), "closing"),
        (CloseSprint(into="sprint-44"), ClosingStopped(), "closing"),
    ],
)
def test_two_who_want_different_things_are_told(
    when: SprintCommand, bobs: SprintEvent, at: str
) -> None:
    stale = given(sprint, *CARDS, BEGUN).when(when, who="ann", unseen=[by("bob", bobs)])
    stale.then(conflicted("bob", at=at))


def test_two_who_want_the_same_agree() -> None:
    given(sprint, *CARDS).when(CloseSprint(into="sprint-43"), unseen=[by("bob", BEGUN)]).then(
        unchanged()
    )
    given(sprint, *CARDS, BEGUN).when(NameReviewer(reviewer="dan"), unseen=[by("bob", DAN)]).then(
        unchanged()
    )


def test_a_board_is_not_frozen_in_a_way_that_its_sender_has_not_seen() -> None:
    for event in (CardDecided(card="c1", fate="drop"), CardRenamed(card="c2", title="Ship it")):
        stale = given(sprint, *READY).when(FreezeBoard(), who="ann", unseen=[by("bob", event)])
        stale.then(conflicted("look at the board again before you freeze it"))


def test_a_vote_and_a_comment_do_not_keep_anybody_from_freezing() -> None:
    said = CardCommented(card="c1", comment="a1", text="Hm")
    words: list[SprintEvent] = [said, CardUpvoted(card="c1", voter="bob")]
    bobs = [by("bob", event) for event in words]
    given(sprint, *READY).when(FreezeBoard(), who="ann", unseen=bobs).then(
        rebased(*FREEZING, rule="FreezeBoard.on_conflict")
    )


def test_who_decides_a_card_of_a_board_that_was_just_frozen_is_told_by_whom() -> None:
    bobs = [by("bob", event) for event in FREEZING]
    late = given(sprint, *READY).when(DecideCard(card="c2", fate="drop"), who="ann", unseen=bobs)
    late.then(conflicted("bob", at="card/c2/column"))
    late = given(sprint, *READY).when(AddCard(card="c4", number=4, title="More"), unseen=bobs)
    late.then(rejected(BoardIsFrozen, who="bob"))


# --- what is read ---------------------------------------------------------------------------------


def test_the_read_model_says_how_far_a_closing_is() -> None:
    events = [by("ann", event, key="s1") for event in (*READY, *FREEZING, DRAFT)]
    row = ClosingRow(
        board="s1",
        version=11,
        stage="frozen",
        into="sprint-43",
        begun_by="ann",
        reviewer="dan",
        named_by="ann",
        frozen_by="ann",
        done=("Ship", "Rest"),
        carried=FROZEN.carried,
        draft=DRAFT.text,
    )
    given(Closings, *events).rows(row, table=Closings.rows)


def test_the_read_model_lists_the_open_cards_with_their_fates() -> None:
    events = [by("bob", event, key="s1") for event in (*CARDS, BEGUN, CARRY_PAY)]
    with given(Closings, *events).reading() as closings:
        found = closings.open.prefix("s1").list()
    assert [(row.number, row.fate, row.decided_by) for row in found] == [
        (1, "carry", "bob"),
        (2, None, ""),
    ]


def test_a_reminder_is_shown_until_somebody_goes_on() -> None:
    reminded = [*READY, ClosingReminded(waits_for="freeze")]
    with given(Closings, *reminded).reading() as closings:
        assert closings.rows["test"].reminded
    with given(Closings, *reminded, CardDecided(card="c1", fate="drop")).reading() as closings:
        assert closings.rows["test"].reminded is None
