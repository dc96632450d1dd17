"""A table in one snapshot, or in `project`. A read model's code uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from comity.engine.arguments import check_several
from comity.engine.errors import Invalid, NoSuchRow, ReadModelError
from comity.engine.messages.trusted import share_names
from comity.readmodels.keys.encoding import encode
from comity.readmodels.keys.same_key import same_key
from comity.readmodels.tables.query import Query
from comity.readmodels.tables.question import Question
from comity.readmodels.tables.ranges import Ranges
from comity.readmodels.tables.row import Row
from comity.readmodels.tables.serving import serve

if TYPE_CHECKING:
    from comity.engine.lmdb.span import Span
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.binding import Binding
    from comity.readmodels.tables.row_update import RowUpdate
    from comity.readmodels.tables.table_work import TableWork

R = TypeVar("R", bound=Row)
K = TypeVar("K")


class Rows(Ranges[K, Query[R]], Generic[R, K]):
    """The rows of a table, by key. `put`, `update` and `delete` work only inside `project`.

    Example:
        with domain.read(Cards) as cards:
            cards.rows.get(("sprint-42", "c1"))
            cards.rows.prefix("sprint-42").page(limit=20)
    """

    __slots__ = ("_binding", "_changed", "_get", "_handle", "_table", "_unpack", "_work")

    def __init__(self, table: AnyTable, binding: Binding) -> None:
        self._table = table
        self._binding = binding
        self._handle = binding.handle(table.stored_as)
        self._get = binding.reading.get
        self._unpack = cast("Callable[[bytes], R]", table.codec.unpack)
        self._changed = cast("RowUpdate[R]", table.codec.changed)
        self._work = cast("TableWork[R] | None", binding.work and binding.work.of(table.name))

    # --- asking ---------------------------------------------------------------------------------

    def get(self, key: K) -> R | None:
        """The row with this key, or None.

        Raises:
            Invalid: the table's keys have other types, so there can be no such row.
        """
        if self._work is not None:
            row = self._work.get(encode(key))
        else:
            data = self._get(self._handle, encode(key))
            row = None if data is None else self._unpack(data)
        if row is None:
            self._refuse_impossible(key)
        return row

    def __getitem__(self, key: K) -> R:
        row = self.get(key)
        if row is None:
            raise self._no_row(key)
        return row

    def get_many(self, keys: Iterable[K]) -> list[R | None]:
        """The row with each key, or None, in the order of the keys."""
        asked = check_several(keys, "keys", Invalid)
        if self._work is not None:
            return [self.get(key) for key in asked]
        found = self._binding.reading.get_many(self._handle, [encode(key) for key in asked])
        for key, data in zip(asked, found, strict=True):
            if data is None:
                self._refuse_impossible(key)
        return [None if data is None else self._unpack(data) for data in found]

    def exists(self, key: K) -> bool:
        """Whether a row with this key exists."""
        if self._work is not None:
            return self.get(key) is not None
        if self._get(self._handle, encode(key)) is None:
            self._refuse_impossible(key)
            return False
        return True

    __contains__ = exists

    def count(self) -> int:
        """The number of rows."""
        return self.all().count()

    __len__ = count

    def __bool__(self) -> bool:
        return True  # else an empty table would be false

    def first(self) -> R | None:
        """The row with the least key."""
        return self.all().first()

    def last(self) -> R | None:
        """The row with the greatest key."""
        return self.all().reversed().first()

    def where(self, /, **fields: object) -> Query[R]:
        """The rows with these values; the table finds an index for them.

        Raises:
            Unserved: no index serves these fields; the text says which one to declare.

        Example:
            cards.rows.where(board="sprint-42", column="doing")
        """
        return Query(self._binding, serve(self._table, fields))

    def scan(self, wanted: Callable[[R], bool]) -> Query[R]:
        """The rows for which `wanted` gives True. Slow: it reads every row."""
        if not callable(wanted):
            msg = f"scan: expected a function of a row, got {wanted!r:.100}"
            raise Invalid(msg)
        asked = cast("Callable[[object], bool]", wanted)
        return Query(
            self._binding, Question(self._table, words="all that pass the test", wanted=asked)
        )

    @property
    def _source(self) -> AnyTable:
        return self._table

    def _refuse_impossible(self, key: object) -> None:
        """Raise `Invalid` if a key that was not found has the wrong type."""
        self._table.kinds.check_whole(self._table.name, key)

    def _ask(self, span: Span, words: str) -> Query[R]:
        return Query(self._binding, Question(self._table, span, words))

    # --- changing, in project -------------------------------------------------------------------

    def put(self, row: R) -> None:
        """Add the row, or replace the row with the same key.

        Raises:
            NotUnique: another row has the same key in a unique index.
        """
        if type(row) is not self._table.row:
            msg = f"{self._table.name}: expected a {self._table.row.__name__}, got {row!r:.200}"
            raise Invalid(msg)
        share_names(row)  # saves a set for each cached row
        self._projecting().put(encode(self._table.key(row)), row)

    def update(self, key: K, /, **fields: object) -> R:
        """Change some fields of the row with this key, and return the new row.

        Raises:
            NoSuchRow: there is no row with this key.
            NotUnique: another row has the same new key in a unique index.
            ValidationError: the new values are not valid.
        """
        work, data = self._work or self._projecting(), encode(key)
        old = work.get(data)
        if old is None:
            raise self._no_row(key)
        row = self._changed(old, fields)
        if self._table.key_fields.isdisjoint(fields) or same_key(
            moved := self._table.key(row), key
        ):
            work.put(data, row)
        else:
            work.move(data, encode(moved), row)
        return row

    def delete(self, key: K) -> bool:
        """Remove the row with this key; return False if there was none."""
        work, data = self._projecting(), encode(key)
        if work.get(data) is None:
            self._refuse_impossible(key)
            return False
        work.put(data, None)
        return True

    def _no_row(self, key: K) -> NoSuchRow:
        self._refuse_impossible(key)
        return NoSuchRow(f"{self._table.name} has no row with the key {key!r}")

    def _projecting(self) -> TableWork[R]:
        if self._work is None:
            msg = f"{self._table.name} is read-only here: only `project` can change rows"
            raise ReadModelError(msg)
        return self._work
