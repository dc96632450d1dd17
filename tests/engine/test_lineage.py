"""Where a journal comes from, and what a noted position means after a restore."""

from __future__ import annotations

from pathlib import Path

from comity.engine.journal.format import lineage_of, new_format
from comity.engine.journal.lineage import Branch, Lineage
from comity.engine.journal.lmdb_journal import LmdbJournal

TWICE = Lineage("a", (Branch("b", 80, 95, 0), Branch("c", 60, 70, 0)))


def test_a_position_of_the_newest_branch_is_never_lost() -> None:
    assert TWICE.branch == "c"
    assert TWICE.lost("c", 1_000) == 0


def test_what_an_older_branch_stored_after_a_backup_is_lost() -> None:
    assert TWICE.lost("b", 60) == 0
    assert TWICE.lost("b", 90) == 30
    assert TWICE.lost("a", 90) == 30, "the second backup is the older one"


def test_a_position_of_another_journal_means_nothing() -> None:
    assert TWICE.lost("x", 1) is None


def test_a_journal_keeps_its_name_and_two_have_different_ones(tmp_path: Path) -> None:
    names: list[Lineage] = []
    for name in ("one", "one", "two"):
        journal = LmdbJournal.open(tmp_path / name)
        names.append(journal.lineage())
        journal.close()
    assert names[0] == names[1] != names[2]
    assert names[0] == (names[0].id, ())


def test_an_early_journal_is_named_by_the_time_when_it_was_made() -> None:
    assert lineage_of(new_format()._replace(id="", created=0xABC)) == ("abc", ())


def test_no_name_means_the_first_branch_as_in_data_older_than_any_restore() -> None:
    assert Lineage("a").noted == ""
    assert TWICE.noted == "c"
    assert TWICE.lost("", 90) == 30


def test_an_event_belongs_to_the_branch_in_which_it_was_stored() -> None:
    assert [TWICE.branch_at(position) for position in (1, 60, 61, 81)] == ["", "", "c", "c"]
    later = Lineage("a", (Branch("b", 60, 70, 0), Branch("c", 80, 95, 0)))
    assert [later.branch_at(position) for position in (60, 61, 80, 81)] == ["", "b", "b", "c"]


def test_why_events_are_lacking_is_said_in_words() -> None:
    assert TWICE.why_lost("b", 60) == ""
    assert "lacks the 30 events after it" in TWICE.why_lost("b", 90)
    assert "backup that ends at position 60" in TWICE.why_lost("b", 90)
    assert "another journal" in TWICE.why_lost("x", 1)
