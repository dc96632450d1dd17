"""`given(Cards, ...).rows(...)`: the rows of a read model after some events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from examples.board.domain import BoardEvent, CardAdded, CardCommented, CardRenamed
from examples.board.read_models import CardRow, Cards, CommentRow, TaskRow, Workload
from tests.actors.notebook import Written

from comity.engine import WiringError
from comity.testing import by, given

ONE = CardAdded(card="c1", number=1, title="Pay", column="todo")
ROW = CardRow(
    board="b1", card="c1", number=1, title="Pay", column="todo", version=1, changed_by="ann"
)
NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def test_events_give_rows() -> None:
    given(Cards, by("ann", ONE, key="b1")).rows(ROW)


def test_a_difference_is_told_field_by_field() -> None:
    renamed = by("bob", CardRenamed(card="c1", title="Paid"), key="b1")
    with pytest.raises(AssertionError) as told:
        given(Cards, by("ann", ONE, key="b1"), renamed).rows(ROW)
    assert str(told.value) == (
        "Cards.rows after 2 events\n"
        "  row 1, CardRow.title: expected 'Pay', came 'Paid'\n"
        "  row 1, CardRow.version: expected 1, came 2\n"
        "  row 1, CardRow.changed_by: expected 'ann', came 'bob'"
    )


def test_a_missing_row_is_told() -> None:
    with pytest.raises(AssertionError, match=r"row 1: expected CardRow\(.*nothing came"):
        given(Cards).rows(ROW)


def test_an_event_has_its_time_and_its_aggregate() -> None:
    said = CardCommented(card="c1", comment="m1", text="Hm")
    row = CommentRow(board="b2", card="c1", comment="m1", who="bob", text="Hm", at=NOON)
    given(Cards, by("ann", ONE, key="b2"), by("bob", said, at=NOON, key="b2")).rows(row)


def test_the_only_table_need_not_be_named() -> None:
    given(Workload).rows()
    given(Workload, ONE).rows(TaskRow(board="test", card="c1", done=False))


def test_a_table_can_be_named() -> None:
    given(Cards, by("ann", ONE, key="b1")).rows(table=Cards.comments).rows(ROW, table=Cards.rows)


def test_indexes_and_figures_can_be_asked() -> None:
    with given(Cards, ONE).reading() as cards:
        assert cards.in_column["test", "todo"] == 1


def test_a_model_that_fails_on_an_event_is_told() -> None:
    with pytest.raises(AssertionError, match=r"Cards.project failed on event 1, CardRenamed"):
        given(Cards, CardRenamed(card="c1", title="x")).rows(ROW)


def test_wrong_use_is_named() -> None:
    with pytest.raises(WiringError, match="expected rows of one table of Cards, or table="):
        given(Cards).rows()
    with pytest.raises(WiringError, match="'rows' is not a table of Cards"):
        given(Cards).rows(table=Workload.rows)
    with pytest.raises(WiringError, match=r"number 1 is Written.*not an event of Cards"):
        given(Cards, cast("BoardEvent", Written(page="p", text="x")))
