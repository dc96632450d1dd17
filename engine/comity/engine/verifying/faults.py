"""Collects the faults of a journal: counts all, and keeps the first ones of each part."""

from __future__ import annotations

from collections import Counter
from typing import Final

from comity.engine.text import brief, printable
from comity.engine.verifying.verified import Fault, Part

MOST: Final = 50
"""So many faults of each part are kept."""
_LONGEST: Final = 400


class Faults:
    """All faults that were met so far."""

    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.counts = Counter[Part]()

    @property
    def total(self) -> int:
        """How many faults there are."""
        return self.counts.total()

    def add(
        self,
        part: Part,
        what: str,
        *,
        page: int | None = None,
        commit: int | None = None,
        offset: int | None = None,
        aggregate: str | None = None,
        version: int | None = None,
    ) -> None:
        """Note a fault."""
        self.counts[part] += 1
        if self.counts[part] <= MOST:
            name = None if aggregate is None else printable(aggregate)
            said = printable(brief(what, _LONGEST))
            self.kept.append(Fault(part, said, page, commit, offset, name, version))
