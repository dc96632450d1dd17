"""What makes a model be built anew: whatever changes its rows or where they are found; no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NewType, cast

import msgpack
import pytest
from tests.support.making import make

from comity.engine.errors import ModelDamaged
from comity.engine.messages.value import Value
from comity.readmodels import Row
from comity.readmodels.tables.fingerprints import types_of
from comity.readmodels.tables.schema import Described, Schema

SOURCE = """
from decimal import Decimal
from enum import Enum
from comity.engine import Event, Key
from comity.engine.messages.value import Value
from comity.readmodels import ReadModel, Row, Table, Totals, descending

class CardAdded(Event):
    card: Key[str]

class CardRemoved(Event):
    card: Key[str]

class Size(Enum):
    SMALL = "small"
    LARGE = "large"

class Place(Value):
    x: int
    y: int

class CardRow(Row):
    card: str
    title: str = ""
    size: Size = Size.SMALL
    place: Place | None = None
    tags: tuple[str, ...] = ()

class Cards(ReadModel[CardAdded]):
    version = 1
    rows = Table(CardRow, key=lambda row: row.card)
    by_title = rows.index(lambda row: row.title)
    by_size = rows.index(lambda row: row.size)
    by_tags = rows.index(lambda row: row.tags)
    by_both = rows.unique(lambda row: (row.card, row.title))
    others = Table(CardRow, key=lambda row: row.card)
    titles = rows.count(lambda row: row.title)
    lengths = rows.sum(lambda row: len(row.title), by=lambda row: row.card)
    votes = Totals(str, int)

    def project(self, event, at):
        self.rows.put(CardRow(card=self.name(event), title="x"))

    def name(self, event):
        return event.card
