"""The newcomer's path: an own domain with two commands to its first simulated conflict."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulating.md"


def test_the_way_to_the_first_conflict_is_25_lines() -> None:
    """`test_docs` runs them, and compares what they print."""
    first, printed = re.findall(r"```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[:2]
    assert len([line for line in first.splitlines() if line.strip()]) <= 25
    assert "refused by rule `reject`" in printed
