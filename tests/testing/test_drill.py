"""The drill of all pairs: one part is broken, and each other part goes on.

What is measured here is the table in docs/testing.md. `-s` prints it: as measured in virtual time,
and with `-m slow` on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.testing.drilled import drill
from tests.testing.drilled.drill import OTHERS, Drill, Other, Part, Way
from tests.testing.drilled.team import MoreWishes

from comity.actors.runtime.runtime import Runtime
from comity.actors.runtime.thread_runtime import THREADS
from comity.simulation.runtime.simulated_runtime import SimulatedRuntime
from comity.testing import OpenDomain, failing

DOCS = Path(__file__).parents[2] / "docs" / "testing.md"
PARTS: tuple[Part, ...] = ("journal", "model", "outlet", "process")
WAYS: tuple[Way, ...] = ("down", "failing", "slow", "hanging")
SIMULATED: tuple[Way, ...] = ("down", "failing", "slow")
"""Nothing can hang on one thread."""

Drilled: TypeAlias = Callable[[Part, Way], dict[Other, bool]]


def drilled(
    folder: Path, part: Part, way: Way, runtime: Runtime, kind: type[Drill] = Drill
) -> dict[Other, bool]:
    opening = OpenDomain(folder, "memory")
    try:
        return kind(opening, part, way, runtime).run()
    finally:
        opening.close()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drilled]:
    """Each drill once, in virtual time. At the end the table is printed."""
    rows = list[str]()

    @cache
    def run(part: Part, way: Way) -> dict[Other, bool]:
        folder = tmp_path_factory.mktemp(f"{part}-{way}")
        goes_on = drilled(folder, part, way, SimulatedRuntime(len(part) + len(way)))
        rows.append(row_of(part, way, goes_on))
        return goes_on

    yield run
    print("\n" + "\n".join(rows))


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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_so_it_is_in_every_order_of_steps(seed: int, tmp_path: Path) -> None:
    for part, way in product(PARTS, SIMULATED):
        (folder := tmp_path / f"{part}-{way}").mkdir()
        goes_on = drilled(folder, part, way, SimulatedRuntime(seed))
        assert goes_on == table_of_docs()[part, way], f"the {part} is {way}"


class Coupled(Drill):
    """In its domain, a model waits for whatever is broken."""

    @contextmanager
    def broken(self) -> Generator[None]:
        with super().broken(), failing(self.domain, MoreWishes):
            yield


class Wrong(Drill):
    """In its domain, the outlet delivers something else while it is broken."""

    @contextmanager
    def broken(self) -> Generator[None]:
        with super().broken():
            yield
            self.mails.sent["d"].append("nonsense")


def test_a_part_that_waits_for_another_would_be_noticed(tmp_path: Path) -> None:
    goes_on = drilled(tmp_path, "outlet", "down", SimulatedRuntime(), Coupled)
    assert not goes_on["models take events"]
    assert goes_on["outlets deliver"]


def test_an_outlet_that_does_not_come_to_the_same_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "AFTERWARDS", 3.0)
    with pytest.raises(AssertionError, match="not done"):
        drilled(tmp_path, "outlet", "slow", SimulatedRuntime(), Wrong)


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
