"""Merging: every outcome and every rule, on the party that several people plan at once."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Never, cast

import pytest
from tests.support.making import make
from tests.support.party import (
    Chip,
    Chipped,
    Invited,
    Party,
    PartyCommand,
    PartyEvent,
    PlaceSet,
    Rename,
    Renamed,
    Seat,
    Seated,
    SeatTaken,
    SetPlace,
    SetTheme,
    Spend,
    Spent,
    ThemeSet,
    Toast,
    Toasted,
    Uninvite,
    Uninvited,
    happened,
    party,
)

from comity.engine import (
    AggregateId,
    Clash,
    Command,
    Conflicted,
    Decider,
    DeciderFailed,
    Decision,
    Event,
    Footprint,
    Happened,
    MergeReport,
    Outcome,
    Refused,
    Rejected,
    Sent,
    merge,
    with_rules,
)
from comity.engine.merging.decisive import decisive
from comity.engine.merging.merge import decide, straight
from comity.engine.merging.report import MOST_ELSEWHERE
from comity.engine.merging.rule import RuleFunction
from comity.engine.merging.sent import Sender

GUESTS: tuple[PartyEvent, ...] = (
    Invited(guest="g1", name="Gus"),
    Invited(guest="g2", name="Eva"),
)


def by_bob(*events: PartyEvent) -> list[Happened[PartyEvent]]:
    """What bob did after the guests were invited, and ann has not seen."""
    return happened(*events, after=len(GUESTS))


def send(
    command: PartyCommand,
    since: Sequence[Happened[PartyEvent]] = (),
    session: str = "ann's session",
) -> Decision[PartyCommand, PartyEvent]:
    """What becomes of ann's command; she has seen the guests and nothing after."""
    state = party.fold(Party(), [*GUESTS, *(one.event for one in since)])
    version = len(GUESTS) + len(since)
    return merge(party, state, version, command, Sent("ann", session, len(GUESTS)), since)


def refused(
    command: PartyCommand, since: Sequence[Happened[PartyEvent]]
) -> tuple[Refused, MergeReport]:
    """The refusal of ann's command, and its report."""
    with pytest.raises(Refused) as refusal:
        send(command, since)
    return refusal.value, refusal.value.report


# --- nothing unseen, or nothing that overlaps


def test_a_command_whose_sender_saw_everything_is_applied() -> None:
    decision = send(Rename(guest="g1", name="August"))
    assert decision.outcome is Outcome.APPLIED
    assert decision.events == (Renamed(guest="g1", name="August"),)
    assert decision.report is None


def test_a_command_whose_sender_looked_at_nothing_is_done_to_todays_state() -> None:
    state = party.fold(Party(), GUESTS)
    decision = merge(party, state, 2, Rename(guest="g1", name="A"), Sent("ann", "", None))
    assert decision.outcome is Outcome.APPLIED


def test_a_command_that_changes_nothing_is_unchanged() -> None:
    decision = send(Rename(guest="g1", name="Gus"))
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())


def test_unseen_events_elsewhere_are_merged_with() -> None:
    decision = send(Rename(guest="g1", name="A"), by_bob(Renamed(guest="g2", name="B")))
    assert decision.outcome is Outcome.MERGED
    assert decision.report is not None
    assert decision.report.unseen == 1
    assert decision.report.clashes == ()
    assert decision.report.changes[0].who == "bob"


def test_other_parts_of_the_same_thing_merge() -> None:
    decision = send(Seat(guest="g1", seat=3), by_bob(Renamed(guest="g1", name="B")))
    assert decision.outcome is Outcome.MERGED


def test_a_merged_command_that_changes_nothing_is_unchanged() -> None:
    decision = send(Rename(guest="g1", name="Gus"), by_bob(ThemeSet(theme="jazz")))
    assert decision.outcome is Outcome.UNCHANGED
    assert decision.report is not None
    assert decision.report.sentence().endswith("1 change elsewhere: nothing was left to do")


def test_a_command_is_decided_on_todays_state_and_not_on_what_was_seen() -> None:
    decision = send(Spend(amount=9), by_bob(Chipped(amount=9)))
    assert decision.events == (Spent(amount=9),)
    with pytest.raises(Rejected, match="there are 5 in the kitty, not 9"):
        send(Spend(amount=9), happened(Chipped(amount=5), by="ann", after=2))


# --- whose events are unseen


