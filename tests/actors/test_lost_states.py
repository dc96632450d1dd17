"""Another process was first: what was decided on a state that did not come about."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from tests.actors.faulty_journal import FaultyJournal
from tests.actors.notebook import Write, Written, notebook

from comity.actors import Domain
from comity.actors.aggregates.committer import Committer
from comity.actors.aggregates.task import Decided
from comity.engine import AggregateId, Outcome
from comity.engine.history.note import Note
from comity.engine.journal.result import Result
from comity.engine.journal.turn import Entry, Turn
from comity.engine.merging.decider import store


class Overtaken(FaultyJournal):
    """Its first append waits until somebody else has appended one event."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.overtaken = threading.Event()
        self.fault = self._wait

    def _wait(self, _journal: FaultyJournal, turns: Sequence[Turn]) -> list[Result]:
        self.fault = None
        self.entered.set()
        assert self.overtaken.wait(60)
        return self.append(turns)

    def overtake(self, command_id: str = "eve-1") -> None:
        """Append what another process would."""
        note = Note("eve", "e", None, "Write", None, Outcome.APPLIED, {}, None, None, None).pack()
        event = store(Written(page="p", text="eve"))
        here = AggregateId("notebook", "a")
        self.really_append([Turn(here, 0, (Entry(command_id, (event,), 0, note),))])
        self.overtaken.set()


def _two_commands_overtaken() -> list[str]:
    """The second is decided while the first is being written; then another process is first."""
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="first"))
        assert journal.entered.wait(60)
        second = book.send(Write(page="p", text="second"))
        while domain.statistics().unanswered != 2:
            pass
        journal.overtake()
        first.result(60)
        second.result(60)
        return [one.event.text for one in domain.history(book) if isinstance(one.event, Written)]


def test_what_was_decided_on_a_lost_state_is_decided_again_in_order() -> None:
    assert _two_commands_overtaken() == ["eve", "first", "second"]


def test_a_retry_that_another_process_took_first_takes_effect_once() -> None:
    journal = Overtaken()
    with Domain(journal, deciders=[notebook]) as domain:
        book = domain.aggregate(notebook, "a")
        first = book.send(Write(page="p", text="eve"))
        assert journal.entered.wait(60)
        journal.overtake(first.id)  # the sender had lost patience, and asked elsewhere
        assert first.result(60).version == 1
        assert domain.version(book) == 1


def test_it_would_be_noticed_if_it_were_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def take_them_all(_committer: Committer, group: list[Decided]) -> list[Decided]:
        return group

    monkeypatch.setattr(Committer, "_current", take_them_all)
    assert _two_commands_overtaken() != ["eve", "first", "second"]
