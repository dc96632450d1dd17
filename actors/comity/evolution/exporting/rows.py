"""The rows of a file from elsewhere: lines of JSON or of CSV, or an export of comity's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, cast

from comity.engine import Invalid
from comity.evolution.exporting.chain import without_checksum
from comity.evolution.exporting.exact_json import loads
from comity.evolution.exporting.export_ends import is_head
from comity.evolution.exporting.exported_lines import ExportedLines
from comity.evolution.exporting.line_file import Lines, read
from comity.evolution.exporting.transfer_errors import ImportFailed
from comity.evolution.exporting.whole_file import File

_NO_NAMES: Final[list[str]] = []
_SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}


class Source(Protocol):
    """Where rows come from; as a text, the place of the last row."""

    @property
    def number(self) -> int:
        """The line of the last row."""
        ...

    def rows(self) -> Iterator[Any]:
        """Give each row.

        Raises:
            ImportFailed: a line is no row.
            NotAnExport, ExportDamaged: it is an export, and a line is not the one that was written.
        """
        ...


@contextmanager
def source_of(file: File | Iterable[Any], separator: str | None) -> Generator[Source]:
    """Open the source of rows.

    Raises:
        WiringError: it is none.
        NotAnExport: no file is there.
    """
    if _is_given(file):
        yield _Given(cast("Iterable[Any]", file))
    else:
        place = cast("File", file)
        with read(place) as lines:
            yield _InFile(lines, separator or _separator_of(place))


def _is_given(file: object) -> bool:
    """Return whether Python gives the rows: it is neither a path nor an open file."""
    if isinstance(file, str | bytes | PathLike) or hasattr(file, "readline"):
        return False
    return isinstance(file, Iterable)


def _separator_of(file: File) -> str | None:
    """Return what separates the columns of a file of this name; None if it has lines of JSON."""
    if not isinstance(file, str | PathLike):
        return None
    path = Path(file)
    return _SEPARATORS.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix)


class _Given:
    """Rows that Python gives."""

    def __init__(self, given: Iterable[Any]) -> None:
        self._given = given
        self.number = 0

    def __str__(self) -> str:
        return f"row {self.number}"

    def rows(self) -> Iterator[Any]:
        """Give them."""
        for self.number, row in enumerate(self._given, 1):  # noqa: B020 - counted for errors
            yield row


class _InFile:
    """Rows in the lines of a file."""

    def __init__(self, lines: Lines, separator: str | None) -> None:
        self._lines, self._separator = lines, separator

    def __str__(self) -> str:
        return str(self._lines)

    @property
    def number(self) -> int:
        """The line of the last row."""
        return self._lines.number

    def rows(self) -> Iterator[Any]:
        """Give each row: a map of texts by column, or what a line of JSON says.

        Of an export of comity's own, the rows are the records; its bytes and numbers are what they
        were.
        """
        try:
            yield from self._rows()
        except Invalid as error:
            raise ImportFailed(f"{self}: {error}") from error

    def _rows(self) -> Iterator[Any]:
        if self._separator is not None:
            return _table(self._lines, self._separator)
        first = self._lines.next()
        if is_head(first):
            exported = ExportedLines(self._lines, first)
            return (loads(without_checksum(line).decode()) for line in exported.raw())
        return _json(self._lines, first)


def _table(lines: Lines, separator: str) -> Iterator[dict[str, str]]:
    reader = csv.reader(_texts(lines), delimiter=separator, strict=True)
    try:
        names = next(reader, _NO_NAMES)
        if len(set(names)) < len(names):
            raise Invalid(f"two columns have the same name: {names}")
        for row in reader:
            if row and len(row) != len(names):
                raise Invalid(f"it has {len(row)} columns, and the first line has {len(names)}")
            if row:
                yield dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise Invalid(f"it is no line of such a table: {error}") from None


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _text(line[3:] if not number and line.startswith(b"\xef\xbb\xbf") else line)


def _json(lines: Lines, first: bytes) -> Iterator[Any]:
    line = first.removeprefix(b"\xef\xbb\xbf")
    while line:
        if line.strip():
            try:
                yield _DECODER.decode(_text(line).strip())
            except RecursionError:
                raise Invalid("it is nested too deeply") from None
            except ValueError as error:
                raise Invalid(f"it is not JSON: {error}") from None
        line = lines.next()


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"it is not UTF-8: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"it has the key {twice!r:.100} twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"JSON has no {name}")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
