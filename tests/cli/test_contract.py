"""`comity contract` at the command line: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.shell import HOSTILE, Comity, shows_safely

BOARD = "examples.board.domain:board"
CARDS = "examples.board.read_models:Cards"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of a contract of the board, which each test may change."""
    from examples.board.domain import board  # noqa: PLC0415 - the same
    from examples.board.read_models import Cards  # noqa: PLC0415 - the same

    from comity.evolution import write_contract  # noqa: PLC0415 - only where it is used

    file = tmp_path_factory.mktemp("contract") / "contract.json"
    write_contract(file, [board], [Cards])
    return file.read_text()


@pytest.fixture
def file(written: str, tmp_path: Path) -> Path:
    path = tmp_path / "contract.json"
    path.write_text(written)
    return path


def test_a_contract_that_is_kept_is_told(comity: Comity, file: Path) -> None:
    code, out, err = comity("contract", "check", file, BOARD, "--models", CARDS)
    assert (code, err) == (0, "")
    assert out == f"{file} is kept, and nothing has changed\n"


def test_a_broken_promise_ends_with_one_and_says_what_to_do(comity: Comity, file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('"CardMoved": {', '"CardPut": {', 1))
    code, out, _ = comity("contract", "check", file, BOARD, "--models", CARDS)
    assert code == 1
    assert "breaks stored events  board, event CardPut\n" in out
    assert 'write stored_as = "CardPut"' in out
    assert out.endswith("is not kept: 1 of its promises would be broken\n")


def test_json_has_each_difference(comity: Comity, file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('"CardMoved": {', '"CardPut": {', 1))
    code, out, _ = comity("contract", "check", file, BOARD, "--models", CARDS, "--json")
    found = json.loads(out)
    assert (code, found["kept"]) == (1, False)
    (broken,) = [one for one in found["differences"] if one["breaks"]]
    assert broken["breaks"] == "stored events"
    assert broken["message"] == ["board", "CardPut"]


def test_writing_what_would_lose_events_ends_with_one(comity: Comity, file: Path) -> None:
    text = file.read_text().replace('"CardMoved": {', '"CardPut": {', 1)
    file.write_text(text)
    words = ("contract", "write", file, BOARD, "--models", CARDS)
    code, out, _ = comity(*words)
    assert (code, file.read_text()) == (1, text)
    assert out.startswith("breaks stored events  board, event CardPut\n    journals may have it")
    assert out.endswith("let the contract forget them: --drop board/CardPut\n")
    assert json.loads(comity(*words, "--json").out)["written"] is False
    assert comity(*words, "--drop", "board/CardPut").code == 0
    assert comity("contract", "check", file, BOARD, "--models", CARDS).code == 0


def test_hostile_text_in_a_contract_is_shown_safely(comity: Comity, file: Path) -> None:
    found = json.loads(file.read_text())
    events = found["deciders"]["board"]["events"]
    events[HOSTILE] = events.pop("CardMoved")
    file.write_text(json.dumps(found))
    code, out, _ = comity("contract", "check", file, BOARD)
    assert code == 1
    assert shows_safely(out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["check", "none.json", BOARD], 1, "there is no none.json"),
        (["check", "none.json"], 2, "DECIDER"),
        (["write", "none.json", "examples.board.domain:Board"], 2, "its deciders are board"),
        (["write", "none.json", BOARD, "--strategies", f"{BOARD}"], 2, "it has no dicts"),
        (["write", "none.json", BOARD, "--drop", "CardPut"], 2, "says nothing about CardPut"),
        (["write", "none.json", BOARD, BOARD], 2, "two of the deciders are called board"),
    ],
)
def test_wrong_words_are_told(
    comity: Comity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int,
    said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    ran = comity("contract", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in " ".join(ran.err.split())
    assert list(tmp_path.iterdir()) == []
