"""Policies: a decider is played by other conflict rules, and its classes stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Never, cast

import pytest
from tests.support.party import (
    Chip,
    Chipped,
    Invite,
    Invited,
    Party,
    PartyCommand,
    PartyEvent,
    PlaceSet,
    Rename,
    Renamed,
    Seat,
    Seated,
    SetPlace,
    SetTheme,
    ThemeSet,
    Toast,
    happened,
    party,
)

from comity.actors import Domain
from comity.engine import (
    Clash,
    Command,
    Conflicted,
    Decider,
    Decision,
    Event,
    Happened,
    Meeting,
    Outcome,
    Sent,
    WiringError,
    give_way,
    last_writer_wins,
    matrix,
    merge,
    overwrite,
    reject,
    rejecting,
    transform,
    whole_aggregate,
    with_rules,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.merging.clash_places import clash_places
from comity.engine.merging.command import rule_of

GUS = Invited(guest="g1", name="Gus")
AnyParty = Decider[Party, PartyCommand, PartyEvent]


def decided(
    decider: AnyParty, command: PartyCommand, *unseen: PartyEvent, by: str = "bob"
) -> Decision[PartyCommand, PartyEvent]:
    """What becomes of ann's command; she has seen the guest, and not these events."""
    since = happened(*unseen, by=by, after=1)
    state = decider.fold(Party(), [GUS, *unseen])
    return merge(decider, state, 1 + len(since), command, Sent("ann", "ann's session", 1), since)


# --- with_rules


def test_a_command_is_decided_by_the_rule_that_it_is_given() -> None:
    hasty = with_rules(party, {Rename: overwrite})
    decision = decided(hasty, Rename(guest="g1", name="A"), Renamed(guest="g1", name="B"))
    assert (decision.outcome, decision.events) == (
        Outcome.REBASED, (Renamed(guest="g1", name="A"),),
    )  # fmt: skip
    assert decision.report is not None
    assert decision.report.rule == "overwrite"


def test_the_class_and_the_decider_keep_their_own_rule() -> None:
    with_rules(party, {Rename: overwrite})
    with pytest.raises(Conflicted):
        decided(party, Rename(guest="g1", name="A"), Renamed(guest="g1", name="B"))
    assert rule_of(Rename).name == party.rules[Rename].name == "reject"


def test_other_commands_keep_their_rules() -> None:
    hasty = with_rules(party, {Rename: overwrite})
    assert hasty.rules[SetPlace].name == "give_way"
    assert hasty.rules[Seat].name == "Seat.on_conflict"


def test_a_rule_of_ones_own_gets_the_state_and_may_return_another_command() -> None:
    def as_place(command: SetTheme, clash: Clash[Party], /) -> SetPlace:
        return SetPlace(place=f"{command.theme} after {clash.state.theme}")

    decision = decided(
        with_rules(party, {SetTheme: as_place}), SetTheme(theme="x"), ThemeSet(theme="y")
    )
    assert decision.command == SetPlace(place="x after y")
    assert decision.report is not None
    assert decision.report.rule == "as_place"


def test_rules_are_given_on_top_of_rules() -> None:
    both = with_rules(with_rules(party, {Rename: overwrite}), {SetTheme: give_way})
    assert (both.rules[Rename].name, both.rules[SetTheme].name) == ("overwrite", "give_way")


def test_the_matrix_shows_the_rules_that_are_played() -> None:
    table = matrix(with_rules(party, {Rename: overwrite}))
    assert table.cell(Rename, Renamed).rule == "overwrite"
    assert table.cell(Toast, Renamed) == matrix(party).cell(Toast, Renamed)


# --- ready policies


def test_the_last_writer_wins_with_every_command() -> None:
    decision = decided(last_writer_wins(party), SetPlace(place="roof"), PlaceSet(place="cellar"))
    assert decision.events == (PlaceSet(place="roof"),)
    assert {rule.name for rule in last_writer_wins(party).rules.values()} == {"overwrite"}


def test_a_policy_that_rejects_refuses_where_the_domains_rule_went_on() -> None:
    assert decided(party, SetTheme(theme="x"), ThemeSet(theme="y")).outcome is Outcome.REBASED
    with pytest.raises(Conflicted):
        decided(rejecting(party), SetTheme(theme="x"), ThemeSet(theme="y"))


def test_elsewhere_a_policy_that_rejects_merges() -> None:
    decision = decided(rejecting(party), SetTheme(theme="x"), Renamed(guest="g1", name="B"))
    assert decision.outcome is Outcome.MERGED


@pytest.mark.parametrize(
    ("command", "unseen"),
    [
        (SetTheme(theme="x"), Renamed(guest="g1", name="B")),
        (Chip(amount=1), Chipped(amount=1)),
    ],
    ids=["elsewhere", "what commutes"],
)
def test_in_a_whole_aggregate_any_unseen_event_refuses(
    command: PartyCommand, unseen: PartyEvent
) -> None:
    assert decided(party, command, unseen).outcome is Outcome.MERGED
    with pytest.raises(Conflicted) as refusal:
        decided(whole_aggregate(party), command, unseen)
    report = refusal.value.report
    assert (report.rule, [change.path for change in report.clashes]) == ("whole_aggregate", ["/"])
    assert report.sentence().endswith("at / (version 2): refused by rule `whole_aggregate`")


class Noted(Event):
    touches = ()


def note(state: Party, command: SetTheme) -> Sequence[Noted]:
    return [Noted()]


def keep(state: Party, event: Noted) -> Party:
    return state


