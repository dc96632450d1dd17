"""The number of every stored form that has one, and how a form that has grown is read.

Whoever packs or unpacks what is stored uses it. docs/formats.md lists all forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple, TypeVar

from comity.engine.errors import TooNew

JOURNAL: Final = 2
"""A journal's tables, their keys, and the checksums of their values."""
COMMIT: Final = 2
"""The first byte of a commit: how its records stand in it. Each commit has its own."""
NEEDS: Final = frozenset[str]()
"""What a journal may need (see `JournalFormat`) and this version of comity can do."""
MARK: Final = 2
"""The mark beside a data file."""
MODEL: Final = 2
"""A read model's rows, keys and figures; a model of another format is built anew."""

N = TypeVar("N", bound=NamedTuple)


def grown(kind: type[N], stored: Sequence[object]) -> N:
    """The record with these stored fields, which may be more or fewer than it has today.

    A form grows at its end: an older program leaves out the fields that it does not know, and a
    newer one gives those that are missing their defaults.

    Raises:
        TypeError: a field without a default is missing, or these are no fields.
    """
    fields, defaults = kind._fields, kind._field_defaults
    missing = [defaults[name] for name in fields[len(stored) :] if name in defaults]
    return kind._make([*stored[: len(fields)], *missing])


def too_new(what: str, known: str, use: str = "") -> TooNew:
    """The error for what only a newer comity can read.

    Args:
        what: the stored thing, and which form it has.
        known: which form this comity reads.
        use: the version of comity that reads it, where it is known.
    """
    newer = f"comity {use} or newer" if use else "the newer comity that wrote it"
    return TooNew(f"{what}; this is comity {own_version()}, which reads {known}: use {newer}")


@cache
def own_version() -> str:
    """The version of comity that is running."""
    try:
        return version("comity")
    except PackageNotFoundError:  # it runs from a folder, without being installed
        return "(not installed)"
