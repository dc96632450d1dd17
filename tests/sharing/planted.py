"""Faults that a process of a test plants into its own engine before it opens the domain."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.property import test_planted_faults as one_process

from comity.engine.journal import lmdb_journal
from comity.engine.journal.lmdb_reader import LmdbReader

ALSO_OF_ONE_PROCESS = (
    "unseen events are overlooked",
    "the newest events count as those of any session",
    "the senders own events clash",
    "a retry takes effect again",
    "a lost state is kept",
    "what is decided again comes last",
    "a snapshot is of another version",
)


def readers_do_not_look_for_news(plant: pytest.MonkeyPatch) -> None:
    def newest(self: Any) -> object:  # noqa: ANN401 - a reader, with its private parts
        return self._last

    plant.setattr(LmdbReader, "_catch_up", newest)


def the_journal_does_not_look_who_was_first(plant: pytest.MonkeyPatch) -> None:
    def whatever(*_arguments: object, refused: bool) -> None:
        """Whoever comes, is first."""

    plant.setattr(lmdb_journal, "judge", whatever)


def ids_of_others_are_not_found(plant: pytest.MonkeyPatch) -> None:
    def nothing(_reader: LmdbReader, _id: str) -> None:
        """Nobody has sent it before."""

    plant.setattr(LmdbReader, "find", nothing)


PLANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    plant.__name__.replace("_", " "): plant
    for plant in (
        readers_do_not_look_for_news,
        the_journal_does_not_look_who_was_first,
        ids_of_others_are_not_found,
    )
}
for name in ALSO_OF_ONE_PROCESS:
    PLANTS[name] = one_process.FAULTS[name]


def plant(name: str) -> None:
    """Plant one of them, for the life of this process."""
    PLANTS[name](pytest.MonkeyPatch())


def planting(name: str) -> Callable[[], None]:
    """How another process plants one of them."""
    return partial(plant, name)
