"""`comity simulate` plays a recorded journal, by its own rules and by others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from examples.board.domain import AddCard, MoveCard, RenameCard, board
from tests.cli.shell import Comity

from comity.actors import Domain

SCRIPT = """
from examples.board.domain import board
from comity.simulation import recorded_scenario

month = recorded_scenario({path!r}, deciders=[board])
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that reads a journal, in which bob moved a card that ann had renamed meanwhile."""
    monkeypatch.chdir(Path(__file__).parents[2])
    journal = tmp_path / "team.db"
    with Domain.open(journal, deciders=[board]) as domain:
        ann, bob = (domain.session(who).aggregate(board, "b") for who in ("ann", "bob"))
        ann.do(AddCard(card="c1", number=1, title="Log in", column="todo"), seen=0)
        ann.do(RenameCard(card="c1", title="Sign in"), seen=1)
        bob.do(MoveCard(card="c1", column="doing"), seen=1)
    path = tmp_path / "month.py"
    path.write_text(SCRIPT.format(path=str(journal)))
    return path


def test_a_recorded_journal_is_played(comity: Comity, script: Path) -> None:
    ran = comity("simulate", script, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["scenario"] == "team.db"


def test_a_recorded_journal_is_played_by_other_rules(comity: Comity, script: Path) -> None:
    page = script.parent / "month.html"
    ran = comity("simulate", script, "--compare", "--html", page)
    assert ran.code == 0, ran.err
    assert "version column" in ran.out
    assert "1 asked" in ran.out
    assert "team.db under 4 sets of rules" in page.read_text()


def test_a_history_has_its_own_people(comity: Comity, script: Path) -> None:
    ran = comity("simulate", script, "--people", "500")
    assert ran.code == 2
    assert "a history has its own people, 2 here, got 500" in ran.err


def test_a_journal_that_is_not_there_is_said(comity: Comity, script: Path) -> None:
    script.write_text(SCRIPT.format(path=str(script.parent / "nothing.db")))
    ran = comity("simulate", script)
    assert ran.code == 2
    assert "raised NotAJournal in line 5: there is nothing at" in ran.err
