"""A watch: the current rows of a selection, then each change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar, cast

from comity.actors.reading.changes import Change
from comity.actors.reading.update import Update
from comity.actors.runtime.stream import Stream
from comity.engine.errors import NotReady, SnapshotExpired
from comity.readmodels.generations.reader import checkpoint_of
from comity.readmodels.keys.encoding import encode
from comity.readmodels.tables.any_table import AnyIndex
from comity.readmodels.tables.query import Query, Selection
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.actors.reading.watch_hub import WatchHub
    from comity.readmodels.tables.read_model import AnyReadModel

R_co = TypeVar("R_co", bound=Row, covariant=True)

_PAGE: Final = 128


class Watch(Stream[Update[R_co]]):
    """The current rows of a selection, then each change: iterate with `for` or `async for`.

    It ends only when you close it, leave its `with` block or close the domain. It reads the first
    rows when it is created, so later writes arrive as changes. All watches of a selection share
    their changes, the newest one of each row: a slow consumer may miss states in between, but never
    the newest one, and memory is bounded.

    Example:
        with domain.watch(Cards.by_assignee["ann"]) as watch:
            for update in watch:
                print(update.kind, update.row)
    """

    def __init__(
        self, selection: Selection[R_co], hub: WatchHub, snapshot: Callable[[], AnyReadModel]
    ) -> None:
        super().__init__(hub.runtime, "watch")
        self.selection = selection
        self.seen = 0
        """The number of the newest change that it has taken."""
        self._hub = hub
        self._snapshot = snapshot
        self._commit = 0
        """The commit that its last snapshot has shown."""
        self._missed = False
        """Whether reading a snapshot failed, so that the watch must reset when it works again."""
        self._more: str | None = None
        """The cursor of the next page of current rows."""
        self._presenting = True
        self._changes = hub.add(self)
        try:
            if not self._closed:
                self._look()
        except BaseException:
            hub.remove(self)
            raise

    def _leave(self) -> None:
        self._hub.remove(self)

    def _look(self) -> None:
        changes = self._changes.take(self)
        if changes is None or self._missed or self._presenting or self._was_shown(changes):
            self._read_snapshot(changes)
        else:
            self._ready += [cast("Update[R_co]", change.update) for change in changes]

    def _was_shown(self, changes: Sequence[Change]) -> bool:
        """Whether a snapshot has shown a change already, and perhaps a newer state of its row."""
        return bool(changes) and changes[0].commit <= self._commit

    def _read_snapshot(self, changes: Sequence[Change] | None) -> None:
        """Read the changed rows, and the next page of current rows; None: all rows again."""
        resets = self._missed or changes is None
        self._missed = True
        try:
            with self._snapshot() as model:
                checkpoint = checkpoint_of(model.binding.reading)
                if resets:
                    self._ready.append(Update("reset", None, checkpoint.position))
                    self._more, self._presenting = None, True
                told = {} if resets else {one.key: one.update for one in changes or ()}
                self._read(model, told, checkpoint.position)
                if self._presenting:
                    self._present(model, told, checkpoint.position)
        except NotReady:  # `Changes.lose` is called when the model is ready
            return
        except SnapshotExpired:  # the model was just closed, or the machine is slow: try again
            bell = self.rung()
            self._hub.ring([bell] if bell else [])
            return
        self._commit = checkpoint.commits
        self._missed = False

    def _read(self, model: AnyReadModel, told: Mapping[bytes, Update[Row]], position: int) -> None:
        """Queue an update with the newest state of each row of which a change was told."""
        if not told:
            return
        table = self.selection.question.source.table
        handle = model.binding.handle(table.stored_as)
        stored = model.binding.reading.get_many(handle, list(told))
        for (key, update), data in zip(told.items(), stored, strict=True):
            row = None if data is None else table.codec.unpack(data)
            if row is not None and self._holds(key, row):
                self._ready.append(Update("put", cast("R_co", row), position))
            else:
                self._ready.append(Update("gone", cast("R_co", update.row), position))

    def _present(self, model: AnyReadModel, told: Collection[bytes], position: int) -> None:
        """Queue the next page of current rows, except those that were told."""
        query: Query[R_co] = Query(model.binding, self.selection.question)
        page = query.page(_PAGE, self._more)
        key = self.selection.question.source.table.key
        self._ready += [
            Update("present", row, position)
            for row in page.rows
            if not told or encode(key(row)) not in told
        ]
        self._more, self._presenting = page.next, page.next is not None

    def _holds(self, key: bytes, row: Row) -> bool:
        """Whether the row with this key is in the selection."""
        source, span = self.selection.question.source, self.selection.question.span
        keys = source.entries(row) if isinstance(source, AnyIndex) else (key,)
        return any(map(span.holds, keys))
