"""`comity migrate`: what it prints, and its exit codes. What it does, tests/evolution tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.shell import Comity
from tests.evolution.migrations import write

from comity.actors import Domain
from comity.engine import Command, Decider, Event

ROOT = Path(__file__).parents[2]
FUNCTIONS = "tests.evolution.migrations"
BOARD = "examples.board.domain:board"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    write(path)
    return path


def test_it_says_what_was_copied_and_what_to_do(comity: Comity, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    code, out, err = comity(
        "migrate", old, new, "--with", f"{FUNCTIONS}:without_upvotes", "--decider", BOARD
    )
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert f"{new} is complete and verified" in said
    assert "records 20 20 the function changed 2" in said
    assert "events 12 10" in said
    assert "aggregates 2 2 folded" in said
    assert "2 0 1 board: CardUpvoted" in said
    assert f"{old} is unchanged. Open {new} from now on" in said


def test_json_has_every_figure(comity: Comity, old: Path, tmp_path: Path) -> None:
    code, out, _ = comity(
        "migrate", old, tmp_path / "new.db", "--with", f"{FUNCTIONS}:to_kanban", "--json"
    )
    told = json.loads(out)
    assert code == 0
    assert told.pop("seconds") >= told.pop("break_seconds") > 0
    events = told.pop("events")
    assert told == {
        "complete": True, "records": 20, "records_copied": 20, "resumed": 0, "changed": 20,
        "ids_found": 20, "aggregates": 2, "folded": 0, "same": 0, "not_folded": ["kanban"],
    }  # fmt: skip
    assert events[0] == {
        "type": "board", "event": "CardAdded", "schema_version": 1, "events": 6, "events_copied": 0
    }  # fmt: skip
    assert len(events) == 8


class Count(Command):
    number: int


class Counted(Event):
    number: int


class NotedCounted(Event):
    """`Counted` in a later program: a field more, which older programs may leave out."""

    stored_as = "Counted"
    readable_from = 1
    number: int
    note: str = ""


def counting(kind: type[Counted | NotedCounted]) -> Decider[int, Count, Event]:
    def decide(total: int, command: Count) -> Iterator[Event]:
        yield kind(number=command.number)

    def evolve(total: int, event: Event) -> int:
        return total + 1

    evolve.__annotations__["event"] = kind
    return Decider("count", int, decide, evolve)


def test_a_schema_version_has_one_line_whoever_may_read_its_events(
    comity: Comity, tmp_path: Path
) -> None:
    old, new = tmp_path / "count.db", tmp_path / "new.db"
    for kind in (Counted, NotedCounted):
        decider = counting(kind)
        with Domain.open(old, deciders=[decider]) as domain:
            domain.aggregate(decider, "c").send(Count(number=1)).result(20)
    assert "count 2 1 Counted" in " ".join(comity("stats", old).out.split())
    said = " ".join(comity("migrate", old, new, "--with", f"{FUNCTIONS}:to_kanban").out.split())
    assert "2 0 1 count: Counted 0 2 1 kanban: Counted" in said


def test_a_wrong_argument_is_2_and_a_problem_is_1(
    comity: Comity, old: Path, tmp_path: Path
) -> None:
    same, new = f"{FUNCTIONS}:same", tmp_path / "new.db"
    assert comity("migrate", old, old, "--with", same).code == 2
    assert comity("migrate", old, new).code == 2
    code, _, err = comity("migrate", old, new, "--with", f"{FUNCTIONS}:B1")
    assert code == 2
    assert "is an AggregateId; its functions are " in err
    assert "JournalRecord" not in err  # it is imported there
    assert not new.exists()
    assert comity("migrate", tmp_path / "none", new, "--with", same).code == 1
    assert comity("migrate", old, new, "--with", same).code == 0
    code, _, err = comity("migrate", old, new, "--with", same)
    assert code == 1
    assert "is a journal already" in err


def test_ctrl_c_pauses_and_the_next_goes_on(comity: Comity, old: Path, tmp_path: Path) -> None:
    new, same = tmp_path / "new.db", f"{FUNCTIONS}:same"
    script = "import sys; from comity.cli import main; sys.exit(main())"
    following = subprocess.Popen(
        [
            sys.executable, "-c", f"{LOCKED}; {script}",
            "migrate", str(old), str(new), "--with", same, "--follow",
        ],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "OLD": str(old)},
    )  # fmt: skip
    while not (new / "data.mdb").exists():
        assert following.poll() is None
    following.send_signal(signal.SIGINT)
    out, _ = following.communicate(timeout=60)
    assert following.returncode == 130
    assert out.startswith("paused; ")
    code, out, _ = comity("migrate", old, new, "--with", same)
    assert code == 0


LOCKED = (
    "import os; from pathlib import Path; "
    "from comity.engine.files.writer_lock import WriterLock; "
    "lock = WriterLock(Path(os.environ['OLD']))"
)
"""Locks the original as its domain would, so that following does not end."""
