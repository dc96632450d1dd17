"""Mistakes that never reach production: both type checkers catch them, or the import does.

What is in `tests/typing` is right, and passes. Each mistake is a file beside it, wrong in the line
marked `# here`, and nowhere else. Each checker runs once, strictly, over all of them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

from comity.engine import WiringError

ROOT = Path(__file__).parent.parent.parent
RIGHT = [ROOT / "tests" / "typing" / name for name in ("board.py", "trip.py")]

MISTAKES = {
    "a case forgotten in decide": """
from collections.abc import Iterator
from tests.typing.board import AddCard, Board, BoardCommand, BoardEvent, CardAdded

def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent]:
    match command:  # here
        case AddCard(card=card, title=title):
            yield CardAdded(card=card, title=title)
""",
    "a case forgotten in evolve": """
from tests.typing.board import Board, BoardEvent, CardAdded

def evolve(board: Board, event: BoardEvent) -> Board:
    match event:  # here
        case CardAdded(card=card, title=title):
            board.cards[card] = title
    return board
""",
    "a foreign event yielded": """
from collections.abc import Iterator
from comity.engine import Event
from tests.typing.board import Board, BoardCommand, BoardEvent

class Foreign(Event):
    pass

def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent]:
    yield Foreign()  # here
""",
    "a foreign event that evolve does not know": """
from collections.abc import Iterator
from comity.engine import Decider, Event
from tests.typing.board import Board, BoardCommand, BoardEvent, evolve

class Foreign(Event):
    pass

def decide(board: Board, command: BoardCommand) -> Iterator[BoardEvent | Foreign]:
    yield Foreign()

board = Decider("board", Board, decide, evolve)  # here
""",
    "a command of another aggregate": """
from comity.actors import Domain
from comity.engine import Command
from tests.typing.board import board

class Deposit(Command):
    pass

def use(domain: Domain) -> None:
    domain.aggregate(board, "a").send(Deposit())  # here
""",
    "a command of another aggregate among several": """
from comity.actors import Domain
from comity.engine import Command
from tests.typing.board import RenameCard, board

class Deposit(Command):
    pass

def use(domain: Domain) -> None:
    domain.aggregate(board, "a").send_many([RenameCard(card="a", title="b"), Deposit()])  # here
""",
    "a conflict rule by its name": """
from comity.engine import Command

class Rename(Command):
    title: str
    on_conflict = "reject"  # here
""",
    "a conflict rule that returns something else": """
from comity.engine import Clash, Command
from tests.typing.board import Board

class Rename(Command):
    title: str

    def on_conflict(self, clash: Clash[Board], /) -> str:  # here
        return self.title
""",
    "a conflict rule without the clash": """
from typing import Self
from comity.engine import Command

class Rename(Command):
    title: str

    def on_conflict(self) -> Self:  # here
        return self
""",
    "a transform whose step takes something else": """
from comity.engine import Command, transform

def shift(message: int, over: int) -> int:
    return message

class Rename(Command):
    title: str
    on_conflict = transform(shift)  # here
""",
    "a transform whose step is told something else": """
from comity.engine import Command, Sent, transform
from tests.typing.board import AddCard, CardAdded

def shift(message: AddCard | CardAdded, over: AddCard | CardAdded, sent: Sent) -> AddCard:
    return AddCard(card="c1", title="x")

class Rename(Command):
    title: str
    on_conflict = transform(shift)  # here
""",
    "a decide that is told something else": """
from collections.abc import Iterator
from comity.engine import At, Decider
from tests.typing.board import Board, BoardCommand, BoardEvent, evolve

def decide(board: Board, command: BoardCommand, sent: At) -> Iterator[BoardEvent]:
    yield from ()

board = Decider("board", Board, decide, evolve)  # here
""",
    "an evolve that is told something else": """
from comity.engine import Decider, Sent
from tests.typing.board import Board, BoardEvent, decide

def evolve(board: Board, event: BoardEvent, at: Sent) -> Board:
    return board

board = Decider("board", Board, decide, evolve)  # here
""",
    "a decide with four parameters": """
from collections.abc import Iterator
from comity.engine import Decider, Sent
from tests.typing.board import Board, BoardCommand, BoardEvent, evolve

