"""Tables and indexes without their type parameters. Projections and queries use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from comity.readmodels.keys.columns import columns_read, same_columns
from comity.readmodels.keys.encoding import encode
from comity.readmodels.keys.same_key import same_key
from comity.readmodels.keys.shape import KeyShape, key_shape
from comity.readmodels.tables.key_kinds import KeyKinds
from comity.readmodels.tables.row import Row, RowCodec

if TYPE_CHECKING:
    from comity.readmodels.tables.figure import AnyFigure


class AnyTable:
    """A table: rows of one class, their key, and their indexes and figures."""

    def __init__(
        self, row: type[Row], key: Callable[[Row], object], gained: Sequence[str] = ()
    ) -> None:
        self.row = row
        self.key = key
        self.name = ""
        self.gained = gained
        """The fields that rows of older programs may lack, in the order of the class."""
        self.codec: RowCodec[Row] = RowCodec(row, gained)
        self.indexes: list[AnyIndex] = []
        self.figures: list[AnyFigure] = []
        self.fields = frozenset(row.model_fields)
        self.shape = key_shape(key, self.fields)
        self.kinds = KeyKinds.of(self.shape, row)
        self.key_reads = columns_read(key, self.fields)
        """The fields that the key's function reads; None if that is not known."""
        self.key_fields = self.fields if self.key_reads is None else frozenset(self.key_reads)
        """The fields on which the key may depend."""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @property
    def table(self) -> AnyTable:
        """The table itself, since it is the source of its primary key."""
        return self

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        return self.name


class AnyIndex:
    """An index without its type parameters."""

    unique = False

    def __init__(
        self,
        table: AnyTable,
        keys: Callable[[Row], Iterable[object]],
        function: Callable[..., object],
        shape: KeyShape | None,
    ) -> None:
        self.table = table
        self.name = ""
        self.keys = keys
        self.function = function
        """The model's function for the keys. If its code changes, the index is rebuilt."""
        self.shape = shape
        """The fields that make the key; None if the key is computed."""
        self.kinds = KeyKinds.of(shape, table.row)
        self.columns = columns_read(function, table.fields)
        """The fields that the function reads; None if that is not known."""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self.name = name

    @property
    def stored_as(self) -> str:
        """The name of its LMDB table."""
        return self.name

    @property
    def kind(self) -> str:
        """The kind of index: how the function's result gives a row's keys."""
        if self.unique:
            return "unique"
        return "each" if self.keys is self.function else "one"

    def entries(self, row: Row) -> set[bytes]:
        """The encoded keys of a row in this index."""
        return {encode(key) for key in self.keys(row) if key is not None}

    def moved(self, old: Row | None, new: Row | None) -> tuple[set[bytes], set[bytes]] | None:
        """The row's old and new encoded keys in this index; None if they are the same."""
        if same_columns(self.columns, old, new):
            return None
        before = () if old is None else tuple(self.keys(old))
        after = () if new is None else tuple(self.keys(new))
        if same_key(before, after):  # encoding keys is slow
            return None
        return (
            {encode(key) for key in before if key is not None},
            {encode(key) for key in after if key is not None},
        )
