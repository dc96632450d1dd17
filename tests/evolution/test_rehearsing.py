"""Recorded commands are decided again, each alone: what differs is told, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.evolution.till import (
    Label,
    Labelled,
    Paid,
    Pay,
    Shop,
    Take,
    Taken,
    Till,
    TillCommand,
    TillEvent,
    decide,
    evolve,
    ruled,
    till,
)

from comity.actors import Domain
from comity.engine import (
    Command,
    Decider,
    Event,
    Fields,
    Invalid,
    NotAJournal,
    Rejected,
    Sent,
    WiringError,
    overwrite,
    with_rules,
)
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.messages.moment import moment
from comity.evolution import RehearsalProgress, rehearse
from comity.evolution.rehearsing.packed_states import PackedStates
from comity.evolution.rehearsing.recorded_states import RecordedStates


@pytest.fixture
def shop() -> Iterator[Shop]:
    journal = MemoryJournal()
    with Domain(journal, deciders=[till], keep_commands=True) as domain:
        yield Shop(journal, domain)


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A shop in which every outcome occurred."""
    shop.do("ann", Pay(amount=10), 0)  # applied
    shop.do("bob", Label(text="b"), 0)  # merged
    shop.do("cem", Pay(amount=5), 0)  # rebased
    shop.do("dan", Take(amount=1), 2)  # conflicted
    shop.do("eve", Label(text="e"), 1)  # dropped, so unchanged
    shop.do("fay", Take(amount=99))  # rejected
    shop.do("ann", Label(text="b"))  # unchanged
    shop.do("ann", Take(amount=2))  # applied
    return shop


@dataclass
class Door:
    opened: int = 0


class Open(Command):
    touches = "door"


class Opened(Event):
    touches = "door"


def opening(state: Door, command: Open) -> Iterator[Opened]:
    yield Opened()


def opened(state: Door, event: Opened) -> Door:
    return Door(state.opened + 1)


door = Decider("door", Door, opening, opened)

EVERY = {"applied", "merged", "rebased", "conflicted", "unchanged", "rejected"}


def no_large_amounts(state: Till, command: TillCommand, sent: Sent) -> None:
    if not isinstance(command, Label) and command.amount >= 5:
        raise Rejected("too much at once")


def told(shop: Shop, rule: object) -> list[tuple[str, str, str, str]]:
    """Who would have met the rule: with which command, what it was, what it would be."""
    found = shop.rehearse(ruled(rule))  # type: ignore[arg-type]
    return [(one.who, one.command, one.was.outcome, one.now.outcome) for one in found.cases]


# --- what differs -------------------------------------------------------------------------------


def test_under_the_same_rules_nothing_differs_whatever_the_outcome(busy: Shop) -> None:
    found = busy.rehearse()
    assert (found.rehearsed, found.different, found.is_same) == (8, 0, True)
    assert {row.was for row in found.rows} == EVERY
    assert all(row.was is row.now for row in found.rows)


def test_a_new_rule_is_told_with_those_that_it_would_have_met(busy: Shop) -> None:
    found = busy.rehearse(ruled(no_large_amounts))
    assert told(busy, no_large_amounts) == [
        ("ann", "Pay", "applied", "rejected"),
        ("fay", "Take", "rejected", "rejected"),  # for another reason
    ]
    assert not found.is_same
    (row,) = [row for row in found.rows if row.command == "Pay" and row.different]
    assert (row.commands, row.same, row.different, row.people) == (1, 0, 1, 1)


def test_each_command_stands_alone(shop: Shop) -> None:
    """The refused payment counts for what came after it: that was decided on the real state."""
    shop.do("ann", Pay(amount=10))
    shop.do("bob", Take(amount=4))
    assert told(shop, no_large_amounts) == [("ann", "Pay", "applied", "rejected")]


def test_other_events_differ_although_the_outcome_is_the_same(shop: Shop) -> None:
    def generous(state: Till, command: TillCommand) -> Iterator[TillEvent]:
        yield from decide(
            state, Pay(amount=command.amount + 1) if isinstance(command, Pay) else command
        )

    shop.do("ann", Pay(amount=10))
    (case,) = rehearse(shop.journal, [Decider("till", Till, generous, evolve)]).cases
    assert (case.was.events, case.now.events) == ((Paid(amount=10),), (Paid(amount=11),))


def test_another_conflict_rule_differs(busy: Shop) -> None:
    found = busy.rehearse(with_rules(till, {Take: overwrite}))
    assert [(one.who, one.was.outcome, one.now.outcome) for one in found.cases] == [
        ("dan", "conflicted", "rebased")
    ]


