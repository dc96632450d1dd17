"""A program that copies a journal and is killed: `python -m tests.crash.migrator OLD NEW`.

It says `begun` when the copy's first record is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.evolution.migrations import counted

from comity.evolution import JournalRecord, migrate


class Saying:
    """Gives two records for each, and says when it begins."""

    def __call__(self, record: JournalRecord) -> Iterator[JournalRecord]:
        """Give the records."""
        if not record.version:
            print("begun", flush=True)
        yield from counted(record)


def main() -> None:
    """Copy the journal."""
    old, new = sys.argv[1:]
    migrate(old, new, Saying)


if __name__ == "__main__":
    main()
