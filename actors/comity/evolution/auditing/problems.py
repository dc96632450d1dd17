"""Collects the problems of a journal: counts all, and keeps the first few places of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from comity.engine.errors import describe_error
from comity.engine.text import brief
from comity.evolution.auditing.audit import Problem, ProblemPlace, Trouble

if TYPE_CHECKING:
    from comity.engine.journal.record import Record

PLACES: Final = 3
"""How many places of each problem are kept."""
_LONGEST: Final = 400
"""The most characters of an error's text."""

ADVICE: Final[Mapping[Trouble, str]] = {
    "journal": "restore a backup if it is damaged, or use the newer version of comity that wrote "
    "the rest of it",
    "event": "mend its class or its upcast, give it an alias, or retire it (docs/changing.md); "
    "until then its aggregates take no commands, and read models stop before it",
    "heard": "put its class back among the events of the process's key, mend its upcast, give it "
    "an alias, or retire it in the Process; until then these instances are stuck",
    "ordered": "put its class back, or its decider among the process's orders, give it an alias or "
    "an upcast, or end these instances by hand; until then they are stuck",
    "state": "mend evolve: until then these aggregates take no commands",
    "command": "give the command's class an upcast; until then it cannot be rehearsed",
    "note": "use the newer version of comity that wrote it",
    "snapshot": "evolve, or what it calls, has changed: increase the decider's revision, so that "
    "states are folded again",
    "type": "name its decider or process, too; if there is none any more, add --without TYPE",
    "model": "mend project and the row class, or the event; until then the model stops there",
}


class Problems:
    """All problems that were met so far."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Trouble, str], int] = {}
        self._places: dict[tuple[Trouble, str], list[ProblemPlace]] = {}

    def add(
        self, trouble: Trouble, what: str, place: ProblemPlace | None = None, count: int = 1
    ) -> None:
        """Note a problem. Give the places in any order: the first ones in the journal are kept."""
        key = trouble, what
        self._counts[key] = self._counts.get(key, 0) + count
        places = self._places.setdefault(key, [])
        if place is not None:
            places.append(place)
            places.sort(key=lambda one: (one.position, one.version))
            del places[PLACES:]

    def found(self) -> tuple[Problem, ...]:
        """Return all problems, the most frequent ones of each trouble first."""
        keys = sorted(
            self._counts, key=lambda key: ([*ADVICE].index(key[0]), -self._counts[key], key[1])
        )
        return tuple(
            Problem(*key, self._counts[key], tuple(self._places[key]), ADVICE[key[0]])
            for key in keys
        )


def place_of(record: Record, offset: int, error: BaseException) -> ProblemPlace:
    """Return the place of the event at this offset, from 1, of a record; 0: of the record."""
    version, position = record.version + offset, record.position + offset
    return ProblemPlace(
        str(record.aggregate), version, position, brief(describe_error(error), _LONGEST)
    )
