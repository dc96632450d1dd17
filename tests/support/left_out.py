"""Why tests are left out, and how to have them; the last line of a test run tells both.

A reason to skip a test is one of these, or says the same: what is missing, a colon, what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

NO_BROWSER: Final = "no browser: apt-get install chromium"
NO_RECORDINGS: Final = "no recordings: COMITY_DATA=FOLDER ./scripts/test"
NO_UVLOOP: Final = "no uvloop: install it into .venv"
NO_FORK: Final = "no fork: another system"
SLOW: Final = "slow: ./scripts/soak"
NOT_CHOSEN: Final = "not chosen: ./scripts/test without -m, -k, --deselect"


def closing_line(reasons: Iterable[str]) -> str:
    """How many tests were left out, why, and how to have them.

    Args:
        reasons: why, one of each test.
    """
    found = Counter(reasons)
    if not found:
        return "left out of this run: nothing"
    each = (f"{number} {_told(reason)}" for reason, number in found.most_common())
    return f"left out: {found.total()} ({'; '.join(each)})"


def why_deselected(item: pytest.Item) -> str:
    """Why a test was not chosen."""
    return SLOW if item.get_closest_marker("slow") else NOT_CHOSEN


def reasons(stats: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Why chosen tests were left out of a run, one reason of each test.

    Args:
        stats: what pytest's terminal reporter has counted.
    """
    for report in stats.get("skipped", []):
        _file, _line, why = report.longrepr
        yield why.removeprefix("Skipped: ")


def _told(reason: str) -> str:
    why, _, how = reason.partition(": ")
    return f"{why}, {how}" if how else f"{why}: -rs says where"
