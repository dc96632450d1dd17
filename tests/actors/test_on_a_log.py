"""A domain on a journal that behaves as a distributed log does: gaps, silence, late news."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.actors.notebook import (
    Notebook,
    NotebookCommand,
    NotebookEvent,
    Stamp,
    Write,
    notebook,
)
from tests.actors.shelf import Pages, events_of, fold, seen, until

from comity.actors import Aggregate, Domain
from comity.engine import Event, OutcomeUnknown, Receipt, Recorded, StorageFailed
from comity.testing.log_journal import Chances, LogJournal

CHANCES = Chances(silence=0.15, others=0.3)


class Heard:
    """Takes down the positions that it is given."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def receive(self, batch: Sequence[Recorded[Event]]) -> None:
        self.positions += [at.position for at in batch]


def insist(
    book: Aggregate[Notebook, NotebookCommand, NotebookEvent], command: NotebookCommand, id: str
) -> Receipt[NotebookEvent]:
    """Send a command until it is known to be done."""
    while True:
        try:
            return book.send(command, id=id).result(60)
        except (StorageFailed, OutcomeUnknown):
            continue


@pytest.mark.parametrize("seed", range(4))
def test_what_is_insisted_on_is_done_once_and_everybody_who_follows_learns_of_it(
    seed: int, tmp_path: Path
) -> None:
    journal, heard = LogJournal(seed, CHANCES), Heard()
    with Domain(journal, deciders=[notebook], read_models=[Pages], models=tmp_path) as domain:
        domain.listen(heard)
        books = [domain.session("ann").aggregate(notebook, key) for key in "ab"]
        for number in range(40):
            book = books[number % 2]
            insist(book, Stamp(page="p", stamps=1), f"stamp-{number}")
            insist(book, Write(page="p", text=f"t{number}"), f"write-{number}")
        told = events_of(journal)
        assert [at.command_id for at in told if at.command == "Stamp"] == [
            f"stamp-{number}" for number in range(40)
        ]
        with domain.read(Pages, after=told[-1].position, timeout=60) as pages:
            assert seen(pages) == fold(told)
        assert until(lambda: len(heard.positions) == len(told))
        assert heard.positions == [at.position for at in told]
        assert domain.statistics().position >= told[-1].position > len(told)


@pytest.mark.parametrize("seed", range(2))
def test_two_domains_over_one_log_learn_of_each_others_events(seed: int) -> None:
    journal, heard = LogJournal(seed, CHANCES, shared=True), [Heard(), Heard()]
    with (
        Domain(journal, deciders=[notebook]) as first,
        Domain(journal, deciders=[notebook]) as second,
    ):
        first.listen(heard[0])
        second.listen(heard[1])
        for number in range(20):
            one = (first, second)[number % 2].session("ann").aggregate(notebook, "a")
            insist(one, Stamp(page="p", stamps=1), f"stamp-{number}")
        positions = [at.position for at in events_of(journal)]
        assert len(positions) == 20
        assert until(lambda: all(len(one.positions) == 20 for one in heard))
        assert [one.positions for one in heard] == [positions, positions]
