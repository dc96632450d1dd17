"""Whether a class goes on with a generation whose rows lack fields that the class has gained.

Generations, and `comity check`, use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.schema import Described, Schema

Columns = Mapping[str, Sequence[str]]
"""Names of columns, by table."""


class Growth(NamedTuple):
    """What a class says that its rows have gained, beside an older generation."""

    columns: Columns
    """The columns that the class says are new; empty if it says nothing."""
    unsaid: str
    """What else has changed, in words: then it is not believed. Empty if nothing has."""

    @property
    def goes_on(self) -> bool:
        """Whether the class goes on with the generation."""
        return bool(self.columns) and not self.unsaid

    @property
    def names(self) -> str:
        """The new columns, each with its table."""
        return ", ".join(f"{table}.{name}" for table, each in self.columns.items() for name in each)


def growth_of(schema: Schema, old: Described, left: Columns) -> Growth:
    """Compare a class with a generation that an older program built.

    The code of `project` may differ: it fills the new columns.

    Args:
        schema: the class's.
        old: the generation's description.
        left: the columns that older programs have left out: see `left_columns`.
    """
    new = {
        table.name: columns
        for table in schema.tables
        if (
            columns := [
                name for name in table.gained if name not in old.columns.get(table.name, ())
            ]
        )
    }
    unsaid = [*differences(schema, old), *_again(left, new)]
    return Growth(new, "; ".join(unsaid) if new else "")


def described_after(schema: Schema, old: Described, growth: Growth) -> Described:
    """The description of a generation with which the class goes on."""
    defaults = {table.name: table.codec.defaults for table in schema.tables}
    gained = {name: dict(columns) for name, columns in old.gained.items()}
    for table, columns in growth.columns.items():
        gained.setdefault(table, {}).update({name: defaults[table][name] for name in columns})
    return schema.described._replace(gained=gained)


def differences(schema: Schema, old: Described) -> Iterator[str]:
    """What is not the same in a class and a generation, beside new gained columns and code."""
    if not old.types:
        yield "an older version of comity built it, and did not note the types of its columns"
        return
    parts = schema.described.parts
    for part in sorted(parts.keys() | old.parts.keys()):
        if parts.get(part) != old.parts.get(part):
            yield f"{part} has changed"
    for name in sorted(set(old.events) - set(schema.described.events)):
        yield f"it no longer listens to {name}"
    for table in schema.tables:
        yield from _differences_of(table, schema, old)


def _again(left: Columns, new: Columns) -> Iterator[str]:
    """The new columns that were there before."""
    for table, columns in new.items():
        again = sorted(set(columns) & set(left.get(table, ())))
        if again:
            yield f"{', '.join(again)} was there before, until an older program rebuilt the model"


def _differences_of(table: AnyTable, schema: Schema, old: Described) -> Iterator[str]:
    mine, theirs = schema.described.typed(table.name), old.typed(table.name)
    kept = [name for name in mine if name in theirs or name not in table.gained]
    if kept != list(theirs):
        yield f"{table.name} had the columns {', '.join(theirs)}, and has {', '.join(mine)}"
    for name in mine.keys() & theirs.keys():
        if mine[name] != theirs[name]:
            yield f"the type of {table.name}.{name} has changed"
    for name, default in old.gained.get(table.name, {}).items():
        if name in mine and table.codec.defaults.get(name) != default:
            yield f"rows without {table.name}.{name} were read with another default"
