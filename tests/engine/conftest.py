"""A journal in a folder, for the tests of journals in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comity.engine.journal.lmdb_journal import LmdbJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[LmdbJournal]:
    journal = LmdbJournal.open(path)
    yield journal
    journal.close()
