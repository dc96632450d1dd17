"""`comity rehearse` tells what today's rules would have decided differently, and exits with 1."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from examples.board.domain import AddCard, RenameCard, board
from tests.cli.shell import HOSTILE, Comity, Host, shows_safely

from comity.actors import Domain
from comity.engine import Rejected

RULES = """
from examples.board.domain import Board, BoardCommand, BoardEvent, RenameCard, board, decide, evolve
from comity.engine import Decider, Rejected, Sent
from collections.abc import Iterator


def stricter(state: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    if isinstance(command, RenameCard) and sent.who != "ann":
        raise Rejected("only ann names cards")
    yield from decide(state, command, sent)


strict = Decider("board", Board, stricter, evolve, rules_revision="ann's")
other = Decider("shelf", Board, stricter, evolve)
"""


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal in which bob renamed a card, and rules that would have forbidden it."""
    (tmp_path / "trial_rules.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "trial_rules", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return made(tmp_path / "team.db", keep_commands=True)


def made(path: Path, *, keep_commands: bool) -> Path:
    with Domain.open(path, deciders=[board], keep_commands=keep_commands) as domain:
        ann, bob = (domain.session(who).aggregate(board, "b") for who in ("ann", "bob"))
        ann.do(AddCard(card="c1", number=1, title="Log in", column="todo"))
        bob.do(RenameCard(card="c1", title=f"Sign in {HOSTILE}"))
        with pytest.raises(Rejected):
            bob.do(RenameCard(card="c9", title="Nothing"))
    return path


def test_the_same_rules_show_no_difference(comity: Comity, journal: Path) -> None:
    ran = comity("rehearse", journal, "examples.board.domain:board")
    assert ran.code == 0, ran.err
    assert "3 of 3 commands decided again" in ran.out
    assert "nothing would come out differently" in ran.out


def test_other_rules_show_a_table_and_whom_they_would_have_met(
    comity: Comity, journal: Path
) -> None:
    ran = comity("rehearse", journal, "trial_rules:strict")
    assert ran.code == 1
    assert "today's rules: board ann's\n2 would come out differently" in ran.out
    assert "bob wanted to rename card" in ran.out
    assert "rejected by Rejected: only ann names cards" in " ".join(ran.out.split())
    assert shows_safely(ran.out)


def test_programs_get_json(comity: Comity, journal: Path) -> None:
    ran = comity("rehearse", journal, "trial_rules:strict", "--json", "--limit", "1")
    found = json.loads(ran.out)
    assert (ran.code, found["commands"], found["rehearsed"], found["different"]) == (1, 3, 3, 2)
    assert found["rules"] == {"board": "ann's"}
    assert (found["is_same"], found["problems"], found["not_kept"]) == (False, 0, 0)
    assert {"type": "board", "command": "RenameCard", "was": "applied", "now": "rejected"} | {
        "same": 0, "different": 1, "people": 1,
    } in found["rows"]  # fmt: skip
    first = found["cases"][0]
    assert (first["aggregate"], first["version"], first["who"]) == ("board/b", 1, "bob")
    (was,) = first["was"]["events"]
    assert (was["event"], was["fields"]["card"]) == ("CardRenamed", "c1")
    assert first["now"]["reason"] == "only ann names cards"
    assert first["sentence"].count("bob wanted to rename card") == 1


def test_only_some_commands_and_times_are_decided_again(comity: Comity, journal: Path) -> None:
    some = ("rehearse", journal, "trial_rules:strict", "--command")
    assert comity(*some, "AddCard").code == 0
    ran = comity(*some, "RenameCard", "--until", "2020-01-01")
    assert ran.code == 0
    assert "0 of 0 commands" in ran.out
    assert "0 of 0 commands" in comity(*some, "RenameCard", "--under", "tomorrow").out


def test_commands_that_were_not_kept_are_told_with_what_to_do(
    comity: Comity, journal: Path, tmp_path: Path
) -> None:
    old = made(tmp_path / "old.db", keep_commands=False)
    ran = comity("rehearse", old, "trial_rules:strict")
    assert ran.code == 1  # nothing was compared
    assert "the journal does not have the command" in ran.out
    assert "keep_commands=True" in ran.out
    ran = comity("rehearse", old, "trial_rules:strict", "--from-events")
    assert "1 would come out differently" in ran.out
    assert "made again from its events" in " ".join(ran.out.split())


def test_a_journal_is_rehearsed_while_its_domain_is_running(
    comity: Comity, host: Callable[..., Host], tmp_path: Path
) -> None:
    running = host(tmp_path / "host.db")
    running.tell("add b c1 Log")
    ran = comity("rehearse", tmp_path / "host.db", "examples.board.domain:board", "--from-events")
    assert ran.code == 0, ran.out + ran.err
    running.tell("add b c2 Log")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.db", "trial_rules:strict"], 1, "there is nothing at nowhere.db"),
        (["team.db"], 2, "Missing argument"),
        (["team.db", "trial_rules:nothing"], 2, "its deciders are"),
        (["team.db", "trial_rules:strict", "examples.board.domain:board"], 2, "two deciders"),
        (["team.db", "trial_rules:other"], 2, "it has some of board: pass their deciders"),
        (["team.db", "trial_rules:strict", "--command", "Nothing"], 2, "expected some of AddCard"),
        (["team.db", "trial_rules:strict", "--since", "soon"], 2, "--since"),
        (["team.db", "trial_rules:strict", "--since", "2027"], 2, "such as 2027-03-01"),
        (
            ["team.db", "trial_rules:strict", "--since", "2027-01-02", "--until", "2027-01-01"],
            2,
            "expected a time before until",
        ),
    ],
)
def test_wrong_arguments_are_told(
    comity: Comity, journal: Path, words: list[str], code: int, said: str
) -> None:
    ran = comity("rehearse", *words)
    assert (ran.code, said in ran.err) == (code, True), ran.err
