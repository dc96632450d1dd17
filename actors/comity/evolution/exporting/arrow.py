"""Tables of Apache Arrow and Parquet. They need the extra `arrow`, which may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Any, Final, NamedTuple

from comity.engine import Invalid, WiringError
from comity.evolution.exporting.exact_json import dumps
from comity.evolution.exporting.flat_columns import Column, ColumnKind

_BATCH: Final = 8_192
"""So many rows are written together; in Parquet, four times as many."""
_BYTES: Final = 1 << 24
"""So many characters of texts are in memory at most, beside one row: 16 million."""


class Packages(NamedTuple):
    """The packages of pyarrow, which have no types."""

    arrow: Any
    parquet: Any


def packages() -> Packages:
    """Return the packages.

    Raises:
        WiringError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - may be missing # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
        from pyarrow import parquet  # noqa: PLC0415 - the same # pyright: ignore[reportMissingImports, reportMissingTypeStubs, reportUnknownVariableType]
    except ImportError as error:
        msg = (
            f"Arrow and Parquet need the package pyarrow, version 20 or newer ({error}); "
            "pip install 'comity[arrow]'"
        )
        raise WiringError(msg) from None
    return Packages(pa, parquet)


class _Batches:
    """Rows that become record batches."""

    def __init__(self, columns: Sequence[Column], most: int) -> None:
        self._packages = packages()
        self._arrow = self._packages.arrow
        types = _types(self._arrow)
        self._schema = self._arrow.schema([(one.name, types[one.kind]) for one in columns])
        self._json = [at for at, one in enumerate(columns) if one.kind is ColumnKind.JSON]
        self._most = most
        self._rows: list[Sequence[object]] = []
        self._size = 0

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Add rows.

        Raises:
            Invalid: a number is too large for its column.
        """
        for row in rows:
            values = list(row)
            for at in self._json:
                if values[at] is not None:
                    values[at] = dumps(values[at])
            self._rows.append(values)
            self._size += sum([len(value) for value in values if isinstance(value, str)])
            if len(self._rows) >= self._most or self._size >= _BYTES:
                self.flush()

    def flush(self) -> None:
        """Write the rows that were added."""
        if not self._rows:
            return
        values = list(zip(*self._rows, strict=True))
        try:
            arrays = [
                self._arrow.array(column, field.type)
                for column, field in zip(values, self._schema, strict=True)
            ]
        except (self._arrow.ArrowException, OverflowError) as error:
            raise Invalid(f"Arrow cannot take a value: {error}") from None
        self._rows, self._size = [], 0
        self._write(self._arrow.record_batch(arrays, schema=self._schema))

    def _write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        raise NotImplementedError


class ArrowTable(_Batches):
    """A file of record batches."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        super().__init__(columns, _BATCH)
        self._writer = self._arrow.ipc.new_file(stream, self._schema)

    def _write(self, batch: Any) -> None:  # noqa: ANN401
        self._writer.write_batch(batch)

    def finish(self) -> None:
        """Write the rest, and the footer."""
        self.flush()
        self._writer.close()


class ParquetTable(_Batches):
    """A file of Parquet."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        super().__init__(columns, 4 * _BATCH)
        self._writer = self._packages.parquet.ParquetWriter(
            stream, self._schema, compression="zstd"
        )

    def _write(self, batch: Any) -> None:  # noqa: ANN401
        self._writer.write_batch(batch)

    def finish(self) -> None:
        """Write the rest, and the footer."""
        self.flush()
        self._writer.close()


def _types(pyarrow: Any) -> dict[ColumnKind, Any]:  # noqa: ANN401
    return {
        ColumnKind.TEXT: pyarrow.string(),
        ColumnKind.JSON: pyarrow.string(),
        ColumnKind.INT: pyarrow.int64(),
        ColumnKind.FLOAT: pyarrow.float64(),
        ColumnKind.BOOL: pyarrow.bool_(),
        ColumnKind.TIME: pyarrow.timestamp("us", tz="UTC"),
    }
