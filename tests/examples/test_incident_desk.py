"""An incident's decisions, two people's updates of it, and the service desk's recorded year."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from examples.incident_desk.__main__ import (
    RECORDING,
    RECORDS,
    Records,
    differences,
    final_records,
    main,
    table,
)
from examples.incident_desk.domain import (
    PRIORITY,
    FieldName,
    Incident,
    IncidentCommand,
    IncidentEvent,
    Note,
    Noted,
    Open,
    Opened,
    Update,
    Updated,
    incident,
)
from examples.incident_desk.play import Tally, play, read
from examples.recordings import recording
from rich.console import Console
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import Conflicted, Decision, Happened, Outcome, Rejected, Sent, merge
from examples import recordings

Year: TypeAlias = tuple[dict[int | None, tuple[Tally, dict[str, Incident]]], Records]

OPENED = Opened(values=(("incident_state", "New"), ("impact", "2 - M"), ("urgency", "2 - M")))


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        ([], Open(values=OPENED.values), [OPENED]),
        ([OPENED], Note(), [Noted()]),
        ([OPENED], Update(values=(("vendor", "x"),)), [Updated(values=(("vendor", "x"),))]),
        (
            [OPENED],
            Update(values=(("vendor", "x"), ("incident_state", "New"))),
            [Updated(values=(("vendor", "x"),))],
        ),
        ([OPENED], Update(values=(("incident_state", "New"),)), []),
        ([OPENED], Update(values=()), []),
    ],
)
def test_it_happens_or_has_happened(
    given: list[IncidentEvent], when: IncidentCommand, then: list[IncidentEvent]
) -> None:
    assert list(incident.decide(after(given), when)) == then


@pytest.mark.parametrize(
    ("given", "when", "reason"),
    [
        ([], Note(), "has not been opened"),
        ([], Update(values=(("vendor", "x"),)), "has not been opened"),
        ([OPENED], Open(values=()), "opened already"),
    ],
)
def test_it_is_illegal(given: list[IncidentEvent], when: IncidentCommand, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        list(incident.decide(after(given), when))


def test_priority_follows_from_impact_and_urgency() -> None:
    assert after([OPENED]).priority == "3 - Moderate"
    assert after([OPENED, updated(impact="1 - High"), updated(urgency="1 - H")]).priority == (
        "1 - Critical"
    )
    assert Incident().priority == "?"
    assert len(PRIORITY) == 8  # the recording has no 1/3: nobody knows what it would be


def test_an_incident_is_active_until_it_is_closed() -> None:
    assert after([OPENED]).active
    assert not after([OPENED, updated(incident_state="Closed")]).active


def test_it_is_reopened_when_it_leaves_resolved_and_closed() -> None:
    states = ["Resolved", "Closed", "Active", "Closed", "New", "Active"]
    assert after([OPENED, *(updated(incident_state=state) for state in states)]).reopened == 2


def test_every_change_of_group_is_a_reassignment() -> None:
    assert after([OPENED, updated(assignment_group="a"), updated(vendor="x")]).reassigned == 1


# --- two people who saw the same ----------------------------------------------------------------


def test_different_fields_are_merged_and_what_follows_is_computed_from_both() -> None:
    decision, state = second(update(impact="1 - High"), update(urgency="1 - High"))
    assert decision.outcome is Outcome.MERGED
    assert state.priority == "1 - Critical"


def test_one_field_with_two_values_is_a_conflict_that_says_what_it_is_now() -> None:
    with pytest.raises(Conflicted, match="assignment_group is 'a' now"):
        second(update(assignment_group="a"), update(assignment_group="b"))


def test_one_field_with_one_value_is_none() -> None:
    decision, _ = second(update(assignment_group="a"), update(assignment_group="a"))
    assert decision.outcome is Outcome.UNCHANGED


def test_where_they_agree_on_one_field_the_other_one_goes_on() -> None:
    both = update(assignment_group="a", incident_state="Active")
    decision, _ = second(update(assignment_group="a"), both)
    assert decision.events == (updated(incident_state="Active"),)


def test_agreeing_on_one_field_does_not_hide_a_conflict_on_another() -> None:
    theirs = update(incident_state="Active", assignment_group="a")
    with pytest.raises(Conflicted, match="assignment_group is 'a' now"):
        second(theirs, update(incident_state="Active", assignment_group="b"))


def test_a_note_never_conflicts() -> None:
    assert second(Note(), Note())[0].outcome is Outcome.MERGED


def test_who_saw_nothing_yet_may_update_what_was_just_opened() -> None:
    decision = merge(
        incident,
        after([OPENED]),
        1,
        update(incident_state="Active"),
        Sent("ann", "ann", seen=0),
        [Happened(1, OPENED, "bob", "bob")],
    )
    assert decision.outcome is Outcome.MERGED


# --- the recorded year --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """The year, played in order and with views of some minutes, and what was recorded."""
    try:
        steps, records = read(recording(RECORDING)), final_records(recording(RECORDS))
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)
    with Domain.open(tmp_path_factory.mktemp("desk") / "db", deciders=[incident]) as domain:
        yield (
            {minutes: asyncio.run(play(domain, steps, minutes)) for minutes in (None, 10, 60)},
            records,
        )


@pytest.mark.parametrize(
    ("minutes", "stale", "refused"), [(None, 0, 0), (10, 368, 51), (60, 1_145, 184)]
)
def test_few_of_the_stale_commands_are_refused(
    year: Year, minutes: int | None, stale: int, refused: int
) -> None:
    tally, _ = year[0][minutes]
    assert (tally.commands, tally.stale, len(tally.told)) == (14_045, stale, refused)
    assert sum(tally.outcomes.values()) == stale


@pytest.mark.parametrize("minutes", [None, 10, 60])
def test_every_record_ends_as_it_was_recorded(year: Year, minutes: int | None) -> None:
    played, records = year
    assert differences(played[minutes][1], records) == {"reassignment_count": 18}


def test_a_refusal_says_what_the_field_is_now(year: Year) -> None:
    assert year[0][10][0].told[0] == (
        "user 664 wanted to update on version 1; meanwhile updated by user 199 at "
        "fields/incident_state (version 3): refused by rule `Update.on_conflict` "
        "(incident_state is 'Active' now)"
    )


def test_the_table_shows_the_figures(year: Year, capsys: pytest.CaptureFixture[str]) -> None:
    played, records = year
    Console(width=100).print(table({"10 min": played[10]}, records))
    shown = capsys.readouterr().out
    assert all(figure in shown for figure in ("14,045", "368", "317", "51", "18"))


def test_a_missing_recording_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    assert main([]) == 2
    assert "set COMITY_DATA" in capsys.readouterr().err


# --- helpers ------------------------------------------------------------------------------------


def after(events: Sequence[IncidentEvent]) -> Incident:
    return incident.fold(Incident(), events)


def update(**values: str) -> Update:
    return Update(values=pairs(values))


def updated(**values: str) -> Updated:
    return Updated(values=pairs(values))


def pairs(values: dict[str, str]) -> tuple[tuple[FieldName, str], ...]:
    return cast("tuple[tuple[FieldName, str], ...]", tuple(values.items()))


def second(
    theirs: IncidentCommand, mine: IncidentCommand
) -> tuple[Decision[IncidentCommand, IncidentEvent], Incident]:
    """What becomes of a command when somebody else's came first, and the incident then."""
    (first,) = incident.decide(after([OPENED]), theirs)
    log: list[Happened[IncidentEvent]] = [Happened(2, first, "bob", "bob")]
    decision = merge(incident, after([OPENED, first]), 2, mine, Sent("ann", "ann", 1), log)
    return decision, after([OPENED, first, *decision.events])
