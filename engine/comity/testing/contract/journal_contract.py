"""All cases in one class to subclass. For authors of a journal."""

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
from comity.testing.contract.reading import Reading
from comity.testing.contract.refusing import Refusing
from comity.testing.contract.repeating import Repeating
from comity.testing.contract.together import Together
from comity.testing.contract.turning import Turning


class JournalContract(
    Appending, Turning, Repeating, Refusing, Reading, Following, Keeping, Together
):
    """What holds for every journal. Say how to make one.

    Example:
        class TestMemoryJournal(JournalContract):
            def new_journal(self, folder):
                return MemoryJournal()
    """

    def new_journal(self, folder: Path) -> Journal:
        """A new journal, open to write; `folder` is an empty one for whatever it keeps."""
        raise NotImplementedError

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        """The journal of one case."""
        journal = self.new_journal(tmp_path)
        yield journal
        journal.close()


class DurableJournalContract(JournalContract, Durable):
    """What holds besides where a journal outlives its process. Say what opens it.

    Example:
        class TestLmdbJournal(DurableJournalContract):
            def opener(self, folder):
                return LmdbOpener(folder / "journal")
    """

    def opener(self, folder: Path) -> JournalOpener:
        """What opens the journal of one case: the same one for the same folder."""
        raise NotImplementedError

    def new_journal(self, folder: Path) -> Journal:
        """The journal there, new."""
        return self.opener(folder).open()

    @pytest.fixture
    def reopen(self, journal: Journal, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
        """Closes the journal, and opens it again."""
        opened = [journal]

        def reopen() -> Journal:
            opened[-1].close()
            opened.append(self.opener(tmp_path).open())
            return opened[-1]

        yield reopen
        opened[-1].close()
