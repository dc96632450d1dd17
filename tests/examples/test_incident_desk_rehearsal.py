"""The recorded year under tomorrow's rules: nobody else differs, and each of those who would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from examples.incident_desk.rehearsal import main, rehearsals, told
from examples.incident_desk.stricter import FROM
from examples.incident_desk.year import Year
from tests.support.left_out import NO_RECORDINGS

from comity.engine import Outcome
from comity.engine.journal.memory_journal import MemoryJournal
from comity.engine.journal.record import Record
from comity.engine.messages.codec import unpack_fields
from comity.engine.messages.moment import microseconds_of
from comity.evolution import Rehearsal
from examples import recordings


class Readable(MemoryJournal):
    """A journal in memory that can be read after its domain has closed it."""

    def close(self) -> None:
        """Stay open."""


@pytest.fixture(scope="module")
def journal() -> Readable:
    return Readable()


@pytest.fixture(scope="module")
def rehearsed(journal: Readable) -> tuple[Rehearsal, Rehearsal]:
    try:
        return rehearsals(Year.recorded(), journal)
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)


def test_by_the_same_rules_nothing_differs(rehearsed: tuple[Rehearsal, Rehearsal]) -> None:
    same, _ = rehearsed
    assert (same.commands, same.rehearsed, same.different, same.is_same) == (
        14_229,
        14_229,
        0,
        True,
    )
    outcomes = {row.was for row in same.rows}
    assert outcomes == {Outcome.APPLIED, Outcome.MERGED, Outcome.CONFLICTED}


def test_exactly_those_differ_whom_the_rule_concerns(
    journal: Readable, rehearsed: tuple[Rehearsal, Rehearsal]
) -> None:
    """Reckoned from the stored fields alone, without the domain's classes and functions."""
    _, found = rehearsed
    expected = list(concerned(journal))
    assert [case.command_id for case in found.cases] == expected
    assert (len(expected), found.rehearsed, found.problems) == (123, 14_229, 0)
    assert all(case.now.code == "NobodyAssigned" for case in found.cases)


def concerned(journal: Readable) -> Iterator[str]:
    """The ids of the updates that resolved an incident to which nobody was assigned."""
    incidents: dict[str, dict[str, str]] = {}
    for _, record in journal.read_every():
        values = incidents.setdefault(record.aggregate.key, {})
        after = {**values, **changed(record)}
        resolved = after.get("incident_state") == "Resolved" != values.get("incident_state")
        if resolved and after.get("assigned_to", "?") == "?" and late(record):
            yield record.command_id
        incidents[record.aggregate.key] = after


def changed(record: Record) -> dict[str, str]:
    pairs = [unpack_fields(event.data).get("values", ()) for event in record.events]
    return {name: value for some in pairs for name, value in cast("tuple[tuple[str, str]]", some)}


def late(record: Record) -> bool:
    return record.time >= microseconds_of(FROM)


def test_it_names_whom_the_rule_would_have_met(rehearsed: tuple[Rehearsal, Rehearsal]) -> None:
    people, _, first, *_ = told(rehearsed[1])
    assert people.startswith("30 people would have met them, most often user 699 (27), user 429")
    assert first == (
        "2016-03-07 00:58 user 727 wanted to update on Incident<INC0002997@2>: applied: "
        "Updated(values=(('incident_state', 'Resolved'),)); now rejected by NobodyAssigned: "
        "assign the incident to somebody before you resolve it"
    )


def test_a_missing_recording_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recordings, "FOLDER", Path("/nowhere"))
    assert main([]) == 2
    assert "set COMITY_DATA" in capsys.readouterr().err
