"""The journal in LMDB keeps the contract if three processes have it open and do the calls in turn.

Each process sees at once what another one has stored, whatever that one writes: commits, the index,
snapshots, the marker of a recovery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.engine.three_processes import Remote, opener

from comity.engine.journal.opener import JournalOpener
from comity.testing.contract import DurableJournalContract

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both() -> Iterator[Sequence[Remote]]:
    """Two other processes, for all cases."""
    remotes = [Remote(), Remote()]
    yield remotes
    for each in remotes:
        each.end()


class TestThreeProcesses(DurableJournalContract):
    """Every case of the contract."""

    remotes: Sequence[Remote]

    @pytest.fixture(autouse=True)
    def others(self, both: Sequence[Remote]) -> None:
        """Have the calls done by them, too."""
        self.remotes = both

    def opener(self, folder: Path) -> JournalOpener:
        """Return the opener of all three."""
        return opener(folder / "journal", self.remotes)