def test_what_the_senders_own_session_did_is_not_unseen() -> None:
    own = happened(Renamed(guest="g1", name="B"), by="ann", after=2)
    assert send(Rename(guest="g1", name="A"), own).outcome is Outcome.APPLIED


def test_another_session_of_the_same_person_is_unseen() -> None:
    other = [Happened[PartyEvent](3, Renamed(guest="g1", name="B"), "ann", "ann's phone")]
    with pytest.raises(Conflicted):
        send(Rename(guest="g1", name="A"), other)


def test_without_a_session_nothing_is_the_senders_own() -> None:
    nobodys = [Happened[PartyEvent](3, Renamed(guest="g1", name="B"), "", "")]
    with pytest.raises(Conflicted):
        send(Rename(guest="g1", name="A"), nobodys, session="")


def test_own_events_between_others_are_left_out_of_the_count() -> None:
    since = by_bob(ThemeSet(theme="a"))
    since += happened(ThemeSet(theme="b"), by="ann", after=3)
    since += happened(ThemeSet(theme="c"), by="bob", after=4)
    decision = send(Rename(guest="g1", name="A"), since)
    assert decision.report is not None
    assert [change.version for change in decision.report.changes] == [3, 5]


# --- overlap: the ready rules


def test_the_default_refuses_and_says_who_did_what_where() -> None:
    refusal, report = refused(
        Rename(guest="g1", name="A"), by_bob(Renamed(guest="g1", name="B"), ThemeSet(theme="x"))
    )
    assert isinstance(refusal, Conflicted)
    assert report.outcome is Outcome.CONFLICTED
    assert report.rule == "reject"
    (clash,) = report.clashes
    assert (clash.version, clash.event, clash.who) == (3, "Renamed", "bob")
    assert clash.path == "guest/g1/name"


def test_a_refusal_reads_as_its_report() -> None:
    refusal, report = refused(Rename(guest="g1", name="A"), by_bob(Renamed(guest="g1", name="B")))
    assert str(refusal) == refusal.reason == report.sentence()
    assert str(refusal) == (
        "ann wanted to rename on version 2; meanwhile renamed by bob at guest/g1/name (version 3):"
        " refused by rule `reject`"
    )


def test_both_did_the_same_so_nothing_is_left_to_do() -> None:
    decision = send(Rename(guest="g1", name="B"), by_bob(Renamed(guest="g1", name="B")))
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())
    assert decision.report is not None
    assert decision.report.rule is None
    assert decision.report.sentence().endswith("nothing was left to do")


def test_a_thing_and_what_is_inside_of_it_overlap() -> None:
    refusal, _ = refused(Uninvite(guest="g1"), by_bob(Renamed(guest="g1", name="B")))
    assert isinstance(refusal, Conflicted)
    refusal, _ = refused(Rename(guest="g1", name="A"), by_bob(Uninvited(guest="g1")))
    assert isinstance(refusal, Conflicted)


def test_overwrite_goes_on_as_it_is() -> None:
    decision = send(SetTheme(theme="jazz"), by_bob(ThemeSet(theme="disco")))
    assert decision.outcome is Outcome.REBASED
    assert decision.events == (ThemeSet(theme="jazz"),)
    assert decision.report is not None
    assert (decision.report.rule, decision.report.became) == ("overwrite", None)


def test_overwriting_with_the_same_changes_nothing() -> None:
    decision = send(SetTheme(theme="jazz"), by_bob(ThemeSet(theme="jazz")))
    assert decision.outcome is Outcome.UNCHANGED
    assert decision.report is not None
    assert decision.report.sentence().endswith("nothing was left to do")


def test_giving_way_drops_the_command() -> None:
    decision = send(SetPlace(place="roof"), by_bob(PlaceSet(place="yard")))
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())
    assert decision.report is not None
    assert decision.report.sentence().endswith("dropped by rule `give_way`")


# --- overlap: what commutes


def test_commuting_events_overlap_and_merge_all_the_same() -> None:
    decision = send(Chip(amount=5), by_bob(Chipped(amount=3), Chipped(amount=4)))
    assert decision.outcome is Outcome.MERGED
    assert decision.report is not None
    assert decision.report.clashes == ()


def test_a_tuple_of_classes_commutes_in_either_direction() -> None:
    rich = by_bob(Chipped(amount=9))
    assert send(Spend(amount=5), rich).outcome is Outcome.MERGED
    spent = [*rich, *happened(Spent(amount=3), by="bob", after=3)]
    assert send(Chip(amount=5), spent).outcome is Outcome.MERGED


