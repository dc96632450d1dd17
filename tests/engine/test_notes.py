"""Notes: what is kept beside events comes back as it was, so that an id gets its answer again."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.party import SeatTaken, party

from comity.engine import Change, Conflicted, JournalDamaged, MergeReport, Outcome, Rejected, TooNew
from comity.engine.history.note import Note, fold, origin

HERE = party.decide.__module__

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
COUNT = st.integers(0, 1 << 40)
CHANGES = st.builds(Change, version=COUNT, event=TEXT, who=TEXT, path=st.none() | TEXT)
REPORTS = st.builds(
    MergeReport,
    outcome=st.sampled_from(Outcome),
    command=TEXT,
    who=TEXT,
    seen=st.none() | COUNT,
    version=COUNT,
    unseen=COUNT,
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    rule=st.none() | TEXT,
    became=st.none() | TEXT,
    reason=st.none() | TEXT,
    decisive=st.none() | CHANGES,
    rules_revision=st.just(""),
)
REVISIONS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
SCALARS = st.none() | st.booleans() | TEXT | st.integers(-(1 << 63), (1 << 63) - 1)
NOTES = st.builds(
    Note,
    who=TEXT,
    session=TEXT,
    seen=st.none() | COUNT,
    command=TEXT,
    digest=st.none() | st.integers(0, (1 << 32) - 1),
    outcome=st.sampled_from(Outcome),
    metadata=st.dictionaries(TEXT, TEXT, max_size=3),
    report=st.none() | REPORTS,
    refusal=st.none() | st.tuples(TEXT, TEXT, st.dictionaries(TEXT, SCALARS, max_size=3)),
    sent=st.none() | st.binary(max_size=10),
    schema=st.none(),
    revision=st.none(),
    kept=st.none(),
)
KEPT = st.builds(
    Note._replace,
    NOTES,
    schema=st.integers(1, 9),
    revision=REVISIONS,
    kept=st.none() | st.binary(max_size=10),
).map(lambda note: note._replace(report=under(note.report, note.revision)))
REVISED = st.builds(Note._replace, NOTES, revision=REVISIONS).map(
    lambda note: note._replace(report=under(note.report, note.revision))
)


def under(report: MergeReport | None, revision: str | None) -> MergeReport | None:
    """The report of a decision under this revision of the rules."""
    return report and report.model_copy(update={"rules_revision": revision or ""})


@given(NOTES | KEPT | REVISED)
def test_a_note_comes_back_as_it_was(note: Note) -> None:
    assert Note.unpack(note.pack()) == note


@given(NOTES | KEPT | REVISED, st.booleans())
def test_an_event_tells_of_its_command_what_the_note_says(note: Note, packed: bool) -> None:  # noqa: FBT001
    stored = note.pack() if packed else msgpack.unpackb(note.pack(), use_list=False)
    assert origin(stored) == (
        note.who, note.session, note.command, note.metadata, note.report, note.rules_revision
    )  # fmt: skip


@given(KEPT)
def test_a_note_of_a_newer_comity_is_read_without_what_it_adds(note: Note) -> None:
    stored = msgpack.unpackb(note.pack(), use_list=False)
    assert Note.unpack((*stored, "a newer comity's")) == note
    assert origin((*stored, "a newer comity's")) == origin(stored)


@given(NOTES)
def test_a_note_without_schema_revision_and_kept_command_is_stored_as_before(note: Note) -> None:
    assert len(msgpack.unpackb(note.pack(), use_list=False)) == len(Note._fields) - 3


@pytest.mark.parametrize("outcome", ["unheard of", None, ("applied",), 7, {}])
def test_an_outcome_that_is_not_known_is_not_passed_over(outcome: object) -> None:
    stored = list(fold("ann", "s", None, "Seat", None, Outcome.APPLIED, {}))
    stored[5] = outcome
    with pytest.raises((JournalDamaged, TooNew)):
        origin(tuple(stored))


@given(REPORTS)
def test_a_report_that_was_stored_as_its_json_says_is_still_read(report: MergeReport) -> None:
    head = ("ann", "s", 3, "Seat", None, "merged", None)
    data = msgpack.packb((*head, report.model_dump(mode="json"), None, None))
    assert Note.unpack(data).report == report


def test_what_many_changes_share_is_stored_once() -> None:
    def size(many: int) -> int:
        changes = tuple(
            Change(version=n, event="Renamed", who="bob", path="guest/g1/name") for n in range(many)
        )
        return len(noted(Outcome.MERGED, None, changes).pack())

    assert size(20) < size(1) + 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x90",
        msgpack.packb(["ann", "s"]),
        msgpack.packb(("ann", "s", 3, "Seat", None, 5, None, None, None, None)),
        msgpack.packb({}),
        msgpack.packb(5),
        b"\x9a" * 9,
        *(
            msgpack.packb(("", "", 0, "Seat", None, "merged", None, report, None, None))
            for report in (
                5,
                "report",
                (None,) * 9,
                (None, 1, 1, ((1, 2), (), "", ""), None, None, None, None),
                (None, 1, 1, (), None, None, None, ((), "", "", "")),
                ((5, "Seat", "", 0), 1, 1, (), None, None, None, None),
            )
        ),
    ],
)
def test_bytes_that_are_no_note_are_damage(data: bytes) -> None:
    with pytest.raises(JournalDamaged, match="a record's note cannot be read"):
        Note.unpack(data)


def noted(
    outcome: Outcome,
    refusal: tuple[str, str, dict[str, str | int]] | None,
    changes: tuple[Change, ...] = (),
) -> Note:
    """The note of ann's command, back from the journal."""
    report = MergeReport(
        outcome=outcome, command="Seat", who="ann", seen=3, version=5, changes=changes
    )
    note = Note("ann", "s", 3, "Seat", None, outcome, {}, report, refusal, None)
    return Note.unpack(note.pack())


