"""The declaration of a table: its rows, their key, indexes and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from comity.engine.errors import WiringError
from comity.engine.lmdb.span import Span
from comity.readmodels.keys.columns import columns_read
from comity.readmodels.keys.shape import key_shape
from comity.readmodels.tables.any_table import AnyTable
from comity.readmodels.tables.figures import Count, Sum
from comity.readmodels.tables.gained import check_gained
from comity.readmodels.tables.index import Index, UniqueIndex, one_key
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.query import Selection
from comity.readmodels.tables.question import Question
from comity.readmodels.tables.ranges import Ranges
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.rows import Rows
from comity.readmodels.tables.serving import serve

if TYPE_CHECKING:
    from comity.readmodels.tables.read_model import AnyReadModel

R = TypeVar("R", bound=Row)
K = TypeVar("K")
IK = TypeVar("IK")
G = TypeVar("G")
N = TypeVar("N", bound=int | Decimal)


class Table(AnyTable, Ranges[K, Selection[R]], Generic[R, K]):
    """Rows of one class, found by a key and by any number of indexes.

    Args:
        row: the class of its rows.
        key: gives a row's unique key: text, a number, date, UUID, Enum, bytes, or a tuple of these;
            wrap a value in `descending` to sort the greatest first.
        gained: the last fields of `row`, if they were added later: a model whose rows only gained
            these goes on without a rebuild, and rows without them are read with their defaults.

    Raises:
        WiringError: `row` is not a class of rows, or cannot have gained these fields.

    Example:
        class Cards(ReadModel[BoardEvent]):
            rows = Table(CardRow, key=lambda row: (row.board, row.card))
            by_assignee = rows.index(lambda row: row.assignee)
    """

    def __init__(self, row: type[R], *, key: Callable[[R], K], gained: Iterable[str] = ()) -> None:
        check_row(row)
        super().__init__(row, cast("Callable[[Row], object]", key), check_gained(row, gained))

    @overload
    def __get__(self, model: None, kind: type[object]) -> Table[R, K]: ...
    @overload
    def __get__(self, model: AnyReadModel, kind: type[object]) -> Rows[R, K]: ...
    def __get__(self, model: AnyReadModel | None, kind: type[object]) -> Table[R, K] | Rows[R, K]:
        if model is None:
            return self
        rows: Rows[R, K] = Rows(self, model.binding)
        model.__dict__[self.name] = rows
        return rows

    # --- indexes and figures ----------------------------------------------------------------------

    def index(self, key: Callable[[R], IK | None]) -> Index[R, IK]:
        """Add an index by another key. Rows for which `key` gives None are not in the index.

        Example:
            by_due = rows.index(lambda row: None if row.done else row.due)
        """
        index: Index[R, IK] = Index(self, one_key(key), key, key_shape(key, self.fields))
        self.indexes.append(index)
        return index

    def index_each(self, keys: Callable[[R], Iterable[IK]]) -> Index[R, IK]:
        """Add an index in which a row may have several keys, such as tags."""
        each = cast("Callable[[Row], Iterable[object]]", keys)
        index: Index[R, IK] = Index(self, each, keys, None)
        self.indexes.append(index)
        return index

    def unique(self, key: Callable[[R], IK | None]) -> UniqueIndex[R, IK]:
        """Add an index of unique keys. An event that would give two rows the same key fails."""
        shape = key_shape(key, self.fields)
        index: UniqueIndex[R, IK] = UniqueIndex(self, one_key(key), key, shape)
        self.indexes.append(index)
        return index

    def count(self, by: Callable[[R], G | None]) -> Count[R, G]:
        """Keep the number of rows in each group; rows for which `by` gives None are not counted."""
        figure: Count[R, G] = Count(by, self._groups(by), columns_read(by, self.fields))
        self.figures.append(figure)
        return figure

    def sum(self, of: Callable[[R], N], *, by: Callable[[R], G | None]) -> Sum[R, G, N]:
        """Keep the sum of a number over the rows of each group.

        The number is an int or Decimal: a sum of floats would depend on their order.
        """
        shape = key_shape(of, self.fields)
        decimal = shape and self.row.model_fields[shape.fields[0]].annotation is Decimal
        groups, numbers = columns_read(by, self.fields), columns_read(of, self.fields)
        columns = None if groups is None or numbers is None else (*groups, *numbers)
        zero = cast("N", Decimal(0) if decimal else 0)
        figure: Sum[R, G, N] = Sum(of, by, self._groups(by), columns, zero)
        self.figures.append(figure)
        return figure

    def _groups(self, by: Callable[[R], object]) -> KeyKinds:
        return KeyKinds.of(key_shape(by, self.fields), self.row)

    # --- selections -------------------------------------------------------------------------------

    def __getitem__(self, key: K) -> Selection[R]:
        return self._at(key)

    def where(self, /, **fields: object) -> Selection[R]:
        """The rows with these values; see `Rows.where`."""
        return Selection(serve(self, fields))

    @property
    def _source(self) -> AnyTable:
        return self

    def _ask(self, span: Span, words: str) -> Selection[R]:
        return Selection(Question(self, span, words))


def check_row(row: object) -> None:
    """Raise `WiringError` if `row` is not a subclass of `Row`."""
    if not (isinstance(row, type) and issubclass(row, Row)) or row is Row:
        msg = f"Table: expected a class that inherits from Row, got {row!r}"
        raise WiringError(msg)
