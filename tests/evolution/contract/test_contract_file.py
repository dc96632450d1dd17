"""A contract file that is missing, damaged or another one is told apart, and never overwritten."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn, cast

import pytest
from tests.evolution.contract.domains import Program, board, event, with_events

from comity.engine import Invalid, TooNew, WiringError
from comity.engine.merging.decider import AggregateType
from comity.evolution import NotAContract, check_contract, write_contract

BOARD = with_events(event("CardMoved"))
TWICE: dict[str, object] = {"versions": [{"schema_version": 1, "fields": {}}] * 2}
VERSIONS = json.dumps(
    {
        "comity contract": 1,
        "deciders": {"board": {"commands": {}, "matrix": {}, "events": {"CardMoved": TWICE}}},
    }
)


def limited(kind: str, limit: object) -> str:
    """A contract in which a field has a limit."""
    version = {"schema_version": 1, "fields": {"size": {"type": kind, "ge": limit}}}
    terms = {"commands": {}, "matrix": {}, "events": {"CardMoved": {"versions": [version]}}}
    return json.dumps({"comity contract": 1, "deciders": {"board": terms}})


OTHER = Program([board([event("TeamNamed")], name="team")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A contract of BOARD."""
    write_contract(tmp_path / "contract.json", *BOARD)
    return tmp_path / "contract.json"


def test_writing_twice_changes_nothing(file: Path) -> None:
    before = file.read_bytes()
    write_contract(file, *BOARD)
    assert file.read_bytes() == before


def test_the_same_classes_give_the_same_file(file: Path, tmp_path: Path) -> None:
    write_contract(tmp_path / "again.json", *with_events(event("CardMoved")))
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAContract, match=r"there is no .*/none.json; comity contract write"):
        check_contract(tmp_path / "none.json", *BOARD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is damaged"),
        ("{", "is damaged"),
        ("[" * 100_000, "is damaged"),
        ("[]", "is another file"),
        ('{"name": "comity"}', "is another file"),
        ('{"comity contract": "1"}', "is another file"),
        ('{"comity contract": 1}', "is damaged at deciders"),
        ('{"comity contract": 1, "deciders": {"board": {"events": 5}}}', "is damaged at deciders"),
        ('{"comity contract": 1, "deciders": {}, "more": 1}', "is damaged at more"),
        ('{"comity contract": 0, "deciders": {}}', "is another file"),
        ('{"comity contract": 1, "deciders": {}, "deciders": {}}', "'deciders' is there twice"),
        (limited("int", "1"), "ge: expected int or float"),
        (limited("int", {"a": 1}), "ge: expected int or float"),
        (limited("date", 1), "ge: expected str"),
        (limited("decimal", "much"), "ge: 'much' is no number"),
        (VERSIONS, "versions: .*rising schema versions, got .1, 1"),
        ("<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n", "line 1 has a marker of a merge"),
    ],
)
@pytest.mark.parametrize("use", [check_contract, write_contract])
def test_a_damaged_file_is_told_and_stays(text: str, said: str, use: type, tmp_path: Path) -> None:
    file = tmp_path / "contract.json"
    file.write_text(text)
    with pytest.raises(NotAContract, match=said):
        use(file, *BOARD)
    assert file.read_text() == text


def test_a_damaged_sample_is_told(file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('"card": ""', '"card": {"$bytes": "no bytes"}'))
    assert "cannot be read" in check_contract(file, *BOARD).broken[0].said


def test_what_is_no_text_is_no_contract(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    with pytest.raises(NotAContract, match="is no text"):
        check_contract(tmp_path / "bytes", *BOARD)


@pytest.mark.parametrize("use", [check_contract, write_contract])
def test_a_folder_is_no_contract(use: type, tmp_path: Path) -> None:
    with pytest.raises(NotAContract, match="is a folder"):
        use(tmp_path, *BOARD)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAContract, match="there is no folder"):
        write_contract(tmp_path / "none" / "contract.json", *BOARD)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotAContract, match="is no regular file"):
        check_contract(tmp_path / "fifo", *BOARD)


def test_a_newer_file_names_the_versions_and_stays(file: Path) -> None:
    newer = json.loads(file.read_text())
    newer["comity contract"] = 3
    newer["what nobody knows yet"] = []
    text = json.dumps(newer)
    file.write_text(text)
    for use in (check_contract, write_contract):
        with pytest.raises(TooNew, match=r"a contract of format 3; .* reads format 2"):
            use(file, *BOARD)
    assert file.read_text() == text


def test_the_contract_of_other_deciders_is_told(file: Path) -> None:
    before = file.read_bytes()
    for use in (check_contract, write_contract):
        with pytest.raises(Invalid, match="is the contract of board, and these deciders are team"):
            use(file, *OTHER)
    assert file.read_bytes() == before


def test_deciders_have_different_names(file: Path) -> None:
    with pytest.raises(Invalid, match="two of the deciders are called board"):
        check_contract(file, [*BOARD.deciders, *BOARD.deciders])
    with pytest.raises(Invalid, match="expected at least one decider"):
        check_contract(file, [])


def test_what_is_no_decider_is_told(file: Path) -> None:
    with pytest.raises(WiringError, match=r"expected a Decider\(...\), got 'board'"):
        check_contract(file, cast("list[AggregateType]", ["board"]))


def test_an_interrupted_write_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> NoReturn:
        raise KeyboardInterrupt

    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_contract(file, *with_events(event("CardMoved"), event("CardRenamed")))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_link_to_a_contract_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    write_contract(link, *with_events(event("CardMoved"), event("CardRenamed")))
    assert link.is_symlink()
    assert "CardRenamed" in file.read_text()


def test_without_hypothesis_a_contract_is_checked_but_not_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for name in ("sampling", "making"):
        monkeypatch.delitem(sys.modules, f"comity.evolution.contract.{name}")
    assert check_contract(file, *BOARD).differences == ()
    with pytest.raises(WiringError, match=r"pip install 'comity\[testing\]'"):
        write_contract(file, *with_events(event("CardMoved"), event("CardRenamed")))