def test_only_what_does_not_commute_clashes() -> None:
    since = by_bob(Chipped(amount=50), Spent(amount=3))
    refusal, report = refused(Spend(amount=5), since)
    assert isinstance(refusal, Conflicted)
    assert [change.version for change in report.clashes] == [4]


def test_what_is_refused_as_it_stands_does_not_commute() -> None:
    refusal, report = refused(Spend(amount=5), by_bob(Chipped(amount=1)))
    assert isinstance(refusal, Conflicted)
    assert report.clashes[0].path == "kitty"


# --- what a command rests on


def test_a_change_of_what_a_command_rests_on_clashes() -> None:
    refusal, report = refused(Toast(guest="g1", words="hip"), by_bob(Renamed(guest="g1", name="B")))
    assert isinstance(refusal, Conflicted)
    assert report.clashes[0].path == "guest/g1/name"


def test_resting_on_something_is_no_change_of_it() -> None:
    decision = send(Rename(guest="g1", name="A"), by_bob(Toasted(guest="g1", words="hip")))
    assert decision.outcome is Outcome.MERGED


class Audit(Command):
    touches = "audits"
    depends_on = "kitty"


def audit(state: Party, command: Audit) -> tuple[PartyEvent]:
    """Chips in."""
    return (Chipped(amount=1),)


def test_what_a_command_rests_on_does_not_commute() -> None:
    auditor = Decider("party", Party, audit, party.evolve)
    with pytest.raises(Conflicted):
        merge(auditor, Party(), 3, Audit(), Sent("ann", "s", 2), by_bob(Chipped(amount=3)))


# --- overlap: rules of one's own


def test_a_rule_may_look_at_todays_state() -> None:
    since = by_bob(Seated(guest="g2", seat=1))
    decision = send(Seat(guest="g1", seat=1), since)
    assert decision.outcome is Outcome.REBASED
    assert decision.events == (Seated(guest="g1", seat=2),)
    assert decision.command == Seat(guest="g1", seat=2)
    assert decision.report is not None
    assert decision.report.rule == "Seat.on_conflict"
    assert decision.report.became == "Seat(guest='g1', seat=2)"


def test_a_rule_may_drop_the_command() -> None:
    decision = send(Seat(guest="g1", seat=1), by_bob(Uninvited(guest="g1")))
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())
    assert decision.command == Seat(guest="g1", seat=1)
    assert decision.report is not None
    assert decision.report.sentence().endswith("dropped by rule `Seat.on_conflict`")


def ruled(
    rule: object, since: Sequence[Happened[PartyEvent]] | None = None
) -> Decision[PartyCommand, PartyEvent]:
    """What becomes of a command with this rule, clashing with a new theme."""
    decider = with_rules(party, {SetTheme: cast("RuleFunction", rule)})
    since = by_bob(ThemeSet(theme="disco")) if since is None else since
    state = party.fold(Party(), [*GUESTS, *(one.event for one in since)])
    sender = Sent("ann", "ann's session", len(GUESTS))
    return merge(decider, state, 2 + len(since), SetTheme(theme="jazz"), sender, since)


def test_a_rule_sees_the_clash() -> None:
    seen: list[object] = []

    def rule(command: Command, clash: object, /) -> Command:
        seen.append(clash)
        return command

    since = by_bob(ThemeSet(theme="disco"), Renamed(guest="g1", name="B"))
    since += happened(ThemeSet(theme="soul"), by="ann", after=4)
    since += happened(ThemeSet(theme="rock"), by="cat", after=5)
    ruled(rule, since)
    (clash,) = cast("list[Clash[Party]]", seen)
    assert clash.state.theme == "rock"
    assert clash.events == (ThemeSet(theme="disco"), ThemeSet(theme="rock"))
    assert clash.who == ("bob", "cat")
    assert clash.paths == (("theme",), ("theme",))
    assert [one.version for one in clash.unseen] == [3, 4, 6]
    assert [one.version for one in clash.since] == [3, 4, 5, 6]


def raising(error: BaseException) -> Callable[[Command, object], Never]:
    """A rule that raises."""

    def rule(command: Command, clash: object, /) -> Never:
        raise error

    return rule


