"""Opening a journal to look at it, beside the program that writes it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from comity.engine import AggregateId, Invalid, NotAJournal
from comity.engine.journal.journal import Journal
from comity.engine.journal.opener import LmdbOpener


@contextmanager
def opened(path: Path) -> Generator[Journal]:
    """The journal at this path, to read.

    Raises:
        NotAJournal: there is none.
    """
    check_path(path)
    journal = LmdbOpener(path).open(read_only=True)
    try:
        yield journal
    finally:
        journal.close()


def check_path(path: Path) -> None:
    """Refuse a path where there is nothing.

    Raises:
        NotAJournal: there is nothing.
    """
    if not path.exists():
        msg = f"there is nothing at {path}; a journal is the directory that Domain.open was given"
        raise NotAJournal(msg)


def newest_version(journal: Journal, aggregate: AggregateId) -> int:
    """How many events the aggregate has.

    Raises:
        Invalid: it has none; the text names some that have.
    """
    version = journal.version(aggregate)
    if version:
        return version
    some = [str(one) for one, _ in islice(journal.aggregates(), 4)]
    others = ", ".join(some[:3]) + (" and others" if len(some) > 3 else "")  # noqa: PLR2004
    msg = f"the journal has no events of {aggregate}; it has {others or 'no events at all'}"
    raise Invalid(msg)
