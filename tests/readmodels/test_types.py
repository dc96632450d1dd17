"""Mistakes in read models and queries that both type checkers catch.

`typing/cards.py` is right, and passes. Each mistake is a file beside it that is wrong in the line
marked `# here`, and nowhere else. Each checker runs once, strictly, over all of them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.engine.test_types import ROOT, Complaints, file_name, lines_by_file, run

RIGHT = ROOT / "tests" / "readmodels" / "typing" / "cards.py"

IN_PROJECT = """
from comity.engine import Recorded
from tests.readmodels.typing import cards as our

class Mine(our.Cards):
    def project(self, event: our.CardEvent, at: Recorded[our.CardEvent]) -> None:
        {line}  # here
"""

ASKING = """
from tests.readmodels.typing import cards as our

def ask(cards: our.Cards) -> object:
    {line}  # here
"""

DECLARING = """
from comity import readmodels as r
from tests.readmodels.typing import cards as our

class Mine(r.ReadModel[our.CardEvent]):
    rows = r.Table(our.CardRow, key=lambda row: (row.board, row.card))
    {line}  # here
"""

LINES = {
    IN_PROJECT: {
        "a row of another table is put": 'self.rows.put(our.OtherRow(name="x"))',
        "no row is put": "self.rows.put(event)",
        "a key of another shape is updated": 'self.rows.update("x", title="y")',
        "a key of another type is deleted": 'self.rows.delete(("b", 3))',
        "a total of another key": "self.votes.add(3, 1)",
        "a total that is no whole number": 'self.votes.add("ann", 0.5)',
        "what not every event has": "print(event.title)",
        "a row without a column": 'self.rows.put(our.CardRow(board="b", card="c"))',
        "a row with a column of another type": "self.others.put(our.OtherRow(name=3))",
        "what the table does not return": "wrong: str = self.rows.delete(('b', 'c')); print(wrong)",
    },
    ASKING: {
        "a key of another type": "return cards.rows.get(3)",
        "a part of a key": 'return cards.rows.get("b")',
        "a key with a part of another type": 'return cards.rows["b", 3]',
        "keys of another type": 'return cards.rows.get_many(["b"])',
        "an index asked for another type": "return cards.by_title[3]",
        "a unique index asked for a part": 'return cards.by_number.get("b")',
        "a tag of another type": "return cards.by_tag[3]",
        "bounds of another type": "return cards.by_title.between(1, 2)",
        "one bound of another type": 'return cards.by_title.between("a", 2)',
        "before another type": "return cards.by_title.before(2)",
        "a prefix of another type": "return cards.by_column.prefix(3)",
        "a second part of another type": 'return cards.by_column.prefix("b", 3)',
        "a prefix of a key that is no tuple": 'return cards.by_title.prefix("a")',
        "a prefix that is the whole key": 'return cards.rows.prefix("b", "c")',
        "a beginning of a key that is no text": 'return cards.rows.starting("b")',
        "rows of another class": 'x: list[our.OtherRow] = cards.by_title["a"].list(); return x',
        "a row of another class": 'row: our.OtherRow = cards.rows["b", "c"]; return row',
        "a row that may not be there": 'return cards.rows.get(("b", "c")).title',
        "a column that is not there": "return cards.rows.scan(lambda row: row.nothing > 3)",
        "a figure of another group": "return cards.per_owner[3]",
        "a figure of another number": 'cost: int = cards.costs["todo"]; return cost',
        "a page without a limit": "return cards.rows.all().page()",
        "a table that is iterated": "return [row for row in cards.rows]",
        "an index that is iterated": "return [row for row in cards.by_title]",
        "figures that are iterated": "return [row for row in cards.points]",
        "an index that is searched": 'return "a" in cards.by_title',
        "a class asked for another type": "return our.Cards.by_title[3]",
        "a class asked for bounds of another type": "return our.Cards.rows.between(1, 2)",
        "an index that is not there": 'return cards.by_nothing["a"]',
    },
    DECLARING: {
        "a sum of floats": "sums = rows.sum(lambda row: row.weight, by=lambda row: row.card)",
        "totals of floats": "totals = r.Totals(str, float)",
        "an index of a column that is not there": "by_x = rows.index(lambda row: row.nothing)",
        "an index of each of what is one": "by_x = rows.index_each(lambda row: row.number)",
        "a table of what is no row": "more = r.Table(str, key=str)",
        "a table without a key": "more = r.Table(our.CardRow)",
        "a key of what is not there": "more = r.Table(our.CardRow, key=lambda row: row.nothing)",
        "what is to be done on errors": 'on_error = "skip"',
        "a version that is text": 'version = "2"',
    },
}

MISTAKES = {
    mistake: template.format(line=line)
    for template, lines in LINES.items()
    for mistake, line in lines.items()
} | {
    "a case forgotten": """
