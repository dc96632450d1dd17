"""Snapshots of aggregates that stay in memory: looking, loading and recovering stay quick."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from tests.actors.faulty_journal import FaultyJournal, Overtaken, full
from tests.actors.notebook import MISCHIEF, Misbehave, Notebook, Stamp, Write, notebook, raising
from tests.actors.shelf import until

from comity.actors import Domain, Policy
from comity.actors.aggregates.replica import BYTES_PER_EVENT
from comity.engine import AggregateId, DeciderFailed, StorageFailed
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.journal.result import Result
from comity.engine.journal.snapshot import Snapshot
from comity.engine.journal.turn import Turn

BOOK = AggregateId("notebook", "a")
EVERY = 10
POLICY = Policy(snapshot_every=EVERY)


class Watched(FaultyJournal):
    """Counts the records that are read of aggregates, and remembers the snapshots in turns."""

    def __init__(self) -> None:
        super().__init__()
        self.read_records = 0
        self.offered: list[Snapshot] = []

    def read(
        self, aggregate: AggregateId, after: int = 0, upto: int | None = None
    ) -> Iterator[Record]:
        """Read, and count."""
        for record in super().read(aggregate, after, upto):
            self.read_records += 1
            yield record

    def append(self, turns: Sequence[Turn], snapshots: Sequence[Snapshot] = ()) -> list[Result]:
        """Append, and remember."""
        self.offered += [turn.snapshot for turn in turns if turn.snapshot is not None]
        return super().append(turns, snapshots)


def stamp(domain: Domain, times: int) -> None:
    """One command after the other, each with an event."""
    book = domain.aggregate(notebook, "a")
    for _ in range(times):
        book.send(Stamp(page="p", stamps=1)).result(60)


def kept(journal: FaultyJournal) -> int:
    """The version of the snapshot that the journal has; 0: none."""
    found = journal.snapshot(BOOK)
    return found.version if found else 0


@pytest.mark.parametrize("events", [100, 1_000])
def test_looking_loading_and_recovering_read_few_events_however_many_there_are(events: int) -> None:
    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=POLICY) as domain:
        stamp(domain, events)
        journal.read_records = 0
        view = domain.aggregate(notebook, "a").look()
        assert (view.version, view.state.stamps["p"]) == (events, events)
        looked = journal.read_records
        with Domain(journal, deciders=[notebook]) as other:  # as after kill -9: nobody has closed
            journal.read_records = 0
            assert other.aggregate(notebook, "a").send(Stamp(page="p", stamps=1)).result(60)
            loaded = journal.read_records
    assert max(looked, loaded) <= EVERY + 10  # the state takes less than 40 bytes


def test_a_state_just_before_the_newest_snapshot_is_made_from_the_one_before() -> None:
    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=POLICY) as domain:
        stamp(domain, 200)
        newest, journal.read_records = kept(journal), 0
        assert (
            domain.state(domain.aggregate(notebook, "a"), at=newest - 1).stamps["p"] == newest - 1
        )
        assert journal.read_records <= EVERY + 10


def test_a_snapshot_is_spaced_by_the_size_of_the_one_before() -> None:
    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=POLICY) as domain:
        book = domain.aggregate(notebook, "a")
        book.send(Write(page="q", text="x" * 900)).result(60)
        stamp(domain, 600)
    versions = [one.version for one in journal.offered]
    pauses = [later - earlier for earlier, later in pairwise(versions)]
    wanted = [EVERY + len(one.data) // BYTES_PER_EVENT for one in journal.offered]
    assert pauses == wanted[:-1]
    assert 2 <= len(pauses) < 5


def test_a_snapshot_is_kept_with_its_turn_or_not_at_all() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook], policy=Policy(snapshot_every=1)) as domain:
        first = domain.aggregate(notebook, "a").send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        journal.overtake()
        assert first.result(60).version == 2
        found = journal.snapshot(BOOK)
        assert found is None or found.version == 2
        assert domain.aggregate(notebook, "a").look().state.pages == {"p": "first"}


def test_a_state_that_failed_half_way_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")
    journal = Watched()
    MISCHIEF["bug"] = raising(ValueError("x"))
    with Domain(journal, deciders=[notebook], policy=Policy(snapshot_every=2)) as domain:
        book = domain.aggregate(notebook, "a")
        fine, bug, after = book.send_many(
            [
                Write(page="p", text="1"),
                Misbehave(name="bug", where="evolve"),
                Write(page="p", text="2"),
            ]
        ).result(60)
        assert isinstance(bug, DeciderFailed)
        assert not isinstance(fine, Exception)
        assert not isinstance(after, Exception)
    MISCHIEF.clear()
    for one in journal.offered:
        state = notebook.states.unpack(one.data)
        assert state is not None
        assert "half" not in state.pages


def test_a_state_that_cannot_be_packed_is_seldom_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def unpackable(state: Notebook) -> None:
        tried.append(state.stamps["p"])

    monkeypatch.setattr(notebook.states, "pack", unpackable)
    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=POLICY) as domain:
        stamp(domain, 100)
        assert tried == [10, 30, 70]
        assert kept(journal) == 0


def test_an_aggregate_without_a_snapshot_gets_one_with_its_first_command() -> None:
    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=Policy(snapshot_every=1000)) as domain:
        stamp(domain, 20)
        assert kept(journal) == 0
        with Domain(journal, deciders=[notebook], policy=POLICY) as other:
            stamp(other, 1)
            assert kept(journal) == 21


def test_a_snapshot_that_cannot_be_written_holds_up_one_command_and_not_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, logger="comity")

    def full_for_snapshots(journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        if any(turn.snapshot for turn in turns):
            return full(journal, turns)
        return MemoryJournal.append(journal, turns)

    journal = Watched()
    with Domain(journal, deciders=[notebook], policy=POLICY) as domain:
        stamp(domain, EVERY - 1)
        journal.fault = full_for_snapshots
        with pytest.raises(StorageFailed):
            stamp(domain, 1)
        assert until(lambda: domain.statistics().failed_commits >= 1)
        stamp(domain, EVERY // 2)
        assert journal.version(BOOK) == EVERY - 1 + EVERY // 2