def test_an_event_that_touches_nothing_refuses_in_a_whole_aggregate_too() -> None:
    notes = whole_aggregate(Decider("notes", Party, note, keep))
    with pytest.raises(Conflicted):
        merge(
            notes,
            Party(),
            1,
            SetTheme(theme="x"),
            Sent("ann", "a", 0),
            [Happened(1, Noted(), "bob", "b")],
        )


def test_ones_own_events_refuse_nothing_in_a_whole_aggregate() -> None:
    decision = decided(
        whole_aggregate(party), SetTheme(theme="x"), Renamed(guest="g1", name="B"), by="ann"
    )
    assert decision.outcome is Outcome.APPLIED


def test_ones_own_events_are_not_told_among_those_that_refuse_in_a_whole_aggregate() -> None:
    since = happened(Renamed(guest="g1", name="A"), by="ann", after=1)
    since += happened(Renamed(guest="g1", name="B"), by="bob", after=2)
    sent = Sent("ann", "ann's session", 1)
    with pytest.raises(Conflicted) as refusal:
        merge(whole_aggregate(party), Party(), 3, SetTheme(theme="x"), sent, since)
    assert [change.who for change in refusal.value.report.clashes] == ["bob"]


def test_what_is_done_already_is_unchanged_in_a_whole_aggregate() -> None:
    decision = decided(whole_aggregate(party), SetTheme(theme="x"), ThemeSet(theme="x"))
    assert decision.outcome is Outcome.UNCHANGED


def test_the_matrix_of_a_whole_aggregate_clashes_everywhere() -> None:
    cells = matrix(whole_aggregate(party)).cells
    assert {(one.meeting, one.path, one.rule) for one in cells} == {
        (Meeting.CLASHES, "/", "whole_aggregate")
    }


def test_statistics_name_the_whole_aggregate_as_the_place() -> None:
    with pytest.raises(Conflicted) as refusal:
        decided(whole_aggregate(party), SetTheme(theme="x"), Renamed(guest="g1", name="B"))
    assert clash_places(SetTheme(theme="x"), refusal.value.report.clashes, party.events) == {"/"}


# --- in a domain


def test_a_domain_plays_the_policy_that_it_was_opened_with() -> None:
    with Domain(MemoryJournal(), deciders=[with_rules(party, {Rename: overwrite})]) as domain:
        ann, bob = (domain.session(who).aggregate(party, "p") for who in ("ann", "bob"))
        bob.send(Invite(guest="g1", name="Gus"))
        bob.send(Rename(guest="g1", name="B")).result(60)
        receipt = ann.send(Rename(guest="g1", name="A"), seen=1).result(60)
        assert (receipt.outcome, receipt.report.rule) == (Outcome.REBASED, "overwrite")
        assert domain.state(ann).names == {"g1": "A"}


def test_a_domain_knows_the_decider_that_it_was_opened_with_from_another_of_its_name() -> None:
    other = Decider("party", Party, party.decide, party.evolve)
    with (
        Domain(MemoryJournal(), deciders=[whole_aggregate(party)]) as domain,
        pytest.raises(WiringError, match="not among the deciders"),
    ):
        domain.aggregate(other, "p")


# --- wrong input


class Foreign(Command):
    pass


def alone(command: Command) -> Command:
    return command


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a command that the decider lacks": (
        lambda: with_rules(party, {cast("type[Rename]", Foreign): overwrite}),
        "party has no command class Foreign; it has Invite, Rename, ",
    ),
    "a command by its name": (
        lambda: with_rules(party, {cast("type[Rename]", "Rename"): overwrite}),
        "party has no command class 'Rename'; it has",
    ),
    "a command instead of its class": (
        lambda: with_rules(party, {cast("type[Rename]", SetTheme(theme="x")): overwrite}),
        r"party has no command class SetTheme\(theme='x'\); it has",
    ),
    "an event": (
        lambda: with_rules(party, {cast("type[Rename]", Seated): overwrite}),
        "party has no command class Seated; it has",
    ),
    "a rule without the clash": (
        lambda: with_rules(party, {Rename: cast("Never", alone)}),
        r"with_rules, Rename: expected a rule such as reject.*, got <function alone",
    ),
    "a rule by its name": (
        lambda: with_rules(party, {Rename: cast("Never", "overwrite")}),
        r"with_rules, Rename: expected a rule such as reject.*, got 'overwrite'",
    ),
    "transform without a step": (
        lambda: with_rules(party, {Rename: cast("Never", transform)}),
        r"with_rules, Rename: expected a rule such as .* transform\(step\)",
    ),
    "rules that are none": (
        lambda: with_rules(party, cast("Never", overwrite)),
        r"expected rules such as {RenameCard: overwrite}, got <function overwrite",
    ),
    "a decider that is none": (
        lambda: with_rules(cast("AnyParty", Party), {Rename: reject}),
        r"with_rules: expected a Decider\(...\), got <class",
    ),
    "a whole aggregate of no decider": (
        lambda: whole_aggregate(cast("AnyParty", "party")),
        r"whole_aggregate: expected a Decider\(...\), got 'party'",
    ),
    "last writers without a decider": (
        lambda: last_writer_wins(cast("AnyParty", None)),
        r"last_writer_wins: expected a Decider\(...\), got None",
    ),
    "a refusal of no decider": (
        lambda: rejecting(cast("AnyParty", 5)),
        r"rejecting: expected a Decider\(...\), got 5",
    ),
}


@pytest.mark.parametrize(("make", "told"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_told_when_the_policy_is_made(make: Callable[[], object], told: str) -> None:
    with pytest.raises(WiringError, match=told):
        make()
