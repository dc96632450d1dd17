"""What `verify` has found in a journal: its report, and its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from comity.engine.text import duration

Part: TypeAlias = Literal[
    "pages", "format", "commits", "aggregates", "streams", "ids", "snapshots", "kinds", "mark",
    "outlet", "model",
]  # fmt: skip
"""Where a fault is: in the structure of data.mdb; in the format record; in a commit; in the order
of an aggregate's events; in the index of the aggregates, or of command ids; in a snapshot; in the
counts of events; in the mark beside data.mdb; in the ledger of an outlet; in a read model."""

ADVICE: Final[dict[Part, str]] = {
    "pages": "restore a backup, or read what is left with `comity salvage`",
    "format": "restore a backup, or read what is left with `comity salvage`",
    "commits": "restore a backup, or read what is left with `comity salvage`",
    "aggregates": "restore a backup, or read what is left with `comity salvage`",
    "streams": "restore a backup, or write the journal anew with `comity salvage`",
    "ids": "restore a backup, or write the journal anew with `comity salvage`",
    "snapshots": "a domain does not use it and makes it again, so nothing is lost; the disk may be "
    "failing",
    "kinds": "write the journal anew with `comity salvage`, which counts again",
    "mark": "commits that were durable are gone: restore a backup. If an older backup was restored "
    "on purpose, without its mark, delete the file mark",
    "outlet": "restore a backup of the ledger; or move it away, and say in `start` where the "
    "outlet begins again",
    "model": "the domain rebuilds it from the journal; so does `comity rebuild`",
}
"""What to do about the faults of each part."""


WRITING: Final = "writing"
"""The stage of a salvage that counts commits, and no bytes."""


class Fault(NamedTuple):
    """One fault, with its place as far as it is known."""

    part: Part
    what: str
    """The fault in words."""
    page: int | None = None
    """The page of data.mdb."""
    commit: int | None = None
    offset: int | None = None
    """Where in the commit, in bytes."""
    aggregate: str | None = None
    version: int | None = None

    @property
    def place(self) -> str:
        """The place in words: `page 17, commit 5, offset 49`; empty if it is not known."""
        told = [
            f"{name} {value}"
            for name, value in (
                ("page", self.page), ("commit", self.commit), ("offset", self.offset),
                ("aggregate", self.aggregate), ("version", self.version),
            )
            if value is not None
        ]  # fmt: skip
        return ", ".join(told)


class VerifyProgress(NamedTuple):
    """How far a verification is."""

    stage: str
    """What is done: `the journal` is read, or a ledger or model; a salvage is `writing`."""
    done: int
    """How many bytes were read; or commits were written."""
    of: int
    """How many there are, at most."""
    seconds_left: float | None
    """How long it still takes at this speed; None while that is not known."""

    def __str__(self) -> str:
        percent = min(100, 100 * self.done // max(1, self.of))
        left = "" if self.seconds_left is None else f", {duration(self.seconds_left)} left"
        if self.stage == WRITING:
            return f"{self.done:,} of {self.of:,} commits ({percent}%){left}"
        return f"{self.done / 1e6:,.0f} of {self.of / 1e6:,.0f} MB ({percent}%){left}"


OnProgress: TypeAlias = Callable[[VerifyProgress], None]
"""Is called a few times a second with the progress."""


@dataclass(frozen=True)
class Verified:
    """What was read of a journal, and what is wrong with it."""

    path: str
    complete: bool
    """Whether all was read; False if it was stopped before."""
    found: int
    """How many faults there are."""
    faults: tuple[Fault, ...]
    """The first of them: at most 50 of each part."""
    state: int
    """The number of the LMDB transaction whose state was read; 0 if no state could be found."""
    held: bool
    """Whether a reader's transaction held this state meanwhile; False: nobody wrote."""
    bytes: int
    """The size of data.mdb."""
    pages: int
    """How many pages were read: those in use."""
    commits: int
    records: int
    events: int
    position: int
    """The position of the last event."""
    aggregates: int
    """How many aggregates have events."""
    ids: int
    """How many command ids the index has."""
    snapshots: int
    outlets: tuple[str, ...]
    """The ledgers of outlets that were read, by their names."""
    models: tuple[str, ...]
    """The read models that were read, by their folders."""
    seconds: float

    @property
    def is_sound(self) -> bool:
        """Whether all was read, and no fault was found."""
        return self.complete and not self.found