def decide(board: Board, command: BoardCommand, sent: Sent, more: int) -> Iterator[BoardEvent]:
    yield from ()

board = Decider("board", Board, decide, evolve)  # here
""",
    "a foreign event that evolve does not know, beside what decide is told": """
from collections.abc import Iterator
from comity.engine import Decider, Event, Sent
from tests.typing.board import Board, BoardCommand, BoardEvent, evolve_by_time

class Foreign(Event):
    pass

def decide(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent | Foreign]:
    yield Foreign()

board = Decider("board", Board, decide, evolve_by_time)  # here
""",
    "a sender who is changed": """
from collections.abc import Iterator
from comity.engine import Sent
from tests.typing.board import Board, BoardCommand, BoardEvent

def decide(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    sent.who = "ann"  # here
    yield from ()
""",
    "metadata that is changed": """
from collections.abc import Iterator
from comity.engine import Sent
from tests.typing.board import Board, BoardCommand, BoardEvent

def decide(board: Board, command: BoardCommand, sent: Sent) -> Iterator[BoardEvent]:
    sent.metadata["seen"] = "yes"  # here
    yield from ()
""",
    "a state of another kind": """
from comity.engine import Decider
from tests.typing.board import decide, evolve

board = Decider("board", int, decide, evolve)  # here
""",
    "an upcast that returns no fields": """
from comity.engine import Event

def counted(votes: int) -> int:
    return votes

class Voted(Event):
    votes: int
    schema_version = 2
    upcasts = {1: counted}  # here
""",
    "a retired event that is no name": """
from comity.engine import Decider
from tests.typing.board import CardAdded, Board, decide, evolve

board = Decider("board", Board, decide, evolve, retired=[CardAdded])  # here
""",
    "a case forgotten in the evolve of a process": """
from comity.engine import Answered
from tests.typing.trip import Thing, Trip, TripRequested

def evolve(trip: Trip, thing: Thing) -> Trip:
    match thing:  # here
        case TripRequested() | Answered():
            pass
    return trip
""",
    "a case forgotten in the react of a process": """
from collections.abc import Iterator
from comity.engine import Answered, End, Rang
from tests.typing.trip import Thing, Trip, TripRequested

def react(trip: Trip, thing: Thing) -> Iterator[End]:
    match thing:  # here
        case TripRequested() | Answered() | Rang():
            yield End()
""",
    "a process whose evolve is not told of timers": """
from comity.engine import Answered, Process
from tests.typing.trip import Trip, TripEvent, TripRequested, key, react

def evolve(trip: Trip, thing: TripEvent | Answered) -> Trip:
    return trip

trip = Process("trip", Trip, key, evolve, react, starts=[TripRequested])  # here
""",
    "a process of another state": """
from comity.engine import Process
from tests.typing.trip import TripRequested, evolve, key, react

trip = Process("trip", int, key, evolve, react, starts=[TripRequested])  # here
""",
    "a process that is told something else": """
from comity.engine import At, Process
from tests.typing.trip import Thing, Trip, TripRequested, key, react

def evolve(trip: Trip, thing: Thing, heard: At) -> Trip:
    return trip

trip = Process("trip", Trip, key, evolve, react, starts=[TripRequested])  # here
""",
    "a process that gives something else than orders and timers": """
from collections.abc import Iterator
from comity.engine import Process
from tests.typing.board import AddCard
from tests.typing.trip import Thing, Trip, TripRequested, evolve, key

def react(trip: Trip, thing: Thing) -> Iterator[AddCard]:
    yield AddCard(card="c1", title="Fly")

trip = Process("trip", Trip, key, evolve, react, starts=[TripRequested])  # here
""",
    "an unknown step": """
from collections.abc import Iterator
from comity.engine import End, Order
from tests.typing.board import AddCard
from tests.typing.trip import Thing, Trip

def react(trip: Trip, thing: Thing) -> Iterator[Order | End]:
    yield AddCard(card="c1", title="Fly")  # here
""",
    "an order of a command of another decider": """
from comity.engine import Command, Order
from tests.typing.board import board

class Deposit(Command):
    pass

order = Order(board, "a", Deposit())  # here
""",
    "a key that is no text": """
from comity.engine import Process
from tests.typing.trip import Trip, TripEvent, TripRequested, evolve, react

def key(event: TripEvent) -> int:
    return 1

trip = Process("trip", Trip, key, evolve, react, starts=[TripRequested])  # here
""",
    "a foreign event that a process cannot hear": """
from comity.engine import Event
from comity.testing import given
from tests.typing.trip import trip

class Foreign(Event):
    pass

given(trip).when(Foreign())  # here
""",
    "a command among the starts of a process": """
from comity.engine import Process
from tests.typing.board import AddCard
from tests.typing.trip import Trip, evolve, key, react

trip = Process("trip", Trip, key, evolve, react, starts=[AddCard])  # here
""",
    "a field of another type": """
from tests.typing.board import RenameCard

command = RenameCard(card="c1", title=5)  # here
""",
}

AT_IMPORT = {
    "a misspelt field in touches": """
from comity.engine import Command, Key

class Rename(Command):
    card: Key[str]
    title: str
    touches = "card/{crad}/title"
""",
    "a misspelt field in depends_on": """
from comity.engine import Command, Key

class Rename(Command):
    card: Key[str]
    title: str
    depends_on = ("card/{card}", "column/{column}")
""",
    "a conflict rule by its name": MISTAKES["a conflict rule by its name"],
    "a conflict rule without the clash": MISTAKES["a conflict rule without the clash"],
    "a field that cannot be stored": """
from comity.engine import Command

class Rename(Command):
    titles: list[str]
""",
}

Complaints: TypeAlias = dict[str, list[int]]
"""The lines that a checker complains about, by file name."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files with mistakes in them are."""
    folder = tmp_path_factory.mktemp("mistakes")
    for mistake, source in MISTAKES.items():
        (folder / file_name(mistake)).write_text(source)
    return folder


def file_name(mistake: str) -> str:
    """A module's name for it."""
    return f"{mistake.replace(' ', '_')}.py"


@pytest.fixture(scope="session")
def mypy(folder: Path) -> Complaints:
    """What mypy says, as it is set up in pyproject.toml."""
    files = [*map(str, RIGHT), *map(str, folder.glob("*.py"))]
    output = run("mypy", "--hide-error-context", "--no-pretty", "--no-error-summary", *files)
    found = re.findall(r"^(.*?):(\d+): error:", output, re.MULTILINE)
    return lines_by_file([(path, int(line)) for path, line in found])


@pytest.fixture(scope="session")
def pyright(folder: Path) -> Complaints:
    """What pyright says, strictly."""
    settings = {
        "include": [str(folder), *map(str, RIGHT)],
        "extraPaths": [
            str(ROOT),
            *(str(ROOT / name) for name in ("engine", "readmodels", "actors")),
        ],
        "typeCheckingMode": "strict",
    }
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project))
    found = json.loads(output)["generalDiagnostics"]
    return lines_by_file([(one["file"], one["range"]["start"]["line"] + 1) for one in found])


