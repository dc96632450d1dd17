"""History: reading an aggregate's past from a journal, and why a command was rejected."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.support.party import (
    Chipped,
    Invited,
    PartyCommand,
    PartyEvent,
    Seat,
    Seated,
    SetTheme,
    Spend,
    Spent,
    ThemeSet,
    party,
)

from comity.engine import AggregateId, FromTheFuture, Invalid, MergeReport, Outcome, Recorded, Sent
from comity.engine.history.history import base, explain, happened, recorded, state_at
from comity.engine.history.note import Note
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.engine.merging.decider import store
from comity.engine.messages.bounds import EPOCH
from comity.engine.messages.codec import pack

PARTY = AggregateId("party", "new year")


def note(who: str, sent: PartyCommand | None = None, metadata: str = "") -> bytes:
    """Who did it."""
    said = {"why": metadata} if metadata else {}
    return Note(
        who, f"{who}'s", 0, "Chip" if sent is None else type(sent).__name__, None,
        Outcome.APPLIED, said, None, None, None if sent is None else pack(sent),
    ).pack()  # fmt: skip


def journal(
    *commands: tuple[str, Sequence[PartyEvent]], snapshots: Sequence[Snapshot] = ()
) -> MemoryJournal:
    """A journal in which these people did this, one command after another."""
    kept, version = MemoryJournal(), 0
    for number, (who, events) in enumerate(commands):
        stored = tuple(map(store, events))
        entry = Entry(f"id{number}", stored, number * 1_000_001, note(who))
        kept.append([Turn.of(PARTY, version, (entry,))])
        version += len(events)
    kept.append([], snapshots)
    return kept


STORY: list[tuple[str, list[PartyEvent]]] = [
    ("ann", [Invited(guest="g1", name="Gus"), Invited(guest="g2", name="Eva")]),
    ("bob", [Chipped(amount=10)]),
    ("cat", [ThemeSet(theme="jazz"), Spent(amount=7), Chipped(amount=1)]),
    ("bob", [Seated(guest="g1", seat=1)]),
]


def test_events_are_told_with_where_they_stand_and_who_caused_them() -> None:
    told = [one for record in journal(*STORY).read(PARTY) for one in recorded(party, record)]
    assert [one.version for one in told] == [one.position for one in told] == list(range(1, 8))
    assert [one.who for one in told] == ["ann", "ann", "bob", "cat", "cat", "cat", "bob"]
    assert told[2].event == Chipped(amount=10)
    assert (told[2].command, told[2].command_id) == ("Chip", "id1")


def test_they_can_be_pickled_and_their_metadata_written_as_json() -> None:
    told = [one for record in journal(*STORY).read(PARTY) for one in recorded(party, record)]
    assert pickle.loads(pickle.dumps(told)) == told  # noqa: S301 - what multiprocessing does
    assert [json.dumps(one.metadata) for one in told] == ["{}"] * len(told)


def test_their_time_is_exact_to_the_microsecond() -> None:
    for microseconds in (0, 1, 253_402_300_799_999_999, -1):
        told = Recorded(Chipped(amount=1), PARTY, 1, 1, microseconds, "", "", "", "", {}, None)
        assert told.time - EPOCH == timedelta(microseconds=microseconds)


def test_merging_is_told_of_what_was_sent_where_a_rule_made_another_command_of_it() -> None:
    kept = MemoryJournal()
    sent = Seat(guest="g1", seat=1)
    entry = Entry("id", (store(Seated(guest="g1", seat=2)),), 0, note("ann", sent))
    kept.append([Turn.of(PARTY, 0, (entry,))])
    (told,) = happened(party, kept.read(PARTY))
    assert (told.event, told.written) == (Seated(guest="g1", seat=2), sent)


def test_what_was_sent_is_forgotten_once_its_class_has_changed() -> None:
    kept = MemoryJournal()
    sent = Seat(guest="g1", seat=1)
    for version, name in enumerate(("Seat", "Gone")):
        said = Note("ann", "s", 0, name, None, Outcome.REBASED, {}, None, None, b"\xc1").pack()
        entry = Entry(name, (store(Chipped(amount=1)),), 0, said)
        kept.append([Turn.of(PARTY, version, (entry,))])
    told = happened(party, kept.read(PARTY))
    assert [one.written for one in told] == [None, None]
    assert repr(told[0]) == "Happened(1, Chipped(amount=1), who='ann')"
    assert type(sent) in party.commands


@pytest.mark.parametrize("at", range(8))
def test_every_version_of_the_state_can_be_had(at: int) -> None:
    events = [event for _, events in STORY for event in events]
    state, version = state_at(party, journal(*STORY), PARTY, at)
    assert version == at
    assert state == party.fold(party.initial(), events[:at])


def test_a_version_that_was_never_there_is_an_error() -> None:
    with pytest.raises(FromTheFuture, match="party/new year is at version 7; it has no version 8"):
        state_at(party, journal(*STORY), PARTY, 8)
    with pytest.raises(Invalid, match="a whole number, 0 or more, got -1"):
        state_at(party, journal(*STORY), PARTY, -1)


def test_an_aggregate_that_nobody_has_heard_of_is_at_version_0() -> None:
    assert state_at(party, MemoryJournal(), PARTY) == (party.initial(), 0)


def snapshot(version: int, schema: str = party.states.schema) -> Snapshot:
    """A snapshot that is told from the truth by its theme."""
    state, _ = state_at(party, journal(*STORY), PARTY, version)
    state.theme = "from the snapshot"
    data = party.states.pack(state)
    assert data is not None
    return Snapshot(PARTY, version, schema, data)


def test_a_snapshot_is_where_reading_begins() -> None:
    kept = journal(*STORY, snapshots=[snapshot(5)])
    state, version = state_at(party, kept, PARTY)
    assert (state.theme, state.kitty, version) == ("from the snapshot", 4, 7)


def test_a_snapshot_of_another_schema_or_a_later_version_is_not_used() -> None:
    kept = journal(*STORY, snapshots=[snapshot(5)])
    assert [base(party, kept, PARTY, upto)[1] for upto in (4, 5, 6, None)] == [0, 5, 5, 5]
    assert base(party, journal(*STORY, snapshots=[snapshot(5, "other")]), PARTY)[1] == 0


def test_a_snapshot_that_cannot_be_read_is_not_used() -> None:
    damaged = snapshot(5)._replace(data=b"{")
    assert state_at(party, journal(*STORY, snapshots=[damaged]), PARTY)[0].theme == "jazz"


def rejection(command: PartyCommand, seen: int | None) -> MergeReport:
    """The report of dan's command, which was rejected on version 7."""
    return MergeReport(
        outcome=Outcome.REJECTED,
        command=type(command).__name__,
        who="dan",
        seen=seen,
        version=7,
        reason="no",
    )