def returning(what: object) -> Callable[[Command, object], object]:
    """A rule that returns this."""

    def rule(command: Command, clash: object, /) -> object:
        return what

    return rule


def test_a_rule_may_refuse_in_its_own_words() -> None:
    with pytest.raises(Conflicted, match="ask bob first") as refusal:
        ruled(raising(Conflicted("ask bob first")))
    assert refusal.value.report.sentence().endswith("refused by rule `rule` (ask bob first)")


def test_a_rule_may_say_that_a_business_rule_says_no() -> None:
    with pytest.raises(SeatTaken) as refusal:
        ruled(raising(SeatTaken(1, "g2")))
    assert refusal.value.report.outcome is Outcome.REJECTED
    assert refusal.value.fields == {"seat": 1, "guest": "g2"}
    assert refusal.value.report.rule == "rule"


def test_a_refusal_that_is_raised_again_and_again_belongs_to_one_sender_each_time() -> None:
    never = SeatTaken(1, "g2")
    with pytest.raises(SeatTaken) as first:
        ruled(raising(never))
    with pytest.raises(SeatTaken) as second:
        ruled(raising(never))
    assert first.value is not second.value
    assert (str(first.value), first.value.fields) == (str(never), never.fields)
    with pytest.raises(LookupError):
        _ = never.report


BUGS = [ValueError("oops"), KeyError("x"), RecursionError(), SystemExit(), KeyboardInterrupt()]


@pytest.mark.parametrize("bug", [*BUGS, Refused("plain")], ids=lambda bug: type(bug).__name__)
def test_a_bug_in_a_rule_is_told_as_such(bug: BaseException) -> None:
    with pytest.raises(DeciderFailed, match=f"^rule raised {type(bug).__name__} on SetTheme"):
        ruled(raising(bug))


def test_a_rule_that_returns_no_command_of_the_aggregate_is_told_as_such() -> None:
    for wrong in (5, "SetTheme", ThemeSet(theme="x"), make(Command, {}, {}, "Other")()):
        with pytest.raises(DeciderFailed, match=r"rule returned .*, not a command of party"):
            ruled(returning(wrong))


def test_a_rule_may_go_on_with_another_class_of_command() -> None:
    decision = ruled(returning(SetPlace(place="roof")))
    assert decision.outcome is Outcome.REBASED
    assert decision.events == (PlaceSet(place="roof"),)


def test_what_a_rule_made_of_a_command_may_change_nothing() -> None:
    decision = ruled(returning(SetTheme(theme="disco")))
    assert (decision.outcome, decision.events) == (Outcome.UNCHANGED, ())
    assert decision.report is not None
    assert (decision.report.rule, decision.report.became) == ("rule", "SetTheme(theme='disco')")


def test_what_a_rule_made_of_a_command_may_be_rejected() -> None:
    with pytest.raises(Rejected) as refusal:
        ruled(returning(Spend(amount=5)))
    report = refusal.value.report
    assert (report.outcome, report.became) == (Outcome.REJECTED, "Spend(amount=5)")
    assert report.reason == "there are 0 in the kitty, not 5"


# --- refusals by decide


def test_a_business_error_keeps_its_class_and_fields() -> None:
    refusal, report = refused(
        Seat(guest="g1", seat=1), happened(Seated(guest="g2", seat=1), by="ann", after=2)
    )
    assert isinstance(refusal, SeatTaken)
    assert refusal.fields == {"seat": 1, "guest": "g2"}
    assert report.sentence() == "ann wanted to seat on version 2: rejected (g2 sits on seat 1)"


def test_a_refusal_holds_on_to_no_frames() -> None:
    def decide_with_secrets(state: Party, command: Chip) -> tuple[Chipped, ...]:
        secrets = {1: "one"}
        try:
            return (Chipped(amount=len(secrets[2])),)
        except KeyError as error:
            raise Rejected("no") from error

    decider = Decider("party", Party, decide_with_secrets, party.evolve)
    with pytest.raises(Rejected) as refusal:
        decide(decider, Party(), Chip(amount=1), Sent())
    frames = [entry.name for entry in refusal.traceback]
    assert "decide_with_secrets" not in frames
    assert refusal.value.__context__ is refusal.value.__cause__ is None