def test_a_refusal_with_other_fields_differs(shop: Shop) -> None:
    class Empty(Rejected):
        def __init__(self) -> None:
            super().__init__("there are only 0", total=1)

    def rule(state: Till, command: TillCommand, sent: Sent) -> None:
        if isinstance(command, Take) and not state.total:
            raise Empty

    shop.do("ann", Take(amount=1))
    (case,) = shop.rehearse(ruled(rule)).cases
    assert (case.was.code, case.now.code) == ("TooLittle", "Empty")
    assert (case.was.fields, case.now.fields) == ({"total": 0}, {"total": 1})


def test_a_rule_from_a_date_on_differs_only_from_then_on(shop: Shop) -> None:
    shop.do("ann", Pay(amount=10))
    times = [record.time for _, record in shop.journal.read_every()]
    decided = moment(times[0])

    def since(start: datetime) -> int:
        def rule(state: Till, command: TillCommand, sent: Sent) -> None:
            if sent.time >= start:
                raise Rejected("no longer")

        return shop.rehearse(ruled(rule)).different

    assert since(decided) == 1
    assert since(decided + timedelta(microseconds=1)) == 0


def test_a_rule_gets_what_it_got_then(busy: Shop) -> None:
    got: list[Sent] = []
    busy.rehearse(ruled(lambda _state, _command, sent: got.append(sent)))
    of_bob = next(sent for sent in got if sent.who == "bob")
    recorded = next(
        one for one in busy.domain.history(busy.domain.aggregate(till, "front")) if one.who == "bob"
    )
    assert (of_bob.session, of_bob.seen, of_bob.id) == ("bob", 0, recorded.command_id)
    assert of_bob.time == recorded.time


def test_a_case_is_told_in_a_sentence(shop: Shop) -> None:
    shop.do("ann", Pay(amount=10))
    (case,) = shop.rehearse(ruled(no_large_amounts)).cases
    assert case.sentence() == (
        f"{case.time:%Y-%m-%d %H:%M} ann wanted to pay on Till<front@0>: applied: Paid(amount=10) "
        "under rules first; now rejected by Rejected: too much at once"
    )


def test_the_first_cases_of_each_row_are_kept_and_all_are_counted(shop: Shop) -> None:
    for who in ("ann", "bob", "bob"):
        shop.do(who, Pay(amount=10))
    found = shop.rehearse(ruled(no_large_amounts), limit=1)
    assert [one.who for one in found.cases] == ["ann"]
    assert [(row.different, row.people) for row in found.rows] == [(3, 2)]


# --- what cannot be decided again ---------------------------------------------------------------


def test_a_bug_in_todays_rules_is_told_and_is_not_the_end(shop: Shop) -> None:
    def rule(state: Till, command: TillCommand, sent: Sent) -> None:
        assert not isinstance(command, Take), "no takes"

    shop.do("ann", Pay(amount=10))
    shop.do("ann", Take(amount=1))
    shop.do("ann", Pay(amount=10))
    found = shop.rehearse(ruled(rule))
    (left,) = found.left_out
    assert (left.command, left.reason, left.commands) == ("Take", "today's rules raise an error", 1)
    assert "AssertionError" in left.first
    assert "Till<front@1>" in left.first
    assert (found.rehearsed, found.different, found.problems, found.is_same) == (2, 0, 1, False)


def test_ctrl_c_ends_it_also_during_decide(shop: Shop) -> None:
    def rule(state: Till, command: TillCommand, sent: Sent) -> None:
        raise KeyboardInterrupt

    shop.do("ann", Pay(amount=10))
    with pytest.raises(KeyboardInterrupt):
        shop.rehearse(ruled(rule))


@pytest.mark.parametrize("error", [ValueError("three"), SystemExit(0)])
def test_a_state_that_cannot_be_folded_leaves_out_what_came_after_it(
    shop: Shop, error: BaseException
) -> None:
    def failing(state: Till, event: TillEvent) -> Till:
        if event == Paid(amount=3):
            raise error
        return evolve(state, event)

    for amount in (1, 2, 3, 4, 5):
        shop.do("ann", Pay(amount=amount))
    shop.do("ann", Pay(amount=4), key="back")
    found = rehearse(shop.journal, [Decider("till", Till, decide, failing)])
    (left,) = found.left_out
    assert (left.commands, left.reason) == (2, "the state of its aggregate cannot be folded")
    assert f"{type(error).__name__}: {error}" in left.first
    assert found.rehearsed == 4