def run(checker: str, *arguments: str) -> str:
    """What the checker prints."""
    command = [sys.executable, "-m", checker, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def lines_by_file(complaints: list[tuple[str, int]]) -> Complaints:
    """The lines, each once."""
    lines: Complaints = {}
    for path, line in sorted(set(complaints)):
        lines.setdefault(Path(path).name, []).append(line)
    return lines


def marked(mistake: str) -> list[int]:
    """The line that is wrong."""
    lines = MISTAKES[mistake].splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# here")]


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_what_is_right_passes_both(right: Path, mypy: Complaints, pyright: Complaints) -> None:
    assert right.name not in mypy
    assert right.name not in pyright


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mypy_catches(mistake: str, mypy: Complaints) -> None:
    assert mypy.get(file_name(mistake)) == marked(mistake)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_pyright_catches(mistake: str, pyright: Complaints) -> None:
    assert pyright.get(file_name(mistake)) == marked(mistake)


@pytest.mark.parametrize("mistake", AT_IMPORT)
def test_the_import_catches(mistake: str) -> None:
    source = compile(AT_IMPORT[mistake], file_name(mistake), "exec", dont_inherit=True)
    with pytest.raises(WiringError, match=r"^Rename\."):
        exec(source, {"__name__": "mistakes"})  # noqa: S102 - as an import would
