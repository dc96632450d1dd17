"""The demo runs, proves what it claims, and says what is wrong with what it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest
from examples.board.domain import AddCard, Board, BoardEvent, board
from examples.board.read_models import Activity, Cards
from examples.crowd.proof import Boards, Claim, Histories, prove, prove_models

from comity.actors import Domain
from comity.engine import Outcome, Receipt

ROOT = Path(__file__).parents[2]

Told: TypeAlias = tuple[Histories, Boards, list[Receipt[BoardEvent]]]
"""What a journal holds, what its boards are, and the receipts that were given."""


def demo(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py", *words],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_a_second_of_people_ends_in_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "demo.db"
    ran = demo("--seconds", "1", "--people", "60", "--boards", "3", "--path", path, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["proven"] is True
    assert len(told["proof"]) == len(told["proof_after_reopening"]) == 4
    people = told["people"]
    assert sum(people["outcomes"].values()) == people["commands"]
    assert set(people["outcomes"]) <= set(Outcome)
    assert "merged" in people["sentences"]
    assert told["rush"]["commands"] > 0
    assert (path / "data.mdb").is_file()


def test_people_read_a_summary_and_watch_it_come_about() -> None:
    ran = demo("--seconds", "1", "--people", "30", "--boards", "2")
    assert ran.returncode == 0, ran.stderr
    assert "30 people, 2 boards: 1 of 1 s" in ran.stderr
    for section in ("Outcomes of", "Where people clashed", "Examples from the reports", "Speed"):
        assert section in ran.stdout
    assert ran.stdout.count("     holds  ") == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--people", "-3"], "expected a number from 1 to 1,000, got '-3'"),
        (["--people", "many"], "expected a number from 1 to 1,000, got 'many'"),
        (["--boards", "0"], "expected a number from 1 to 1,000, got '0'"),
        (["--seconds", "0"], "expected seconds, up to 300, got '0'"),
        (["--seconds", "nan"], "expected seconds, up to 300, got 'nan'"),
        (["--path", "/proc/nowhere"], "/proc/nowhere"),
        (["--path", str(ROOT)], "name a new directory"),
        (["--colour"], "--colour"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(words: list[str], said: str) -> None:
    ran = demo(*words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def told(tmp_path: Path) -> Told:
    with Domain.open(tmp_path / "team.db", deciders=[board]) as domain:
        sprint = domain.aggregate(board, "sprint-42")
        cards = [AddCard(card=f"c{number}", number=number, title="Pay") for number in (1, 2)]
        receipts = [sprint.send(card).result(60) for card in cards]
        return (
            {"sprint-42": list(domain.history(sprint))},
            {"sprint-42": sprint.look().state},
            receipts,
        )


def test_the_proof_holds_when_all_is_true(
    told: Told,
) -> None:
    histories, boards, receipts = told
    assert _holds(prove(histories, boards, boards, receipts)) == [True, True, True]


def test_the_proof_fails_when_a_state_or_a_screen_is_another(
    told: Told,
) -> None:
    histories, boards, receipts = told
    other = {"sprint-42": Board()}
    assert _holds(prove(histories, other, boards, receipts)) == [False, True, True]
    assert _holds(prove(histories, boards, other, receipts)) == [False, True, True]


def test_the_proof_fails_when_a_receipt_is_not_true(
    told: Told,
) -> None:
    histories, boards, (first, second) = told
    for untrue in (
        second._replace(position=7),
        second._replace(version=1),
        second._replace(id="another"),
        second._replace(events=first.events),
    ):
        assert _holds(prove(histories, boards, boards, [first, untrue])) == [True, False, True]
    assert _holds(prove(histories, boards, boards, [first])) == [True, False, True]


def test_the_proof_fails_when_an_event_is_lost(
    told: Told,
) -> None:
    histories, boards, receipts = told
    lost = {"sprint-42": histories["sprint-42"][1:]}
    assert _holds(prove(lost, boards, boards, receipts)) == [False, False, False]


def test_the_proof_fails_when_a_read_model_shows_another_card(tmp_path: Path) -> None:
    with Domain.open(
        tmp_path / "team.db", deciders=[board], read_models=[Cards, Activity]
    ) as domain:
        sprint = domain.aggregate(board, "sprint-42")
        receipt = sprint.send(AddCard(card="c1", number=1, title="Pay")).result(60)
        boards, other = {"sprint-42": sprint.look().state}, {"sprint-42": Board()}
        with (
            domain.read(Cards, after=receipt, timeout=60) as cards,
            domain.read(Activity, after=1) as activity,
        ):
            assert prove_models(boards, 1, cards, activity).holds
            assert not prove_models(other, 1, cards, activity).holds
            assert not prove_models(boards, 2, cards, activity).holds


def _holds(claims: list[Claim]) -> list[bool]:
    return [claim.holds for claim in claims]
