"""Tables of read models in a contract: what is gone breaks its readers, what is new is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evolution.contract.domains import CardMoved, Program, board

from comity.engine import Recorded
from comity.evolution import Broken, check_contract, write_contract
from comity.readmodels import ReadModel, Row, Table
from comity.readmodels.tables.read_model import AnyReadModel


class CardRow(Row):
    card: str
    column: str


class NotedRow(Row):
    card: str
    column: str
    note: str = ""


def cards_with_one_table() -> type[AnyReadModel]:
    class Cards(ReadModel[CardMoved]):
        rows = Table(CardRow, key=lambda row: row.card)

        def project(self, event: CardMoved, at: Recorded[CardMoved]) -> None:
            """Nothing."""

    return Cards


def cards_with_more() -> type[AnyReadModel]:
    class Cards(ReadModel[CardMoved]):
        rows = Table(CardRow, key=lambda row: row.card)
        by_column = rows.index(lambda row: row.column)
        others = Table(CardRow, key=lambda row: row.card)

        def project(self, event: CardMoved, at: Recorded[CardMoved]) -> None:
            """Nothing."""

    return Cards


def cards_that_gained() -> type[AnyReadModel]:
    class Cards(ReadModel[CardMoved]):
        rows = Table(NotedRow, key=lambda row: row.card, gained=["note"])

        def project(self, event: CardMoved, at: Recorded[CardMoved]) -> None:
            """Nothing."""

    return Cards


DECIDERS = [board([CardMoved])]
LESS = Program(DECIDERS, [cards_with_one_table()])
MORE = Program(DECIDERS, [cards_with_more()])
GAINED = Program(DECIDERS, [cards_that_gained()])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contract.json"


def test_a_new_table_and_index_are_told(file: Path) -> None:
    write_contract(file, *LESS)
    found = check_contract(file, *MORE)
    assert found.broken == ()
    assert [one.said for one in found.safe] == [
        "its indexes change; the model is built anew from the journal", "it is new",
    ]  # fmt: skip


def test_a_table_that_is_gone_breaks_its_readers(file: Path) -> None:
    write_contract(file, *MORE)
    (broken,) = check_contract(file, *LESS).broken
    assert (broken.where, broken.breaks) == ("read model Cards, table others", Broken.ROWS)


def test_a_column_that_rows_gained_needs_no_rebuild(file: Path) -> None:
    write_contract(file, *LESS)
    (found,) = check_contract(file, *GAINED).differences
    assert found.said == "note is new: str; the model goes on without a rebuild"
