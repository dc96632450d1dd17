"""Openers of journals, for domains, readers of their models, and child processes of both."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeAlias

from comity.engine.arguments import check_path
from comity.engine.errors import WiringError
from comity.engine.journal.journal import Journal
from comity.engine.journal.lmdb_journal import LmdbJournal


class JournalOpener(Protocol):
    """Opens one journal, any number of times and in any process: an opener can be pickled.

    Errors call the journal by `str(opener)`.
    """

    @property
    def path(self) -> Path | None:
        """The journal's directory, if there is one: the default place of read models."""
        ...

    def open(self, *, read_only: bool = False) -> Journal:
        """Open the journal. Many may have it open `read_only`, and, if it can be shared, to write.

        Raises:
            JournalError: the journal cannot be opened; the text says why.
        """
        ...


@dataclass(frozen=True)
class LmdbOpener:
    """Opens the journal in a directory, see `LmdbJournal.open`."""

    path: Path
    unsafe_no_fsync: bool = False
    exclusive: bool = False
    """Whether no other process may write while it is open."""

    def __str__(self) -> str:
        return str(self.path)

    def open(self, *, read_only: bool = False) -> Journal:
        """Open the journal; make it if nothing is there, except with `read_only`."""
        unsafe = self.unsafe_no_fsync and not read_only
        return LmdbJournal.open(
            self.path, unsafe_no_fsync=unsafe, read_only=read_only, exclusive=self.exclusive
        )


Place: TypeAlias = str | PathLike[str] | JournalOpener
"""A journal's place: the path of its directory, or its opener."""


def opener_of(place: Place) -> JournalOpener:
    """Return an opener of the journal at this place.

    Raises:
        WiringError: `place` is neither a path nor an opener.
    """
    if isinstance(place, type):
        msg = f"expected a path or an opener, got the class {place.__name__}: make one of it"
        raise WiringError(msg)
    if isinstance(place, str | PathLike) or not callable(getattr(place, "open", None)):
        return LmdbOpener(check_path(place, "path"))  # type: ignore[arg-type]
    return place
