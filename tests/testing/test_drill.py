"""The drill of all pairs: one part is broken, and each other part goes on.

What is measured here is the table in docs/testing.md. Its rows are printed by
`pytest -m slow -s tests/testing/test_drill.py`, measured on threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.testing.drilled.drill import OTHERS, Drill, Other, Part, Way

from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.testing import OpenDomain

DOCS = Path(__file__).parents[2] / "docs" / "testing.md"
PARTS: tuple[Part, ...] = ("journal", "model", "outlet", "process")
WAYS: tuple[Way, ...] = ("down", "failing", "slow", "hanging")
SIMULATED: tuple[Way, ...] = ("down", "failing", "slow")
"""Nothing can hang on one thread."""

Drilled: TypeAlias = Callable[[Part, Way], dict[Other, bool]]


def drilled(folder: Path, part: Part, way: Way, runtime: Runtime) -> dict[Other, bool]:
    opening = OpenDomain(folder, "memory")
    try:
        return Drill(opening, part, way, runtime).run()
    finally:
        opening.close()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    """Each drill once, in virtual time."""

    @cache
    def run(part: Part, way: Way) -> dict[Other, bool]:
        folder = tmp_path_factory.mktemp(f"{part}-{way}")
        return drilled(folder, part, way, SimulatedRuntime(len(part) + len(way)))

    return run


@pytest.mark.parametrize(
    ("part", "way", "other"),
    [
        pytest.param(part, way, other, id=f"while the {part} is {way}, {other}")
        for part, way, other in product(PARTS, SIMULATED, OTHERS)
    ],
)
def test_drill(part: Part, way: Way, other: Other, simulated: Drilled) -> None:
    assert simulated(part, way)[other] == table_of_docs()[part, way][other]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", PARTS)
def test_so_it_is_on_threads(part: Part, way: Way, tmp_path: Path) -> None:
    goes_on = drilled(tmp_path, part, way, THREADS)
    print("\n" + row_of(part, way, goes_on))
    assert goes_on == table_of_docs()[part, way]


def row_of(part: Part, way: Way, goes_on: dict[Other, bool]) -> str:
    """A row of the table."""
    cells = ["yes" if goes_on[other] else "afterwards" for other in OTHERS]
    return f"| {' | '.join([f'the {part}', way, *cells])} |"


@cache
def table_of_docs() -> dict[tuple[str, str], dict[str, bool]]:
    """Whether each other part goes on, by the part that is broken and the way, as the page says."""
    lines = [line.strip("| ").split(" | ") for line in DOCS.read_text().splitlines()]
    head = next(cells for cells in lines if cells[0] == "broken")
    rows = [cells for cells in lines if cells[0].removeprefix("the ") in PARTS]
    return {
        (cells[0].removeprefix("the "), cells[1]): {
            other: cell == "yes" for other, cell in zip(head[2:], cells[2:], strict=True)
        }
        for cells in rows
    }
