"""Values from the JSON of other systems: what fits no type, and what may be of several."""

from __future__ import annotations

from typing import Literal, cast

import pytest
from tests.integration.events import Everything, Line, Mark, Size
from tests.support.making import make

from comity.engine import Event, Invalid, WiringError
from comity.integration import ForeignEvents
from comity.integration.wire_form import read_fields, written
from comity.integration.wire_reading import from_json


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (bytes, "no base64!", "expected bytes as base64, got 'no base64!'"),
        (bytes, "é", "expected bytes as base64"),
        (bytes, 7, "expected bytes as base64, got 7"),
        (Mark, "/wA", "expected one of"),
        (Size, True, "expected one of"),
        (Size, 1.0, "expected one of"),
        (Literal["a", b"b"], "c", "expected one of"),
        (tuple[int, bytes], [1], "expected a list of 2 items, got 1"),
        (tuple[int, ...], {"0": 1}, "expected a list, got"),
        (frozenset[bytes], "AA==", "expected a list, got"),
        (Line, [], "expected the fields of a Line"),
        (Line | None, "x", "expected the fields of a Line"),
    ],
)
def test_what_is_no_json_of_a_type_is_invalid(annotation: object, value: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        from_json(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "value", "found"),
    [
        (bytes | int, "AA==", b"\0"),
        (bytes | int, 7, 7),
        (bytes | int, "no base64!", "no base64!"),  # validation then refuses it
        (Literal["no"] | bytes, "AA==", b"\0"),
        (tuple[int, ...] | int | None, [1], (1,)),
        (str | bytes, "AA==", "AA=="),
        (bytes | None, None, None),
    ],
)
def test_of_several_types_the_first_that_fits_is_taken(
    annotation: object, value: object, found: object
) -> None:
    assert from_json(annotation, value) == found


@pytest.mark.parametrize("value", [b"\0", 7])
def test_a_field_of_bytes_or_numbers_comes_back(value: object) -> None:
    kind = make(Event, {"value": bytes | int})
    event = kind.model_validate({"value": value})
    assert read_fields(kind, 1, {**written(event)}) == event


def test_a_field_whose_text_is_no_value_is_invalid() -> None:
    with pytest.raises(Invalid, match="the data do not fit Everything: at: "):
        read_fields(Everything, 1, {"at": "2027-02-30T00:00:00Z"})


def test_foreign_events_say_what_they_are() -> None:
    assert repr(ForeignEvents("order", [Everything])) == "ForeignEvents('order')"
    with pytest.raises(WiringError, match="expected a list"):
        ForeignEvents("order", Everything)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - a mistake
    with pytest.raises(WiringError, match="expected classes of events, got none"):
        ForeignEvents[Event]("order", [])
    with pytest.raises(WiringError, match="expected classes of events, got 3"):
        ForeignEvents[Event]("order", [cast("type[Event]", 3)])
