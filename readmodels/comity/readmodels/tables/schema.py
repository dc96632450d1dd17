"""The schema of a read model: names, columns and code. Its hash identifies generations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgpack

from comity.engine.errors import ModelDamaged, OtherFormat
from comity.engine.formats import MODEL, grown, own_version
from comity.readmodels.tables.fingerprints import code_parts, columns_text, hash_of, types_of

if TYPE_CHECKING:
    from comity.readmodels.tables.any_table import AnyTable
    from comity.readmodels.tables.figure import AnyFigure

META: Final = "~meta"
PARKED: Final = "~parked"
CHANGES: Final = "~changes"
_OWN: Final = {META: False, PARKED: False, CHANGES: False}


class Described(NamedTuple):
    """A generation's description, stored in it, so that programs without the class can read it.

    Add new fields at the end, with the value of older generations as the default.
    """

    hash: str
    """The hash of rows, indexes, and the code that fills them."""
    rows: Mapping[str, str]
    """The hash of each table's columns; a program with another hash cannot read the rows."""
    columns: Mapping[str, Sequence[str]]
    """The column names of each table."""
    tables: Mapping[str, bool]
    """Every LMDB table, and whether its keys may have several values."""
    format: int = 2
    """The format of its rows, keys and figures. Generations without this field have format 2."""
    types: Mapping[str, Sequence[str]] = {}
    """A hash of each column's type, by table. Older generations do not have this and what follows.
    """
    parts: Mapping[str, str] = {}
    """A hash of each part beside rows and methods: version, keys, indexes, figures."""
    events: Sequence[str] = ()
    """The stored names of the events that the model listens to."""
    gained: Mapping[str, Mapping[str, bytes]] = {}
    """By table: the columns that some rows lack, and the packed value with which these are read."""

    def typed(self, table: str) -> Mapping[str, str]:
        """A hash of the type of each column, by the column's name; empty if it is not noted."""
        return dict(zip(self.columns.get(table, ()), self.types.get(table, ()), strict=False))

    def pack(self) -> bytes:
        """The description as bytes; without what follows `format` if there is nothing to say."""
        said = tuple(self)
        return msgpack.packb(said if self.types else said[: -len(self._field_defaults) + 1])

    @classmethod
    def unpack(cls, data: bytes | None) -> Described:
        """Read a packed description.

        Raises:
            OtherFormat: another version of comity built it.
            ModelDamaged: it is missing or damaged.
        """
        try:
            described = grown(cls, msgpack.unpackb(data or b""))
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            msg = f"the model's description cannot be read: {error}"
            raise ModelDamaged(msg) from error
        if described.format != MODEL:
            msg = (
                f"the model has format {described.format}, and comity {own_version()} reads "
                f"{MODEL}: use the version that its domain runs, or open the domain with this "
                "one, which rebuilds it"
            )
            raise OtherFormat(msg)
        return described


class Schema:
    """The tables of one model."""

    def __init__(
        self,
        name: str,
        version: int,
        tables: Sequence[AnyTable],
        figures: Sequence[AnyFigure],
        methods: Sequence[Callable[..., object]],
        events: Iterable[str],
    ) -> None:
        self.name = name
        self.tables = tables
        self.figures = figures
        stored: dict[str, bool] = dict(_OWN)
        listed = sorted(events)
        made_of: list[object] = [MODEL, version, name, listed]
        parts = {"version": hash_of([MODEL, version, name])}
        made_of += [
            part for method in methods for part in (method.__name__, *code_parts(name, method))
        ]
        rows: dict[str, str] = {}
        for table in tables:
            stored[table.stored_as] = False
            rows[table.name] = hash_of([MODEL, columns_text(table.row)])
            key = code_parts(name, table.key)
            made_of += ["table", table.name, rows[table.name], *key]
            parts[f"the key of {table.name}"] = hash_of(key)
            for index in table.indexes:
                stored[index.stored_as] = not index.unique
                found = ["index", index.name, index.kind, *code_parts(name, index.function)]
                made_of += found
                parts[index.name] = hash_of([table.name, *found])
            counted = [figure.name for figure in table.figures]
            made_of += ["figures", counted]
            parts[f"the figures of {table.name}"] = hash_of(["figures", counted])
        for figure in self.figures:
            stored[figure.stored_as] = False
            found = ["figure", figure.name, *code_parts(name, *figure.functions)]
            made_of += found
            parts[figure.name] = hash_of(found)
        self.described = Described(
            hash=hash_of(made_of),
            rows=rows,
            columns={table.name: table.codec.names for table in tables},
            tables=stored,
            types={table.name: types_of(table.row) for table in tables},
            parts=parts,
            events=listed,
        )

    @property
    def hash(self) -> str:
        """The hash of rows, indexes, and the code that fills them."""
        return self.described.hash

    def fits(self, other: Described) -> bool:
        """Whether a generation with this description may be written with this class."""
        return other.hash == self.hash and self.reads(other)

    def reads(self, other: Described) -> bool:
        """Whether this class can read the rows of a generation with this description.

        The rows may have more columns behind those of this class, which leaves them out.
        """
        return all(self._reads(table, other) for table in self.tables)

    def _reads(self, table: AnyTable, other: Described) -> bool:
        name, mine = table.name, [*self.described.typed(table.name).items()]
        if other.rows.get(name) != self.described.rows[name]:
            theirs = [*other.typed(name).items()]
            if not mine or theirs[: len(mine)] != mine:
                return False
        defaults = table.codec.defaults
        lacking = table.fields.intersection(gained := other.gained.get(name, {}))
        return all(defaults.get(column) == gained[column] for column in lacking)
