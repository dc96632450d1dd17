"""All cases of the contract, in two classes that authors of a journal subclass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from comity.engine.journal.journal import Journal
from comity.engine.journal.opener import JournalOpener
from comity.testing.contract.appending import Appending
from comity.testing.contract.durable import Durable
from comity.testing.contract.following import Following
from comity.testing.contract.keeping import Keeping
from comity.testing.contract.numbering import DurableNumbering, Numbering
from comity.testing.contract.reading import Reading
from comity.testing.contract.refusing import Refusing
from comity.testing.contract.repeating import Repeating
from comity.testing.contract.together import Together
from comity.testing.contract.turning import Turning


class JournalContract(
    Appending, Turning, Repeating, Refusing, Reading, Following, Numbering, Keeping, Together
):
    """The contract of every journal. A subclass implements `new_journal`.

    Example:
        class TestMemoryJournal(JournalContract):
            def new_journal(self, folder):
                return MemoryJournal()
    """

    def new_journal(self, folder: Path) -> Journal:
        """Return a new journal, open to write; `folder` is an empty folder for its files."""
        raise NotImplementedError

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        """Give each case a new journal, and close it afterwards."""
        journal = self.new_journal(tmp_path)
        yield journal
        journal.close()


class DurableJournalContract(JournalContract, Durable, DurableNumbering):
    """The contract of a journal that outlives its process. A subclass implements `opener`.

    Example:
        class TestLmdbJournal(DurableJournalContract):
            def opener(self, folder):
                return LmdbOpener(folder / "journal")
    """

    def opener(self, folder: Path) -> JournalOpener:
        """Return an opener of the journal in this folder: always the same journal."""
        raise NotImplementedError

    def new_journal(self, folder: Path) -> Journal:
        """Return a new journal in this folder."""
        return self.opener(folder).open()

    @pytest.fixture
    def reopen(self, journal: Journal, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
        """Give a function that closes the journal and opens it again."""
        opened = [journal]

        def reopen() -> Journal:
            opened[-1].close()
            opened.append(self.opener(tmp_path).open())
            return opened[-1]

        yield reopen
        opened[-1].close()
