"""The tests on the page about testing pass; `tests/test_docs.py` runs only what is called there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.testing.test_plugin import ROOT, pytest_in

FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    blocks = FENCE.findall((ROOT / "docs" / "testing.md").read_text(encoding="utf-8"))
    some = "people or without or (drill and hanging)"  # the others would take as long
    said = pytest_in(tmp_path, "\n".join(blocks), "-k", some)
    assert re.search(r"^6 passed, \d+ deselected", said, re.MULTILINE), said
