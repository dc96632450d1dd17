"""The matrix as a promise: a change of what merges fails, and is told in words."""

from __future__ import annotations

from pathlib import Path
from typing import Never, cast

import pytest
from tests.support.party import (
    Party,
    PartyCommand,
    PartyEvent,
    Rename,
    SetTheme,
    decide,
    evolve,
    party,
)

from comity.engine import Decider, WiringError, matrix, overwrite, whole_aggregate, with_rules
from comity.engine.merging.promise import broken, promised, written
from comity.testing import assert_matrix


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the party's matrix."""
    path = tmp_path / "party.matrix.txt"
    monkeypatch.setenv("COMITY_WRITE_MATRIX", "1")
    assert_matrix(party, path)
    monkeypatch.delenv("COMITY_WRITE_MATRIX")
    return path


def test_what_did_not_change_passes(file: Path) -> None:
    assert_matrix(party, file)
    assert_matrix(Decider("party", Party, decide, evolve), file)


def test_the_file_has_a_line_for_each_pair(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert lines[0].startswith("# What happens to a command of party")
    assert lines[lines.index("Rename") + 2] == "    Renamed: reject at guest/{guest}/name"
    assert len(promised(file.read_text())) == 81


def test_another_rule_fails_and_is_told_once_for_each_command(file: Path) -> None:
    with pytest.raises(AssertionError) as failed:
        assert_matrix(with_rules(party, {Rename: overwrite}), file)
    assert str(failed.value).splitlines() == [
        f"what merges in party is not what {file} says:",
        "  Rename with Invited, Renamed, Uninvited: reject before, overwrite now",
        "to accept it, run this test once with COMITY_WRITE_MATRIX=1 in the environment",
    ]


def test_what_merged_and_clashes_now_is_told(file: Path) -> None:
    told = broken(promised(file.read_text()), matrix(whole_aggregate(party)))
    assert (
        "SetTheme with Invited, Renamed, Uninvited, Seated, Toasted, PlaceSet, Chipped, Spent: "
        "merged before, clashes now (whole_aggregate at /)"
    ) in told
    assert "SetTheme with ThemeSet: overwrite at theme before, whole_aggregate at / now" in told


def test_what_clashed_and_merges_now_is_told() -> None:
    before = promised(written(matrix(whole_aggregate(party))))
    told = broken(before, matrix(party))
    assert any(
        one.startswith("SetTheme with Invited")
        and one.endswith("clashed before (whole_aggregate at /), merges now")
        for one in told
    )


def test_new_and_missing_commands_and_events_are_told(file: Path) -> None:
    def small_decide(state: Party, command: SetTheme | Rename) -> list[PartyEvent]:
        return []

    def small_evolve(state: Party, event: PartyEvent) -> Party:
        return state

    small = matrix(Decider("party", Party, small_decide, small_evolve))
    everything = promised(file.read_text())
    assert broken(everything, small) == [
        "gone: the commands Invite, Uninvite, Seat, Toast, SetPlace, Chip, Spend"
    ]
    assert broken(promised(written(small)), matrix(party)) == [
        "new: the commands Invite, Uninvite, Seat, Toast, SetPlace, Chip, Spend"
    ]


def test_a_missing_file_is_not_written_unasked(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"there is no .*; to accept it, run this test once"):
        assert_matrix(party, tmp_path / "new.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("    Renamed: merges\n", "line 1: expected a command"),
        ("Rename\n    merges\n", "line 2: expected a command"),
        ("Rename\n  Renamed: merges\n  Renamed: merges\n", "line 3"),
        (b"\xff\xfe", "not a matrix that assert_matrix has written"),
    ],
    ids=["an event alone", "no colon", "a pair twice", "no text"],
)
def test_another_file_is_told_as_such(file: Path, text: str | bytes, told: str) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AssertionError, match=told):
        assert_matrix(party, file)


def test_a_decider_that_is_none_is_told_as_such(file: Path) -> None:
    with pytest.raises(WiringError, match=r"expected a Decider\(...\), got 5"):
        assert_matrix(cast("Decider[Party, PartyCommand, Never]", 5), file)
