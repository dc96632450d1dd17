"""Real histories come out as they did: two people typing at once, and merges of one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
from examples.git_merges import merges
from examples.git_merges.domain import registry
from examples.git_merges.play import played
from examples.recordings import recording
from examples.shared_typing.domain import Edit, Edited, document
from examples.shared_typing.play import Typing, play
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import transform, with_rules
from comity.engine.history.note import Note
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.messages import codec
from comity.evolution import Rehearsal, rehearse
from comity.evolution.rehearsing.recorded_states import RecordedStates

TYPING = "shared-typing/friendsforever.json.gz"
MERGES = "git-merges/merges.jsonl.gz"


@pytest.fixture(autouse=True)
def recordings() -> None:
    try:
        recording(TYPING)
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)


def typed(edits: int | None, at_end: Callable[[MemoryJournal], Rehearsal]) -> Rehearsal:
    """Type the first edits, and rehearse them."""
    typing, journal = Typing.read(recording(TYPING)), MemoryJournal()
    with Domain(journal, deciders=[document], keep_commands=True) as domain:
        play(replace(typing, edits=typing.edits[:edits]), domain, "text")
        return at_end(journal)


def merged(many: int | None) -> Rehearsal:
    """Play the first merges, and rehearse them."""
    journal = MemoryJournal()
    with Domain(journal, deciders=[registry], keep_commands=True) as domain:
        for _ in played(domain, islice(merges.recorded(recording(MERGES)), many)):
            pass
        return rehearse(journal, [registry])


def test_edits_are_moved_over_the_same_edits_as_then() -> None:
    found = typed(1500, lambda journal: rehearse(journal, [document]))
    assert (found.rehearsed, found.is_same) == (1500, True)
    assert {row.was for row in found.rows} == {"applied", "rebased"}


def test_edits_are_moved_in_the_same_way_with_hardly_any_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RecordedStates, "MOST_EVENTS", 3)
    assert typed(400, lambda journal: rehearse(journal, [document])).is_same


def test_a_step_that_moves_nothing_differs_for_exactly_the_moved_edits() -> None:
    def stay(message: Edit | Edited, over: Edit | Edited) -> Edit | Edited:
        return message

    moved: list[str] = []

    def at_end(journal: MemoryJournal) -> Rehearsal:
        moved.extend(
            record.command_id
            for _, record in journal.read_every()
            if sent(record) != codec.unpack_fields(record.events[0].data)
        )
        rules = with_rules(document, {Edit: transform(stay)})
        return rehearse(journal, [rules], limit=1500)

    found = typed(1500, at_end)
    assert [case.command_id for case in found.cases] == moved
    assert len(moved) > 100


def sent(record: Record) -> dict[str, object]:
    note = Note.unpack(record.note)
    return codec.unpack_fields(note.kept if note.sent is None else note.sent)


def test_merges_come_out_as_they_did() -> None:
    found = merged(12)
    assert found.rehearsed == 252
    assert found.is_same


@pytest.mark.slow
def test_all_edits_come_out_as_they_did() -> None:
    found = typed(None, lambda journal: rehearse(journal, [document]))
    assert (found.rehearsed, found.is_same) == (26_078, True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_merges_come_out_as_they_did() -> None:
    found = merged(None)
    assert (found.rehearsed, found.is_same) == (56_310, True)
