"""The journal in LMDB keeps the contract, whenever its index is written and however it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.journal_contract import DurableJournalContract

from comity.engine.journal import index as journal_index
from comity.engine.journal import lmdb_reader
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal


class TestLmdbJournal(DurableJournalContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Iterator[list[LmdbJournal]]:
        opened = [LmdbJournal.open(tmp_path / "journal")]
        yield opened
        opened[-1].close()

    @pytest.fixture
    def journal(self, opened: list[LmdbJournal]) -> Journal:
        return opened[0]

    @pytest.fixture
    def reopen(self, opened: list[LmdbJournal], tmp_path: Path) -> Callable[[], Journal]:
        def reopen() -> Journal:
            opened[-1].close()
            opened.append(LmdbJournal.open(tmp_path / "journal"))
            return opened[-1]

        return reopen


class TestLmdbJournalInSmallSteps(TestLmdbJournal):
    """Everything that happens now and then happens each time."""

    @pytest.fixture(autouse=True)
    def small_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(journal_index, "FLUSH_RECORDS", 1)
        monkeypatch.setattr(lmdb_reader, "_COPY_BYTES", 300)
        monkeypatch.setattr(lmdb_reader, "_COPY_BACK_BYTES", 1)
        monkeypatch.setattr(lmdb_reader, "_LISTED", 1)