def test_an_event_without_a_class_leaves_out_its_aggregate_from_there_on(shop: Shop) -> None:
    def without_labels(state: Till, event: Paid | Taken) -> Till:
        return evolve(state, event)

    def deciding(state: Till, command: TillCommand) -> Iterator[Paid | Taken]:
        for event in decide(state, command):
            if not isinstance(event, Labelled):
                yield event

    shop.do("ann", Pay(amount=1))
    shop.do("ann", Label(text="a"))
    shop.do("ann", Pay(amount=1))
    found = rehearse(shop.journal, [Decider("till", Till, deciding, without_labels)])
    assert [(one.command, one.commands) for one in found.left_out] == [("Label", 1), ("Pay", 1)]
    assert {one.reason for one in found.left_out} == {"an event of its aggregate cannot be read"}
    assert "Labelled" in found.left_out[0].first
    assert found.rehearsed == 1


def test_a_command_whose_class_is_gone_is_told_and_no_fault(shop: Shop) -> None:
    def deciding(state: Till, command: Pay) -> Iterator[TillEvent]:
        yield from decide(state, command)

    shop.do("ann", Pay(amount=1))
    shop.do("ann", Take(amount=1))
    found = rehearse(shop.journal, [Decider("till", Till, deciding, evolve)])
    assert [(one.command, one.reason) for one in found.left_out] == [
        ("Take", "no class has the command's name any more")
    ]
    assert found.is_same


def in_cents(amount: int) -> Fields:
    return {"cents": 100 * amount}


class Deposit(Command):
    """`Pay` after some years."""

    aliases = ("Pay",)
    schema_version = 2
    upcasts = {1: in_cents}
    cents: int
    touches = "total"


def test_a_renamed_and_changed_command_is_read_as_todays(shop: Shop) -> None:
    def deciding(state: Till, command: Deposit) -> Iterator[TillEvent]:
        yield Paid(amount=command.cents // 100)

    shop.do("ann", Pay(amount=1))
    found = rehearse(shop.journal, [Decider("till", Till, deciding, evolve)], commands=["Deposit"])
    assert [(row.command, row.same, row.different) for row in found.rows] == [("Deposit", 1, 0)]


def test_retired_events_are_passed_over(shop: Shop) -> None:
    def without_labels(state: Till, event: Paid | Taken) -> Till:
        return evolve(state, event)

    def deciding(state: Till, command: TillCommand) -> Iterator[Paid | Taken]:
        for event in decide(state, command):
            if not isinstance(event, Labelled):
                yield event

    shop.do("ann", Pay(amount=1))
    shop.do("ann", Label(text="a"))
    shop.do("bob", Take(amount=1), 1)
    rules = Decider("till", Till, deciding, without_labels, retired=["Labelled"])
    found = rehearse(shop.journal, [rules])
    assert found.rehearsed == 3
    assert [(one.command, one.was.outcome, one.now.outcome) for one in found.cases] == [
        ("Label", "applied", "unchanged")
    ]


def test_commands_that_were_not_kept_are_counted(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[till]) as domain:
        domain.aggregate(till, "front").do(Pay(amount=1))
    found = rehearse(tmp_path / "db", [till])
    assert [(one.command, one.reason) for one in found.left_out] == [
        ("Pay", "the journal does not have the command")
    ]
    assert (found.rehearsed, found.not_kept, found.problems) == (0, 1, 0)
    assert not found.is_same  # nothing was compared


def test_commands_that_were_not_kept_are_made_from_their_events_if_asked(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[till]) as domain:
        front = domain.aggregate(till, "front")
        front.do(Pay(amount=9))
        front.do(Label(text=""))  # changes nothing: it has no events
    found = rehearse(tmp_path / "db", [ruled(no_large_amounts)], from_events=True)
    (case,) = found.cases
    assert (case.fields, case.from_events) == ({"amount": 9}, True)
    assert case.sentence().endswith("; the command was made again from its events")
    assert (found.from_events, found.not_kept) == (1, 1)


# --- what is rehearsed --------------------------------------------------------------------------


def test_only_the_wanted_commands_are_decided_again(busy: Shop) -> None:
    found = rehearse(busy.journal, [till], commands=["Label"])
    assert {row.command for row in found.rows} == {"Label"}
    assert (found.commands, found.rehearsed, found.is_same) == (3, 3, True)


def test_only_commands_under_the_wanted_rules_are_decided_again(busy: Shop) -> None:
    journal = busy.journal
    assert rehearse(journal, [till], under="first").rehearsed == 8
    assert rehearse(journal, [till], under="second").commands == 0
    assert rehearse(journal, [till], under="").commands == 0


def test_only_the_wanted_times_are_decided_again(busy: Shop) -> None:
    times = [record.time for _, record in busy.journal.read_every()]
    start, end = (
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at) for at in (times[3], times[6])
    )
    expected = sum(times[3] <= time < times[6] for time in times)
    found = rehearse(busy.journal, [till], since=start, until=end)
    assert (found.commands, found.rehearsed, found.is_same) == (expected, expected, True)


