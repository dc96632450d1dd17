"""Finds the key or index that serves a query by field values. `where` uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from comity.engine.errors import Invalid, Unserved
from comity.engine.lmdb.span import Span
from comity.readmodels.keys import encoding as keys
from comity.readmodels.keys.encoding import descending
from comity.readmodels.keys.shape import KeyShape
from comity.readmodels.tables.question import Question, Source
from comity.readmodels.tables.ranges import exactly

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable


def serve(table: AnyTable, fields: Mapping[str, object]) -> Question:
    """The question for the rows with these values, by the table's key or an index.

    Raises:
        Unserved: no key or index begins with exactly these fields.
        Invalid: the rows have no such field, or a value has the wrong type.
    """
    unknown = sorted(fields.keys() - table.fields)
    if unknown or not fields:
        msg = f"{table.name}.where: expected fields of {table.row.__name__}, got {unknown}"
        raise Invalid(msg)
    said = ", ".join(f"{name} = {value!r}" for name, value in fields.items())
    sources: list[tuple[Source, KeyShape | None]] = [(table, table.shape)]
    sources += [(index, index.shape) for index in table.indexes]
    for source, shape in sources:
        begins_so = shape and set(shape.fields[: len(fields)]) == set(fields)
        may_lack = source is not table and shape and not shape.is_tuple
        if shape and begins_so and not (may_lack and None in fields.values()):
            return Question(source, _span(source, shape, fields), said)
    one, *more = fields
    wanted = f"(row.{one}, {', '.join(f'row.{name}' for name in more)})" if more else f"row.{one}"
    msg = (
        f"no index of {table.name} serves {said}: declare {table.name}.index(lambda row: "
        f"{wanted}), or use scan(...), which reads every row"
    )
    raise Unserved(msg)


def _span(source: Source, shape: KeyShape, fields: Mapping[str, object]) -> Span:
    parts = [
        descending(fields[name]) if falls else fields[name]
        for name, falls in zip(shape.fields[: len(fields)], shape.falling, strict=False)
    ]
    key = tuple(parts) if shape.is_tuple else parts[0]
    source.kinds.check(source.name, key)
    if len(parts) == len(shape.fields):
        return exactly(key)
    start = keys.prefix(*parts)
    return Span(start, keys.after(start))
