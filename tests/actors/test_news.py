"""Who follows is woken by the journal's news, whoever has written: another domain, for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from tests.actors.notebook import Stamp, notebook
from tests.actors.shelf import until
from tests.actors.test_subscription import Collector

from comity.actors import Committed, Domain, Observer
from comity.engine import AggregateId
from comity.engine.journal.entry import Entry
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn
from comity.testing.contract.making import entries_of

STAMP = Stamp(page="p", stamps=1)


@pytest.fixture
def other(journal: MemoryJournal) -> Iterator[Domain]:
    """Another domain that writes the same journal."""
    with Domain(journal, deciders=[notebook]) as opened:
        yield opened


def test_a_listener_and_a_stream_are_woken_by_what_another_domain_writes(
    domain: Domain, other: Domain
) -> None:
    collector = Collector()
    domain.listen(collector)
    with domain.subscribe(notebook, "a") as events:
        for number in range(1, 51):
            other.aggregate(notebook, "a").do(STAMP)
            at = events.next(timeout=60)
            assert at is not None
            assert at.version == number
        assert until(lambda: collector.positions == list(range(1, 51)))


def test_what_another_domain_writes_while_this_one_does_is_not_missed(
    domain: Domain, other: Domain
) -> None:
    collector = Collector()
    domain.listen(collector)
    for _ in range(50):
        here = domain.aggregate(notebook, "a").send_many([STAMP] * 4)
        there = other.aggregate(notebook, "b").send_many([STAMP] * 4)
        here.result(60)
        there.result(60)
    assert until(lambda: collector.positions == list(range(1, 401)))


def test_news_that_come_when_the_committer_has_just_ended_are_told_all_the_same(
    domain: Domain, other: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has told its own and does not yet say that it is idle: whoever hears leaves it to it."""
    collector = Collector()
    domain.listen(collector)
    committer = domain._assembly.services.committer  # pyright: ignore[reportPrivateUsage]
    with monkeypatch.context() as patch:
        patch.setattr(committer, "busy_since", 1.0)
        other.aggregate(notebook, "a").do(STAMP)
    assert until(lambda: collector.positions == [1])


class HoldingUp(Observer):
    """Keeps the committer busy until it is let go."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self.let_go = threading.Event()

    def committed(self, fact: Committed) -> None:
        self.busy.set()
        assert self.let_go.wait(60)


def test_a_stream_is_woken_by_what_another_domain_writes_while_this_one_does(
    journal: MemoryJournal, other: Domain
) -> None:
    """The committer tells its own, which are another aggregate's."""
    holding, found = HoldingUp(), list[object]()
    with (
        Domain(journal, deciders=[notebook], observers=[holding]) as domain,
        domain.subscribe(notebook, "b") as events,
    ):
        waiting = threading.Thread(target=lambda: found.append(events.next(timeout=60)))
        waiting.start()
        assert until(lambda: events._bell is not None)  # pyright: ignore[reportPrivateUsage]
        here = domain.aggregate(notebook, "a").send(STAMP)
        assert holding.busy.wait(60)
        other.aggregate(notebook, "b").send(STAMP).result(60)
        holding.let_go.set()
        here.result(60)
        waiting.join(120)
        assert found != [None]


class Crowded(MemoryJournal):
    """Between two turns of one commit somebody else's are stored."""

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Each turn by itself, and a stranger's after it."""
        results: list[Result] = []
        for turn in turns:
            results += super().append([turn], snapshots)
            strange = AggregateId("notebook", f"{turn.aggregate.key} of another")
            entry = entries_of(turn)[0]
            again = Entry(f"{entry.command_id} again", entry.events, entry.time, entry.note)
            super().append([Turn.of(strange, self.version(strange), (again,))])
        return results


def test_others_events_between_those_of_one_commit_are_given_too() -> None:
    with Domain(Crowded(), deciders=[notebook]) as domain:
        collector = Collector()
        domain.listen(collector)
        for _ in range(10):
            books = [domain.aggregate(notebook, f"{number}") for number in range(20)]
            sent = [book.send(STAMP) for book in books]
            for pending in sent:
                pending.result(60)
        assert until(lambda: len(collector.positions) >= 400)
        assert collector.positions == list(range(1, 401))