from comity.engine import Recorded
from comity.readmodels import ReadModel, Table
from tests.readmodels.typing.cards import CardAdded, CardEvent, CardMoved, CardRow

class Mine(ReadModel[CardEvent]):
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: CardEvent, at: Recorded[CardEvent]) -> None:
        match event:  # here
            case CardAdded(card=card) | CardMoved(card=card):
                print(card)
""",
    "project takes another event": """
from comity.engine import Event, Key, Recorded
from comity.readmodels import ReadModel, Table
from tests.readmodels.typing.cards import CardEvent, CardRow

class Foreign(Event):
    name: Key[str]

class Mine(ReadModel[CardEvent]):
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: Foreign, at: Recorded[CardEvent]) -> None:  # here
        print(event.name)
""",
    "project takes too few events": """
from comity.engine import Recorded
from comity.readmodels import ReadModel, Table
from tests.readmodels.typing.cards import CardAdded, CardEvent, CardRow

class Mine(ReadModel[CardEvent]):
    rows = Table(CardRow, key=lambda row: row.card)

    def project(self, event: CardAdded, at: Recorded[CardEvent]) -> None:  # here
        print(event.title)
""",
    "a model of what are no events": """
from comity.readmodels import ReadModel, Table
from tests.readmodels.typing.cards import CardRow

class Mine(ReadModel[CardRow]):  # here
    rows = Table(CardRow, key=lambda row: row.card)
""",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files with mistakes in them are."""
    folder = tmp_path_factory.mktemp("mistakes")
    for mistake, source in MISTAKES.items():
        (folder / file_name(mistake)).write_text(source)
    return folder


def mypy_says(paths: Sequence[Path]) -> Complaints:
    """The lines that mypy complains about, as it is set up in pyproject.toml."""
    files = list(map(str, paths))
    output = run("mypy", "--hide-error-context", "--no-pretty", "--no-error-summary", *files)
    found = re.findall(r"^(.*?):(\d+): error:", output, re.MULTILINE)
    return lines_by_file([(path, int(line)) for path, line in found])


def pyright_says(paths: Sequence[Path], folder: Path) -> Complaints:
    """The lines that pyright complains about."""
    roots = [ROOT, *(ROOT / name for name in ("engine", "readmodels", "actors"))]
    settings = {
        "include": list(map(str, paths)),
        "extraPaths": list(map(str, roots)),
        "typeCheckingMode": "strict",
    }
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project))
    found = json.loads(output)["generalDiagnostics"]
    return lines_by_file([(one["file"], one["range"]["start"]["line"] + 1) for one in found])


def marked(mistake: str) -> list[int]:
    """The line that is wrong."""
    lines = MISTAKES[mistake].splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# here")]


@pytest.fixture(scope="session")
def mypy(folder: Path) -> Complaints:
    """What mypy says."""
    return mypy_says([RIGHT, *sorted(folder.glob("*.py"))])


@pytest.fixture(scope="session")
def pyright(folder: Path) -> Complaints:
    """What pyright says, strictly."""
    return pyright_says([RIGHT, folder], folder)


def test_what_is_right_passes_both(mypy: Complaints, pyright: Complaints) -> None:
    assert RIGHT.name not in mypy
    assert RIGHT.name not in pyright


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mypy_catches(mistake: str, mypy: Complaints) -> None:
    assert mypy.get(file_name(mistake)) == marked(mistake)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_pyright_catches(mistake: str, pyright: Complaints) -> None:
    assert pyright.get(file_name(mistake)) == marked(mistake)
