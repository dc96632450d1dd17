"""A journal is written anew through a function: what stays, what is counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.board.domain import AddCard, RenameCard, board
from tests.evolution.migrations import (
    B1,
    B2,
    Once,
    counted,
    doubled,
    kanban,
    note,
    records,
    same,
    to_kanban,
    without_upvotes,
    write,
)
from tests.golden.files import FOLDERS, load_rows
from tests.golden.history import make_journal
from tests.support.party import party

from comity.actors import Domain
from comity.engine import AggregateId, Conflicted, Decider, IdReused, Outcome
from comity.engine.history.note import Note, fold
from comity.engine.journal.entry import Entry
from comity.engine.journal.lmdb_journal import LmdbJournal
from comity.engine.journal.turn import Turn
from comity.evolution import JournalEvent, JournalRecord, migrate
from comity.evolution.copying.rewriting import id_of


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that is closed."""
    path = tmp_path_factory.mktemp("journals") / "old.db"
    write(path)
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is."""
    return tmp_path / "new.db"


# Nothing changed.


def test_every_record_is_the_same_where_the_function_changes_nothing(old: Path, new: Path) -> None:
    done = migrate(old, new, same, deciders=[board])
    assert records(new) == records(old)
    assert (done.complete, done.changed, done.records, done.records_copied) == (True, 0, 20, 20)
    assert done.events == done.events_copied
    assert (done.ids_found, done.aggregates, done.folded, done.same) == (20, 2, 2, 2)


def test_the_original_stays_as_it_is(old: Path, new: Path) -> None:
    before = (old / "data.mdb").read_bytes()
    migrate(old, new, to_kanban)
    assert (old / "data.mdb").read_bytes() == before


def test_a_domain_goes_on_with_the_copy(old: Path, new: Path) -> None:
    migrate(old, new, same)
    with Domain.open(new, deciders=[board]) as domain:
        sprint = domain.session("ann").aggregate(board, "b1")
        assert sprint.send(RenameCard(card="c3", title="Sleep"), seen=6).result(30).version == 7


# Aggregates.


def test_a_renamed_decider_has_the_same_states(old: Path, new: Path) -> None:
    with Domain.open(old, deciders=[board]) as domain:
        before = domain.aggregate(board, "b1").look()
    done = migrate(old, new, to_kanban, deciders=[kanban])
    with Domain.open(new, deciders=[kanban]) as domain:
        after = domain.aggregate(kanban, "b1").look()
    assert (after.state, after.version) == (before.state, before.version)
    assert (done.changed, done.folded, done.same) == (20, 2, 0)


def test_a_retry_gets_the_old_answer_from_the_copy(old: Path, new: Path) -> None:
    migrate(old, new, to_kanban)
    with Domain.open(new, deciders=[kanban]) as domain:
        sprint = domain.session("bob", id="bob-b1").aggregate(kanban, "b1")
        receipt = sprint.send(AddCard(card="c3", number=2, title="Rest"), seen=1, id="b1-4")
        assert (receipt.result(30).version, receipt.result(30).outcome) == (4, "rebased")
        with pytest.raises(Conflicted):
            sprint.send(RenameCard(card="c1", title="Pay me"), seen=2, id="b1-5").result(30)
        with pytest.raises(IdReused):
            sprint.send(RenameCard(card="c1", title="x"), seen=2, id="b1-5").result(30)


def test_two_aggregates_become_one_in_the_order_of_their_records(old: Path, new: Path) -> None:
    whole = AggregateId("board", "whole")
    migrate(old, new, lambda record: [record.to(whole)])
    found = records(new)
    assert {record.aggregate for record in found} == {whole}
    assert [record.command_id for record in found] == [one.command_id for one in records(old)]
    version = 0
    for record in found:
        assert record.version == version
        version = record.last_version


def test_a_second_record_of_a_command_gets_an_id_of_its_own(old: Path, new: Path) -> None:
    done = migrate(old, new, counted, deciders=[board])
    journal = LmdbJournal.open(new)
    try:
        own, second = journal.find("b1-2"), journal.find("b1-2~2")
        assert own is not None
        assert second is not None
        assert (own.aggregate, second.aggregate) == (B1, AggregateId("board", "of-b1-c2"))
        assert (own.time, own.version, second.version) == (second.time, 1, 0)
    finally:
        journal.close()
    assert (done.records, done.records_copied, done.ids_found) == (20, 26, 26)


def test_an_id_that_is_too_long_for_a_number_is_shortened() -> None:
    assert id_of("x" * 198, 2) == "x" * 198 + "~2"
    assert len(id_of("x" * 199, 2)) == len(id_of("ü" * 100, 2)) == 66
    assert id_of("x" * 199, 2) != id_of("x" * 199, 3) != id_of("y" * 199, 3)


# Events, and the versions that follow from them.


def test_versions_are_counted_anew_where_an_event_is_split(old: Path, new: Path) -> None:
    migrate(old, new, doubled, deciders=[board])
    versions = {record.command_id: record.version for record in records(new)}
    assert [versions[f"b1-{one}"] for one in (3, 4, 7, 10)] == [2, 4, 5, 6]


def test_what_a_sender_saw_is_the_same_moment_in_the_copy(old: Path, new: Path) -> None:
    migrate(old, new, doubled)
    seen = {one: note(new, f"b1-{one}").seen for one in range(1, 11)}
    assert seen == {1: 0, 2: 1, 3: 2, 4: 1, 5: 2, 6: 5, 7: 4, 8: 6, 9: 2, 10: 6}


def test_reports_name_the_versions_of_the_copy(old: Path, new: Path) -> None:
    migrate(old, new, doubled)
    before, after = note(old, "b1-5").report, note(new, "b1-5").report
    assert before is not None
    assert after is not None
    assert (before.seen, before.version, [one.version for one in before.clashes]) == (2, 4, [3])
    assert (after.seen, after.version, [one.version for one in after.clashes]) == (2, 5, [4])
    assert (after.rule, after.outcome, after.who) == (before.rule, before.outcome, before.who)


def test_events_that_move_into_an_aggregate_shift_its_versions(old: Path, new: Path) -> None:
    def also_there(record: JournalRecord) -> Iterator[JournalRecord]:
        yield record
        if record.command_id == "b1-1":
            yield record.another(B2, *record.events)

    migrate(old, new, also_there, deciders=[board])
    seen = {one: note(new, f"b2-{one}").seen for one in range(1, 11)}
    assert seen == {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 5, 7: 4, 8: 6, 9: 3, 10: 6}
    report = note(new, "b2-5").report
    assert report is not None
    assert (report.seen, report.version, [one.version for one in report.clashes]) == (3, 5, [4])


def test_the_id_of_a_command_whose_events_are_left_out_is_still_answered(
    old: Path, new: Path
) -> None:
    done = migrate(old, new, without_upvotes, deciders=[board])
    left_out = [record for record in records(new) if record.command_id == "b1-7"]
    assert [record.events for record in left_out] == [()]
    assert done.events.values() != done.events_copied.values()
    assert {kind.name for kind in done.events.keys() - done.events_copied.keys()} == {"CardUpvoted"}


def test_a_dropped_command_stays_a_lasting_record(old: Path, new: Path) -> None:
    migrate(old, new, to_kanban)
    assert [one.command_id for one in records(new) if one.lasting] == ["b1-9", "b2-9"]


def test_a_dropped_command_that_gets_events_is_no_lasting_record(old: Path, new: Path) -> None:
    event = JournalEvent.made("CardLeft", {"card": "c1"})

    def left(record: JournalRecord) -> list[JournalRecord]:
        return [record.with_events(event) if record.command_id == "b1-9" else record]

    migrate(old, new, left)
    assert [one.command_id for one in records(new) if one.lasting] == ["b2-9"]


def test_a_second_record_may_be_given_first(old: Path, new: Path) -> None:
    log = AggregateId("log", "all")
    migrate(old, new, lambda record: [record.another(log, *record.events), record])
    found = {one.command_id: one.aggregate for one in records(new)}
    assert (found["b1-1"], found["b1-1~2"]) == (B1, log)


def test_a_class_remembers_earlier_records(old: Path, new: Path) -> None:
    done = migrate(old, new, Once)
    added = [one for one in done.events_copied if one.name == "CardAdded"]
    assert [done.events_copied[one] for one in added] == [3]
    assert [done.events[one] for one in added] == [6]


def test_an_event_without_a_class_can_be_made_and_renamed(old: Path, new: Path) -> None:
    starred = JournalEvent.made("CardStarred", {"card": "c1"}, schema_version=2)

    def star(record: JournalRecord) -> list[JournalRecord]:
        return [record.with_events(starred, *[one.renamed("Old") for one in record.events])]

    done = migrate(old, new, star)
    assert {(one.name, one.schema) for one in done.events_copied} == {
        ("CardStarred", 2),
        ("Old", 1),
    }


def test_a_record_says_who_did_what_and_when(old: Path, new: Path) -> None:
    said: list[object] = []

    def listen(record: JournalRecord) -> list[JournalRecord]:
        if record.command_id == "b1-4":
            said.extend((record.who, record.session, record.command, record.seen))
            said.extend((record.outcome, record.version, record.metadata, record.aggregate))
            assert record.time.utcoffset() is not None
        return [record]

    migrate(old, new, listen)
    assert said[:8] == ["bob", "bob-b1", "AddCard", 1, "rebased", 3, {}, B1]


def test_changing_an_events_fields_in_place_changes_nothing(old: Path, new: Path) -> None:
    def careless(record: JournalRecord) -> list[JournalRecord]:
        for event in record.events:
            event.fields["card"] = "changed"
        return [record]

    migrate(old, new, careless)
    assert records(new) == records(old)


# Journals of all kinds.


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_journal_of_any_format_is_migrated(folder: Path, tmp_path: Path) -> None:
    old, whole, moved = tmp_path / "old.db", tmp_path / "whole.db", tmp_path / "moved.db"
    make_journal(old, load_rows(folder))
    assert migrate(old, whole, same, deciders=[party]).complete
    assert records(whole) == records(old)
    feast = Decider("feast", party.initial, party.decide, party.evolve)

    def renamed(record: JournalRecord) -> list[JournalRecord]:
        return [record.to(AggregateId("feast", record.aggregate.key))]

    done = migrate(old, moved, renamed, deciders=[feast])
    assert done.folded == done.aggregates > 0
    before, after = ([Note.unpack(one.note) for one in records(each)] for each in (old, moved))
    assert after == before


def test_a_second_record_of_a_command_does_not_keep_it_twice(tmp_path: Path, new: Path) -> None:
    old = tmp_path / "old.db"
    with Domain.open(old, deciders=[board], keep_commands=True) as domain:
        sprint = domain.aggregate(board, "b1")
        sprint.send(AddCard(card="c1", number=1, title="Pay"), id="x").result(30)
    migrate(old, new, counted)
    assert note(new, "x") == note(old, "x")
    assert note(new, "x~2") == note(old, "x")._replace(kept=None, digest=None)


def test_an_id_that_was_used_again_after_its_window_is_copied_twice(
    tmp_path: Path, new: Path
) -> None:
    old, day = tmp_path / "old.db", 86_400_000_000
    who = Note("ann", "", None, "Move", None, Outcome.APPLIED, {}, None, None, None)
    journal = LmdbJournal.open(old)
    for number, (key, days) in enumerate([("b1", 0), ("b2", 10), ("b3", 11)]):
        entry = Entry("x" if number < 2 else "y", (), days * day, tuple(fold(*who[:7])))
        journal.append([Turn.of(AggregateId("board", key), 0, [entry])])
    journal.close()
    done = migrate(old, new, same)
    assert (done.records_copied, done.ids_found) == (3, 2)
    assert records(new) == records(old)


def test_types_without_a_decider_are_told(old: Path, new: Path) -> None:
    assert migrate(old, new, to_kanban, deciders=[board]).not_folded == ("kanban",)
