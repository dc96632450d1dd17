"""A journal that was made once, and a copy of it for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.engine.verifying.made import make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound journal, which nobody changes."""
    path = tmp_path_factory.mktemp("made") / "journal"
    make(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "journal"))
