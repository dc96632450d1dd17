"""Fixtures of the actors' tests: a domain in memory, and the mischief cleared after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.actors.notebook import MISCHIEF, notebook

from comity.actors import Domain
from comity.engine.journal.memory_journal import MemoryJournal


@pytest.fixture
def journal() -> MemoryJournal:
    """A journal in memory."""
    return MemoryJournal()


@pytest.fixture
def domain(journal: MemoryJournal) -> Iterator[Domain]:
    """A running domain over it."""
    with Domain(journal, deciders=[notebook]) as opened:
        yield opened
    MISCHIEF.clear()
