"""`comity stats` and `comity models` show which processes have a domain open, and who leads."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples.board.domain import board
from tests.cli.boards import BoardCards
from tests.cli.shell import Comity, Host

from comity.actors import Domain
from comity.cli import sharers
from comity.engine.files import file_system
from comity.engine.files.file_system import FileSystem, Kind
from comity.engine.files.writer_lock import WriterLock
from comity.engine.sharing.board import Board
from comity.engine.sharing.lease import Lease
from comity.engine.sharing.member import Member
from comity.engine.sharing.program import this_program

OpenHost = Callable[..., Host]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A domain that has one model."""
    path = tmp_path_factory.mktemp("shared") / "team.db"
    Domain.open(path, deciders=[board], read_models=[BoardCards]).close()
    return path


@pytest.fixture
def member(path: Path) -> Iterator[Member]:
    """This process, which has written two commits."""
    member = Board.join(path, "uvicorn [red]shop:app")
    member.note_commit(3)
    member.note_commit(4)
    member.note_stale(5)
    yield member
    member.leave()


@pytest.mark.usefixtures("member")
def test_stats_show_who_has_the_domain_open_and_what_it_leads(comity: Comity, path: Path) -> None:
    said = this_program()
    lease = Lease.take(path / "models" / "BoardCards" / "writer.lock", said)
    (path / "leases").mkdir(exist_ok=True)
    other = Lease.take(path / "leases" / "process-trip.lock", said)
    assert lease is not None
    assert other is not None
    leads = "model BoardCards, process trip"
    row = rf"^ *{os.getpid()} +2 +7 +5  at work  {leads}  uvicorn \[red\]shop:app$"
    assert re.search(row, comity("stats", path).out, re.MULTILINE)
    (told,) = json.loads(comity("stats", path, "--json").out)["processes"]
    assert told["pid"] == os.getpid()
    assert (told["commits"], told["events"], told["stale"]) == (2, 7, 5)
    assert told["leads"] == ["model BoardCards", "process trip"]
    assert re.search(
        rf"^BoardCards .* {os.getpid()}  following$", comity("models", path).out, re.MULTILINE
    )
    assert json.loads(comity("models", path, "--json").out)["leader"] == said
    lease.release()
    other.release()
    assert json.loads(comity("models", path, "--json").out)["leader"] is None


@pytest.mark.usefixtures("member")
def test_each_version_of_a_model_is_shown_while_programs_of_several_run(
    comity: Comity, path: Path
) -> None:
    cards = path / "models" / "BoardCards"
    other = cards / "version-0123456789abcdef"
    shutil.copytree(cards, other)
    lease = Lease.take(other / "writer.lock", this_program())
    assert lease is not None
    lines = comity("models", path, "--json").out.splitlines()
    leaders = {one["model"]: one["leader"] for one in map(json.loads, lines)}
    assert leaders["BoardCards"] is None
    assert leaders["BoardCards/version-0123456789abcdef"].startswith(f"process {os.getpid()} ")
    (told,) = json.loads(comity("stats", path, "--json").out)["processes"]
    assert told["leads"] == ["model BoardCards/version-0123456789abcdef"]
    lease.release()
    shutil.rmtree(other)


def test_stats_show_who_writes_waits_or_is_silent_for_long(
    comity: Comity, path: Path, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharers, "_LONG", 0.0)
    member.waiting()
    assert "has waited for 0 s to write" in comity("stats", path).out
    member.holding()
    assert "has been writing for 0 s" in comity("stats", path).out
    member.released()
    monkeypatch.setattr(sharers, "_SILENT", 0.0)
    assert "at work" in comity("stats", path).out  # it never said that it works
    member.beat()
    assert "silent for 0 s" in comity("stats", path).out
    member.waiting()
    assert "silent for 0 s" in comity("stats", path).out  # stopped while it waited


def test_stats_show_who_has_the_domain_open_alone(comity: Comity, path: Path) -> None:
    lock = WriterLock(path)
    said = " ".join(comity("stats", path).out.split())
    assert f"open in process {os.getpid()} (" in said
    assert "which does not share it" in said
    assert json.loads(comity("stats", path, "--json").out)["exclusive"].startswith("process ")
    lock.release()
    told = json.loads(comity("stats", path, "--json").out)
    assert (told["exclusive"], told["processes"]) == (None, [])


def test_stats_show_a_file_system_that_is_no_disk(
    comity: Comity, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def memory(folder: Path) -> FileSystem:
        return FileSystem("tmpfs", Kind.MEMORY)

    monkeypatch.setattr("comity.cli.stats.file_system_of", memory)
    assert "on tmpfs (memory: nothing outlives" in comity("stats", path).out
    told = json.loads(comity("stats", path, "--json").out)["file_system"]
    assert told == {"name": "tmpfs", "kind": "memory"}
    assert file_system.file_system_of(path).name != ""


def test_stats_show_two_programs_of_which_one_leads_and_then_the_other(
    comity: Comity, path: Path, host: OpenHost
) -> None:
    def processes() -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(comity("stats", path, "--json").out)[
            "processes"
        ]
        return found

    first, second = host(path, "BoardCards"), host(path, "BoardCards")
    second.tell("add b c Pay")
    while not any(one["leads"] for one in processes()):
        pass
    assert {one["pid"]: one["commits"] for one in processes()} == {
        first.process.pid: 0,
        second.process.pid: 1,
    }
    assert sorted(str(one["leads"]) for one in processes()) == ["['model BoardCards']", "[]"]
    leading = next(one["pid"] for one in processes() if one["leads"])
    (first if leading == first.process.pid else second).process.kill()
    while [one["leads"] for one in processes()] != [["model BoardCards"]]:
        pass
