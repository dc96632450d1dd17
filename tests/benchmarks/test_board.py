from itertools import islice
from pathlib import Path

import pytest
from benchmarks.board import Boards, Change, fold
from benchmarks.client import MODES, Crowd
from benchmarks.contender import Contender, opened
from benchmarks.peers.group_commit import GroupCommit
from benchmarks.proof import Wrong, prove
from benchmarks.shape import SHAPES, Shape
from tests.support.left_out import NO_UVLOOP

SMALL = Shape("small", "a few boards", 3, 2, 4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["comity", "SQLite, group commit", "SQLite, lock per board"])
def test_each_contender_comes_to_what_was_answered(name: str, mode: str, tmp_path: Path) -> None:
    if mode == "uvloop":
        pytest.importorskip("uvloop", reason=NO_UVLOOP)
    contender = opened(name, tmp_path, read_model=True)
    try:
        contender.set_up(SMALL.setting_up())
        crowd = Crowd(contender, SMALL, mode)
        window = crowd.work(0.05)
        assert window.commands == len(window.times) == sum(crowd.answered) > 0
        assert "so do the rows" in prove(contender, SMALL, crowd.answered, read_model=True)
    finally:
        contender.close()


def test_a_script_is_the_same_each_time_and_breaks_no_rule() -> None:
    for shape in SHAPES.values():
        first = list(islice(shape.script(3, 64), 100))
        assert first == list(islice(shape.script(3, 64), 100))
        fold([*shape.setting_up(), *first])


class Forgetful(GroupCommit):
    """Answers, and forgets one event."""

    def log(self) -> list[Change]:
        return list(super().log())[:-1]


class Confused(GroupCommit):
    """Has another state in memory than on the disk."""

    def boards(self) -> Boards:
        return {name: dict(list(cards.items())[1:]) for name, cards in super().boards().items()}


class Disorderly(GroupCommit):
    """Lets a later command of a client happen before an earlier one."""

    def log(self) -> list[Change]:
        log = list(super().log())
        begin = len(SMALL.setting_up())
        return log[:begin] + log[begin:][::-1]


class Stale(GroupCommit):
    """Its read model has nothing."""

    def rows(self) -> dict[tuple[str, str], object]:  # type: ignore[override]
        return {}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Forgetful, "are not in the log"),
        (Confused, "is not the fold of its events"),
        (Disorderly, "out of order"),
        (Stale, "the 0 rows do not"),
    ],
)
def test_a_wrong_state_is_found(kind: type[GroupCommit], says: str, tmp_path: Path) -> None:
    contender: Contender = kind(tmp_path / "db", read_model=True)
    try:
        contender.set_up(SMALL.setting_up())
        crowd = Crowd(contender, SMALL, "pipelined")
        while sum(crowd.answered) < 20:  # so that titles were given
            crowd.work(0.02)
        with pytest.raises(Wrong, match=says):
            prove(contender, SMALL, crowd.answered, read_model=True)
    finally:
        contender.close()


def test_an_answer_too_many_is_found(tmp_path: Path) -> None:
    contender = opened("SQLite, group commit", tmp_path, read_model=False)
    try:
        contender.set_up(SMALL.setting_up())
        with pytest.raises(Wrong, match="1 answered changes are not in the log"):
            prove(contender, SMALL, [1], read_model=False)
    finally:
        contender.close()
