"""The read side's benchmark: each part runs, and checks its own answers, on few events."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.read_table import Scale, Table

from benchmarks import read_side

SMALL = Scale(events=10_000, rounds=1, seconds=0.5, pairs=100, watchers=100)


@pytest.mark.slow
@pytest.mark.parametrize("part", read_side.PARTS)
def test_a_part_measures_what_is_right(part: str, tmp_path: Path) -> None:
    table = Table(say=False)
    read_side.measure(table, SMALL, tmp_path, [part])
    assert {line.part for line in table.lines} == {part}
    assert all(line.figure >= 0 for line in table.lines)
