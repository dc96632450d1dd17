"""Opens a journal read-only, also while another program writes it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import typer

from comity.actors.processes.process_reader import ProcessReader
from comity.engine import AggregateId, Invalid, NotAJournal
from comity.engine.aggregate_id import check_type_name
from comity.engine.journal.journal import Journal
from comity.engine.journal.opener import LmdbOpener


@contextmanager
def opened(path: Path) -> Generator[Journal]:
    """Open the journal at this path for reading.

    Raises:
        NotAJournal: there is no journal.
    """
    check_path(path)
    journal = LmdbOpener(path).open(read_only=True)
    try:
        yield journal
    finally:
        journal.close()


def check_path(path: Path) -> None:
    """Refuse a path that does not exist.

    Raises:
        NotAJournal: it does not exist.
    """
    if not path.exists():
        msg = f"there is nothing at {path}; give the directory that was passed to Domain.open"
        raise NotAJournal(msg)


def opened_process(path: Path, name: str, models: Path | None) -> ProcessReader:
    """Open a process to look at it; use it in a `with` block.

    Raises:
        BadParameter: the journal does not have it; the text lists those that it has.
    """
    try:
        return ProcessReader.open(path, name, models=models)
    except Invalid as error:
        raise typer.BadParameter(str(error)) from None


def check_types(journal: Journal, types: Iterable[str], *, strict: bool = True) -> None:
    """Check the names of aggregate types; if `strict`, also that the journal has such events.

    Raises:
        BadParameter: it is no type's name.
        Invalid: the journal has no events of this type; the text names those that it has.
    """
    known = {kind.type for kind in journal.kinds()}
    for one in types:
        try:
            check_type_name(one)
        except Invalid as error:
            raise typer.BadParameter(str(error)) from None
        if strict and one not in known:
            has = ", ".join(sorted(known)) or "no events"
            msg = f"the journal has no aggregates of type {one}; it has {has}"
            raise Invalid(msg)


def newest_version(journal: Journal, aggregate: AggregateId) -> int:
    """How many events the aggregate has.

    Raises:
        Invalid: it has none; the text names some aggregates that have events.
    """
    version = journal.version(aggregate)
    if version:
        return version
    some = [str(one) for one, _ in islice(journal.aggregates(), 4)]
    others = ", ".join(some[:3]) + (" and others" if len(some) > 3 else "")  # noqa: PLR2004
    msg = f"the journal has no events of {aggregate}; it has {others or 'no events'}"
    raise Invalid(msg)
