"""Watching rows: those of a selection as they are, then each change as it comes."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar, cast

from comity.actors.runtime.stream import Stream
from comity.engine.errors import NotReady, SnapshotExpired
from comity.readmodels.keys.encoding import encode
from comity.readmodels.tables.any_table import AnyIndex
from comity.readmodels.tables.query import Query, Selection
from comity.readmodels.tables.row import Row

if TYPE_CHECKING:
    from comity.actors.reading.watch_hub import WatchHub
    from comity.actors.runtime.pending import Pending
    from comity.readmodels.tables.read_model import AnyReadModel
    from comity.readmodels.tables.workspace import RowChange

R_co = TypeVar("R_co", bound=Row, covariant=True)

MOST_WAITING: Final = 512
"""Changed rows that a watch remembers for a slow consumer; beyond it begins again."""
_PAGE: Final = 128


class Update(NamedTuple, Generic[R_co]):
    """What a watch tells."""

    kind: Literal["present", "put", "gone", "reset"]
    """`present`: a row that is there; `put`: a new or changed one; `gone`: it left the selection;
    `reset`: forget all rows, those that are there follow again."""
    row: R_co | None
    """The row; of one that is gone, what it was; None for `reset`."""
    position: int
    """The model's position when the row was read."""


class Watch(Stream[Update[R_co]]):
    """The rows of a selection, and then each change: iterate with `for`, or with `async for`.

    It never ends by itself: close it, or leave the `with` block. The first rows are read when it is
    made, so what is written from then on is told as a change. All others are read when they are
    asked for, and each is told in its newest state: a consumer that is slower than the changes
    misses states in between, never the last one. What waits for it is bounded.

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
        self._hub = hub
        self._snapshot = snapshot
        self._changed: dict[bytes, Row | None] = {}
        self._must_reset = False
        self._missed = False
        """Whether it could not be read what has changed, so that it begins again when it can."""
        self._more: str | None = None
        """The cursor of the next page of rows that are there."""
        self._presenting = True
        hub.add(self)
        try:
            if not self._closed:
                self._look()
        except BaseException:
            hub.remove(self)
            raise

    # --- what the hub calls -----------------------------------------------------------------------

    def touch(self, change: RowChange, *, was_in: bool) -> Pending[int] | None:
        """A row of the selection has changed, or left it; the bell to ring, if somebody waits."""
        with self._lock:
            if was_in or change.key not in self._changed:
                self._changed[change.key] = change.old if was_in else None
            if len(self._changed) > MOST_WAITING:
                self._must_reset = True
                self._changed.clear()
            return self._take_bell()

    def reset(self) -> Pending[int] | None:
        """Begin again: it is not known what has changed."""
        with self._lock:
            self._must_reset = True
            self._changed.clear()
            return self._take_bell()

    # --- inside -----------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._hub.remove(self)

    def _look(self) -> None:
        with self._lock:
            resets, self._must_reset = self._must_reset or self._missed, False
            changed, self._changed = self._changed, {}
        self._missed = True
        try:
            with self._snapshot() as model:
                if resets:
                    self._ready.append(Update("reset", None, model.position))
                    self._more, self._presenting = None, True
                    changed = {}
                self._read(model, changed)
                if self._presenting:
                    self._present(model, changed)
        except NotReady:  # whoever makes it ready calls `reset`
            return
        except SnapshotExpired:  # closed this moment, or a slow machine: look again
            bell = self.reset()
            self._hub.ring([bell] if bell else [])
            return
        self._missed = False

    def _present(self, model: AnyReadModel, told: Container[bytes]) -> None:
        query: Query[R_co] = Query(model.binding, self.selection.question)
        page = query.page(_PAGE, self._more)
        key, position = self.selection.question.source.table.key, model.position
        self._ready += [
            Update("present", row, position) for row in page.rows if encode(key(row)) not in told
        ]
        self._more, self._presenting = page.next, page.next is not None

    def _read(self, model: AnyReadModel, changed: dict[bytes, Row | None]) -> None:
        """What the changed rows are now."""
        if not changed:
            return
        table = self.selection.question.source.table
        binding = model.binding
        handle, position = binding.handle(table.stored_as), model.position
        stored = binding.reading.get_many(handle, list(changed))
        for (key, old), data in zip(changed.items(), stored, strict=True):
            row = None if data is None else table.codec.unpack(data)
            if row is not None and self.holds(key, row):
                self._ready.append(Update("put", cast("R_co", row), position))
            elif old is not None:
                self._ready.append(Update("gone", cast("R_co", old), position))

    def holds(self, key: bytes, row: Row) -> bool:
        """Whether a row is in the selection."""
        source, (low, high) = self.selection.question.source, self.selection.question.span
        keys = source.entries(row) if isinstance(source, AnyIndex) else (key,)
        return any(low <= one and (high is None or one < high) for one in keys)
