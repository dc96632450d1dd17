"""The plugin of pytest in projects of their own: the fixture `domain`, and its cost for others."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]

BOARD = """
import pytest
from examples.board.domain import AddCard, CardAdded, board
from comity.testing import OpenDomain

ADD = AddCard(card="c1", number=1, title="Pay")
"""


def pytest_in(folder: Path, code: str, *arguments: str) -> str:
    """Run pytest in a new project with this test file; return what it prints."""
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "test_own.py").write_text(code)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "-p", "comity.testing.plugin", "--strict-markers", *arguments,
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return ran.stdout + ran.stderr


def test_pytest_finds_the_plugin_in_the_venv_of_a_clone() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = told["project"]["entry-points"]["pytest11"]
    installed = distribution("comity").entry_points.select(group="pytest11")
    assert {one.name: one.value for one in installed} == wanted


def test_journals_are_in_memory_or_on_the_disk_as_asked(tmp_path: Path) -> None:
    code = """
def kind(domain):
    return type(domain(deciders=[board])._assembly.journal._journal).__name__

def test_by_option(domain: OpenDomain):
    assert kind(domain) == "LmdbJournal"

@pytest.mark.comity_journal("memory")
def test_by_marker(domain: OpenDomain):
    assert kind(domain) == "MemoryJournal"

@pytest.mark.comity_journal("disk")
def test_by_wrong_marker(domain: OpenDomain):
    pass
"""
    said = pytest_in(tmp_path, BOARD + code, "--comity-journal=lmdb")
    assert "2 passed, 1 error" in said
    assert 'comity_journal: write comity_journal("memory") or comity_journal("lmdb")' in said


def test_what_fails_in_the_background_fails_the_test(tmp_path: Path) -> None:
    code = """
from comity.actors import Outlet
from comity.engine import Answered, Order, Process, Rang
from comity.readmodels import ReadModel, Row, Table

class CountRow(Row):
    card: str

class Counts(ReadModel[CardAdded]):
    rows = Table(CountRow, key=lambda row: row.card)
    def project(self, event, at):
        raise KeyError("Counts")

class Post(Outlet[CardAdded]):
    start = "now"
    def deliver(self, event, at):
        raise KeyError("Post")

def key(event: CardAdded) -> str: return event.card
def hear(n: int, thing: CardAdded | Answered | Rang) -> int: return n
def react(n: int, thing: CardAdded | Answered | Rang) -> list[Order]: raise KeyError("react")

deaf = Process("deaf", int, key, hear, react, starts=[CardAdded])

class Deaf:
    def receive(self, batch):
        raise KeyError("Deaf")

@pytest.mark.parametrize("may_fail", [False, True])
def test_model(domain: OpenDomain, may_fail):
    team = domain(deciders=[board], read_models=[Counts], may_fail=may_fail)
    team.aggregate(board, "b1").do(ADD)

def test_outlet(domain: OpenDomain):
    domain(deciders=[board], outlets=[Post()]).aggregate(board, "b1").do(ADD)

def test_process(domain: OpenDomain):
    domain(deciders=[board], processes=[deaf]).aggregate(board, "b1").do(ADD)

def test_listener(domain: OpenDomain):
    team = domain(deciders=[board])
    heard = team.listen(Deaf())
    team.aggregate(board, "b1").do(ADD)
    while heard.error is None:
        pass

def test_closed(domain: OpenDomain):
    with domain(deciders=[board]) as team:
        team.aggregate(board, "b1").do(ADD)
"""
    said = pytest_in(tmp_path, BOARD + code)
    assert "6 passed, 4 errors" in said
    assert "failed in the background: the read model Counts: " in said
    assert "failed in the background: the outlet Post: KeyError: 'Post'" in said
    assert "failed in the background: the process deaf: c1 hears CardAdded (position 2)" in said
    assert "failed in the background: a listener: KeyError: 'Deaf'" in said


def test_projects_that_do_not_use_it_import_nothing_and_keep_their_own_fixture(
    tmp_path: Path,
) -> None:
    code = """
import sys
import pytest

@pytest.fixture
def domain():
    return "its own"

def test_it(domain):
    assert domain == "its own"
    loaded = {name for name in sys.modules if name.startswith("comity")}
    assert loaded <= {"comity", "comity.testing", "comity.testing.plugin"}
    assert not {"pydantic", "lmdb", "pykka"} & set(sys.modules)
"""
    assert "1 passed" in pytest_in(tmp_path, code)


def test_names_that_are_not_there_are_named() -> None:
    code = "import comity.testing as t\nprint(dir(t)[-1])\nt.givn"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "comity.testing has no givn; it has LawBroken, " in ran.stderr
    assert ran.stdout == "unchanged\n"
