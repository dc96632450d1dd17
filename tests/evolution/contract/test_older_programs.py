"""What the gate says of older programs is what an older program really does with a newer event."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from tests.evolution.contract.domains import Fields, board, event

from comity.engine import Event, Key, UnreadableEvent
from comity.engine.journal.stored_event import StoredEvent
from comity.engine.merging.decider import store
from comity.evolution import Broken, check_contract, write_contract

SHAPES: dict[str, Fields] = {
    "plain": {"card": Key[str], "column": str},
    "noted": {"card": Key[str], "column": str, "note": (str, "")},
    "defaulted": {"card": Key[str], "column": (str, "todo")},
    "less": {"card": Key[str]},
    "numbered": {"card": Key[str], "column": int},
    "optional": {"card": Key[str], "column": str | None},
}
VALUES: dict[str, list[dict[str, object]]] = {
    "plain": [{"card": "c1", "column": "done"}],
    "noted": [{"card": "c1", "column": "done", "note": "soon"}],
    "defaulted": [{"card": "c1", "column": "done"}, {"card": "c1"}],
    "less": [{"card": "c1"}],
    "numbered": [{"card": "c1", "column": 1}],
    "optional": [{"card": "c1", "column": "done"}, {"card": "c1", "column": None}],
}


@pytest.mark.parametrize(("old", "new"), [*product(SHAPES, SHAPES)])
def test_the_gate_says_what_an_older_program_does(old: str, new: str, tmp_path: Path) -> None:
    """The new class has an upcast and says that programs of the version before may read it."""
    older = board([event("CardMoved", SHAPES[old])])
    newer = event(
        "CardMoved", SHAPES[new], schema_version=2, upcasts={1: remade(new)}, readable_from=1
    )
    write_contract(tmp_path / "contract.json", [older])
    broken = check_contract(tmp_path / "contract.json", [board([newer])]).broken
    reads = all(is_read(older.load, newer(**values)) for values in VALUES[new])
    misses = SHAPES[old].keys() - SHAPES[new].keys()
    assert (broken == ()) == (reads and not misses)
    assert {one.breaks for one in broken} <= {Broken.OLDER_PROGRAMS}


def remade(shape: str) -> object:
    """An upcast that forgets the old column, and gives all that the new class needs."""

    def upcast(column: str | int | None = None, note: str = "") -> dict[str, object]:
        return {name: one for name, one in VALUES[shape][0].items() if name != "card"}

    return upcast


def is_read(load: Callable[[StoredEvent], Event], newer: Event) -> bool:
    try:
        load(store(newer))
    except UnreadableEvent:
        return False
    return True


@pytest.mark.parametrize(
    ("new", "said"),
    [("noted", "readable_from = 1 lets them go on"), ("numbered", "first deploy programs that")],
)
def test_what_is_not_promised_to_older_programs_is_told(
    new: str, said: str, tmp_path: Path
) -> None:
    write_contract(tmp_path / "contract.json", [board([event("CardMoved", SHAPES["plain"])])])
    newer = event("CardMoved", SHAPES[new], schema_version=2, upcasts={1: remade(new)})
    found = check_contract(tmp_path / "contract.json", [board([newer])])
    assert found.broken == ()
    assert said in found.safe[0].remedy


def test_a_new_field_without_a_new_schema_version_is_told_as_new(tmp_path: Path) -> None:
    write_contract(tmp_path / "contract.json", [board([event("CardMoved", SHAPES["plain"])])])
    found = check_contract(
        tmp_path / "contract.json", [board([event("CardMoved", SHAPES["noted"])])]
    )
    assert "note is new in schema version 1; programs" in " ".join(map(str, found.safe))
