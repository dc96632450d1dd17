"""What is kept of the newest events is what the journal says, and has no gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.actors.notebook import Stamp, Write, notebook
from tests.actors.test_subscription import Collector

from comity.actors import Domain
from comity.actors.aggregates.recent import Recent
from comity.engine import Event, Outcome, Recorded
from comity.engine.journal.memory_journal import MemoryJournal


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    with Domain.open(tmp_path / "notes.db", deciders=[notebook]) as domain:
        yield domain


def recent(domain: Domain) -> Recent:
    return domain._assembly.services.recent  # pyright: ignore[reportPrivateUsage]


def send(domain: Domain, who: str, page: str, times: int) -> None:
    handle = domain.session(who).aggregate(notebook, "book")
    for pending in [handle.send(Stamp(page=page, stamps=n), seen=0) for n in range(times)]:
        pending.result(60)


def in_journal(domain: Domain) -> Sequence[Recorded[Event]]:
    history = domain.history(domain.aggregate(notebook, "book"))
    return [*history]


def test_it_gives_what_reading_the_journal_gives(domain: Domain) -> None:
    domain.listen(Collector())
    send(domain, "ann", "p1", 30)
    send(domain, "bob", "p2", 30)
    handle = domain.aggregate(notebook, "book")
    receipt = handle.send(
        Write(page="p3", text="note"), seen=3, metadata={"why": "because"}, id="given"
    ).result(60)
    assert receipt.outcome is Outcome.MERGED
    assert list(recent(domain).after(0) or ()) == in_journal(domain)
    assert list(recent(domain).after(40) or ()) == in_journal(domain)[40:]


def test_nothing_is_kept_while_nobody_reads(domain: Domain) -> None:
    send(domain, "ann", "p1", 5)
    assert recent(domain).after(0) is None


def test_who_is_further_behind_than_what_is_kept_is_told_to_read_the_journal(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recent, "MOST", 10)
    domain.listen(Collector())
    for _ in range(20):
        send(domain, "ann", "p1", 1)
    assert recent(domain).after(0) is None
    assert [one.position for one in recent(domain).after(15) or ()] == [16, 17, 18, 19, 20]


def test_it_begins_again_where_another_domain_has_committed_in_between() -> None:
    journal = MemoryJournal()
    one, other = (Domain(journal, deciders=[notebook]) for _ in range(2))
    with one, other:
        one.listen(Collector())
        send(one, "ann", "p1", 3)
        send(other, "bob", "p1", 2)
        send(one, "ann", "p1", 4)
        assert recent(one).after(0) is None
        assert [at.position for at in recent(one).after(5) or ()] == [6, 7, 8, 9]
