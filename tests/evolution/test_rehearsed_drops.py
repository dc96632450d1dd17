"""Commands that a rule dropped count for their sender's next ones, with any amount of memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest
from examples.shared_typing.domain import Edit, Edited, document
from examples.shared_typing.domain import step as move

from comity.actors import Domain
from comity.engine import Authors, Refused, transform, with_rules
from comity.engine.journal.memory_journal import MemoryJournal
from comity.evolution import rehearse
from comity.evolution.rehearsing.recorded_states import RecordedStates

TEXT = "abcdefghijklmnopqrstuvwxyz"


def step(message: Edit | Edited, over: Edit | Edited, authors: Authors) -> Edit | Edited | None:
    """Like the example's step, but an edit of which nothing is left is dropped."""
    moved = move(message, over, authors)
    return moved if moved.patches else None


rules = with_rules(document, {Edit: transform(step)})


@pytest.fixture(scope="module")
def journal() -> Iterator[MemoryJournal]:
    """Three people cut a text into pieces, on views up to 12 versions old."""
    dice, journal = random.Random(3), MemoryJournal()
    with Domain(journal, deciders=[rules], keep_commands=True) as domain:
        for _ in range(160):
            who, key = dice.choice("abc"), dice.choice(("one", "two"))
            person = domain.session(who, id=who).aggregate(rules, key)
            version = person.version
            if not version:
                person.do(Edit(patches=((0, 0, TEXT * 40),)), version)
                continue
            at = dice.randrange(30)
            patch = (at, dice.randrange(1, 9), dice.choice(("", "", "", "X")))
            with suppress(Refused):
                person.do(Edit(patches=(patch,)), dice.randint(max(1, version - 12), version))
        yield journal


def test_there_are_dropped_commands(journal: MemoryJournal) -> None:
    assert sum(record.lasting for _, record in journal.read_every()) > 10


@pytest.mark.parametrize(("states", "events"), [(1, 1), (1, 1000), (100, 5), (100, 1000)])
def test_nothing_differs(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch, states: int, events: int
) -> None:
    monkeypatch.setattr(RecordedStates, "MOST", states)
    monkeypatch.setattr(RecordedStates, "MOST_EVENTS", events)
    found = rehearse(journal, [rules])
    assert (found.rehearsed, found.different, found.problems) == (160, 0, 0)
