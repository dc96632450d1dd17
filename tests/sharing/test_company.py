"""Many processes on one path, those that come and go, and those that differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.property.desk import Paint, Vote
from tests.sharing.calls import Call, Decided, History
from tests.sharing.crew import Crew
from tests.sharing.judge import judged
from tests.sharing.known import opening
from tests.sharing.playing import records_of
from tests.sharing.ways import close_and_open, desks, look, send

KEY = "k"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


def ten_at_once(crew: Crew, path: Path, processes: int) -> None:
    """So many processes open one path at once, send and look at once, and close at once."""
    workers = crew.several([desks(path)] * processes)
    sent = [
        worker.begin(send, KEY, Vote(votes=1), id=worker.name, who=worker.name)
        for worker in workers
    ]
    calls = [reply.result(60) for reply in sent]
    looks = [reply.result(60) for reply in [worker.begin(look, KEY) for worker in workers]]
    assert crew.close() == [0] * processes
    judged(History(calls, looks), records_of(path))
    assert {seen.version for seen in looks} == {processes}


def test_many_processes_open_one_path_at_once(crew: Crew, tmp_path: Path) -> None:
    ten_at_once(crew, tmp_path / "d", 10)


@pytest.mark.slow
def test_a_hundred_processes_open_one_path_at_once(crew: Crew, tmp_path: Path) -> None:
    ten_at_once(crew, tmp_path / "d", 100)


def come_and_go(crew: Crew, path: Path, times: int) -> None:
    """Three processes open and close, send in between, and lose nothing."""
    workers = crew.several([desks(path)] * 3)
    replies = [worker.begin(close_and_open, path, KEY, times) for worker in workers]
    calls: list[Call] = [call for reply in replies for call in reply.result(300)]
    assert crew.close() == [0] * 3
    judged(History(calls), records_of(path))
    assert all(isinstance(call.answer, Decided) for call in calls)


def test_processes_open_while_others_close(crew: Crew, tmp_path: Path) -> None:
    come_and_go(crew, tmp_path / "d", 10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_open_a_thousand_times_while_others_close(crew: Crew, tmp_path: Path) -> None:
    come_and_go(crew, tmp_path / "d", 350)


def test_processes_with_other_deciders_leave_each_others_events_alone(
    crew: Crew, tmp_path: Path
) -> None:
    path = tmp_path / "d"
    both = crew.start(opening(path, "desk", "incident"))
    other = crew.start(opening(path, "incident"))
    one = crew.start(opening(path, "desk"))
    calls = [
        both.ask(send, KEY, Vote(votes=1), id="a"),
        one.ask(send, KEY, Paint(colour="red"), id="b"),
        both.ask(send, KEY, Vote(votes=2), id="c"),
    ]
    assert crew.close() == [0, 0, 0]
    assert other.told == []
    judged(History(calls), records_of(path))
