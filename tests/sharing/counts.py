"""A model of desks, what each process reads of it, and a watch of each aggregate's row."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tests.property.desk import DeskEvent
from tests.sharing.calls import Shown, Watched
from tests.sharing.worker import Post

from comity.actors import Domain
from comity.engine import Recorded
from comity.readmodels import ReadModel, Row, Table

PATIENCE = 60.0


class CountRow(Row):
    key: str
    events: int


class Counts(ReadModel[DeskEvent]):
    """How many events each desk has had: one that is missed or applied twice shows."""

    rows = Table(CountRow, key=lambda row: row.key)

    def project(self, event: DeskEvent, at: Recorded[DeskEvent]) -> None:
        key = at.aggregate.key
        row = self.rows.get(key)
        self.rows.put(CountRow(key=key, events=row.events + 1 if row else 1))


def show(post: Post, after: int) -> Shown:
    """Read the model, with everything up to a position."""
    with post.domain.read(Counts, after=after, timeout=PATIENCE) as counts:
        rows = {row.key: row.events for row in counts.rows.all()}
        return Shown(post.name, after, counts.position, rows)


class Watching:
    """Notes the counts that a watch of one aggregate gives."""

    def __init__(self, domain: Domain, key: str) -> None:
        self.counts: list[int] = []
        self._more = threading.Condition()
        self._watch = domain.watch(Counts.rows[key])
        threading.Thread(target=self._look, daemon=True).start()

    def upto(self, count: int) -> tuple[int, ...]:
        """Wait until the watch has shown a count; return all counts so far."""
        with self._more:
            self._more.wait_for(lambda: count in {0, *self.counts[-1:]}, PATIENCE)
            return tuple(self.counts)

    def _look(self) -> None:
        for update in self._watch:
            if update.row is not None:
                with self._more:
                    self.counts.append(update.row.events)
                    self._more.notify_all()


_WATCHES: dict[str, Watching] = {}
"""Those of this process, by aggregate."""


def watch(post: Post, keys: Sequence[str]) -> None:
    """Begin to watch these aggregates."""
    post.domain.read(Counts, timeout=PATIENCE).close()  # there is one to watch
    _WATCHES.update({key: Watching(post.domain, key) for key in keys})


def watched(post: Post, keys: Sequence[str], position: int) -> list[Watched]:
    """What the watches have shown, once they show everything up to a position."""
    counts = show(post, position).counts
    return [Watched(post.name, key, _WATCHES[key].upto(counts.get(key, 0))) for key in keys]