"""


def schema(source: str) -> Schema:
    """The schema of the model in this source text."""
    names: dict[str, Any] = {"__name__": "somewhere"}
    exec(compile(source, "somewhere.py", "exec", dont_inherit=True), names)  # noqa: S102 - as an import would
    found: Schema = names["Cards"].schema
    return found


def changed(*replacements: tuple[str, str]) -> Schema:
    """The schema after these changes of the source."""
    source = SOURCE
    for old, new in replacements:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return schema(source)


BASE = schema(SOURCE)

BY_TITLE = "by_title = rows.index(lambda row: row.title)"
BY_SIZE = "by_size = rows.index(lambda row: row.size)"
OTHERS = "others = Table(CardRow, key=lambda row: row.card)"
OTHER_KEY = "others = Table(CardRow, key=lambda row: row.title)"
TITLES = "titles = rows.count(lambda row: row.title)"
PROJECT = "    def project(self, event, at):\n"

REBUILT: dict[str, list[tuple[str, str]]] = {
    "a column more": [("    card: str\n    title", "    card: str\n    note: str = ''\n    title")],
    "a column less": [
        ("    tags: tuple[str, ...] = ()\n", ""),
        ("    by_tags = rows.index(lambda row: row.tags)\n", ""),
    ],
    "columns in another order": [
        ('    card: str\n    title: str = ""\n', '    title: str = ""\n    card: str\n')
    ],
    "a column of another type": [("    title: str = ", "    title: str | None = ")],
    "a column of a nested record": [("    x: int\n", "    x: int\n    z: int = 0\n")],
    "a type in a nested record": [("    x: int\n", "    x: float\n")],
    "the value of an Enum": [('LARGE = "large"', 'LARGE = "big"')],
    "a member of an Enum": [('    LARGE = "large"\n', '    LARGE = "large"\n    HUGE = "huge"\n')],
    "the key": [
        (
            "rows = Table(CardRow, key=lambda row: row.card)",
            "rows = Table(CardRow, key=lambda row: row.title)",
        )
    ],
    "an index's key": [(BY_TITLE, "by_title = rows.index(lambda row: row.card)")],
    "a call in an index's key": [
        (BY_TITLE, "by_title = rows.index(lambda row: descending(row.title))")
    ],
    "a constant in an index's key": [
        ("rows.sum(lambda row: len(row.title)", "rows.sum(lambda row: len(row.title) + 1")
    ],
    "an index more": [(BY_TITLE, f"{BY_TITLE}; by_more = rows.index(lambda row: row.title)")],
    "an index less": [(BY_TITLE, "pass")],
    "an index by another name": [("by_title", "by_name")],
    "an index that is unique": [(BY_TITLE, BY_TITLE.replace("index", "unique"))],
    "an index of each": [("by_tags = rows.index(", "by_tags = rows.index_each(")],
    "two indexes that change names": [
        ("by_title", "by_"),
        ("by_size", "by_title"),
        ("by_ =", "by_size ="),
    ],
    "an index of another table": [
        ("by_title = rows.index", "by_title = others.index"),
        (f"    {OTHERS}\n", ""),
        ("    by_title", f"    {OTHERS}\n    by_title"),
    ],
    "two tables that change keys": [(OTHERS, OTHER_KEY)],
    "a figure's group": [(TITLES, "titles = rows.count(lambda row: row.card)")],
    "a figure's number": [("len(row.title)", "len(row.card)")],
    "a figure of another table": [("titles = rows.count", "titles = others.count")],
    "a figure more": [
        ("votes = Totals(str, int)", "votes = Totals(str, int); more = Totals(str, int)")
    ],
    "the version": [("version = 1", "version = 2")],
    "the code of project": [('title="x"', 'title="y"')],
    "the code of a method that project calls": [("return event.card", "return event.card.lower()")],
    "an event more": [("ReadModel[CardAdded]", "ReadModel[CardAdded | CardRemoved]")],
    "an event of another stored name": [
        ("class CardAdded(Event):\n", "class CardAdded(Event):\n    stored_as = 'Added'\n")
    ],
}


@pytest.mark.parametrize("change", REBUILT)
def test_a_model_is_built_anew_for(change: str) -> None:
    assert changed(*REBUILT[change]).hash != BASE.hash


KEPT: dict[str, list[tuple[str, str]]] = {
    "nothing": [],
    "line numbers": [("\nclass Cards(", "\n\n\n\n\n\nclass Cards(")],
    "a comment": [(PROJECT, "    # what happens\n" + PROJECT)],
    "a docstring of the model": [("    version = 1", '    """All cards."""\n    version = 1')],
    "a docstring of a row": [("class CardRow(Row):\n", 'class CardRow(Row):\n    """A card."""\n')],
    "annotations": [(PROJECT, "    def project(self, event: CardAdded, at: object) -> None:\n")],
    "what happens when project fails": [("version = 1", "version = 1; on_error = 'park'")],
    "how large it may grow": [("version = 1", "version = 1; map_size = 1 << 30")],
    "a column's default": [('    title: str = ""', '    title: str = "?"')],
}


@pytest.mark.parametrize("change", KEPT)
def test_a_model_is_kept_over(change: str) -> None:
    assert changed(*KEPT[change]).hash == BASE.hash


def test_what_a_docstring_of_project_says_is_no_change() -> None:
    said = [PROJECT + f'        """{words}"""\n' for words in ("Explain.", "Explain better.")]
    one, other = (changed((PROJECT, text)).hash for text in said)
    assert one == other


def test_rows_of_an_older_program_are_read_where_the_columns_are_the_same() -> None:
    older = changed((BY_TITLE, "pass")).described
    assert BASE.reads(older)
    assert changed(("version = 1", "version = 2")).reads(older)


@pytest.mark.parametrize(
    "change", ["a column more", "a type in a nested record", "the value of an Enum"]
)
def test_rows_with_other_columns_are_not_read(change: str) -> None:
    assert not BASE.reads(changed(*REBUILT[change]).described)


def test_a_table_that_an_older_program_did_not_have_cannot_be_read() -> None:
    fewer = changed((f"    {OTHERS}\n", ""))
    assert not BASE.reads(fewer.described)
    assert fewer.reads(BASE.described)


def test_what_a_generation_says_of_itself_comes_back() -> None:
    said = Described.unpack(BASE.described.pack())
    assert said.hash == BASE.hash
    assert BASE.reads(said)
    assert dict(said.tables) == dict(BASE.described.tables)
    assert list(said.columns["rows"]) == ["card", "title", "size", "place", "tags"]


@pytest.mark.parametrize(
    "data", [None, b"", b"\xc1", msgpack.packb(["hash"]), msgpack.packb(5), b"x" * 9]
)
def test_what_says_nothing_is_damaged(data: bytes | None) -> None:
    with pytest.raises(ModelDamaged, match="description cannot be read"):
        Described.unpack(data)


def test_a_record_that_has_a_name_of_its_own_is_looked_into() -> None:
    named = cast("Callable[[str, object], object]", NewType)

    def hashes(fields: dict[str, object]) -> list[str]:
        home = named("Home", make(Value, fields, name="Place"))
        return types_of(make(Row, {"home": home, "homes": tuple.__class_getitem__((home, ...))}))

    assert hashes({"street": str}) == hashes({"street": str})
    assert not set(hashes({"street": str})) & set(hashes({"street": str, "floor": int}))
