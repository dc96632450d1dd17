"""The journal in LMDB keeps the contract, whenever its index is written and however it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.engine.journal import index as journal_index
from comity.engine.journal import lmdb_reader
from comity.engine.journal.opener import LmdbOpener
from comity.testing.contract import DurableJournalContract


class TestLmdbJournal(DurableJournalContract):
    def opener(self, folder: Path) -> LmdbOpener:
        return LmdbOpener(folder / "journal")


class TestLmdbJournalInSmallSteps(TestLmdbJournal):
    """Everything that happens now and then happens each time."""

    @pytest.fixture(autouse=True)
    def small_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(journal_index, "FLUSH_RECORDS", 1)
        monkeypatch.setattr(lmdb_reader, "_COPY_BYTES", 300)
        monkeypatch.setattr(lmdb_reader, "_COPY_BACK_BYTES", 1)
        monkeypatch.setattr(lmdb_reader, "_LISTED", 1)
