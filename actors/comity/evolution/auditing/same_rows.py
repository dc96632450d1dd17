"""Compares a read model with what its events give: builds it anew beside it, up to its checkpoint.

`comity verify` uses it, for models whose class is today's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from comity.actors.projecting.build import go_through
from comity.actors.projecting.model_follower import ModelFollower
from comity.engine.lmdb.library import MAP_SIZE
from comity.engine.lmdb.span import EVERYTHING, Entry
from comity.engine.runtime.system import SYSTEM_CLOCK, Flag
from comity.readmodels.generations.generations import new_projection, put_away_projection
from comity.readmodels.generations.model_folder import ModelFolder, describe, open_generation
from comity.readmodels.generations.reader import checkpoint_of, stopped_of
from comity.readmodels.tables.schema import PARKED

if TYPE_CHECKING:
    from comity.actors.projecting.model_routes import ModelRoutes
    from comity.engine.journal.journal import Journal
    from comity.engine.journal.record import Record
    from comity.engine.lmdb.library import Handle
    from comity.evolution.auditing.progress import Stage
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.tables.read_model import AnyReadModel

_MANY: Final = 1_000
"""So many rows are compared at a time."""


def compare(
    model: type[AnyReadModel],
    folder: ModelFolder,
    routes: ModelRoutes,
    journal: Journal,
    stage: Stage,
) -> tuple[str, bool]:
    """Say where a model differs from its events, or why it was not compared; and whether it was.

    Raises:
        ReadModelError: it is damaged, or cannot be built.
        JournalError: an event cannot be read.
    """
    current = folder.current()
    if current is None:
        return "it is not built yet", False
    described = describe(current)
    if not model.schema.fits(described):
        return "another version of the class built it, and the domain will rebuild it", False
    environment = open_generation(current, described.tables, map_size=MAP_SIZE)
    try:
        with environment.reading() as reading:
            checkpoint = checkpoint_of(reading)
            if stopped_of(reading) is not None or reading.count(
                reading.handles[PARKED], EVERYTHING
            ):
                return "it has stopped, or has parked events", False
            limited = cast("Journal", Upto(journal, checkpoint.position))
            return _compare_with(reading, model, routes, limited, stage)
    finally:
        environment.close()


def _compare_with(
    reading: Reading,
    model: type[AnyReadModel],
    routes: ModelRoutes,
    journal: Journal,
    stage: Stage,
) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory(prefix="comity-verify-") as place:
        folder = ModelFolder(Path(place) / model.stored_as)
        folder.make()
        projection = new_projection(model, folder)
        stop = Flag()

        def told(position: int) -> None:
            if not stage.goes_on(position):
                stop.set()

        try:
            follower = ModelFollower(projection, journal, routes, SYSTEM_CLOCK)
            if not go_through(follower, stop, told):
                return "it was stopped before", False
            with projection.environment.reading() as anew:
                return _first_difference(reading, anew), True
        finally:
            put_away_projection(projection)


def _first_difference(stored: Reading, anew: Reading) -> str:
    for name in sorted(stored.handles):
        if name.startswith("~"):
            continue  # the checkpoint, parked events and the log of changes are of one generation
        mine, other = stored.handles[name], anew.handles[name]
        for here, there in zip(_rows(stored, mine), [*_rows(anew, other), None], strict=False):
            if here != there:
                return f"table {name} differs from the events at the key {here[0]!r}"
        if stored.count(mine, EVERYTHING) != anew.count(other, EVERYTHING):
            return f"table {name} lacks rows that the events give"
    return ""


def _rows(reading: Reading, handle: Handle) -> Iterator[Entry]:
    after: Entry | None = None
    while rows := reading.entries(handle, EVERYTHING, _MANY, after=after, backwards=False):
        yield from rows
        after = rows[-1]


class Upto:
    """A journal that ends at a position, while the true one goes on."""

    def __init__(self, journal: Journal, upto: int) -> None:
        self._journal = journal
        self._upto = upto

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    def position(self) -> int:
        """See `Journal.position`."""
        return min(self._upto, self._journal.position())

    def follow(self, after: int = 0) -> Iterator[Sequence[Record]]:
        """See `Journal.follow`."""
        for batch in self._journal.follow(after):
            yield [one for one in batch if one.last_position <= self._upto]
