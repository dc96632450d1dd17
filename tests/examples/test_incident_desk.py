"""An incident's decisions, two people's updates of it, and the service desk's recorded year."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from examples.incident_desk import __main__
from examples.incident_desk.__main__ import main
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
from examples.incident_desk.figures import Figures, play, title
from examples.incident_desk.page import agreement, report, told
from examples.incident_desk.play import play as play_in_real_time
from examples.incident_desk.play import read
from examples.incident_desk.year import RECORDING, Year, differences
from examples.recordings import recording
from tests.support.left_out import NO_RECORDINGS

from comity.actors import Domain
from comity.engine import Conflicted, Decision, Happened, Outcome, Rejected, Sent, merge
from comity.simulation import recorded_scenario
from examples import recordings

FAST = (10, 60)
ALL = (0, 1, 5, 10, 30, 60, 240)
Plays: TypeAlias = dict[int, Figures]

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
def year() -> Year:
    try:
        return Year.recorded()
    except FileNotFoundError:
        pytest.skip(NO_RECORDINGS)


@pytest.fixture(scope="module")
def plays(year: Year) -> Plays:
    """The year with views of some minutes, played in virtual time."""
    return {minutes: play(year, minutes) for minutes in FAST}


@pytest.mark.parametrize(("minutes", "stale", "refused"), [(10, 368, 51), (60, 1_145, 184)])
def test_few_of_the_stale_commands_are_refused(
    plays: Plays, minutes: int, stale: int, refused: int
) -> None:
    one = plays[minutes]
    assert (len(one.first), one.stale, len(one.conflicts)) == (14_045, stale, refused)
    assert one.run.failure is None


def test_the_figures_are_those_of_the_reference(year: Year, plays: Plays) -> None:
    assert set(year.expected) == set(ALL) - {0}
    assert agreement(year, list(plays.values())) == "No figure differs."
    other = replace(plays[10], minutes=60)
    assert agreement(year, [other]) == "The figures differ for views of 1 h."


def test_what_a_conflict_is_about_is_counted_as_in_the_reference(plays: Plays) -> None:
    assert plays[10].by_field == {"assignment_group": 40, "assigned_to": 8, "incident_state": 4}


@pytest.mark.parametrize("minutes", FAST)
def test_every_record_ends_as_it_was_recorded(plays: Plays, minutes: int) -> None:
    assert plays[minutes].differing == {"reassignment_count": 18}
    assert (plays[minutes].records_differing, plays[minutes].recounted) == (0, 18)


def test_a_record_that_ends_differently_would_be_found(year: Year, plays: Plays) -> None:
    key = next(iter(year.records))
    wrong = {**year.records, key: {**year.records[key], "impact": "9 - None"}}
    incidents = {key: Incident() for key in year.records}
    assert differences(incidents, wrong)["impact"] == len(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("minutes", ALL)
def test_the_year_is_proven_for_views_of_every_age(year: Year, minutes: int) -> None:
    one = play(year, minutes)
    assert one.differing == {"reassignment_count": 18}
    assert agreement(year, [one]) == "No figure differs."
    assert minutes or (one.stale, len(one.conflicts)) == (0, 0)


@pytest.mark.slow
def test_the_year_in_real_time_has_the_same_figures(year: Year, tmp_path: Path) -> None:
    """On threads and on the disk, with 500 incidents at a time; and so has what it recorded."""
    steps = read(recording(RECORDING))
    with Domain.open(tmp_path / "db", deciders=[incident]) as domain:
        tally, incidents = asyncio.run(play_in_real_time(domain, steps, 60))
    assert (tally.commands, tally.stale, len(tally.told)) == (14_045, 1_145, 184)
    assert differences(incidents, year.records) == {"reassignment_count": 18}
    recorded = recorded_scenario(tmp_path / "db", deciders=[incident])
    assert recorded.play().outcomes == {"applied": 13_084, "merged": 961}


def test_a_conflict_is_told_in_words(plays: Plays) -> None:
    assert plays[10].conflicts[0].sentence == (
        "user 798 wanted to update on version 1; meanwhile updated by user 653 at "
        "fields/assignment_group (version 3): refused by rule `Update.on_conflict` "
        "(assignment_group is 'Group 70' now and assigned_to is '?' now)"
    )
    assert len(told(plays[10], 3)) == 3
    assert told(plays[10], 0) == []


def test_the_page_shows_figures_proof_and_conflicts(year: Year, plays: Plays) -> None:
    text = report(year, list(plays.values()))
    assert all(told in text for told in ("1,145", "184", "No figure differs.", "10 min", "1 h"))
    assert "updated by user" in text
    assert "<svg" in text


def test_the_year_is_played_from_the_command_line(
    year: Year, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--minutes", "10", "--examples", "1", "--html", str(tmp_path / "desk.html")]) == 0
    shown = capsys.readouterr().out
    assert all(figure in shown for figure in ("14,045", "368", "51", "No figure differs."))
    assert "wanted to update" in shown
    assert (tmp_path / "desk.html").read_text().startswith("<!doctype html>")


def test_ctrl_c_leaves_the_figures_of_whole_plays(
    year: Year, plays: Plays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half = replace(plays[60], run=replace(plays[60].run, interrupted=True))
    played = iter([plays[10], half])

    def play_next(*_: object) -> Figures:
        return next(played)

    monkeypatch.setattr(__main__, "play", play_next)
    assert main(["--minutes", "10", "60", "240"]) == 130
    shown = capsys.readouterr().out
    assert "10 min old" in shown
    assert "1 h old" not in shown


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "new"), (5, "5 min"), (60, "1 h"), (90, "1 h 30 min")]
)
def test_the_age_of_views_is_told_in_words(minutes: int, words: str) -> None:
    assert title(minutes) == words


def test_a_page_of_new_views_only_has_no_pictures(year: Year, plays: Plays) -> None:
    text = report(year, [replace(plays[10], minutes=0)])
    assert "The final records" in text
    assert "<svg" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--minutes", "-1"], "0 or more"), (["--html", "no/such/folder/x.html"], "no folder")],
)
def test_a_wrong_argument_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err


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