def explained(command: PartyCommand, who: str, report: MergeReport) -> MergeReport:
    """The report that somebody gets who reads it."""
    sent = Sent(who, f"{who}'s", report.seen)
    return explain(party, journal(*STORY), PARTY, command, sent, report)


def test_a_rejected_command_is_explained_by_the_event_that_made_the_difference() -> None:
    command = Spend(amount=9)
    told = explained(command, "dan", rejection(command, 3))
    assert told.decisive is not None
    assert (told.decisive.version, told.decisive.who, told.decisive.event) == (5, "cat", "Spent")
    assert told.sentence().endswith("rejected (no); version 5 made the difference")


def test_what_the_sender_did_itself_explains_nothing() -> None:
    command = Spend(amount=9)
    told = explained(command, "cat", rejection(command, 3))
    assert told.decisive is None


@pytest.mark.parametrize(
    ("command", "seen"), [(Spend(amount=9), None), (Spend(amount=99), 3), (Spend(amount=9), 5)]
)
def test_what_would_have_been_rejected_anyway_has_no_decisive_event(
    command: PartyCommand, seen: int | None
) -> None:
    told = explained(command, "dan", rejection(command, seen))
    assert told.decisive is None


def test_a_command_that_is_accepted_all_the_way_has_none_either() -> None:
    command = SetTheme(theme="soul")
    told = explained(command, "dan", rejection(command, 0))
    assert told.decisive is None
