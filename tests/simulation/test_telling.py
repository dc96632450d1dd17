"""What is told about a run: its wishes, its figures, its story and its page."""

from __future__ import annotations

import re

import pytest
from tests.support.made_up_runs import BOB, attempt, busy_hours, run

from comity.simulation import report
from comity.simulation.records.run import Failure
from comity.simulation.telling import counting
from comity.simulation.telling.counting import Meeting
from comity.simulation.telling.story import moment, sentence, story
from comity.simulation.telling.wish import Ending, wishes

REFUSED = attempt(0, "conflicted", overlaps=(BOB,), rule="reject", unseen=1)

# --- wishes


def test_a_wish_joins_a_refused_attempt_with_its_repeats() -> None:
    repeated = attempt(2, "conflicted", again=0)
    done = attempt(3, "applied", again=2, chosen=70, sent=70, answered=71)
    (wish, other) = wishes([done, REFUSED, attempt(1), repeated])
    assert [one.number for one in wish.attempts] == [0, 2, 3]
    assert [one.number for one in other.attempts] == [1]


def test_the_time_of_a_wish_runs_from_the_first_choice_to_the_acceptance() -> None:
    (wish,) = wishes([REFUSED, attempt(1, again=0, chosen=70, sent=70, answered=71)])
    assert wish.took == 61


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        (attempt(0, "rebased", rule="overwrite"), Ending.DONE),
        (attempt(0, "unchanged"), Ending.DONE),
        (attempt(0, "unchanged", rule="give_way"), Ending.DROPPED),
        (attempt(0, "rejected"), Ending.GIVEN_UP),
        (attempt(0, "lost", answered=None), Ending.UNANSWERED),
        (attempt(0, "Busy"), Ending.UNANSWERED),
    ],
)
def test_how_a_wish_ends_follows_from_its_last_attempt(last: object, ending: Ending) -> None:
    (wish,) = wishes([last])  # type: ignore[list-item]
    assert wish.ending is ending
    assert (wish.took is None) == (ending is not Ending.DONE)


# --- figures


def test_attempts_are_counted_in_round_parts_of_the_time() -> None:
    parts = counting.over_time(
        [attempt(0, sent=10), attempt(1, "conflicted", sent=650), attempt(2, sent=28_800)],
        28_800,
        counting.refused,
    )
    assert (len(parts), parts[0].seconds) == (48, 600)
    assert [(part.sent, part.counted) for part in (parts[0], parts[1], parts[-1])] == [
        (1, 0), (1, 1), (1, 0),
    ]  # fmt: skip


def test_the_share_of_an_age_says_how_sure_it_is() -> None:
    few = counting.Age(10, 10, 5)
    many = counting.Age(10, 1_000, 500)
    assert few.share == many.share == 0.5
    assert few.within[0] < many.within[0] < 0.5 < many.within[1] < few.within[1]


def test_ages_that_few_attempts_had_and_attempts_without_a_view_are_left_out() -> None:
    old = [attempt(number, age=100) for number in range(10)]
    others = [attempt(10, age=5), *(attempt(number, seen=None) for number in range(11, 40))]
    assert [one.sent for one in counting.by_age([*old, *others], counting.refused)] == [10]


def test_a_meeting_is_counted_once_for_each_kind_of_event() -> None:
    moved = BOB._replace(event="CardMoved")
    made = attempt(0, "rebased", overlaps=(BOB, BOB, moved), overwritten=(BOB,), rule="overwrite")
    assert counting.meetings([made, REFUSED]) == {
        ("RenameCard", "CardRenamed"): Meeting(2, 1, 1, 0),
        ("RenameCard", "CardMoved"): Meeting(1, 0, 0, 0),
    }


def test_a_cumulative_curve_rises_to_all() -> None:
    curve = counting.cumulative([3.0, 1.0, 2.0])
    assert curve == [(1.0, 1 / 3), (2.0, 2 / 3), (3.0, 1.0)]


# --- stories


@pytest.mark.parametrize(
    ("made", "end"),
    [
        (attempt(), ": done."),
        (attempt(0, "merged", unseen=1), ": merged with 1 unseen change elsewhere."),
        (REFUSED, ": refused by rule `reject`, because of bob's CardRenamed at card/c1/title."),
        (
            attempt(0, "unchanged", rule="give_way", overlaps=(BOB,)),
            ": dropped by rule `give_way`, because of bob's CardRenamed at card/c1/title.",
        ),
        (
            attempt(0, "rejected", sentence="ann wanted to rename card: rejected (no card: c9)"),
            ": rejected (no card: c9).",
        ),
        (
            attempt(0, "Busy", tries=3, sentence="ann wanted to rename card: too much"),
            ": Busy (too much); it was sent 3 times.",
        ),
        (attempt(0, answered=40.0), ": done; the answer came after 30 s."),
    ],
)
def test_a_sentence_says_what_came_of_an_attempt(made: object, end: str) -> None:
    assert sentence(made).endswith(end)  # type: ignore[arg-type]


def test_a_sentence_says_who_sent_what_on_which_view() -> None:
    assert sentence(attempt()) == (
        "ann sent RenameCard(card='c1', title='Pay') to board/b1, looking at version 3, 12 s old: "
        "done."
    )


def test_a_draft_and_a_repeat_are_told_as_such() -> None:
    assert sentence(attempt(0, chosen=-590.0)).startswith("ann sent a draft of 10 min before, ")
    assert sentence(attempt(1, again=0)).startswith("ann tried again and sent Rename")


def test_control_characters_of_data_are_escaped() -> None:
    assert "\x1b" not in sentence(attempt(0, "rejected", person="\x1b[2J", sentence="x: \x1b[2J"))


def test_a_story_goes_by_time_and_ends_with_the_failure() -> None:
    told = story(
        run(
            attempt(1, sent=60.0),
            attempt(0),
            story=("00:00:30.000 the process crashed",),
            failure=Failure("InvariantBroken", "expected a title", 61.0, 9),
        )
    )
    assert [line.split()[0] for line in told] == [moment(at) for at in (10, 30, 60, 61)]
    assert told[-1].endswith("InvariantBroken: expected a title")


def test_of_a_long_story_the_end_is_told() -> None:
    told = story(run(*(attempt(number, sent=float(number)) for number in range(50))), most=10)
    assert told[0] == "... (40 sentences before that)"
    assert len(told) == 11
    assert told[-1].startswith("00:00:49.000 ")


# --- the page


def test_the_page_of_a_run_says_who_played_and_what_came_of_it() -> None:
    text = report(busy_hours())
    assert re.search(r"500 people for 7 h \d+ min, seed 7, own rules\.", text)
    for title in ("Conflicts over time", "Old views", "Who met what", "How long it took"):
        assert title in text


def test_the_page_of_a_run_in_which_nothing_happened_says_so() -> None:
    assert "Nothing of that kind happened." in report(run())


def test_the_page_of_a_failed_run_begins_with_its_story_and_how_to_repeat_it() -> None:
    failure = Failure("InvariantBroken", "expected a title", 61.0, 9)
    text = report(run(attempt(), failure=failure), "comity simulate x.py --seed 7")
    assert text.index("It failed: InvariantBroken") < text.index("were accepted")
    assert "comity simulate x.py --seed 7" in text


def test_the_page_of_an_interrupted_run_says_that_it_is_about_a_part() -> None:
    assert "then it was interrupted" in report(run(attempt(), interrupted=True))
