"""Reports: as JSON for programs, as a sentence for people, harmless on a terminal either way."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from comity.engine import Change, Conflicted, MergeReport, Outcome, Rejected
from comity.engine.text import brief, printable, words

by_bob = Change(version=14, event="CardRenamed", who="bob", path="card/c1/title")
elsewhere = Change(version=15, event="CardMoved", who="cat", path=None)


def report(outcome: Outcome, **said: object) -> MergeReport:
    """What became of ann renaming a card."""
    known = {"command": "RenameCard", "who": "ann", "seen": 12, "version": 15}
    return MergeReport.model_validate({"outcome": outcome, **known, **said})


ANN = "ann wanted to rename card on version 12"
CAT = f"{ANN}; meanwhile card moved by cat (version 15)"
BOB = "; meanwhile card renamed by bob at card/c1/title (version 14)"

SENTENCES: dict[str, tuple[MergeReport, str]] = {
    "applied": (report(Outcome.APPLIED), f"{ANN}: applied"),
    "merged": (report(Outcome.MERGED, unseen=2), f"{ANN}; meanwhile 2 changes elsewhere: merged"),
    "merged with one": (
        report(Outcome.MERGED, unseen=1),
        f"{ANN}; meanwhile 1 change elsewhere: m",
    ),
    "rebased": (
        report(Outcome.REBASED, changes=(by_bob,), rule="overwrite"),
        f"{ANN}{BOB}: went on by rule `overwrite`",
    ),
    "rebased as another": (
        report(Outcome.REBASED, changes=(by_bob,), rule="next", became="RenameCard(title='2')"),
        f"{ANN}{BOB}: went on by rule `next` as RenameCard(title='2')",
    ),
    "both did the same": (
        report(Outcome.UNCHANGED, changes=(by_bob,)),
        f"{ANN}{BOB}: nothing was left to do",
    ),
    "gave way": (
        report(Outcome.UNCHANGED, changes=(by_bob,), rule="give_way"),
        f"{ANN}{BOB}: dropped by rule `give_way`",
    ),
    "rebased to nothing": (
        report(Outcome.UNCHANGED, changes=(by_bob,), rule="next", became="RenameCard()"),
        f"{ANN}{BOB}: nothing was left to do",
    ),
    "conflicted": (
        report(Outcome.CONFLICTED, changes=(by_bob, elsewhere), rule="reject"),
        f"{ANN}{BOB}: refused by rule `reject`",
    ),
    "conflicted with a reason": (
        report(Outcome.CONFLICTED, changes=(by_bob,), rule="reject", reason="ask bob"),
        f"{ANN}{BOB}: refused by rule `reject` (ask bob)",
    ),
    "rejected": (
        report(Outcome.REJECTED, reason="no such card"),
        f"{ANN}: rejected (no such card)",
    ),
    "rejected without a reason": (report(Outcome.REJECTED), f"{ANN}: rejected"),
    "rejected because of somebody": (
        report(Outcome.REJECTED, unseen=3, reason="full", decisive=elsewhere),
        f"{CAT}: rejected (full); version 15 made the difference",
    ),
    "nobody in particular": (
        report(Outcome.APPLIED, who="", seen=None),
        "somebody wanted to rename card: applied",
    ),
    "many": (
        report(Outcome.CONFLICTED, changes=(by_bob,) * 9, rule="reject"),
        "and 6 more: refused by rule `reject`",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_a_report_reads_as_a_person_would_say_it(case: str) -> None:
    told, sentence = SENTENCES[case]
    assert sentence in told.sentence()


@pytest.mark.parametrize("case", SENTENCES)
def test_a_report_comes_back_from_json(case: str) -> None:
    told, _ = SENTENCES[case]
    assert MergeReport.model_validate_json(told.model_dump_json()) == told
    assert json.loads(told.model_dump_json())["outcome"] == told.outcome.value


def test_clashes_are_the_changes_that_overlap() -> None:
    assert report(Outcome.CONFLICTED, changes=(by_bob, elsewhere)).clashes == (by_bob,)


def test_only_refusals_are_refused() -> None:
    assert {outcome for outcome in Outcome if outcome.refused} == {
        Outcome.REJECTED,
        Outcome.CONFLICTED,
    }


def test_a_report_takes_nothing_but_what_it_is_made_of() -> None:
    with pytest.raises(ValidationError):
        report(Outcome.APPLIED, unseen="2")


# --- names and data that would drive a terminal

HOSTILE = "\x1b[2J\x1b]0;owned\x07\nERROR forged\r\u202egnp.exe\u2066\x00\x9b31m"


@pytest.mark.parametrize("field", ["who", "became", "reason", "decisive", "changes"])
def test_nothing_in_a_sentence_can_drive_a_terminal_or_forge_a_line(field: str) -> None:
    change = Change(version=1, event="CardRenamed", who=HOSTILE, path=HOSTILE)
    value = {"decisive": change, "changes": (change,)}.get(field, HOSTILE)
    for outcome in Outcome:
        sentence = report(outcome, rule="own", **{field: value}).sentence()
        assert sentence.isprintable()
        assert "\u202e" not in sentence


@given(st.text())
def test_printable_text_is_printable_and_ordinary_text_is_left_alone(text: str) -> None:
    assert printable(text).isprintable()
    if text.isascii() and text.isprintable():
        assert printable(text) == text


def test_letters_of_every_script_are_left_alone() -> None:
    for text in ("Zoë", "日本語", "Ωμέγα", "שלום", "🎉"):
        assert printable(text) == text


@given(st.text(st.characters(), max_size=600), st.integers(3, 500))
def test_brief_text_is_no_longer_than_asked_and_utf8_can_hold_it(text: str, most: int) -> None:
    cut = brief(text, most)
    cut.encode()
    surrogates = sum("\ud800" <= char <= "\udfff" for char in text)
    assert len(cut) <= most + 5 * surrogates
    assert cut == text or len(text) > most or surrogates


def test_class_names_read_as_words() -> None:
    assert [words(name) for name in ("RenameCard", "HTTPCalled", "X", "Add2Cards")] == [
        "rename card",
        "http called",
        "x",
        "add2 cards",
    ]


# --- refusals


class ColumnFull(Rejected):
    def __init__(self, column: str, limit: int) -> None:
        super().__init__(f"{column} is full", column=column, limit=limit)


def test_a_business_error_carries_fields_and_its_name() -> None:
    error = ColumnFull("doing", 3)
    assert (str(error), error.code) == ("doing is full", "ColumnFull")
    assert error.fields == {"column": "doing", "limit": 3}


def test_it_is_restored_as_what_it_was() -> None:
    error = Rejected.restore(
        "ColumnFull", "doing is full", {"column": "doing", "limit": 3}, ColumnFull.__module__
    )
    assert isinstance(error, ColumnFull)
    assert (str(error), error.code, error.fields["limit"]) == ("doing is full", "ColumnFull", 3)


def test_one_whose_class_is_gone_is_restored_as_a_plain_refusal() -> None:
    error = Rejected.restore("os.system", "no", {})
    assert type(error) is Rejected
    assert error.code == "os.system"


@pytest.mark.parametrize("value", [[1], {"a": 1}, object(), b"x", 1 << 63, 1j])
def test_fields_are_scalars_that_json_knows(value: object) -> None:
    with pytest.raises(TypeError, match=r"Rejected\.what: expected a str, a 64-bit int"):
        Rejected("no", what=value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_refusal_that_no_aggregate_answered_has_no_report() -> None:
    with pytest.raises(LookupError, match="only refusals that an aggregate answered have one"):
        _ = Conflicted("no").report


def test_what_explains_a_report_runs_once_and_only_when_asked() -> None:
    asked: list[MergeReport] = []

    def explain(told: MergeReport) -> MergeReport:
        asked.append(told)
        return told.model_copy(update={"decisive": by_bob})

    error = Rejected("no")
    error.attach(report(Outcome.REJECTED), explain)
    assert asked == []
    assert error.report.decisive == error.report.decisive == by_bob
    assert len(asked) == 1


def test_a_refusal_without_a_reason_says_what_its_report_says() -> None:
    error = Conflicted()
    assert (str(error), repr(error)) == ("", "Conflicted('')")
    told = report(Outcome.CONFLICTED, changes=(by_bob,), rule="reject")
    error.attach(told)
    assert str(error) == error.reason == told.sentence()
    assert repr(error) == f"Conflicted({told.sentence()!r})"


def test_what_explains_a_report_changes_nothing_about_what_was_said() -> None:
    error, told = Rejected(""), report(Outcome.REJECTED)
    error.attach(told, lambda report: report.model_copy(update={"decisive": by_bob}))
    assert error.report.decisive == by_bob
    assert error.reason == told.sentence()


def test_a_refusal_may_be_given_another_reason() -> None:
    error = Rejected("no")
    error.reason = "never"
    assert str(error) == "never"


def test_a_plain_refusal_can_be_handed_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(Conflicted("no")))  # noqa: S301 - what multiprocessing does
    assert (type(again), str(again)) == (Conflicted, "no")


def test_so_can_one_that_says_what_its_report_says() -> None:
    error = Conflicted()
    error.attach(report(Outcome.CONFLICTED, changes=(by_bob,), rule="reject"))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what multiprocessing does
    assert (str(again), again.report) == (str(error), error.report)
