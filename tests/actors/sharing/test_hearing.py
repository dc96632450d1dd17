"""A domain hears of others' commits while it follows the journal, and says who holds it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until
from tests.actors.test_subscription import Collector

from comity.actors import Domain, Policy
from comity.actors.assembly.sharing import Sharing
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.sharing.board import Board
from comity.engine.sharing.member import Member

STAMP = Stamp(page="p", stamps=1)


class Counting(MemoryJournal):
    """Knows how many callbacks it has to call, and can keep its news to itself."""

    member: Member | None = None

    def __init__(self) -> None:
        super().__init__()
        self.woken = 0
        self.number = 0

    def wake(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.woken += 1
        stop = super().wake(callback)

        def end() -> None:
            self.woken -= 1
            stop()

        return end

    def news(self) -> int:
        return self.number


@pytest.fixture
def journal() -> Counting:
    """A journal that nobody follows yet."""
    return Counting()


@pytest.fixture
def member(tmp_path: Path, journal: Counting) -> Iterator[Member]:
    """This process on a board of its own, as that of the journal."""
    journal.member = member = Board.join(tmp_path, "this one")
    yield member
    member.leave()


def test_a_domain_that_follows_nothing_is_not_woken(journal: Counting) -> None:
    with Domain(journal, deciders=[notebook], policy=Policy(chores=0.01)) as domain:
        domain.aggregate(notebook, "a").do(STAMP)
        assert journal.woken == 0
        with domain.subscribe(notebook, "a") as events:
            assert journal.woken == 1
            assert events.next(timeout=60)
        assert until(lambda: journal.woken == 0)
        subscription = domain.listen(Collector())
        domain.listen(Collector()).close()
        assert journal.woken == 1
        subscription.close()
        assert until(lambda: journal.woken == 0)
        domain.listen(Collector())
    assert journal.woken == 0


def test_news_without_a_ring_are_heard_at_the_next_look(journal: Counting) -> None:
    heard: list[int] = []
    sharing = Sharing(journal, lambda: heard.append(journal.number), lambda: True)
    sharing.look_after()
    journal.number = 7
    sharing.look_after()
    sharing.look_after()
    assert heard == [7]
    sharing.end()
    sharing.look_after()
    assert journal.woken == 0


def test_a_commit_that_waits_for_another_process_says_for_which_once(
    journal: Counting,
    member: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sharing = Sharing(journal, lambda: None, lambda: False)
    other = Board.join(tmp_path, "the slow one")
    other.holding()
    monkeypatch.setattr("comity.actors.assembly.sharing._LONG", 0.0)
    member.waiting()
    sharing.look_after()
    sharing.look_after()
    (said,) = caplog.messages
    assert said.startswith("a commit has waited 0.0 s for another process to write: process ")
    assert "('the slow one')" in said
    monkeypatch.setattr("comity.actors.assembly.sharing._LONG", 60.0)
    sharing.look_after()
    assert len(caplog.messages) == 1
    other.leave()


def test_statistics_show_who_shares_the_journal(
    journal: Counting, member: Member, tmp_path: Path
) -> None:
    other = Board.join(tmp_path, "another")
    other.note_stale(3)
    with Domain(journal, deciders=[notebook]) as domain:
        told = [(one.program, one.stale) for one in domain.statistics().sharers]
    assert told == [("this one", 0), ("another", 3)]
    other.leave()


def test_a_journal_that_is_not_shared_has_no_sharers(journal: Counting) -> None:
    with Domain(journal, deciders=[notebook]) as domain:
        assert domain.statistics().sharers == []