@pytest.mark.parametrize("bug", [*BUGS, Refused("plain")], ids=lambda bug: type(bug).__name__)
def test_a_bug_in_decide_is_told_as_such(bug: BaseException) -> None:
    def decide_badly(state: Party, command: Chip) -> Iterable[Chipped]:
        yield Chipped(amount=1)
        raise bug

    decider = Decider("party", Party, decide_badly, party.evolve)
    with pytest.raises(DeciderFailed, match=f"^decide raised {type(bug).__name__} on Chip"):
        decide(decider, Party(), Chip(amount=1), Sent())


@pytest.mark.parametrize("foreign", [5, None, Chip(amount=1), make(Event, {}, {}, "Other")()])
def test_what_is_no_event_of_the_decider_is_told_as_such(foreign: object) -> None:
    def decide_badly(state: Party, command: Chip) -> Iterable[Chipped]:
        yield cast("Chipped", foreign)

    decider = Decider("party", Party, decide_badly, party.evolve)
    with pytest.raises(DeciderFailed, match="not an event of party"):
        decide(decider, Party(), Chip(amount=1), Sent())


def test_decide_may_find_a_conflict_itself() -> None:
    def decide_strictly(state: Party, command: Chip) -> Iterable[Chipped]:
        raise Conflicted("the kitty has moved on")

    decider = Decider("party", Party, decide_strictly, party.evolve)
    with pytest.raises(Conflicted) as refusal:
        merge(decider, Party(), 0, Chip(amount=1), Sent("ann"))
    assert refusal.value.report.sentence() == (
        "ann wanted to chip: refused (the kitty has moved on)"
    )


def test_a_command_that_has_seen_everything_is_decided_straight() -> None:
    sender, state = Sent("ann", "ann's session", 2), party.fold(Party(), GUESTS)
    for command in (Rename(guest="g1", name="August"), Rename(guest="g1", name="Gus")):
        decision = merge(party, state, 2, command, sender)
        assert straight(party, state, 2, command, sender, sender) == decision.events


def test_a_straight_refusal_is_the_one_that_merging_gives() -> None:
    sender, command = Sent("ann", "ann's session", 2), Spend(amount=9)
    with pytest.raises(Rejected) as merged:
        merge(party, Party(), 2, command, sender)
    with pytest.raises(Rejected) as refusal:
        straight(party, Party(), 2, command, Sender(*sender[:3]), Sent())
    assert (refusal.value.reason, refusal.value.fields) == (merged.value.reason, {})
    assert refusal.value.report == merged.value.report
    assert refusal.value.report.sentence() == (
        f"ann wanted to spend on version 2: rejected ({refusal.value.reason})"
    )
    assert refusal.value.__context__ is None  # it would keep the frames of decide in memory


REFUSED: list[tuple[PartyCommand, PartyEvent]] = [
    (Rename(guest="g1", name="A"), Renamed(guest="g1", name="B")),  # by its conflict rule
    (Spend(amount=9), ThemeSet(theme="jazz")),  # by decide
]


@pytest.mark.parametrize(("command", "unseen"), REFUSED)
def test_a_refusal_keeps_nothing_of_merging_in_memory(
    command: PartyCommand, unseen: PartyEvent
) -> None:
    refusal, _ = refused(command, by_bob(unseen))
    assert (refusal.__context__, refusal.__cause__) == (None, None)


# --- footprints that are computed


WRONG: list[object] = [[["kitty"]], ("kitty",), 5, None]


class Grab(Command):
    which: int

    def footprint(self) -> Footprint:
        return cast("Footprint", WRONG[self.which])


def grab(state: Party, command: Grab) -> tuple[PartyEvent]:
    """Chips in."""
    return (Chipped(amount=1),)


@pytest.mark.parametrize("which", range(len(WRONG)))
def test_a_footprint_that_is_none_fails_the_command(which: int) -> None:
    decider = Decider("party", Party, grab, party.evolve)
    since = by_bob(Chipped(amount=1))
    with pytest.raises(DeciderFailed, match="a footprint raised TypeError on Grab"):
        merge(decider, Party(), 3, Grab(which=which), Sent("ann", "s", 2), since)


class Fickle(Event):
    def footprint(self) -> Footprint:
        raise KeyError("x")


def be_fickle(state: Party, command: Chip) -> tuple[Fickle]:
    """Nobody knows what it touches."""
    return (Fickle(),)


def keep(state: Party, event: Fickle) -> Party:
    """The party after it."""
    return state


