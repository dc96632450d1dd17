"""The format numbers of the stored forms, and reading of forms with missing or extra fields.

Code that packs or unpacks stored data uses this module. docs/formats.md lists all forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

from comity.engine.errors import TooNew

JOURNAL: Final = 2
"""A journal's tables, their keys, and the checksums of their values."""
COMMIT: Final = 3
"""A commit's layout, which is its first byte. Commits of one journal may differ in it."""
THINNED: Final = 4
"""The layout of a commit from which records without events were dropped, by `comity compact`."""
TURNS: Final = "turns"
"""The feature that a commit holds a record for each turn, and not for each command (format 3)."""
GAPS: Final = "gaps"
"""The feature that records without events were dropped from commits (format 4)."""
NEEDS: Final = {TURNS: "0.1.0", GAPS: "0.1.0"}
"""The features that a journal may need (see `JournalFormat`) and this comity supports, each with
the first version of comity that does."""
FIELDS: Final = 1
"""How messages' fields are stored. Stamps contain it: events of another number are validated."""
MARK: Final = 2
"""The mark beside a data file."""
BOARD: Final = 1
"""The board of the processes that share a journal. It is made anew when nobody shares it."""
LEDGER: Final = 1
"""The ledger of an outlet: its tables, their keys and values."""
EXPORT: Final = 1
"""The lines of `comity export`."""
BACKUP: Final = 1
"""What a backup has beside the tables of its journal: a description, and the rows of ledgers."""
MODEL: Final = 2
"""A read model's rows, keys and figures; a model of another format is rebuilt."""

N = TypeVar("N", bound=NamedTuple)


class _Filled(Protocol):
    def __call__(self, kind: type[N], fields: Sequence[object], /) -> N: ...


filled: Final[_Filled] = cast("Any", tuple).__new__
"""Makes a `kind` from exactly its fields, in a third of the time of calling it; counts nothing."""


def grown(kind: type[N], stored: Sequence[object]) -> N:
    """Make a `kind` from stored fields, of which there may be more or fewer than `kind` has.

    New fields are only ever added at a form's end. Extra fields, from a newer program, are
    ignored; missing fields, in data of an older program, get their defaults.

    Raises:
        TypeError: a field without a default is missing, or `stored` is not a sequence.
    """
    fields, defaults = kind._fields, kind._field_defaults
    missing = [defaults[name] for name in fields[len(stored) :] if name in defaults]
    return kind._make([*stored[: len(fields)], *missing])


def too_new(what: str, known: str, use: str = "") -> TooNew:
    """Make the error for stored data that only a newer comity can read.

    Args:
        what: the stored data and its form, such as "a merge report has form 3".
        known: the forms that this comity reads.
        use: the oldest version of comity that reads the data; empty if unknown.
    """
    newer = f"comity {use} or newer" if use else "the newer comity that wrote it"
    return TooNew(f"{what}; this is comity {own_version()}, which reads {known}: use {newer}")


@cache
def own_version() -> str:
    """Return the version of the running comity."""
    try:
        return version("comity")
    except PackageNotFoundError:  # comity runs from a folder, without being installed
        return "(not installed)"
