"""The process of closing a sprint: where it is, what it orders, and whom it reminds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from examples.board.domain import CardAdded, CardMoved, CardRemoved
from examples.sprint.domain import sprint
from examples.sprint.messages import (
    BoardFrozen,
    CardDecided,
    Carried,
    CarryOver,
    ClosingBegun,
    ClosingStopped,
    DraftSummary,
    Remind,
    ReviewerNamed,
    SummaryPublished,
)
from examples.sprint.process import PATIENCE, ClosingThing, Step, closing

from comity.engine import End, Event, Order, SetTimer
from comity.testing import answered, by, given, rang, refused
from comity.testing.stating.walking import Hears

BEGUN = ClosingBegun(into="sprint-43", open=("c1", "c2"), decided=(), reviewer="")
BOTH = (CardDecided(card="c1", fate="carry"), CardDecided(card="c2", fate="carry"))
DAN = ReviewerNamed(reviewer="dan")
PAY = Carried(card="c1", title="Pay", assignee="ann")
SHIP = Carried(card="c2", title="Ship", assignee="")
FROZEN = BoardFrozen(into="sprint-43", done=("Rest",), dropped=(), carried=(PAY, SHIP))
REMINDER = SetTimer("reminder", after=PATIENCE)
CARRY_PAY = Order(
    sprint, "sprint-43", CarryOver(card="c1", title="Pay", assignee="ann"), name="carry 0"
)
CARRY_SHIP = Order(
    sprint, "sprint-43", CarryOver(card="c2", title="Ship", assignee=""), name="carry 1"
)


def on(*things: Hears[ClosingThing]) -> list[Hears[ClosingThing]]:
    """These things, the events among them of the board sprint-42."""
    return [by("ann", one, key="sprint-42") if isinstance(one, Event) else one for one in things]


def draft(*lines: str) -> Order:
    text = "\n".join(("sprint-42 is closed.", "Done: Rest.", *lines))
    return Order(sprint, "sprint-42", DraftSummary(text=text), name="draft")


@pytest.mark.parametrize(
    ("after", "step"),
    [
        ([], "cards"),
        ([BOTH[0]], "cards"),
        ([*BOTH], "reviewer"),
        ([*BOTH, DAN], "freeze"),
        ([DAN, *BOTH], "freeze"),
        ([*BOTH, DAN, CardAdded(card="c3", number=3, title="Late", column="todo")], "cards"),
        ([*BOTH, DAN, CardAdded(card="c3", number=3, title="Late", column="done")], "freeze"),
        ([BOTH[0], CardMoved(card="c2", column="done")], "reviewer"),
        ([BOTH[0], CardRemoved(card="c2")], "reviewer"),
        ([*BOTH, CardMoved(card="c2", column="doing")], "reviewer"),
        ([*BOTH, DAN, FROZEN], "carry"),
        ([*BOTH, DAN, FROZEN, answered("carry 0"), answered("carry 1")], "summary"),
        (
            [*BOTH, DAN, FROZEN, answered("carry 0"), answered("carry 1"), answered("draft")],
            "publish",
        ),
    ],
)
def test_it_knows_the_next_step(after: list[Hears[ClosingThing]], step: Step) -> None:
    assert given(closing, *on(BEGUN, *after)).state.step == step


def test_a_closing_that_was_stopped_goes_on_where_it_was() -> None:
    again = ClosingBegun(into="sprint-44", open=("c2",), decided=("c1",), reviewer="dan")
    stopped = given(closing, *on(BEGUN, BOTH[0], DAN, ClosingStopped(), again))
    assert stopped.state.step == "cards"
    assert stopped.when(by("ann", BOTH[1], key="sprint-42")).state.step == "freeze"


def test_each_step_of_a_person_sets_the_reminder_anew() -> None:
    begun = given(closing).when(by("ann", BEGUN, key="sprint-42")).then(REMINDER)
    begun.when(by("ann", BOTH[0], key="sprint-42")).then(REMINDER)
    assert timedelta(minutes=1) <= PATIENCE


def test_who_does_not_go_on_is_reminded_once() -> None:
    late = given(closing, *on(BEGUN, *BOTH)).when(rang("reminder"))
    late.then(Order(sprint, "sprint-42", Remind(waits_for="reviewer")))


def test_the_next_sprint_is_to_take_the_carried_cards_and_then_the_summary_is_drafted() -> None:
    frozen = given(closing, *on(BEGUN, *BOTH, DAN)).when(by("ann", FROZEN, key="sprint-42"))
    frozen.then(REMINDER, CARRY_PAY, CARRY_SHIP)
    last = frozen.when(answered("carry 1")).then().when(answered("carry 0"))
    last.then(draft("Carried over to sprint-43: Pay, Ship.", "Dropped: nothing."))


def test_a_card_that_the_next_sprint_does_not_take_is_named_in_the_summary() -> None:
    frozen = given(closing, *on(BEGUN, *BOTH, DAN, FROZEN, answered("carry 0")))
    frozen.when(refused("carry 1", "todo is full: its limit is 1")).then(
        draft(
            "Carried over to sprint-43: Pay.",
            "Dropped: nothing.",
            "Not taken by sprint-43: Ship (todo is full: its limit is 1).",
        )
    )


def test_without_carried_cards_the_summary_is_drafted_at_once() -> None:
    frozen = BoardFrozen(into="sprint-43", done=("Rest",), dropped=("Pay", "Ship"), carried=())
    at_once = given(closing, *on(BEGUN, *BOTH, DAN)).when(by("ann", frozen, key="sprint-42"))
    at_once.then(REMINDER, draft("Carried over to sprint-43: nothing.", "Dropped: Pay, Ship."))


@pytest.mark.parametrize("last", [SummaryPublished(text="All done."), ClosingStopped()])
def test_it_ends(last: SummaryPublished | ClosingStopped) -> None:
    ended = given(closing, *on(BEGUN)).when(by("ann", last, key="sprint-42"))
    assert [type(one) for one in ended.reactions] == [End]
    assert ended.ended
    assert ended.state.step == "over"