def test_a_footprint_that_raises_fails_the_command() -> None:
    decider = Decider("party", Party, be_fickle, keep)
    with pytest.raises(DeciderFailed, match="a footprint raised KeyError on Chip"):
        merge(
            decider,
            Party(),
            1,
            Chip(amount=1),
            Sent("ann", "s", 0),
            [Happened(1, Fickle(), "", "")],
        )


# --- the decisive event


def play(*events: PartyEvent) -> list[Happened[PartyEvent]]:
    return happened(*events)


@pytest.mark.parametrize(
    ("command", "since", "version"),
    [
        (Spend(amount=5), play(ThemeSet(theme="x"), Spent(amount=7), ThemeSet(theme="y")), 2),
        (Spend(amount=5), play(Spent(amount=3), Spent(amount=3), Spent(amount=1)), 2),
        (Spend(amount=5), play(Spent(amount=9), Chipped(amount=9), Spent(amount=9)), 3),
        (Spend(amount=50), play(Spent(amount=9)), None),
        (Spend(amount=5), play(ThemeSet(theme="x")), None),
        (Spend(amount=50), play(Chipped(amount=90), Spent(amount=90)), 2),
    ],
    ids=["the one", "the last straw", "there and back", "never", "still", "only for a while"],
)
def test_the_decisive_event_is_the_one_after_which_the_answer_was_no(
    command: PartyCommand, since: list[Happened[PartyEvent]], version: int | None
) -> None:
    culprit = decisive(party, Party(kitty=10), command, Sent(), since, AggregateId("party", "p"))
    assert (culprit and culprit.version) == version


# --- what a report holds


def test_a_report_counts_all_and_lists_clashes_first_and_then_the_newest() -> None:
    since = by_bob(*(PlaceSet(place=str(n)) for n in range(50)))
    since[3] = Happened(6, Renamed(guest="g1", name="B"), "bob", "b")
    _, report = refused(Rename(guest="g1", name="A"), since)
    assert report.unseen == 50
    assert [change.version for change in report.changes] == [6, *range(53 - MOST_ELSEWHERE, 53)]


def test_a_report_of_nothing_but_clashes_is_bounded_too() -> None:
    since = by_bob(*(Renamed(guest="g1", name=f"B{n}") for n in range(50)))
    _, report = refused(Rename(guest="g1", name="A"), since)
    assert [change.version for change in report.changes] == list(range(3, 23))
    assert "and 17 more" in report.sentence()


def test_a_report_is_small_whatever_it_tells_of() -> None:
    wide = "\x1b" * 500_000
    since = happened(*(Toasted(guest=wide, words=wide) for _ in range(30)), by="b" * 200, after=2)
    rule = returning(Toast(guest="g1", words=wide))
    decider = with_rules(party, {Toast: cast("RuleFunction", rule)})
    state = party.fold(Party(), GUESTS)
    decision = merge(decider, state, 32, Toast(guest=wide, words="x"), Sent("ann", "s", 2), since)
    assert decision.report is not None
    assert len(decision.report.model_dump_json()) < 50_000
    assert len(decision.report.sentence()) < 20_000


def test_a_reason_is_small_and_storable_whatever_it_says() -> None:
    def decide_long(state: Party, command: Chip) -> Iterable[Chipped]:
        raise Rejected("\ud800" + "x" * 5_000_000, what="\ud800" * 5000)

    decider = Decider("party", Party, decide_long, party.evolve)
    with pytest.raises(Rejected) as refusal:
        merge(decider, Party(), 0, Chip(amount=1), Sent("ann"))
    assert refusal.value.reason.startswith("\\ud800xxx")
    assert len(refusal.value.reason) < 2100
    assert len(str(refusal.value.fields["what"]).encode()) < 20_000
    assert refusal.value.report.reason == refusal.value.reason
    assert json.loads(refusal.value.report.model_dump_json())["outcome"] == "rejected"


def test_merging_changes_neither_the_state_nor_what_happened() -> None:
    since = by_bob(Seated(guest="g2", seat=1), Chipped(amount=9), Renamed(guest="g1", name="B"))
    state = party.fold(Party(), [*GUESTS, *(one.event for one in since)])
    before = copy.deepcopy(state)
    sender = Sent("ann", "ann's session", 2)
    for command in (Seat(guest="g1", seat=1), Spend(amount=5), Chip(amount=1)):
        merge(party, state, 5, command, sender, since)
    assert state == before
    assert [one.version for one in since] == [3, 4, 5]
