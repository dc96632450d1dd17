"""A table, whatever its rows and keys: what projections and queries need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from comity.engine.errors import Invalid, Unserved
from comity.readmodels.keys import encoding as keys
from comity.readmodels.keys.encoding import descending
from comity.readmodels.keys.shape import KeyShape, key_shape
from comity.readmodels.storage.environment import Span
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.question import Question, Source
from comity.readmodels.tables.ranges import exactly
from comity.readmodels.tables.row import Row, RowCodec

if TYPE_CHECKING:
    from comity.readmodels.tables.figures import AnyFigure
    from comity.readmodels.tables.index import AnyIndex


class AnyTable:
    """Rows of one class, their key, and what is kept beside them."""

    def __init__(self, row: type[Row], key: Callable[[Row], object]) -> None:
        self.row = row
        self.key = key
        self.name = ""
        self.codec: RowCodec[Row] = RowCodec(row)
        self.indexes: list[AnyIndex] = []
        self.figures: list[AnyFigure] = []
        self.fields = frozenset(row.model_fields)
        self.shape = key_shape(key, self.fields)
        self.kinds = KeyKinds.of(self.shape, row)

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @property
    def table(self) -> AnyTable:
        """Itself: a table is the source of its primary key."""
        return self

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        return self.name

    def serve(self, fields: Mapping[str, object]) -> Question:
        """The question that finds the rows with these values, by the key or an index.

        Raises:
            Unserved: none begins with just these fields.
            Invalid: the rows have no such fields, or none with values of these types.
        """
        unknown = sorted(fields.keys() - self.fields)
        if unknown or not fields:
            msg = f"{self.name}.where: expected fields of {self.row.__name__}, got {unknown}"
            raise Invalid(msg)
        said = ", ".join(f"{name} = {value!r}" for name, value in fields.items())
        sources: list[tuple[Source, KeyShape | None]] = [(self, self.shape)]
        sources += [(index, index.shape) for index in self.indexes]
        for source, shape in sources:
            begins_so = shape and set(shape.fields[: len(fields)]) == set(fields)
            may_lack = source is not self and shape and not shape.is_tuple
            if shape and begins_so and not (may_lack and None in fields.values()):
                return Question(source, _span(source, shape, fields), said)
        one, *more = fields
        wanted = (
            f"(row.{one}, {', '.join(f'row.{name}' for name in more)})" if more else f"row.{one}"
        )
        msg = (
            f"no index of {self.name} serves {said}: declare {self.name}.index(lambda row: "
            f"{wanted}), or ask for a scan(...) by name, which reads every row"
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
