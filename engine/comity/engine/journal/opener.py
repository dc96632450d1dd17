"""What opens a journal: a domain, those who read its models, and their child processes ask one."""

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
    """Opens one journal, as often as it is asked and in any process: it can be pickled.

    Its `str` is what errors call the journal.
    """

    @property
    def path(self) -> Path | None:
        """The journal's directory, if it has one: models are kept there unless told otherwise."""
        ...

    def open(self, *, read_only: bool = False) -> Journal:
        """The journal. Many may have it open `read_only`, while one or nobody writes.

        Raises:
            JournalError: it cannot be opened; the text says why.
        """
        ...


@dataclass(frozen=True)
class LmdbOpener:
    """Opens the journal in a directory, see `LmdbJournal.open`."""

    path: Path
    unsafe_no_fsync: bool = False

    def __str__(self) -> str:
        return str(self.path)

    def open(self, *, read_only: bool = False) -> Journal:
        """The journal there; one to write is made if there is nothing."""
        unsafe = self.unsafe_no_fsync and not read_only
        return LmdbJournal.open(self.path, unsafe_no_fsync=unsafe, read_only=read_only)


Place: TypeAlias = str | PathLike[str] | JournalOpener
"""Where a journal is: the path of its directory, or what opens it."""


def opener_of(place: Place) -> JournalOpener:
    """What opens the journal there.

    Raises:
        WiringError: it is neither a path nor an opener.
    """
    if isinstance(place, type):
        msg = f"expected a path or an opener, got the class {place.__name__}: make one of it"
        raise WiringError(msg)
    if isinstance(place, str | PathLike) or not callable(getattr(place, "open", None)):
        return LmdbOpener(check_path(place, "path"))  # type: ignore[arg-type]
    return place
