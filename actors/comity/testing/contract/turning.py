"""Cases of turns of several commands, which are stored completely or not at all."""

from __future__ import annotations

import pytest

from comity.engine.journal.entry import Entry
from comity.engine.journal.journal import Journal
from comity.engine.journal.result import Repeated, Stale, Stored
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import (
    A,
    B,
    append,
    data,
    events,
    joined,
    lasting,
    new_id,
    placeless,
    rising,
    told,
    turn,
    write,
)


class Turning:
    """Cases of turns."""

    def test_a_turn_of_several_commands_makes_a_record_of_each(self, journal: Journal) -> None:
        write(journal, A, 1)
        given = joined(turn(A, 1, b"2"), turn(A, 2), turn(A, 2, b"3", b"4"))
        assert told(append(journal, [given])) == [("stored", 4)]
        found = [journal.find(each) for each in given.ids]
        assert [each and (each.version, each.last_version) for each in found] == [
            (1, 2),
            (2, 2),
            (2, 4),
        ]
        assert data(journal.read(A)) == [b"1", b"2", b"3", b"4"]

    def test_the_positions_within_a_turn_have_no_gap(self, journal: Journal) -> None:
        write(journal, B, 1)
        given = joined(turn(A, 0, b"1", b"2"), turn(A, 2), turn(A, 2, b"3"))
        (result,) = append(journal, [given])
        first, _, last = rising(journal.read(A))
        assert last == first + 2
        assert isinstance(result, Stored)
        assert result.position == journal.position() == last

    def test_a_record_knows_its_last_version_and_position(self, journal: Journal) -> None:
        append(journal, [joined(turn(A, 0, b"1", b"2"), turn(A, 2, b"3"))])
        first, second = journal.read(A)
        assert (first.last_version, second.last_version) == (2, 3)
        assert first.last_position == first.position + 2 == second.position
        assert second.last_position == journal.position()

    def test_turns_of_one_aggregate_follow_each_other_in_one_call(self, journal: Journal) -> None:
        turns = [joined(turn(A, 0, b"1"), turn(A, 1, b"2")), turn(B, 0, b"x"), turn(A, 2, b"3")]
        assert told(append(journal, turns)) == [("stored", 2), ("stored", 1), ("stored", 3)]
        assert data(journal.read(A)) == [b"1", b"2", b"3"]

    def test_of_a_stale_turn_nothing_is_stored(self, journal: Journal) -> None:
        write(journal, A, 1)
        given = joined(turn(A, 0, b"x"), turn(A, 1, b"y"))
        assert told(append(journal, [given])) == [("stale", 1)]
        assert data(journal.read(A)) == [b"1"]
        assert [journal.find(each) for each in given.ids] == [None, None]

    @pytest.mark.parametrize("number", range(3))
    def test_of_a_turn_with_a_repeated_command_nothing_is_stored(
        self, journal: Journal, number: int
    ) -> None:
        append(journal, [turn(A, 0, b"1", command_id="once")])
        turns = [turn(A, 1, b"2"), turn(A, 2, b"3")]
        turns.insert(number, turn(A, 1 + number, b"1", command_id="once", retry=True))
        given = joined(*turns)
        (result,) = append(journal, [given])
        assert isinstance(result, Repeated)
        assert (result.number, result.record) == (number, next(journal.read(A)))
        assert data(journal.read(A)) == [b"1"]
        assert sum(journal.find(each) is not None for each in given.ids) == 1

    def test_the_first_command_that_was_recorded_before_is_told(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1", command_id="one"), turn(A, 1, b"2", command_id="two")])
        ids = ("new", "two", "one")
        entries = tuple(Entry(each, events(b"x"), 0, b"note", retry=True) for each in ids)
        assert told(append(journal, [Turn.of(A, 2, entries)])) == [("repeated", 1)]

    # --- what a turn depends on --------------------------------------------------------------

    def test_a_turn_that_did_not_know_of_a_lasting_record_is_stale(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), lasting(A, 1)])
        assert told(append(journal, [turn(A, 1, b"2")._replace(known=0)])) == [("stale", 1)]
        assert told(append(journal, [turn(A, 1, b"2")._replace(known=2)])) == [("stale", 1)]
        assert told(append(journal, [turn(A, 1, b"2")._replace(known=1)])) == [("stored", 2)]

    def test_a_turn_that_rests_on_no_lasting_record_need_not_know_them(
        self, journal: Journal
    ) -> None:
        append(journal, [turn(A, 0, b"1"), lasting(A, 1)])
        assert told(append(journal, [turn(A, 1, b"2")])) == [("stored", 2)]

    def test_lasting_records_of_earlier_turns_in_the_call_count(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), lasting(A, 1)])
        turns = [lasting(A, 1), turn(A, 1)._replace(known=2), turn(A, 1, b"2")._replace(known=2)]
        assert told(append(journal, turns)) == [("stored", 1), ("stored", 1), ("stored", 2)]
        assert journal.lasting(A) == 0

    def test_lasting_records_before_an_event_do_not_count(self, journal: Journal) -> None:
        append(journal, [turn(A, 0, b"1"), lasting(A, 1)])
        given = joined(lasting(A, 1), turn(A, 1, b"2"), lasting(A, 2))
        turns = [given, turn(A, 2)._replace(known=1), turn(A, 2)._replace(known=3)]
        assert told(append(journal, turns)) == [("stored", 2), ("stored", 2), ("stale", 2)]
        assert journal.lasting(A) == 1

    # --- the snapshot of a turn ----------------------------------------------------------------

    def test_a_snapshot_is_kept_with_its_turn(self, journal: Journal) -> None:
        state = Snapshot(A, 2, "hash", b"state")
        given = joined(turn(A, 0, b"1"), turn(A, 1, b"2"))._replace(snapshot=state)
        append(journal, [given, turn(B, 0, b"x")])
        assert journal.snapshot(A) == state

    def test_a_snapshot_is_not_kept_without_its_turn(self, journal: Journal) -> None:
        write(journal, A, 2)
        old, state = Snapshot(A, 1, "hash", b"old"), Snapshot(A, 2, "hash", b"state")
        append(journal, [], [old])
        append(journal, [turn(A, 1, b"x")._replace(snapshot=state)])
        assert journal.snapshot(A) == old

    def test_two_turns_with_snapshots_leave_the_newer_one(self, journal: Journal) -> None:
        first, second = (Snapshot(A, version, "hash", b"state") for version in (1, 2))
        turns = [turn(A, 0, b"1")._replace(snapshot=first)]
        turns.append(turn(A, 1, b"2")._replace(snapshot=second))
        append(journal, turns)
        assert journal.snapshot(A) == second

    def test_a_turn_comes_back_as_it_was_given(self, journal: Journal) -> None:
        entries = (
            Entry(new_id(), events(b"1", b""), 7, b"\x00"),
            Entry(new_id(), (), -1, b"", lasting=True),
        )
        append(journal, [Turn.of(A, 0, entries)])
        found = [(one.command_id, one.events, one.time, one.note) for one in journal.read(A)]
        assert found == [each[:4] for each in entries]
        assert placeless(journal.read_all()) == placeless(journal.read(A))[:1]

    def test_a_stale_result_says_where_the_aggregate_stands(self, journal: Journal) -> None:
        turns = [joined(turn(A, 0, b"1"), turn(A, 1, b"2")), turn(A, 1, b"x"), turn(A, 2, b"y")]
        results = append(journal, turns)
        assert results[1:] == [Stale(2), Stale(2)]
