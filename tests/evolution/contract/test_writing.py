"""Writing a contract keeps what was promised to stored events, and accepts what was reviewed."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import pytest
from annotated_types import Ge, Le, Len
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from tests.evolution.contract.domains import (
    MOVED,
    Program,
    board,
    command,
    event,
    value,
    with_commands,
    with_events,
    with_rows,
)

from comity.engine import Event, Fields, Invalid, Key, WiringError
from comity.evolution import Broken, ContractBroken, check_contract, write_contract


def longer(column: str) -> Fields:
    return {"column": f"{column}!"}


FIRST = with_events(event("CardMoved"))
SECOND = with_events(event("CardMoved", schema_version=2, upcasts={1: longer}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contract.json"


def versions(file: Path) -> list[dict[str, Any]]:
    """The schema versions of CardMoved in the file."""
    found = json.loads(file.read_text())["deciders"]["board"]["events"]["CardMoved"]["versions"]
    return cast("list[dict[str, Any]]", found)


def test_samples_of_older_versions_stay_for_ever(file: Path) -> None:
    write_contract(file, *FIRST)
    (first,) = versions(file)
    write_contract(file, *SECOND)
    assert [one["schema_version"] for one in versions(file)] == [1, 2]
    assert versions(file)[0] == first


def test_a_field_more_gives_more_samples_and_keeps_the_old_ones(file: Path) -> None:
    write_contract(file, *FIRST)
    before = versions(file)[0]["samples"]
    write_contract(file, *with_events(event("CardMoved", {**MOVED, "note": (str, "")})))
    after = versions(file)[0]["samples"]
    assert after[: len(before)] == before
    assert any("note" in one for one in after)


def test_the_samples_of_an_alias_stay(file: Path) -> None:
    write_contract(file, *FIRST)
    before = versions(file)
    renamed = with_events(event("CardPut", aliases=("CardMoved",)))
    write_contract(file, *renamed)
    assert versions(file) == before
    gone = with_events(event("CardPut"))
    assert {one.breaks for one in check_contract(file, *gone).broken} == {Broken.STORED_EVENTS}


def test_what_would_lose_stored_events_is_not_written(file: Path) -> None:
    write_contract(file, *FIRST)
    before = file.read_bytes()
    with pytest.raises(ContractBroken, match="--drop board/CardMoved") as raised:
        write_contract(file, *with_events(event("CardRenamed")))
    assert file.read_bytes() == before
    assert raised.value.differences[0].message == ("board", "CardMoved")


def test_a_limit_that_only_other_values_than_the_samples_break_is_not_written(file: Path) -> None:
    write_contract(file, *FIRST)
    before = file.read_bytes()
    tighter = {**MOVED, "column": Annotated[str, Len(0, 1_000)]}
    with pytest.raises(ContractBroken, match=r"today's class reads str\(max_length=1000\)"):
        write_contract(file, *with_events(event("CardMoved", tighter)))
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["CardMoved", "board/CardMoved", "board"])
def test_an_event_that_no_journal_has_can_be_dropped(file: Path, name: str) -> None:
    write_contract(file, *FIRST)
    other = with_events(event("CardMoved", {"card": Key[str], "row": int}))
    write_contract(file, *other, drop=[name])
    assert check_contract(file, *other).differences == ()
    assert all("column" not in one for one in versions(file)[0]["samples"])


def test_dropping_a_decider_forgets_it(file: Path) -> None:
    write_contract(file, [board(), board(name="team")])
    write_contract(file, [board()], drop=["team"])
    assert list(json.loads(file.read_text())["deciders"]) == ["board"]


def test_the_old_name_of_a_decider_that_a_migration_renamed_can_be_dropped(file: Path) -> None:
    write_contract(file, [board()])
    with pytest.raises(Invalid, match="forget the old one with contract write --drop"):
        write_contract(file, [board(name="team")])
    write_contract(file, [board(name="team")], drop=["board"])
    assert list(json.loads(file.read_text())["deciders"]) == ["team"]


def test_dropping_an_alias_or_a_retired_event_forgets_it(file: Path) -> None:
    put = event("CardPut", aliases=("CardMoved",))
    write_contract(file, *with_events(put, retired=["CardStarred"]))
    now = with_events(event("CardPut"))
    write_contract(file, *now, drop=["CardMoved", "CardStarred"])
    assert check_contract(file, *now).differences == ()


def test_the_samples_of_a_retired_event_stay_and_its_class_may_come_back(file: Path) -> None:
    starred, moved = event("CardStarred"), event("CardMoved")
    write_contract(file, *with_events(moved, starred))
    before = file.read_text()
    write_contract(file, *with_events(moved, retired=["CardStarred"]))
    assert "CardStarred" in file.read_text()
    write_contract(file, *with_events(moved, starred))
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CardStarred", "says nothing about CardStarred"),
        ("team/CardPut", "says nothing about team/CardPut"),
        ("CardMoved", "board, team both have CardMoved: write board/CardMoved"),
    ],
)
def test_a_name_to_drop_must_be_known(file: Path, name: str, said: str) -> None:
    program = Program([board(), board(name="team")])
    write_contract(file, *program)
    with pytest.raises(Invalid, match=said):
        write_contract(file, *program, drop=[name])


@pytest.mark.parametrize(
    "after",
    [
        with_commands(command("PutCard")),
        with_commands(command("MoveCard", {**MOVED, "note": str})),
        with_commands(command("MoveCard", touches="columns")),
    ],
)
def test_what_breaks_no_stored_event_is_accepted_by_writing(file: Path, after: Program) -> None:
    write_contract(file, *with_commands(command("MoveCard")))
    assert write_contract(file, *after).broken
    assert check_contract(file, *after).differences == ()


def test_another_row_is_accepted_by_writing(file: Path) -> None:
    write_contract(file, *with_rows({"card": str, "column": str}))
    after = with_rows({"card": str})
    assert write_contract(file, *after).broken
    assert check_contract(file, *after).differences == ()


def test_a_promise_that_the_classes_contradict_is_not_written(file: Path) -> None:
    write_contract(file, *FIRST)
    before = file.read_bytes()
    with pytest.raises(ContractBroken, match="take readable_from = 1 away"):
        write_contract(
            file,
            *with_events(
                event(
                    "CardMoved",
                    {"card": Key[str], "row": (int, 0)},
                    schema_version=2,
                    upcasts={1: forgetting},
                    readable_from=1,
                )
            ),
        )
    assert file.read_bytes() == before


def forgetting(column: str) -> Fields:
    return {}


SPECIAL = 10**7 + 19  # computed, since Hypothesis tries the constants of a test's code


def odd(number: int) -> int:
    if number != SPECIAL:
        raise ValueError("expected a very special number")
    return number


def test_a_class_that_takes_few_values_needs_strategies(file: Path) -> None:
    fields = {"card": Key[str], "number": Annotated[int, AfterValidator(odd)]}
    program = with_events(event("CardNumbered", fields))
    with pytest.raises(WiringError, match=r"no CardNumbered could be made .*give strategies"):
        write_contract(file, *program)
    assert not file.exists()
    write_contract(file, *program, strategies={"number": st.just(SPECIAL)})
    assert check_contract(file, *program).differences == ()


def test_an_upcast_that_needs_a_field_with_a_default_is_not_total(file: Path) -> None:
    """What was stored before the field was added has none."""
    noted = event("CardMoved", {**MOVED, "note": (str, "")})
    write_contract(file, *with_events(noted))
    (broken,) = check_contract(file, *with_events(upcast_of_note(without_default))).broken
    assert "it has no note, as what was stored before that was added" in broken.said
    assert check_contract(file, *with_events(upcast_of_note(with_default))).broken == ()


def upcast_of_note(upcast: object) -> type[Event]:
    return event("CardMoved", schema_version=2, upcasts={1: upcast})


def without_default(note: str) -> Fields:
    return {}


def with_default(note: str = "") -> Fields:
    return {}


def test_every_type_of_field_comes_back_from_the_file(file: Path) -> None:
    step: object = value("Step", {"data": bytes, "due": (date | None, None)})
    types: tuple[object, ...] = (
        str, int, float, bool, bytes, datetime, date, time, timedelta, UUID, Decimal,
        Annotated[str, Field(pattern="^[a-c]{3}$")], Annotated[int, Ge(5), Le(7)], Literal["a", 1],
        tuple[int, ...], tuple[str, bytes], frozenset[bytes], bytes | None,
        step,
    )  # fmt: skip
    fields = {f"field_{number}": one for number, one in enumerate(types)}
    program = with_events(event("CardSet", fields))
    write_contract(file, *program)
    assert check_contract(file, *program).differences == ()
    (terms,) = json.loads(file.read_text())["deciders"]["board"]["events"]["CardSet"]["versions"]
    samples = cast("list[dict[str, Any]]", terms["samples"])
    assert len(samples) > 3
    assert {str(one["field_4"]) for one in samples} > {"{'$bytes': ''}"}
    assert {one["field_17"] is None for one in samples} == {True, False}


Month = Enum("Month", "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")


def test_each_member_of_an_enum_has_a_sample(file: Path) -> None:
    write_contract(file, *with_events(event("CardMoved", {"card": Key[str], "in_month": Month})))
    assert {one["in_month"] for one in versions(file)[0]["samples"]} == {*range(1, 13)}


def test_progress_names_how_many_messages_there_are(file: Path) -> None:
    told: list[tuple[int, int]] = []
    write_contract(file, *FIRST, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
