"""The formats of an export for analysis: tables that rows are added to."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from io import TextIOWrapper
from os import PathLike
from pathlib import Path
from typing import IO, Any, Final, Protocol, cast

from comity.engine import WiringError
from comity.evolution.exporting.arrow import ArrowTable, ParquetTable
from comity.evolution.exporting.exact_json import dumps
from comity.evolution.exporting.flat_columns import Column, ColumnKind
from comity.evolution.exporting.record_line import time_text
from comity.evolution.exporting.whole_file import File


class TableForm(StrEnum):
    """A format of tables."""

    JSONL = "jsonl"
    """A line of JSON for each event."""
    CSV = "csv"
    """Values separated by commas, with a first line of names."""
    PARQUET = "parquet"
    ARROW = "arrow"
    """A file of Arrow's record batches (IPC)."""


_SUFFIXES: Final = {
    ".jsonl": TableForm.JSONL, ".ndjson": TableForm.JSONL, ".json": TableForm.JSONL,
    ".csv": TableForm.CSV, ".parquet": TableForm.PARQUET, ".arrow": TableForm.ARROW,
    ".feather": TableForm.ARROW,
}  # fmt: skip


def form_of(file: File, form: str | None) -> TableForm:
    """Return the format to write: the one that is named, or that of the file's name.

    Raises:
        WiringError: there is no such format, or the name does not say one.
    """
    if form is not None:
        if form not in set(TableForm):
            msg = f"expected one of {', '.join(TableForm)} as the format, got {form!r:.40}"
            raise WiringError(msg)
        return TableForm(form)
    if not isinstance(file, str | PathLike):
        return TableForm.JSONL
    path = Path(file)
    found = _SUFFIXES.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix)
    if found is None:
        msg = f"{path} does not say its format: call it .csv, .jsonl, .parquet or .arrow"
        raise WiringError(msg)
    return found


class FlatTable(Protocol):
    """A table that is being written."""

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Add rows."""
        ...

    def finish(self) -> None:
        """Write the rest; the file stays open."""
        ...


def table_of(form: TableForm, stream: IO[bytes], columns: Sequence[Column]) -> FlatTable:
    """Make a table of these columns in a file.

    Raises:
        WiringError: the format needs a package that is not installed.
    """
    return _TABLES[form](stream, columns)


class JsonTable:
    """Lines of JSON."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        self._stream = stream
        self._names = [column.name for column in columns]
        self._times = _times(columns)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Add rows."""
        for row in rows:
            values = _with_times(row, self._times)
            line = dumps(dict(zip(self._names, values, strict=True)))
            self._stream.write(line.encode() + b"\n")

    def finish(self) -> None:
        """Do nothing more."""


class CsvTable:
    """Values separated by commas; what is no text is written as JSON, and None as nothing."""

    def __init__(self, stream: IO[bytes], columns: Sequence[Column]) -> None:
        self._text = TextIOWrapper(cast("Any", stream), encoding="utf-8", newline="")
        self._times = _times(columns)
        self._json = [at for at, one in enumerate(columns) if one.kind is ColumnKind.JSON]
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow([column.name for column in columns])

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Add rows."""
        for row in rows:
            values = _with_times(row, self._times)
            for at in self._json:
                if values[at] is not None:
                    values[at] = dumps(values[at])
            self._writer.writerow(values)

    def finish(self) -> None:
        """Write what is buffered."""
        self._text.flush()
        self._text.detach()


_TABLES: Final[Mapping[TableForm, Callable[[IO[bytes], Sequence[Column]], FlatTable]]] = {
    TableForm.JSONL: JsonTable, TableForm.CSV: CsvTable, TableForm.PARQUET: ParquetTable,
    TableForm.ARROW: ArrowTable,
}  # fmt: skip


def _times(columns: Sequence[Column]) -> list[int]:
    return [at for at, column in enumerate(columns) if column.kind is ColumnKind.TIME]


def _with_times(row: Sequence[object], times: Sequence[int]) -> list[object]:
    values = list(row)
    for at in times:
        if values[at] is not None:
            values[at] = time_text(cast("int", values[at]))
    return values