def test_a_business_error_is_given_again_with_its_class_fields_and_report() -> None:
    note = noted(Outcome.REJECTED, ("SeatTaken", "g2 sits on seat 1", {"seat": 1, "guest": "g2"}))
    refusal = note.refused(HERE)
    assert isinstance(refusal, SeatTaken)
    assert (refusal.reason, refusal.fields) == ("g2 sits on seat 1", {"seat": 1, "guest": "g2"})
    assert refusal.report.sentence() == "ann wanted to seat on version 3: rejected"


def test_a_conflict_is_given_again_as_a_conflict() -> None:
    refusal = noted(Outcome.CONFLICTED, ("", "somebody was faster", {})).refused(HERE)
    assert isinstance(refusal, Conflicted)
    assert str(refusal) == "somebody was faster"


def test_a_conflict_of_the_domains_own_is_given_again_as_itself() -> None:
    class TooManyGuests(Conflicted):
        """Raised by a rule."""

    refusal = noted(Outcome.CONFLICTED, ("TooManyGuests", "eleven of them", {})).refused(HERE)
    assert type(refusal) is TooManyGuests
    assert str(refusal) == "eleven of them"


def test_a_conflict_without_a_reason_says_what_its_report_says() -> None:
    refusal = noted(Outcome.CONFLICTED, ("", "", {})).refused(HERE)
    assert str(refusal) == "ann wanted to seat on version 3: refused"


def test_of_two_classes_with_one_name_it_is_the_one_beside_the_decider() -> None:
    other = type("SeatTaken", (Rejected,), {"__module__": "elsewhere"})
    note = noted(Outcome.REJECTED, ("SeatTaken", "taken", {}))
    assert type(note.refused(HERE)) is SeatTaken
    assert type(note.refused("elsewhere")) is other
    assert type(note.refused("nowhere")) is Rejected


def test_a_class_that_is_gone_gives_a_plain_refusal() -> None:
    refusal = noted(Outcome.REJECTED, ("GoneSince", "no", {})).refused(HERE)
    assert type(refusal) is Rejected


def test_what_was_not_refused_has_no_refusal() -> None:
    assert noted(Outcome.APPLIED, None).refused(HERE) is None
