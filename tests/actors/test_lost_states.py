"""Another process was first: what was decided on a state that did not come about."""

from __future__ import annotations

import pytest
from tests.actors.faulty_journal import Overtaken
from tests.actors.notebook import Write, Written, notebook

from comity.actors import Domain
from comity.actors.aggregates.decided_turn import DecidedTurn


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
    def always(_turn: DecidedTurn) -> bool:
        return True

    def unheard(_turn: DecidedTurn, _current: bool) -> None:  # noqa: FBT001
        """Nobody looks."""

    monkeypatch.setattr(DecidedTurn, "current", property(always, unheard))
    assert _two_commands_overtaken() != ["eve", "first", "second"]
