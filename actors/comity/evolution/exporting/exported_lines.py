"""Reads the lines of an export, and checks that they are those that were written."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from comity.engine import Invalid
from comity.engine.journal.numbered import Numbered
from comity.evolution.exporting.chain import Chain, without_checksum
from comity.evolution.exporting.export_ends import (
    ExportEnd,
    is_end,
    is_head,
    read_end,
    read_head,
)
from comity.evolution.exporting.line_file import Lines
from comity.evolution.exporting.record_line import numbered_of
from comity.evolution.exporting.transfer_errors import ExportDamaged, NotAnExport

_ANEW = "copy the file again, or export anew"


class ExportedLines:
    """The lines between the first and the last one.

    Args:
        lines: those of a file, from its beginning.
        first: its first line, if that was read already.

    Raises:
        NotAnExport: the file is something else.
        ExportDamaged: its first line is not the one that was written.
        TooNew: a newer comity wrote it.
    """

    def __init__(self, lines: Lines, first: bytes | None = None) -> None:
        self.lines = lines
        self._chain = Chain()
        self._records = 0
        self.end = ExportEnd(0, 0, 0)
        """The last line, once it is read."""
        line = lines.next() if first is None else first
        if not is_head(line):
            found = f"it begins with {line[:60]!r}" if line else "it is empty"
            raise NotAnExport(
                f"{lines.name} is no export of a journal: {found}; give a file that "
                "`comity export` wrote, or bring in another one with a function (--with)"
            )
        self._check(line)
        with self._reading():
            self.head = read_head(_text(line))

    def raw(self) -> Iterator[bytes]:
        """Give each line of a record, with its checksum, which is checked.

        Raises:
            ExportDamaged: a line is missing, doubled or changed, or the file ends too early.
        """
        for line in self.lines:
            self._check(line)
            if is_end(line):
                self._check_end(line)
                return
            self._records += 1
            yield line
        raise ExportDamaged(
            f"{self.lines.name} ends after line {self.lines.number - 1}, and its last line is "
            f"missing: it was cut short; {_ANEW}"
        )

    def records(self) -> Iterator[Numbered]:
        """Give each record.

        Raises:
            ExportDamaged: as `raw`, or a line is not one of a record.
        """
        last = events = 0
        for line in self.raw():
            with self._reading():
                found = numbered_of(_text(line))
                if found.number <= last:
                    raise Invalid(f"record {found.number} comes after record {last}")
            last = found.number
            events += len(found.record.events)
            yield found
        if events != self.end.events:
            raise ExportDamaged(
                f"{self.lines.name} has {events} events, and its last line tells of "
                f"{self.end.events}; {_ANEW}"
            )

    def _check(self, line: bytes) -> None:
        if self._chain.follows(line):
            return
        what = "is cut short" if not line.endswith(b"\n") else "is not the one that was written"
        raise ExportDamaged(
            f"{self.lines} {what}: it was changed, or a line before it is missing, doubled or "
            f"changed; {_ANEW}. To bring in what was changed on purpose, use a function (--with)"
        )

    def _check_end(self, line: bytes) -> None:
        with self._reading():
            end = read_end(_text(line))
            if end.records != self._records:
                raise Invalid(f"it tells of {end.records} records, and there are {self._records}")
        if self.lines.next():
            raise ExportDamaged(f"{self.lines}: there is more after the last line; {_ANEW}")
        self.end = end

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Name the line in errors."""
        try:
            yield
        except (Invalid, UnicodeDecodeError) as error:
            raise ExportDamaged(f"{self.lines} cannot be read: {error}; {_ANEW}") from None


def _text(line: bytes) -> str:
    return without_checksum(line).decode()
