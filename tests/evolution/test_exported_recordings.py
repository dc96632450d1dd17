"""The largest recorded history goes out and comes in again: the same journal, record by record."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from examples.git_merges import merges
from examples.git_merges.domain import registry
from examples.git_merges.play import played
from examples.recordings import recording
from tests.evolution.exported import numbered
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.evolution import export_events, export_journal, import_journal

MERGES = "git-merges/merges.jsonl.gz"


@pytest.fixture(autouse=True)
def recordings() -> None:
    try:
        recording(MERGES)
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)


def out_and_in(folder: Path, many: int | None) -> int:
    """Play the first merges, export and import them, and compare; return how many records."""
    old, new, file = folder / "old.db", folder / "new.db", folder / "old.jsonl.gz"
    with Domain.open(old, deciders=[registry], keep_commands=True) as domain:
        for _ in played(domain, islice(merges.recorded(recording(MERGES)), many)):
            pass
    done = export_journal(old, file)
    assert import_journal(file, new).complete
    before = numbered(old)
    assert numbered(new) == before
    assert export_events(old, folder / "flat.csv").events == done.events
    assert done.records == len(before)
    return done.records


def test_merges_come_back(tmp_path: Path) -> None:
    assert out_and_in(tmp_path, 12) == 252


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_merges_come_back(tmp_path: Path) -> None:
    assert out_and_in(tmp_path, None) == 56_310
