"""The same people under several sets of rules: what each set lost, and whom it asked again."""

from __future__ import annotations

import pytest
from examples.board.domain import AddCard, RenameCard
from examples.board.scenario import team
from tests.support.made_up_runs import BOB, attempt, busy_hours, run
from tests.support.party import Rename, SetTheme, party

from comity.engine import WiringError, overwrite, whole_aggregate
from comity.simulation import Comparison, Crowd, Person, Scenario, compare, own_rules, report
from comity.simulation.comparing.cost import cost
from comity.simulation.comparing.policies import POLICIES
from comity.simulation.telling.story import sentence


async def decorator(person: Person) -> None:
    """Changes the theme, and then something else, on a view that is ten seconds old."""
    await person.look(party, "monday")
    await person.think(10)
    await person.do(SetTheme(theme=person.name), again=3)


planning = Scenario("planning", deciders=[party], crowds=[Crowd(decorator, 5)], hours=0.1)


def costs(scenario: Scenario = planning) -> dict[str, tuple[int, int, int]]:
    return {one.policy: (one.lost, one.asked, one.done) for one in compare(scenario).costs}


def test_each_policy_loses_or_asks_as_its_rule_says() -> None:
    """Five people write over each other: the last of them wins, or four of them ask again."""
    assert costs()["own rules"] == (4, 0, 5)  # the rule of a theme is overwrite
    assert costs()["last writer wins"] == (4, 0, 5)
    lost, asked, done = costs()["reject"]
    assert (lost, done) == (0, 5)
    assert asked >= 4


def test_a_version_column_asks_again_where_paths_do_not_overlap() -> None:
    async def guest(person: Person) -> None:
        await person.look(party, "monday")
        await person.think(10)
        await person.do(Rename(guest=person.name, name="x"))

    apart = Scenario("apart", deciders=[party], crowds=[Crowd(guest, 3)], hours=0.1)
    found = {one.policy: one for one in compare(apart).costs}
    assert {one.said_no for one in found.values()} == {3}  # none of them was invited
    assert found["version column"].asked == found["reject"].asked == 3


def test_all_policies_are_played_by_the_same_people() -> None:
    first, *others = compare(planning, seed=3).runs
    for other in others:
        assert {one.person for one in other.attempts} == {one.person for one in first.attempts}
    assert [one.policy for one in (first, *others)] == list(POLICIES)


def test_a_policy_may_be_rules_for_some_commands() -> None:
    (run,) = compare(planning, {"polite": {SetTheme: lambda _command, _clash: None}}).runs
    assert run.outcomes["unchanged"] == 4
    assert cost(run).dropped == 4


def test_a_command_that_a_rule_changed_and_that_had_nothing_left_to_do_is_not_lost() -> None:
    async def same(person: Person) -> None:
        await person.look(party, "monday")
        await person.think(10)
        await person.do(SetTheme(theme=person.name))

    def first_one(_command: SetTheme, _clash: object) -> SetTheme:
        return SetTheme(theme="same 1")

    alike = Scenario("alike", deciders=[party], crowds=[Crowd(same, 2)], hours=0.1)
    (run,) = compare(alike, {"as the first": {SetTheme: first_one}}).runs
    first, second = run.attempts
    assert first.text == "SetTheme(theme='same 1')"
    assert second.sentence.endswith(": nothing was left to do")
    assert sentence(second).endswith(": nothing was left to do.")
    assert (cost(run).done, cost(run).lost) == (2, 0)


def test_a_policy_leaves_the_domain_as_it_is() -> None:
    before = planning.play(7)
    compare(planning, seed=7)
    assert planning.play(7).attempts == before.attempts


def nothing(decider: object) -> None:
    """No policy: it returns no decider."""


WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "expected at least one policy"),
    ({"hasty": {AddCard: overwrite}}, "policy 'hasty': no decider of the scenario has AddCard"),
    ({"hasty": {SetTheme: "overwrite"}}, "policy 'hasty': "),
    ({"hasty": None}, "expected a function of a decider"),
    ({"hasty": nothing}, "expected a decider named party, got None"),
]


@pytest.mark.parametrize(("policies", "said"), WRONG)
def test_a_wrong_policy_is_refused_in_words_before_anything_runs(
    policies: object, said: str
) -> None:
    played: list[float] = []
    with pytest.raises(WiringError, match=said):
        compare(planning, policies, progress=lambda *_: played.append(1))  # type: ignore[arg-type]
    assert played == []


def test_progress_names_the_policy() -> None:
    names: set[str] = set()
    compare(
        team,
        {"own": own_rules, "column": whole_aggregate, "hasty": {RenameCard: overwrite}},
        people=8,
        hours=0.5,
        progress=lambda policy, _seconds, _attempts: names.add(policy),
    )
    assert names <= {"own", "column", "hasty"}


# --- what is counted


def test_a_cost_counts_each_time_that_somebody_was_asked_again() -> None:
    refused = attempt(0, "conflicted", overlaps=(BOB,), rule="reject")
    found = cost(
        run(
            refused,
            attempt(1, "rejected", again=0),
            attempt(2, again=1, chosen=70, sent=70, answered=71),
            attempt(3, "conflicted", person="bob"),
        )
    )
    assert (found.wishes, found.done, found.given_up) == (2, 1, 1)
    assert (found.asked, found.said_no, found.people_asked) == (3, 1, 2)
    assert found.half == found.most == 61


def test_a_cost_counts_what_was_lost_without_asking() -> None:
    found = cost(
        run(
            attempt(0, "rebased", overlaps=(BOB, BOB), overwritten=(BOB, BOB), rule="overwrite"),
            attempt(1, "unchanged", rule="give_way", overlaps=(BOB,)),
            attempt(2, "unchanged"),
        )
    )
    assert (found.replaced, found.dropped, found.lost) == (1, 1, 2)


# --- the page


def test_the_page_of_a_comparison_shows_each_policy() -> None:
    text = report(Comparison((busy_hours(), busy_hours("reject", 1.0))))
    assert "team board under 2 sets of rules" in text
    for title in ("Lost without asking", "Asked again", "Given up", "All pairs", "Words"):
        assert title in text
    assert text.count("reject") > 5


def test_the_page_of_an_interrupted_comparison_says_so() -> None:
    text = report(Comparison((run(attempt()), run(interrupted=True))))
    assert "It was interrupted" in text


def test_a_comparison_in_which_nothing_met_has_a_page() -> None:
    assert "Nothing of that kind happened." in report(Comparison((run(), run())))
