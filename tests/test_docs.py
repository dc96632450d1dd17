"""The README and the pages in docs/ are true: their Python runs, and prints what they say."""

from __future__ import annotations

import ast
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
TEST = re.compile(r"`(tests/[\w/]+\.py)`")


def _blocks(page: Path) -> Iterator[tuple[str, str | None]]:
    """Each Python block of a page, and the output that the block after it says."""
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    for number, (language, code) in enumerate(blocks):
        if language == "python":
            following = blocks[number + 1 : number + 2]
            said = following[0][1] if following and following[0][0] == "text" else None
            yield code, said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")  # pydantic looks names up in the module of a class
    monkeypatch.setitem(sys.modules, "page", module)
    for code, said in _blocks(page):
        exec(compile(code, str(page), "exec"), module.__dict__)  # noqa: S102 - our own pages
        printed = capsys.readouterr().out
        if said is not None:
            assert printed == said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_and_tests_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [test for test in TEST.findall(text) if not (ROOT / test).exists()]
    assert missing == []


def test_the_readme_has_code_to_run() -> None:
    assert len(list(_blocks(ROOT / "README.md"))) >= 3


RIDDLE = re.compile(r"(Who |Whoever |Whatever )")
"""How a sentence begins whose subject must be guessed; see "How we write" in docs/glossary.md."""


def _docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text.strip()
            case _:
                pass


def test_no_docstring_begins_with_a_riddle() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text[:60]}"
        for folder in ("engine", "readmodels", "actors", "examples", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in _docstrings(path)
        if RIDDLE.match(text)
    ]
    assert found == []
