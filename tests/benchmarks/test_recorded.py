from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.job import Case, Job, Result
from benchmarks.plan import Item, Plan
from benchmarks.proof import Wrong
from benchmarks.recorded import HISTORIES, items, run
from benchmarks.recorded_incidents import Year
from benchmarks.recorded_incidents import read as read_year
from benchmarks.recorded_merges import Merges
from benchmarks.recorded_merges import read as read_merges
from benchmarks.recorded_typing import Session
from benchmarks.recorded_typing import read as read_typing
from benchmarks.skipped import possible
from examples.shared_typing.play import Typing
from tests.support.left_out import NO_RECORDINGS

from benchmarks import recorded
from examples import recordings


@pytest.mark.parametrize("history", HISTORIES)
def test_the_first_part_of_a_history_comes_to_what_it_should(history: str, tmp_path: Path) -> None:
    result = played(history, 30, tmp_path)
    assert result.figure > 0
    assert result.facts["commits"] > 0


def test_another_text_is_wrong(tmp_path: Path) -> None:
    there("shared typing")
    typing = read_typing(20).typing
    session = Session(Typing(typing.edits, typing.text + "!"))
    with (
        session.open(tmp_path / "db") as domain,
        pytest.raises(Wrong, match="not the expected one"),
    ):
        session.play(domain)


def test_a_record_with_another_value_is_wrong(tmp_path: Path) -> None:
    there("incident desk")
    year = read_year(5)
    records = {key: {**fields, "priority": "?"} for key, fields in year.records.items()}
    year = Year(year.steps, records)
    with year.open(tmp_path / "db") as domain, pytest.raises(Wrong, match="priority"):
        year.play(domain)


def test_merges_that_people_made_otherwise_are_wrong(tmp_path: Path) -> None:
    there("git merges")
    merges = Merges([replace(one, people={}) for one in read_merges(40).merges])
    with (
        merges.open(tmp_path / "db") as domain,
        pytest.raises(Wrong, match="differ from the people"),
    ):
        merges.play(domain)


def test_a_history_that_is_not_here_is_skipped_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    other = Item(Case("voter", "views 0 old", {"behind": 0}), ["comity"])
    todo, skipped = possible(Plan("tiny", [*items(quick=True), other], 1, 0.1))
    assert todo.items == [other]
    assert len(skipped) == 3
    assert all("COMITY_DATA" in reason for reason in skipped.values())
    assert str(tmp_path) not in str(skipped)


# --- helpers ------------------------------------------------------------------------------------


def played(history: str, part: int, folder: Path) -> Result:
    there(history)
    case = Case("recorded", history, {"history": history, "part": part})
    return run(Job(case, "comity", 0.1), folder)


def there(history: str) -> None:
    if recorded.missing(Case("recorded", history, {"history": history})):
        pytest.skip(NO_RECORDINGS)
