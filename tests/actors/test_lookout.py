"""Whoever reads another process's models looks for news only while somebody waits or watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import notebook
from tests.actors.shelf import Pages, until, write

from comity.actors import Domain, ReadModels
from comity.actors.reading.foreign_model import ForeignModel
from comity.actors.reading.lookout import Lookout
from comity.engine.errors import Behind, SnapshotExpired

LOOKS: list[str] = []


@pytest.fixture(autouse=True)
def _count(monkeypatch: pytest.MonkeyPatch) -> None:
    look = ForeignModel[Pages].look

    def counted(model: ForeignModel[Pages]) -> None:
        LOOKS.append("look")
        look(model)

    LOOKS.clear()
    monkeypatch.setattr(ForeignModel, "look", counted)
    monkeypatch.setattr(Lookout, "KEEP", 0.05)


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    """Those of a domain that is closed."""
    with Domain.open(tmp_path / "d", deciders=[notebook], read_models=[Pages]) as domain:
        end = write(domain, "a", "p", "x")
        domain.reached(Pages, end, timeout=60).result(60)
    with ReadModels.open(tmp_path / "d", [Pages], snapshot=0.2) as opened:
        yield opened


def looks_no_more() -> bool:
    """Whether there was none for longer than any interval between two is."""
    before = len(LOOKS)
    time.sleep(6 * Lookout.KEEP)
    return len(LOOKS) == before


def test_it_looks_while_somebody_waits_and_then_no_more(models: ReadModels) -> None:
    assert looks_no_more()
    with pytest.raises(Behind):
        models.reached(Pages, 1_000, timeout=0.2).result(60)
    assert LOOKS
    assert until(looks_no_more)


def test_it_looks_while_somebody_watches_and_then_no_more(models: ReadModels) -> None:
    with models.watch(Pages.rows.all()) as watch:
        assert watch.next(timeout=60) is not None
        seen = len(LOOKS)
        assert until(lambda: len(LOOKS) > seen + 5)
    assert until(looks_no_more)


def test_a_snapshot_that_is_held_for_too_long_is_ended_though_nobody_waits(
    models: ReadModels,
) -> None:
    for _ in range(2):
        snapshot = models.read(Pages)

        def ended(snapshot: Pages = snapshot) -> bool:
            try:
                list(snapshot.rows.all())
            except SnapshotExpired:
                return True
            return False

        assert until(ended)
        assert until(looks_no_more)