def test_other_types_are_counted(shop: Shop) -> None:
    journal = MemoryJournal()
    with Domain(journal, deciders=[till, door], keep_commands=True) as domain:
        domain.aggregate(door, "d").do(Open())
        domain.aggregate(till, "t").do(Pay(amount=1))
        found = rehearse(journal, [till])
        assert (found.commands, found.others) == (1, {"door": 1})
        with pytest.raises(Invalid, match="types window; it has some of door, till"):
            rehearse(journal, [ruled(no_large_amounts, "window")])


def test_progress_is_told(busy: Shop) -> None:
    seen: list[RehearsalProgress] = []
    rehearse(busy.journal, [till], progress=seen.append)
    assert (seen[-1].records, seen[-1].end, seen[-1].seconds_left) == (8, 8, 0.0)
    assert str(RehearsalProgress(50, 100, 60.0)) == "50 of 100 records, 1 min 0 s left"
    assert str(RehearsalProgress(0, 100, 0.0)) == "0 of 100 records"


def test_a_journal_on_the_disk_is_not_changed(tmp_path: Path) -> None:
    with Domain.open(tmp_path / "db", deciders=[till], keep_commands=True) as domain:
        domain.aggregate(till, "front").do(Pay(amount=9))
    before = (tmp_path / "db" / "data.mdb").read_bytes()
    assert rehearse(tmp_path / "db", [ruled(no_large_amounts)]).different == 1
    assert (tmp_path / "db" / "data.mdb").read_bytes() == before


# --- states in memory ---------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "events"), [(1, 2), (1, 256), (100, 2), (100, 20)])
def test_states_that_were_dropped_are_folded_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, most: int, events: int
) -> None:
    """Old views, dropped commands and two aggregates in turn: the answers stay the same."""
    for number in range(12):
        for key in ("front", "back"):
            version = shop.domain.version(shop.domain.aggregate(till, key))
            shop.do("ann", Label(text=f"a{number}"), version, key)
            shop.do("bob", Label(text=f"b{number}"), max(0, version - number), key)  # gives way
            shop.do("cem", Pay(amount=3), max(0, version - number), key)
    expected = shop.rehearse().rows
    monkeypatch.setattr(RecordedStates, "MOST", most)
    monkeypatch.setattr(RecordedStates, "MOST_EVENTS", events)
    for size in (PackedStates.MOST, 40, 0):  # all of them are packed, one is, none is
        monkeypatch.setattr(PackedStates, "MOST", size)
        found = shop.rehearse()
        assert found.is_same
        assert found.rows == expected


class Opaque:
    """A state that does not come back from JSON."""

    opened = 0


def test_states_that_cannot_be_packed_are_folded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def opening(state: Opaque, command: Open) -> Iterator[Opened]:
        yield Opened()

    def opened(state: Opaque, event: Opened) -> Opaque:
        state.opened += 1
        return state

    opaque = Decider("door", Opaque, opening, opened)
    journal = MemoryJournal()
    with Domain(journal, deciders=[opaque], keep_commands=True) as domain:
        for key in "abab":
            domain.aggregate(opaque, key).do(Open())
        monkeypatch.setattr(RecordedStates, "MOST", 1)
        assert rehearse(journal, [opaque]).is_same


# --- wrong arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"limit": -1}, "limit: expected a whole number"),
        ({"commands": ["Pai"]}, "commands: expected some of Label, Pay, Take, got Pai"),
        ({"since": datetime(2027, 1, 1)}, "since: expected a time with a zone"),  # noqa: DTZ001
        (
            {"since": datetime(2027, 1, 2, tzinfo=UTC), "until": datetime(2027, 1, 1, tzinfo=UTC)},
            "expected a time before until",
        ),
    ],
)
def test_a_wrong_argument_is_refused(shop: Shop, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        rehearse(shop.journal, [till], **wrong)  # type: ignore[arg-type]


def test_deciders_are_needed_and_differ(shop: Shop) -> None:
    with pytest.raises(WiringError, match="got an empty list"):
        rehearse(shop.journal, [])
    with pytest.raises(WiringError, match="two deciders are called 'till'"):
        rehearse(shop.journal, [till, till])


def test_an_empty_journal_has_nothing_to_rehearse(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no commands, so there is nothing to rehearse"):
        rehearse(shop.journal, [till])
    with pytest.raises(NotAJournal):
        rehearse(tmp_path / "nowhere", [till])
